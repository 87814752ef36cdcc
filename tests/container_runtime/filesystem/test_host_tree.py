"""A directory of the node in a container: does it show what is there, and never lead out?"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minikube_edu.container_runtime.simulated.filesystem.host_tree import HostTree
from minikube_edu.container_runtime.simulated.filesystem.layer import Entry, layer_of
from minikube_edu.container_runtime.simulated.filesystem.memory_tree import MemoryTree
from minikube_edu.container_runtime.simulated.filesystem.path_walk import KERNEL, FileView
from tests.container_runtime.filesystem.callers import ALICE, Somebody


def mounted(directory: Path, readonly: bool = False) -> FileView:
    point = {"/data/": Entry()} if directory.is_dir() else {"/data": Entry()}
    files = FileView(MemoryTree(layer_of({**point, "/etc/passwd": b"the container's"})))
    files.mount("/data", HostTree(str(directory)), readonly=readonly)
    return files


async def write(files: FileView, path: str, data: bytes, caller: Somebody | None = None, flags: str = "w") -> None:
    file = files.open(path, flags, 0o666, caller or KERNEL)
    try:
        await file.write(data)
    finally:
        file.release()


async def test_what_one_writes_the_others_see(tmp_path: Path) -> None:
    one, other = mounted(tmp_path), mounted(tmp_path)
    await write(one, "/data/x", b"from one")
    await write(other, "/data/x", b", from other", flags="a")
    assert (tmp_path / "x").read_bytes() == b"from one, from other"
    (tmp_path / "y").write_text("from the node")
    assert one.read_now("/data/y", KERNEL) == b"from the node"
    assert sorted(other.listdir("/data", KERNEL)) == ["x", "y"]


async def test_the_swap_of_a_volume_is_seen_at_once(tmp_path: Path) -> None:
    """The kubelet's way: files are links into `..data`, which is a link that is replaced."""
    for version in ("one", "two"):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}" / "key").write_text(version)
    os.symlink("..one", tmp_path / "..data")
    os.symlink("..data/key", tmp_path / "key")
    files = mounted(tmp_path, readonly=True)
    assert files.read_now("/data/key", KERNEL) == b"one"
    os.symlink("..two", tmp_path / "..tmp")
    os.rename(tmp_path / "..tmp", tmp_path / "..data")
    assert files.read_now("/data/key", KERNEL) == b"two"
    assert files.realpath("/data/key", KERNEL) == "/data/..two/key"


async def test_owners_are_kept_though_the_node_is_an_ordinary_user(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    files = mounted(tmp_path)
    assert files.stat("/data", KERNEL).uid == 0
    await write(files, "/data/alices", b"", ALICE)
    seen = mounted(tmp_path).stat("/data/alices", KERNEL)
    assert (seen.uid, seen.gid, seen.mode & 0o777) == (1000, 1000, 0o644)
    assert (tmp_path / "alices").stat().st_uid == os.getuid()
    files.chown("/data/alices", 5, 6, KERNEL)
    assert (files.stat("/data/alices", KERNEL).uid, files.stat("/data/alices", KERNEL).gid) == (5, 6)


def test_a_mode_that_would_lock_the_node_out_is_shown_but_not_set(tmp_path: Path) -> None:
    files = mounted(tmp_path)
    (tmp_path / "x").write_text("")
    files.chmod("/data/x", 0o4755, KERNEL)
    assert files.stat("/data/x", KERNEL).mode & 0o7777 == 0o4755
    assert not (tmp_path / "x").stat().st_mode & stat.S_ISUID
    files.chmod("/data/x", 0, KERNEL)
    assert files.stat("/data/x", KERNEL).mode & 0o7777 == 0
    (tmp_path / "x").chmod(0o640)  # the node's own word is the last one
    assert files.stat("/data/x", KERNEL).mode & 0o7777 == 0o640


async def test_a_volume_with_a_group_gives_it_to_new_files(tmp_path: Path) -> None:
    files = mounted(tmp_path)
    files.chown("/data", -1, 2000, KERNEL)
    files.chmod("/data", 0o2777, KERNEL)
    await write(files, "/data/x", b"", ALICE)
    assert files.stat("/data/x", KERNEL).gid == 2000


def test_a_read_only_mount_takes_no_changes(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    files = mounted(tmp_path, readonly=True)
    for call in (
        lambda: files.open("/data/x", "w", 0, KERNEL),
        lambda: files.open("/data/new", "w", 0, KERNEL),
        lambda: files.unlink("/data/x", KERNEL),
        lambda: files.chmod("/data/x", 0o600, KERNEL),
    ):
        with pytest.raises(OSError, match="Read-only"):
            call()


async def test_a_single_file_can_be_mounted(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 10.96.0.10\n")
    (tmp_path / "other").write_text("not shown")
    files = mounted(tmp_path / "resolv.conf")
    assert files.read_now("/data", KERNEL) == b"nameserver 10.96.0.10\n"
    await write(files, "/data", b"changed")
    assert (tmp_path / "resolv.conf").read_text() == "changed"
    with pytest.raises(NotADirectoryError):
        files.stat("/data/../other", KERNEL)
    with pytest.raises(OSError) as busy:  # noqa: PT011
        files.unlink("/data", KERNEL)
    assert busy.value.errno == errno.EBUSY


def test_the_hosts_devices_and_fifos_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    tree = HostTree(str(tmp_path))
    with pytest.raises(OSError):  # noqa: PT011 (and it does not wait for a writer)
        tree.read_now("fifo")
    with pytest.raises(PermissionError):
        tree.create("", "null", stat.S_IFCHR | 0o666, KERNEL.user, 1 << 8 | 3)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc/passwd", "a\0"])
def test_a_name_that_is_none_does_not_reach_the_host(tmp_path: Path, name: str) -> None:
    tree = HostTree(str(tmp_path))
    for call in (
        lambda: tree.lookup("", name),
        lambda: tree.mkdir("", name, 0o777, KERNEL.user),
        lambda: tree.create("", name, stat.S_IFREG, KERNEL.user),
        lambda: tree.unlink("", name),
        lambda: tree.rename("", name, "", "x"),
        lambda: tree.symlink("", name, "x", KERNEL.user),
    ):
        with pytest.raises(OSError):  # noqa: PT011
            call()


def test_a_link_that_appears_in_the_middle_is_not_followed_by_the_host(tmp_path: Path) -> None:
    """The walk has seen a directory; before the file is opened, somebody puts a link in its place."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "file").write_text("secret")
    tree = HostTree(str(inside))
    os.symlink(outside, inside / "dir")
    for call in (
        lambda: tree.read_now("dir/file"),
        lambda: tree.stat("dir/file"),
        lambda: tree.entries("dir"),
        lambda: tree.unlink("dir", "file"),
        lambda: tree.mkdir("dir", "new", 0o777, KERNEL.user),
    ):
        with pytest.raises(OSError):  # noqa: PT011
            call()
    assert (outside / "file").read_text() == "secret"


WORDS = st.sampled_from(["a", "b", "l", "m", "..", ".", "out", "secret", "data", "etc", "passwd"])
PATHS = st.builds(
    lambda root, words: root + "/".join(words), st.sampled_from(["", "/", "../"]), st.lists(WORDS, max_size=6)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    links=st.dictionaries(st.sampled_from(["l", "m", "a/l", "a/m", "a/b/l"]), PATHS, max_size=5),
    asked=st.lists(PATHS, min_size=1, max_size=6),
    targets=st.lists(PATHS, min_size=1, max_size=3),
)
def test_no_path_and_no_call_leads_out_of_a_mount(
    tmp_path_factory: pytest.TempPathFactory, links: dict[str, str], asked: list[str], targets: list[str]
) -> None:
    top = tmp_path_factory.mktemp("node")
    outside, inside = top / "out", top / "out" / "in"
    (inside / "a" / "b").mkdir(parents=True)
    (outside / "secret").write_text("the host's secret")
    for name, target in links.items():
        os.symlink(target.replace("data", str(outside)) or ".", inside / name)
    files = mounted(inside)
    for path in [f"/data/{path}" for path in asked] + asked:
        with contextlib.suppress(OSError):
            assert files.read_now(path, KERNEL) != b"the host's secret"
        for call in calls(files, path, targets):
            with contextlib.suppress(OSError):
                call()
    assert sorted(entry.name for entry in top.iterdir()) == ["out"]
    assert sorted(entry.name for entry in outside.iterdir()) == ["in", "secret"]
    assert (outside / "secret").read_text() == "the host's secret"
    assert (outside / "secret").stat().st_mtime > 1


def calls(files: FileView, path: str, targets: list[str]) -> list[Callable[[], object]]:
    """All that may be tried with a path."""
    return [
        lambda: files.open(path, "r", 0, KERNEL).release(),
        lambda: files.open(path, "a", 0o644, KERNEL).release(),
        lambda: files.mkdir(path, 0o755, KERNEL),
        lambda: files.chmod(path, 0o700, KERNEL),
        lambda: files.chown(path, 1, 1, KERNEL),
        lambda: files.utime(path, 1, 1, KERNEL),
        lambda: files.symlink("/out", path, KERNEL),
        lambda: files.rename(path, f"/data/{targets[0]}", KERNEL),
        lambda: files.link(path, f"/data/{targets[-1]}", KERNEL),
        lambda: files.unlink(path, KERNEL),
        lambda: files.rmdir(path, KERNEL),
    ]
