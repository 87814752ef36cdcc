"""What does a path mean, and who may do what with it?"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Mapping
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikube_edu.container_runtime.simulated.filesystem.layer import Entry, layer_of
from minikube_edu.container_runtime.simulated.filesystem.memory_tree import MemoryTree
from minikube_edu.container_runtime.simulated.filesystem.path_walk import KERNEL, FileView
from tests.container_runtime.filesystem.callers import ALICE, BOB


def view(files: Mapping[str, bytes | Entry], readonly: bool = False) -> FileView:
    return FileView(MemoryTree(layer_of(dict(files))), readonly=readonly)


def link(target: str) -> Entry:
    return Entry(kind="symlink", target=target)


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/a/b/../b/./file", "/a/b/file"),
        ("/../../a", "/a"),
        ("/up/file", "/a/b/file"),
        ("/a/abs/b/file", "/a/b/file"),
        ("/a/b/../../up/../b", "/a/b"),
        ("//a///b//", "/a/b"),
        ("/beyond/a", "/a"),
    ],
)
def test_a_path_leads_to_one_place(path: str, real: str) -> None:
    files = view({"/a/b/file": b"", "/up": link("a/b"), "/a/abs": link("/a"), "/beyond": link("../../../..")})
    assert files.realpath(path, KERNEL) == real


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/none", errno.ENOENT),
        ("", errno.ENOENT),
        ("/none/x", errno.ENOENT),
        ("/file/x", errno.ENOTDIR),
        ("/file/", errno.ENOTDIR),
        ("/file/..", errno.ENOTDIR),
        ("/loop", errno.ELOOP),
        ("/dangling", errno.ENOENT),
        ("/" + "x" * 256, errno.ENAMETOOLONG),
        ("/x" * 2100, errno.ENAMETOOLONG),
        ("/a\0b", errno.EINVAL),
    ],
)
def test_a_path_that_leads_nowhere_says_why(path: str, number: int) -> None:
    files = view({"/file": b"", "/loop": link("/loop"), "/dangling": link("gone")})
    with pytest.raises(OSError) as failed:  # noqa: PT011 (the number tells)
        files.stat(path, KERNEL)
    assert failed.value.errno == number
    assert failed.value.filename == path


def test_writing_through_a_dangling_link_makes_its_target() -> None:
    files = view({"/link": link("/made")})
    files.open("/link", "w", 0o644, KERNEL).release()
    assert files.stat("/made", KERNEL).size == 0
    with pytest.raises(FileExistsError):
        files.open("/link", "x", 0o644, KERNEL)


Call = Callable[[FileView], object]


@pytest.mark.parametrize(
    ("call", "number"),
    [
        (lambda files: files.open("/secret", "r", 0, ALICE), errno.EACCES),
        (lambda files: files.stat("/locked/x", ALICE), errno.EACCES),
        (lambda files: files.listdir("/blind", ALICE), errno.EACCES),
        (lambda files: files.open("/new", "w", 0o644, ALICE), errno.EACCES),
        (lambda files: files.open("/group", "w", 0, BOB), None),
        (lambda files: files.open("/group", "r", 0, ALICE), errno.EACCES),  # the owner's bits alone count for the owner
        (lambda files: files.unlink("/tmp/alices", BOB), errno.EPERM),
        (lambda files: files.unlink("/tmp/alices", ALICE), None),
        (lambda files: files.chmod("/secret", 0o777, ALICE), errno.EPERM),
        (lambda files: files.chmod("/tmp/alices", 0o600, ALICE), None),
        (lambda files: files.chown("/tmp/alices", 2000, -1, ALICE), errno.EPERM),
        (lambda files: files.utime("/secret", 1, 1, ALICE), errno.EACCES),
        (lambda files: files.open("/secret", "r", 0, KERNEL), None),
    ],
)
def test_who_may_do_what(call: Call, number: int | None) -> None:
    files = view(
        {
            "/secret": Entry(mode=0o600),
            "/locked/": Entry(mode=0o700),
            "/locked/x": b"",
            "/blind/": Entry(mode=0o711),
            "/group": Entry(mode=0o070, uid=1000, gid=1000),
            "/tmp/": Entry(mode=0o1777),
            "/tmp/alices": Entry(uid=1000, gid=1000),
        }
    )
    if number is None:
        call(files)
        return
    with pytest.raises(OSError) as refused:  # noqa: PT011
        call(files)
    assert refused.value.errno == number


@pytest.mark.parametrize(
    "call",
    [
        lambda files: files.open("/file", "w", 0, KERNEL),
        lambda files: files.open("/new", "w", 0o644, KERNEL),
        lambda files: files.mkdir("/new", 0o755, KERNEL),
        lambda files: files.unlink("/file", KERNEL),
        lambda files: files.rename("/file", "/other", KERNEL),
        lambda files: files.chmod("/file", 0o600, KERNEL),
        lambda files: files.symlink("x", "/new", KERNEL),
    ],
)
def test_a_read_only_root_takes_no_changes(call: Call) -> None:
    files = view({"/file": b"", "/data/": Entry()}, readonly=True)
    files.mount("/data", MemoryTree(layer_of({})))
    with pytest.raises(OSError, match="Read-only file system"):
        call(files)
    files.mkdir("/data/new", 0o755, KERNEL)


def test_a_mount_covers_what_was_there_and_cannot_be_removed() -> None:
    files = view({"/data/old": b"", "/data/sub/": Entry()})
    files.mount("/data", MemoryTree(layer_of({"/new": b"", "/sub/x": b""})))
    assert files.listdir("/data", KERNEL) == ["new", "sub"]
    assert files.realpath("/data/sub/../..", KERNEL) == "/"
    for call in (files.rmdir, files.unlink):
        with pytest.raises(OSError) as busy:  # noqa: PT011
            call("/data", KERNEL)
        assert busy.value.errno in (errno.EBUSY, errno.EISDIR)
    with pytest.raises(OSError, match="cross-device"):
        files.rename("/data/new", "/moved", KERNEL)


def test_mode_is_what_umask_leaves() -> None:
    files = view({"/tmp/": Entry(mode=0o1777)})
    files.open("/tmp/f", "w", 0o666, ALICE).release()
    files.mkdir("/tmp/d", 0o777, ALICE)
    assert files.stat("/tmp/f", KERNEL).mode & 0o777 == 0o644
    assert files.stat("/tmp/d", KERNEL).mode & 0o777 == 0o755
    assert files.stat("/tmp/d", KERNEL).uid == 1000


NAMES = st.sampled_from(["a", "b", "c", "l", "m"])
STEPS = st.lists(st.sampled_from(["a", "b", "c", "l", "m", "..", "."]), min_size=1, max_size=7)


DEEP = "/d" * 90  # so deep that no `..` of these links comes to the root, where the host has other places


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.lists(NAMES, min_size=1, max_size=3), st.none() | STEPS), max_size=12),
    st.lists(STEPS, min_size=1, max_size=5),
)
def test_paths_are_resolved_as_the_host_resolves_them(
    made: list[tuple[list[str], list[str] | None]], asked: list[list[str]]
) -> None:
    """The same directories and relative links, here and on the host: the same places, the same errors."""
    with tempfile.TemporaryDirectory() as name:
        top = os.path.realpath(name)
        os.makedirs(top + DEEP)
        files = view({f"{DEEP}/": Entry()})
        for path, target in made:
            place = f"{DEEP}/{'/'.join(path)}"
            if target is None:
                here = outcome(partial(files.mkdir, place, 0o777, KERNEL))
                there = outcome(partial(os.mkdir, top + place))
            else:
                words = "/".join(target)
                here = outcome(partial(files.symlink, words, place, KERNEL))
                there = outcome(partial(os.symlink, words, top + place))
            assert here == there
        for steps in asked:
            place = f"{DEEP}/{'/'.join(steps)}"
            real = outcome(partial(os.path.realpath, top + place, strict=True))
            found = outcome(partial(files.realpath, place, KERNEL))
            assert found == (real.removeprefix(top) if isinstance(real, str) else real)


def outcome(call: Callable[[], object]) -> object:
    """What a call returns, or the number of its error."""
    try:
        return call()
    except OSError as error:
        return error.errno
