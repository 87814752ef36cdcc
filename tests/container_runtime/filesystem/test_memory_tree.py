"""Files in memory: does a container have its image's files, its own changes, and nobody else's?"""

from __future__ import annotations

import errno
import os
import stat
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.container_runtime.simulated.contract import OpenFile, User
from minikube_edu.container_runtime.simulated.filesystem.content import PIECE, Content
from minikube_edu.container_runtime.simulated.filesystem.layer import Entry, Layer, layer_of
from minikube_edu.container_runtime.simulated.filesystem.memory_tree import MemoryTree
from minikube_edu.container_runtime.simulated.filesystem.path_walk import KERNEL, FileView
from tests.container_runtime.filesystem.callers import Somebody

IMAGE = layer_of(
    {
        "/etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
        "/usr/share/doc/readme": b"read me",
        "/etc/mtab": Entry(kind="symlink", target="../proc/mounts"),
        "/etc/twin": Entry(kind="hardlink", target="/etc/passwd"),
        "/tmp/": Entry(mode=0o1777),
        "/big": Entry(lambda: b"x" * 100_000, size=100_000),
    }
)


def view(layer: Layer = IMAGE, **limits: int) -> FileView:
    return FileView(MemoryTree(layer, **limits))  # type: ignore[arg-type]  # by name


async def write(files: FileView, path: str, data: bytes, flags: str = "w", caller: Somebody | None = None) -> None:
    file = files.open(path, flags, 0o666, caller or KERNEL)
    try:
        await file.write(data)
    finally:
        file.release()


async def read(file: OpenFile) -> bytes:
    data = b"".join([piece async for piece in pieces(file)])
    file.release()
    return data


async def pieces(file: OpenFile):  # type: ignore[no-untyped-def]  # an async generator of bytes
    while piece := await file.read(1000):
        yield piece


async def test_two_containers_of_an_image_do_not_see_each_other() -> None:
    one, other = view(), view()
    await write(one, "/etc/passwd", b"mine")
    one.unlink("/usr/share/doc/readme", KERNEL)
    assert one.read_now("/etc/passwd", KERNEL) == b"mine"
    assert other.read_now("/etc/passwd", KERNEL).startswith(b"root")
    assert other.read_now("/usr/share/doc/readme", KERNEL) == b"read me"
    with pytest.raises(FileNotFoundError):
        one.stat("/usr/share/doc/readme", KERNEL)


def test_a_container_that_has_written_nothing_costs_a_few_hundred_bytes() -> None:
    tree = MemoryTree(IMAGE)
    FileView(tree).read_now("/etc/passwd", KERNEL)
    slots = (getattr(tree, name) for name in MemoryTree.__slots__)
    own = [value for value in slots if isinstance(value, dict)]
    assert sys.getsizeof(tree) + sum(map(sys.getsizeof, own)) < 700
    assert not tree.changed


async def test_hard_links_share_their_content_even_from_the_image() -> None:
    files = view()
    assert files.stat("/etc/twin", KERNEL).links == 2
    await write(files, "/etc/twin", b"!", "a")
    assert files.read_now("/etc/passwd", KERNEL).endswith(b"!")
    files.link("/etc/passwd", "/third", KERNEL)
    files.unlink("/etc/passwd", KERNEL)
    assert files.stat("/third", KERNEL).links == 2
    assert files.stat("/third", KERNEL).inode == files.stat("/etc/twin", KERNEL).inode


async def test_lazy_content_is_read_and_changed_like_any_other() -> None:
    files = view()
    assert files.stat("/big", KERNEL).size == 100_000
    file = files.open("/big", "r+", 0, KERNEL)
    file.seek(99_999)
    await file.write(b"yz")
    file.seek(-3, 2)
    assert await read(file) == b"xyz"


async def test_a_file_without_a_name_lives_as_long_as_it_is_open() -> None:
    files = view()
    await write(files, "/tmp/x", b"still here")
    tree = files.root.tree
    assert isinstance(tree, MemoryTree)
    before = tree.used_bytes
    file = files.open("/tmp/x", "r", 0, KERNEL)
    files.unlink("/tmp/x", KERNEL)
    assert file.stat().links == 0
    assert await file.read() == b"still here"
    file.release()
    assert tree.used_bytes == before - len(b"still here")
    assert not tree.opened


async def test_a_full_file_system_says_so_and_gives_back_what_is_removed() -> None:
    files = view(size_limit=1000)
    await write(files, "/tmp/a", b"x" * 900)
    with pytest.raises(OSError, match="No space left") as full:
        await write(files, "/tmp/b", b"x" * 101)
    assert full.value.errno == errno.ENOSPC
    files.unlink("/tmp/a", KERNEL)
    await write(files, "/tmp/b", b"x" * 101)


async def test_a_quota_has_an_error_of_its_own() -> None:
    files = view(size_limit=10, quota=True)
    with pytest.raises(OSError, match="quota") as full:
        await write(files, "/tmp/b", b"x" * 11)
    assert full.value.errno == errno.EDQUOT


def test_inodes_run_out_as_well() -> None:
    files = view(inode_limit=5)
    for number in range(4):  # and /tmp itself, which is written to
        files.mkdir(f"/tmp/{number}", 0o777, KERNEL)
    with pytest.raises(OSError, match="No space left"):
        files.mkdir("/tmp/one-more", 0o777, KERNEL)


async def test_a_gigabyte_of_zeros_takes_no_memory_and_a_flood_of_noise_is_refused() -> None:
    files = view(held_limit=1 << 20)
    zeros = bytes(1 << 20)
    file = files.open("/tmp/zeros", "w", 0o666, KERNEL)
    for _ in range(1024):
        await file.write(zeros)
    assert files.stat("/tmp/zeros", KERNEL).size == 1 << 30
    file.release()
    with pytest.raises(OSError, match="No space left"):
        await write(files, "/tmp/noise", os.urandom(2 << 20))


@pytest.mark.parametrize(
    ("old", "new", "number"),
    [
        ("/d/full", "/d/empty", None),
        ("/d/empty", "/d/full", errno.ENOTEMPTY),
        ("/d/file", "/d/empty", errno.EISDIR),
        ("/d/empty", "/d/file", errno.ENOTDIR),
        ("/d", "/d/empty/d", errno.EINVAL),
        ("/d/none", "/d/x", errno.ENOENT),
    ],
)
def test_what_may_be_renamed_to_what(old: str, new: str, number: int | None) -> None:
    files = view(layer_of({"/d/full/x": b"", "/d/empty/": Entry(), "/d/file": b""}))
    if number is None:
        files.rename(old, new, KERNEL)
        assert files.listdir(new, KERNEL) == ["x"]
        return
    with pytest.raises(OSError) as refused:  # noqa: PT011 (the number tells)
        files.rename(old, new, KERNEL)
    assert refused.value.errno == number


def test_directories_count_their_links() -> None:
    files = view()
    files.mkdir("/a", 0o755, KERNEL)
    files.mkdir("/a/b", 0o755, KERNEL)
    assert files.stat("/a", KERNEL).links == 3
    files.rename("/a/b", "/b", KERNEL)
    assert files.stat("/a", KERNEL).links == 2
    with pytest.raises(OSError, match="not empty"):
        files.rmdir("/etc", KERNEL)


def test_a_set_group_directory_gives_its_group_to_what_is_made_in_it() -> None:
    files = view()
    files.mkdir("/shared", 0o777, KERNEL)
    files.chown("/shared", 0, 2000, KERNEL)
    files.chmod("/shared", 0o2777, KERNEL)
    me = Somebody(User(1000, 1000))
    files.open("/shared/file", "w", 0o666, me).release()
    files.mkdir("/shared/sub", 0o755, me)
    assert files.stat("/shared/file", KERNEL).gid == 2000
    assert files.stat("/shared/sub", KERNEL).mode & stat.S_ISGID


@given(st.lists(st.tuples(st.integers(0, 3 * PIECE), st.binary(max_size=40), st.booleans()), max_size=12))
def test_content_in_pieces_is_like_content_in_one(steps: list[tuple[int, bytes, bool]]) -> None:
    content, model = Content(), bytearray()
    for place, data, cut in steps:
        if cut:
            content.truncate(place)
            model = model[:place] + bytes(max(0, place - len(model)))
        else:
            content.write(place, data)
            model += bytes(max(0, place - len(model)) if data else 0)
            model[place : place + len(data)] = data
        if not data and not cut:
            content.truncate(len(model))
        assert content.size == len(model)
        assert content.read(0, content.size + 10) == bytes(model)
        assert content.held == sum(map(len, content.pieces.values()))
