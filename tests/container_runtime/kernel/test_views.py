"""/proc, /sys and the cgroup: do they show the container, and nothing but the container?"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence

import pytest

from minikube_edu.cni.contract import Address, Traffic
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.kernel.limits import GIB, Limits
from tests.container_runtime.world import NoNetwork, world

Found = dict[str, bytes]


async def everything(process: Process, top: str, found: Found) -> None:
    """All files below a directory, and all links."""
    for name in process.listdir(top):
        path = f"{top.rstrip('/')}/{name}"
        kind = stat.S_IFMT(process.lstat(path).mode)
        if kind == stat.S_IFDIR:
            await everything(process, path, found)
        elif kind == stat.S_IFLNK:
            found[path] = process.readlink(path).encode()
        elif kind == stat.S_IFREG:
            found[path] = await process.read_file(path)


async def nap(process: Process) -> int:
    await process.sleep(1000)
    return 0


async def test_no_file_shows_anything_of_the_host() -> None:
    """Every file of a container, read: neither this process's environment, nor its files, nor the host's name."""
    found: Found = {}

    async def reader(process: Process) -> int:
        await everything(process, "/", found)
        return 0

    os.environ["MINIKUBE_EDU_TEST_SECRET"] = secret = "s3cr3t-of-the-host"
    try:
        async with world(programs={"reader": reader}, tools=[]) as w:
            assert (await w.run(["reader"])).code == 0
    finally:
        del os.environ["MINIKUBE_EDU_TEST_SECRET"]
    assert len(found) > 200
    for path, content in found.items():
        for word in (secret, os.uname().nodename + ".", os.getcwd(), os.uname().version):
            assert word.encode() not in content, path


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/proc/self/status", rb"Name:\tcat\n.*\nUid:\t1000\t1000\t1000\t1000\n.*CapEff:\t0{16}\n"),
        ("/proc/self/stat", rb"^2 \(cat\) R 0 2 2 0 -1 "),
        ("/proc/self/cmdline", rb"^cat\0/proc/self/cmdline\0$"),
        ("/proc/self/environ", rb"PATH=[^\0]*\0.*A=b\0"),
        ("/proc/self/comm", rb"^cat\n$"),
        ("/proc/self/cgroup", rb"^0::/\n$"),
        ("/proc/self/mountinfo", rb"\d+ \d+ 0:50 / / rw,relatime - overlay overlay rw\n"),
        ("/proc/self/limits", rb"Max open files            1048576"),
        ("/proc/mounts", rb"^overlay / overlay rw,relatime 0 0\n"),
        ("/proc/meminfo", rb"^MemTotal:        2097152 kB\n"),
        ("/proc/cpuinfo", rb"processor\t: 2\n(?!.*processor\t: 3)"),
        ("/proc/loadavg", rb"^\d+\.\d\d \d+\.\d\d \d+\.\d\d \d+/\d+ \d+\n$"),
        ("/proc/uptime", rb"^\d+\.\d\d \d+\.\d\d\n$"),
        ("/proc/version", rb"^Linux version 6"),
        ("/proc/sys/kernel/hostname", rb"^box\n$"),
        ("/proc/net/dev", rb"  eth0:     700 "),
        ("/proc/net/route", rb"eth0\t00000000\t0100F40A\t0003"),
        ("/proc/net/tcp", rb"   0: 00000000:1F90 00000000:0000 0A "),
        ("/proc/net/fib_trie", rb"\|-- 10\.244\.0\.7"),
        ("/sys/class/net/eth0/address", rb"^0a:58:0a:f4:00:07\n$"),
        ("/sys/fs/cgroup/memory.max", rb"^104857600\n$"),
        ("/sys/fs/cgroup/memory.current", rb"^\d+\n$"),
        ("/sys/fs/cgroup/cpu.max", rb"^50000 100000\n$"),
        ("/sys/fs/cgroup/cpu.stat", rb"^usage_usec \d+\n.*nr_throttled 0\n"),
        ("/sys/fs/cgroup/pids.max", rb"^64\n$"),
        ("/sys/devices/system/cpu/online", rb"^0-2\n$"),
    ],
)
async def test_what_a_file_says(path: str, pattern: bytes) -> None:
    async def cat(process: Process) -> int:
        await process.stdout.write(await process.read_file(process.argv[1]))
        return 0

    class Network(NoNetwork):
        ips: Sequence[str] = ("10.244.0.7",)
        gateway = "10.244.0.1"
        prefix_length = 24
        mac = "0a:58:0a:f4:00:07"

        def __init__(self) -> None:
            self.traffic = Traffic(rx_bytes=700)

        def listening(self) -> list[tuple[str, Address]]:
            return [("tcp", Address("0.0.0.0", 8080))]

    limits = Limits(memory=100 << 20, cpu=0.5, pids=64, host_cpus=3, host_memory=2 * GIB)
    async with world(programs={"cat": cat}, tools=[], limits=limits, network=Network()) as w:
        result = await w.run(["cat", path], user=1000, env={"A": "b"})
        assert re.search(pattern, result.stdout, re.DOTALL), result


async def test_another_users_secrets_are_not_to_be_read() -> None:
    async def spy(process: Process) -> int:
        for path in ("/proc/1/environ", "/proc/1/maps"):
            with pytest.raises(PermissionError):
                await process.read_file(path)
        with pytest.raises(PermissionError):
            process.readlink("/proc/1/cwd")
        assert process.listdir("/proc/1/fd") == []
        assert await process.read_file("/proc/1/cmdline") == b"/sbin/init\0"
        return 0

    async with world(programs={"spy": spy}, tools=[]) as w:
        assert (await w.run(["spy"], user=1000)).code == 0


async def test_open_files_can_be_reached_through_their_numbers() -> None:
    async def opens(process: Process) -> int:
        await process.write_file("/tmp/x", b"content")
        process.files[7] = process.open("/tmp/x")
        await process.files[7].read(3)
        process.unlink("/tmp/x")
        again = process.open("/proc/self/fd/7")
        assert await again.read() == b"content"  # from its beginning
        again.release()
        assert "7" in process.listdir("/dev/fd/")
        out = process.open("/dev/stdout", "w")
        await out.write(b"spoken")
        out.release()
        return 0

    async with world(programs={"opens": opens}, tools=[]) as w:
        assert (await w.run(["opens"])).stdout == b"spoken"


async def test_processes_come_and_go_in_proc() -> None:
    async def parent(process: Process) -> int:
        child = process.spawn(["nap"])
        assert str(child.pid) in process.listdir("/proc")
        assert process.readlink(f"/proc/{child.pid}/exe") == "/bin/nap"
        process.kill(child.pid, 19)
        assert b"State:\tT (stopped)" in await process.read_file(f"/proc/{child.pid}/status")
        process.kill(child.pid, 9)
        await process.wait(child)
        with pytest.raises(FileNotFoundError):
            process.stat(f"/proc/{child.pid}")
        assert process.realpath("/proc/self") == f"/proc/{process.pid}"
        return 0

    async with world(programs={"parent": parent, "nap": nap}, tools=[]) as w:
        assert (await w.run(["parent"])).code == 0


async def test_the_machines_switches_cannot_be_turned_without_privilege() -> None:
    async def turns(process: Process) -> int:
        try:
            await process.write_file("/proc/sys/kernel/hostname", b"mine\n")
        except OSError as error:
            return error.errno or 0
        return 0

    async with world(programs={"turns": turns}, tools=[]) as w:
        assert (await w.run(["turns"])).code == 30
    async with world(programs={"turns": turns}, tools=[], privileged=True) as w:
        assert (await w.run(["turns"])).code == 0
        assert w.machine.hostname == "mine"


@pytest.mark.parametrize("path", ["/sys/fs/cgroup/memory.max", "/proc/meminfo", "/sys/class/net/eth0/mtu"])
async def test_what_the_machine_says_cannot_be_written_over(path: str) -> None:
    async def writes(process: Process) -> int:
        with pytest.raises(OSError):  # noqa: PT011
            await process.write_file(path, b"1")
        return 0

    async with world(programs={"writes": writes}, tools=[]) as w:
        assert (await w.run(["writes"])).code == 0


async def test_devices_do_what_devices_do() -> None:
    async def tries(process: Process) -> int:
        await process.write_file("/dev/null", b"gone")
        assert await process.read_file("/dev/null") == b""
        zero, noise, full = process.open("/dev/zero"), process.open("/dev/urandom"), process.open("/dev/full", "w")
        assert await zero.read(100) == bytes(100)
        assert await noise.read(16) != await noise.read(16)
        with pytest.raises(OSError, match="No space left"):
            await full.write(b"x")
        process.mkdir("/dev/shm/mine")
        assert process.stat("/dev/null").rdev == 0x103
        return 0

    async with world(programs={"tries": tries}, tools=[]) as w:
        assert (await w.run(["tries"], user=1000)).code == 0


async def test_another_containers_files_are_behind_its_process() -> None:
    """An ephemeral container that shares a container's processes sees its files in /proc/1/root."""
    from minikube_edu.container_runtime.simulated.kernel.machine import Machine
    from minikube_edu.container_runtime.simulated.kernel.pipe import Pipe
    from minikube_edu.container_runtime.simulated.kernel.sink import Sink
    from minikube_edu.container_runtime.simulated.kernel.software import Software
    from tests.container_runtime.world import image

    said = bytearray()

    async def looks(process: Process) -> int:
        await process.stdout.write(await process.read_file("/proc/1/root/etc/motd"))
        await process.print(str(process.listdir("/proc/1/root/tmp")))
        return 0

    async with world({"/etc/motd": b"the target's "}) as w:
        debugger = Machine(
            image({}, ["looks"]), network=NoNetwork(), table=w.machine.table, software=Software({"looks": looks})
        )
        debugger.start(["/bin/looks"], files={0: Pipe().ends()[0], 1: Sink(said.extend), 2: Sink(said.extend)})
        await debugger.wait()
        assert said == b"the target's []\n"
        assert w.machine.status is None
