"""Does tar do what kubectl cp asks of it, both ways, and can no archive write where it should not?"""

from __future__ import annotations

import io
import tarfile

from tests.container_runtime.world import world


def archive(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


async def test_kubectl_cp_from_a_pod_gets_a_real_archive() -> None:
    async with world(files={"/srv/d/a.txt": b"A" * 1000, "/srv/d/sub/b": b"", "/srv/d/long-" + "n" * 150: b"x"}) as w:
        await w.run(["ln", "-s", "a.txt", "/srv/d/link"])
        result = await w.run(["tar", "cf", "-", "-C", "/srv", "d"])
        assert result.code == 0
        with tarfile.open(fileobj=io.BytesIO(result.stdout)) as tar:
            names = tar.getnames()
            assert {"d", "d/a.txt", "d/sub/b", "d/link", "d/long-" + "n" * 150} <= set(names)
            member = tar.extractfile("d/a.txt")
            assert member is not None
            assert member.read() == b"A" * 1000
            assert tar.getmember("d/link").linkname == "a.txt"


async def test_kubectl_cp_to_a_pod_unpacks_what_it_sends() -> None:
    async with world() as w:
        result = await w.run(
            ["tar", "-xmf", "-", "-C", "/tmp"], stdin=archive(("dir/one", b"1"), ("two", b"22" * 5000))
        )
        assert (result.code, result.stderr) == (0, b"")
        assert w.read("/tmp/dir/one") == b"1"
        assert w.read("/tmp/two") == b"22" * 5000


async def test_a_member_with_dots_is_refused_and_a_leading_slash_is_taken_off() -> None:
    async with world(files={"/etc/safe": b"safe"}) as w:
        result = await w.run(
            ["tar", "xf", "-", "-C", "/tmp"], stdin=archive(("../etc/safe", b"evil"), ("/etc/safe", b"evil"))
        )
        assert result.code != 0
        assert w.read("/etc/safe") == b"safe"
        assert w.read("/tmp/etc/safe") == b"evil"


async def test_half_an_archive_is_an_error() -> None:
    async with world() as w:
        result = await w.run(["tar", "xf", "-", "-C", "/tmp"], stdin=archive(("big", b"x" * 5000))[:2000])
        assert result.code != 0
        assert (await w.run(["tar", "tf", "-"], stdin=b"this is no archive" * 100)).code != 0


async def test_gzip_is_the_real_format() -> None:
    import gzip

    async with world() as w:
        packed = (await w.run(["gzip", "-c"], stdin=b"hello")).stdout
        assert gzip.decompress(packed) == b"hello"
        assert (await w.run(["zcat"], stdin=gzip.compress(b"a") + gzip.compress(b"b"))).stdout == b"ab"
        assert (await w.run(["gunzip"], stdin=b"no gzip at all")).code == 1
        assert (await w.run(["gunzip"], stdin=packed[:-4])).code == 1
