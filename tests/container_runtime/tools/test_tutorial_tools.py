"""Do the commands of tutorials that no reference can be asked about give what their texts promise?"""

from __future__ import annotations

import os
import socket

import pytest

from minikube_edu.container_runtime.simulated.kernel.limits import Limits
from tests.container_runtime.world import world


async def test_the_job_of_the_documentation_prints_two_thousand_digits_of_pi() -> None:
    async with world() as w:
        digits = (await w.run(["perl", "-Mbignum=bpi", "-wle", "print bpi(2000)"], timeout=30)).stdout.decode().strip()
        assert digits.startswith("3.14159265358979323846264338327950288419716939937510")
        assert len(digits.replace(".", "")) == 2000
        assert digits.endswith("75901")  # rounded from what bc -l computes with 2030 digits


async def test_stress_says_what_it_does_and_ends_in_time() -> None:
    async with world() as w:
        result = await w.run(["stress", "--cpu", "1", "--vm", "1", "--vm-bytes", "10M", "--timeout", "0.05s"])
        assert result.code == 0
        assert b"dispatching hogs: 1 cpu, 0 io, 1 vm, 0 hdd" in result.stdout
        assert b"successful run completed" in result.stdout


@pytest.mark.parametrize(
    "argv",
    [
        ["python3", "-c", "import os; print(os.environ)"],
        ["node", "-e", "1"],
        ["perl", "-e", "system('ls')"],
        ["python3", "-c", "print(__import__('os').listdir('/'))"],
        ["pip", "install", "x"],
    ],
)
async def test_foreign_code_is_never_run(argv: list[str]) -> None:
    async with world() as w:
        result = await w.run(argv)
        assert result.code == 127
        assert b"not simulated" in result.stderr
        assert result.stdout == b""


async def test_literals_are_printed() -> None:
    async with world() as w:
        assert (await w.run(["python3", "-c", "print('hi', 2 * 21)"])).stdout == b"hi 42\n"


async def test_a_new_user_can_be_made_and_become() -> None:
    async with world() as w:
        assert (await w.run(["adduser", "-D", "-u", "1234", "bob"])).code == 0
        result = await w.run(["su", "bob", "-c", "id -u"])
        assert result.stdout == b"1234\n"
        assert (await w.run(["adduser", "eve"], user=1234)).code == 1


async def test_unknown_packages_end_in_the_managers_own_words() -> None:
    async with world() as w:
        await w.run(["apt-get", "update"])
        result = await w.run(["apt-get", "install", "-y", "nosuchthing"])
        assert (result.code, result.stderr) == (100, b"E: Unable to locate package nosuchthing\n")
        result = await w.run(["apk", "add", "nosuchthing"])
        assert result.code == 1
        assert b"nosuchthing (no such package)" in result.stderr
        assert b"Permission denied" in (await w.run(["apt-get", "update"], user=1000)).stderr


async def test_wrong_options_are_named() -> None:
    async with world() as w:
        result = await w.run(["cat", "-y"])
        assert result.code == 1
        assert result.stderr.startswith(b"cat: unrecognized option: y\n")


async def test_gnu_words_in_a_debian_image() -> None:
    async with world(files={"/etc/debian_version": b"12.9\n"}) as w:
        assert (await w.run(["cat", "-y"])).stderr.startswith(b"cat: invalid option -- 'y'\nTry 'cat --help'")
        assert (await w.run(["cat", "/nope"])).stderr == b"cat: /nope: No such file or directory\n"


async def test_busybox_runs_its_applets() -> None:
    async with world() as w:
        assert (await w.run(["busybox", "echo", "hi"])).stdout == b"hi\n"
        assert (
            await w.run(["busybox", "cat", "/nope"])
        ).stderr == b"cat: can't open '/nope': No such file or directory\n"
        assert (await w.run(["busybox", "nope"])).code == 127


async def test_a_killed_follower_leaves_nothing_and_a_reader_gets_all() -> None:
    async with world(files={"/tmp/n": b"".join(b"%d\n" % n for n in range(50_000))}) as w:
        assert (await w.run(["tail", "-n", "1", "/tmp/n"])).stdout == b"49999\n"
        assert (await w.run(["awk", "{ s += $1 } END { print s }", "/tmp/n"])).stdout == b"1249975000\n"
        assert (await w.run(["sed", "-n", "$=", "/tmp/n"])).stdout == b"50000\n"


async def test_ps_knows_the_processes_of_the_container() -> None:
    async with world() as w:
        w.spawn(["sleep", "100"])
        lines = (await w.run(["ps"])).stdout.decode().splitlines()
        assert lines[0].split() == ["PID", "USER", "TIME", "COMMAND"]
        assert any(line.endswith("sleep 100") for line in lines)
        assert (await w.run(["pgrep", "sleep"])).code == 0
        assert (await w.run(["pkill", "sleep"])).code == 0


async def test_stress_above_the_limit_is_killed_for_its_memory() -> None:
    async with world(limits=Limits(memory=100 << 20)) as w:
        result = await w.run(["stress", "--vm", "1", "--vm-bytes", "150M", "--vm-hang", "1"])
        assert (result.code, result.signal) == (137, 9)  # all of the container dies, as kubelets want it
    async with world(limits=Limits(memory=100 << 20, oom_group=False)) as w:
        result = await w.run(["stress", "--vm", "1", "--vm-bytes", "150M", "--vm-hang", "1"])
        assert result.code == 1
        assert b"got signal 9" in result.stderr


HOST = ["/proc/self/environ", "/proc/1/environ", "../../../../../../../../etc/hostname", "/work", "/usr/bin/python3"]


@pytest.mark.parametrize("path", HOST)
@pytest.mark.parametrize(
    "tool", [["cat"], ["find"], ["ls", "-la"], ["tar", "cf", "-"], ["awk", "1"], ["sed", "-n", "p"], ["readlink", "-f"]]
)
async def test_no_tool_sees_the_host(tool: list[str], path: str) -> None:
    """The marker is in this process's environment; the container knows nothing of it."""
    os.environ["MINIKUBE_EDU_ESCAPE_MARKER"] = "0xe5cape"
    try:
        async with world() as w:
            result = await w.run([*tool, path])
    finally:
        del os.environ["MINIKUBE_EDU_ESCAPE_MARKER"]
    assert b"0xe5cape" not in result.stdout + result.stderr
    assert socket.gethostname().encode() not in result.stdout
    assert os.getcwd().encode() not in result.stdout
