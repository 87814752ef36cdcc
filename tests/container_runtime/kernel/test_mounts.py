"""What the kubelet mounts: where it appears, how containers share it, and what a container can do to the host."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.filesystem.host_file import BLOCK
from minikube_edu.container_runtime.simulated.filesystem.host_tree import MOST_OPEN, HostTree
from minikube_edu.container_runtime.simulated.filesystem.layer import Entry
from minikube_edu.container_runtime.simulated.kernel.container_files import ContainerMount, host_mount, tmpfs_mount
from minikube_edu.container_runtime.simulated.kernel.machine import Machine
from tests.container_runtime.world import NoNetwork, image, world


async def test_mounts_appear_where_the_image_has_nothing(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume" / "key").write_text("value")
    for name in ("hosts", "log"):
        (tmp_path / name).write_text("127.0.0.1 localhost\n")
    mounts = [
        host_mount("/var/run/secrets/mine/", str(tmp_path / "volume"), readonly=True),
        host_mount("/etc/hosts", str(tmp_path / "hosts")),
        host_mount("/dev/termination-log", str(tmp_path / "log")),
        tmpfs_mount("/cache", 1000),
        host_mount("/cache/inner/volume", str(tmp_path / "volume")),
    ]

    async def looks(process: Process) -> int:
        assert await process.read_file("/run/secrets/mine/key") == b"value"  # /var/run leads there
        assert await process.read_file("/cache/inner/volume/key") == b"value"
        await process.write_file("/dev/termination-log", b"bye")
        await process.write_file("/cache/x", b"x" * 900)
        with pytest.raises(OSError, match="No space left"):
            await process.write_file("/cache/y", b"x" * 900)
        with pytest.raises(OSError, match="Read-only"):
            process.unlink("/var/run/secrets/mine/key")
        with pytest.raises(OSError) as busy:  # noqa: PT011
            process.rename("/etc/hosts", "/etc/hosts.old")
        assert busy.value.errno == errno.EBUSY
        shown = {mount.mountpoint: mount for mount in process.mounts()}
        assert shown["/run/secrets/mine"].options.startswith("ro,")
        assert process.statfs("/cache/x").total_bytes == 1000
        return 0

    files = {"/run/": Entry(), "/var/run": Entry(kind="symlink", target="/run")}
    async with world(files, {"looks": looks}, [], mounts=mounts) as w:
        assert (await w.run(["looks"])).code == 0
    assert (tmp_path / "log").read_text() == "bye"


async def test_containers_with_the_same_mounts_share_their_mount_points(tmp_path: Path) -> None:
    layer = image()
    machines = [
        Machine(layer, network=NoNetwork(), mounts=[host_mount("/some/where", str(tmp_path))]) for _ in range(2)
    ]
    assert machines[0].root.below is machines[1].root.below
    assert not machines[0].root.changed


def test_a_mount_must_stay_inside_its_node(tmp_path: Path) -> None:
    """A container has made a link where another pod's sub-path is."""
    node, outside = tmp_path / "node", tmp_path / "outside"
    node.mkdir()
    outside.mkdir()
    os.symlink(outside, node / "sub")
    with pytest.raises(PermissionError):
        HostTree(str(node / "sub"), inside=str(node))
    HostTree(str(node), inside=str(node))


async def test_a_container_cannot_use_up_the_hosts_descriptors(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")

    async def opens(process: Process) -> int:
        held = [process.open("/data/x") for _ in range(MOST_OPEN)]
        with pytest.raises(OSError) as refused:  # noqa: PT011
            process.open("/data/x")
        assert refused.value.errno == errno.EMFILE
        for file in held:
            file.release()
        process.open("/data/x").release()
        return 0

    mounts = [ContainerMount("/data", HostTree(str(tmp_path)))]
    async with world(programs={"opens": opens}, tools=[], mounts=mounts) as w:
        assert (await w.run(["opens"])).code == 0


async def test_zeros_take_no_space_of_the_hosts_disk(tmp_path: Path) -> None:
    async def fills(process: Process) -> int:
        file = process.open("/data/x", "w")
        for _ in range(64):
            await file.write(bytes(1 << 20))
        await file.write(b"end")
        file.release()
        return 0

    async with world(programs={"fills": fills}, tools=[], mounts=[host_mount("/data", str(tmp_path))]) as w:
        assert (await w.run(["fills"])).code == 0
    found = (tmp_path / "x").stat()
    assert found.st_size == (64 << 20) + 3
    assert found.st_blocks * 512 <= 16 * BLOCK
    assert (tmp_path / "x").read_bytes()[-4:] == b"\0end"


async def test_two_sleeps_of_one_program_do_not_disturb_each_other() -> None:
    async def twice(process: Process) -> int:
        child = process.spawn(["short"])
        await asyncio.wait([asyncio.ensure_future(process.sleep(seconds)) for seconds in (3, 1, 2)])
        await process.wait(child)
        return 0

    async def short(process: Process) -> int:
        await process.sleep(1.5)
        return 0

    async with world(programs={"twice": twice, "short": short}, tools=[]) as w:
        assert (await w.run(["twice"])).code == 0
