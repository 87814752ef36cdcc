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


async def test_zip_and_unzip_get_on() -> None:
    async with world(bash=True, files={"/etc/debian_version": "13"}) as w:
        script = "mkdir -p /tmp/d/s; echo a >/tmp/d/a; echo b >/tmp/d/s/b; chmod 700 /tmp/d/a; cd /tmp; zip -r x d"
        made = await w.run(["bash", "-c", script])
        assert b"  adding: d/s/b (stored 0%)\n" in made.stdout
        listed = await w.run(["unzip", "-l", "/tmp/x.zip"])
        assert b"d/s/b" in listed.stdout
        assert b"4 files" in listed.stdout
        out = await w.run(["unzip", "/tmp/x", "-d", "/tmp/o"])
        assert (out.code, w.read("/tmp/o/d/s/b")) == (0, b"b\n")
        assert (await w.run(["stat", "-c", "%a", "/tmp/o/d/a"])).stdout == b"700\n"
        assert (await w.run(["unzip", "-p", "/tmp/x", "d/a"])).stdout == b"a\n"
        assert (await w.run(["unzip", "/tmp/none"])).code == 9
        assert (await w.run(["unzip", "/etc/passwd"])).code == 9


async def test_no_member_of_a_zip_leads_out_of_its_folder() -> None:
    import io
    import zipfile

    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("../../etc/passwd", "mine")
        archive.writestr("/abs", "x")
    async with world(bash=True, files={"/z.zip": data.getvalue()}) as w:
        assert (await w.run(["unzip", "-q", "/z.zip", "-d", "/tmp/o"])).code == 0
        assert w.read("/tmp/o/etc/passwd") == b"mine"
        assert w.read("/tmp/o/abs") == b"x"


async def test_envsubst_fills_in_the_environment() -> None:
    async with world(bash=True) as w:
        text = b"$A ${A} $NONE. $$ ${B-x}\n"
        assert (await w.run(["envsubst"], stdin=text, env={"A": "1"})).stdout == b"1 1 . $$ ${B-x}\n"
        assert (await w.run(["envsubst", "$B"], stdin=b"$A $B\n", env={"A": "1", "B": "2"})).stdout == b"$A 2\n"
