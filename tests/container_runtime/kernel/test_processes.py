"""Processes: do programs start, run each other, wait, and end as they do on a real machine?"""

from __future__ import annotations

import asyncio
import errno

import pytest

from minikube_edu.container_runtime.simulated.contract import Exited, Ignore, Process, Status
from minikube_edu.container_runtime.simulated.filesystem.layer import Entry
from minikube_edu.container_runtime.simulated.kernel.executable import executable
from minikube_edu.container_runtime.simulated.kernel.limits import Limits
from minikube_edu.lib import clock
from tests.container_runtime.world import world


async def echo(process: Process) -> int:
    await process.print(" ".join(process.argv[1:]))
    return 0


async def args(process: Process) -> int:
    await process.print(repr(process.argv))
    return 0


async def nap(process: Process) -> int:
    await process.sleep(float(process.argv[1]))
    return int(process.argv[2]) if len(process.argv) > 2 else 0


PROGRAMS = {"echo": echo, "args": args, "nap": nap}


@pytest.mark.parametrize(
    ("argv", "number"),
    [
        (["nothing"], errno.ENOENT),
        (["/bin/nothing"], errno.ENOENT),
        (["/etc"], errno.EACCES),
        (["/etc/passwd"], errno.EACCES),
        (["/text"], errno.ENOEXEC),
        (["/bad"], errno.ENOENT),
        (["denied"], errno.EACCES),
        ([""], errno.ENOENT),
        (["/ring"], errno.ELOOP),
    ],
)
async def test_a_command_that_cannot_run_says_why(argv: list[str], number: int) -> None:
    async def tries(process: Process) -> int:
        try:
            process.spawn(argv)
        except OSError as error:
            return error.errno or 0
        return 0

    files = {
        "/text": Entry(b"just words", 0o755),
        "/bad": Entry(b"#!/no/such\n", 0o755),
        "/bin/denied": Entry(executable("echo"), 0o644),
        "/ring": Entry(b"#!/ring\n", 0o755),
    }
    async with world(files, {"tries": tries, **PROGRAMS}, tools=[]) as w:
        assert (await w.run(["tries"])).code == number


async def test_a_script_is_run_by_its_interpreter() -> None:
    async with world({"/usr/bin/hello": Entry(b"#! /bin/args -x  y\nbody", 0o755)}, PROGRAMS, tools=[]) as w:
        result = await w.run(["hello", "one"])
        assert result.stdout == b"['/bin/args', '-x  y', '/usr/bin/hello', 'one']\n"


async def test_a_copied_or_linked_program_is_still_a_program() -> None:
    async def copies(process: Process) -> int:
        await process.write_file("/tmp/mine", await process.read_file("/bin/echo"), 0o755)
        process.symlink("/bin/echo", "/tmp/yours")
        for path in ("/tmp/mine", "/tmp/yours"):
            child = process.spawn([path, path])
            await process.wait(child)
        return 0

    async with world(programs={"copies": copies, **PROGRAMS}, tools=[]) as w:
        assert (await w.run(["copies"])).stdout == b"/tmp/mine\n/tmp/yours\n"


async def test_exit_codes_and_signals_come_back_from_wait() -> None:
    async def parent(process: Process) -> int:
        async def exits(child: Process) -> int:
            child.exit(300)
            return 0

        first = process.spawn([], program=exits)
        second = process.spawn(["nap", "1", "7"])
        third = process.spawn(["nap", "100"])
        process.kill(third.pid, 9)
        ended = {}
        for _ in range(3):
            child, status = await process.wait()
            ended[child.pid] = status
        assert ended == {first.pid: Status(44), second.pid: Status(7), third.pid: Status(0, 9)}
        assert ended[third.pid].shell_code() == 137
        with pytest.raises(ChildProcessError):
            await process.wait()
        return 0

    async with world(programs={"parent": parent, **PROGRAMS}, tools=[]) as w:
        assert (await w.run(["parent"])).code == 0


async def test_a_child_has_its_own_copies_and_shares_open_files() -> None:
    async def parent(process: Process) -> int:
        async def child(me: Process) -> int:
            me.env["A"] = "changed"
            me.cwd, me.umask = "/tmp", 0
            await me.stdout.write(b"child ")
            return 0

        process.env["A"] = "kept"
        await process.wait(process.spawn([], program=child))
        await process.print(f"{process.env['A']} {process.cwd} {process.umask:o}")
        return 0

    async with world(programs={"parent": parent}, tools=[]) as w:
        assert (await w.run(["parent"])).stdout == b"child kept / 22\n"


async def test_exec_keeps_the_process_and_changes_the_program() -> None:
    async def becomes(process: Process) -> int:
        process.on_signal(15, lambda number: None)
        process.on_signal(2, Ignore)
        return await process.exec(["told", "x"], {"ONLY": "this"})

    async def told(process: Process) -> int:
        status = (await process.read_file("/proc/self/status")).decode()
        caught = [line for line in status.splitlines() if line.startswith(("Name", "SigIgn", "SigCgt"))]
        await process.print(f"{process.argv} {process.env} {caught}")
        return 5

    async with world(programs={"becomes": becomes, "told": told}, tools=[]) as w:
        result = await w.run(["becomes"], env={"PATH": "/bin"})
        assert result.code == 5
        assert b"['told', 'x'] {'ONLY': 'this'} ['Name:\\ttold', 'SigIgn:\\t0000000000000002', " in result.stdout
        assert b"'SigCgt:\\t0000000000000000']" in result.stdout


async def test_orphans_are_adopted_by_process_1_and_reaped_if_it_cares() -> None:
    async def parent(process: Process) -> int:
        process.spawn(["nap", "5"])
        return 0

    async with world(programs={"parent": parent, **PROGRAMS}, tools=[]) as w:
        await w.run(["parent"])
        assert [one.parent_pid for one in w.machine.own.values() if one.name == "nap"] == [1]
        await asyncio.sleep(6)
        assert [one.name for one in w.machine.own.values()] == ["init"]


async def test_a_child_that_nobody_waits_for_is_a_zombie_until_its_parent_ends() -> None:
    async def careless(process: Process) -> int:
        child = process.spawn(["nap", "0.1"])
        await process.sleep(1)
        assert (await process.read_file(f"/proc/{child.pid}/stat")).split()[2] == b"Z"
        assert await process.read_file(f"/proc/{child.pid}/cmdline") == b""
        return 0

    async with world(programs={"careless": careless, **PROGRAMS}, tools=[]) as w:
        assert (await w.run(["careless"])).code == 0
        assert list(w.machine.own) == [1]


async def test_when_process_1_ends_everyone_is_killed() -> None:
    async def short(process: Process) -> int:
        process.spawn(["nap", "1000"])
        await process.sleep(1)
        return 3

    seen: list[Status] = []
    async with world(programs=PROGRAMS, tools=[], init=short) as w:
        w.machine.on_exit = lambda machine, status: seen.append(status)
        other = w.spawn(["nap", "1000"])
        assert await w.machine.ended_of(other) == Status(0, 9)
        assert seen == [Status(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not w.machine.own


async def test_too_many_processes_are_refused() -> None:
    async def bomb(process: Process) -> int:
        count = 0
        try:
            while True:
                process.spawn(["nap", "100"])
                count += 1
        except BlockingIOError:
            await process.print(str(count))
        return 0

    async with world(programs={"bomb": bomb, **PROGRAMS}, tools=[], limits=Limits(pids=20)) as w:
        assert (await w.run(["bomb"])).stdout == b"18\n"  # process 1, the bomb itself, 18 more


async def test_sleeping_takes_no_time_of_the_test_and_all_of_the_clock() -> None:
    async with world(programs=PROGRAMS, tools=[]) as w:
        start = clock.now()
        await w.run(["nap", "3600"], timeout=4000)
        assert 3600 <= clock.now() - start < 3601


async def test_the_programs_finally_blocks_run_and_may_not_wait() -> None:
    log: list[str] = []

    async def tidy(process: Process) -> int:
        try:
            await process.sleep(100)
        finally:
            log.append("tidied")
            await process.write_file("/tmp/left", b"a word")  # files do not wait
            await process.sleep(100)
            log.append("never")
        return 0

    async with world(programs={"tidy": tidy}, tools=[]) as w:
        process = w.spawn(["tidy"])
        await asyncio.sleep(1)
        process.deliver(15)
        assert await w.machine.ended_of(process) == Status(0, 15)
        assert log == ["tidied"]
        assert w.read("/tmp/left") == b"a word"


async def test_not_even_a_program_that_catches_everything_survives_a_kill() -> None:
    async def stubborn(process: Process) -> int:
        for _ in range(50):
            try:
                await process.sleep(1)
            except BaseException:
                continue
        return 0

    async with world(programs={"stubborn": stubborn}, tools=[]) as w:
        process = w.spawn(["stubborn"])
        await asyncio.sleep(1.5)
        process.deliver(9)
        await asyncio.sleep(0.1)
        assert process.status == Status(0, 9)


async def test_a_faulty_program_dies_alone_and_its_fault_is_told() -> None:
    async def faulty(process: Process) -> int:
        return len(process.argv) // 0

    async with world(programs={"faulty": faulty}, tools=[]) as w:
        assert (await w.run(["faulty"])).signal == 11
        assert [type(fault) for fault in w.faults] == [ZeroDivisionError]
        w.faults.clear()


async def test_files_are_released_at_the_end_and_only_then() -> None:
    async def opens(process: Process) -> int:
        process.files[5] = process.open("/tmp/x", "w")
        child = process.spawn(["nap", "2"])
        assert child.files[5] is process.files[5]
        return 0

    async with world(programs={"opens": opens, **PROGRAMS}, tools=[]) as w:
        await w.run(["opens"])
        assert w.machine.root.opened
        await asyncio.sleep(3)
        assert not w.machine.root.opened


async def test_exit_is_heard_even_inside_a_timeout() -> None:
    async def leaves(process: Process) -> int:
        async with asyncio.timeout(10):
            await process.breathe()
            process.exit(9)
        return 0

    async with world(programs={"leaves": leaves}, tools=[]) as w:
        assert (await w.run(["leaves"])).code == 9


async def test_a_timeout_inside_a_program_is_a_timeout() -> None:
    async def waits(process: Process) -> int:
        try:
            async with asyncio.timeout(2):
                await process.stdin.read()
        except TimeoutError:
            return 4
        return 0

    async with world(programs={"waits": waits}, tools=[]) as w:
        assert await w.machine.ended_of(w.spawn(["waits"], stdin=None)) == Status(4)


def test_exited_is_no_error_that_a_program_would_catch() -> None:
    assert not issubclass(Exited, Exception)


async def test_a_set_user_id_program_has_its_owners_rights() -> None:
    async def whoami(process: Process) -> int:
        await process.print(f"{process.user.uid} {process.access('/root', 4)}")
        return 0

    files = {"/bin/su": Entry(executable("whoami"), 0o4755), "/bin/plain": Entry(executable("whoami"), 0o755)}

    async def both(process: Process) -> int:
        for name in ("plain", "su"):
            await process.wait(process.spawn([name]))
        return 0

    async with world(files, {"whoami": whoami, "both": both}, tools=[]) as w:
        assert (await w.run(["both"], user=1000)).stdout == b"1000 False\n0 True\n"
        w.machine.no_new_privileges = True
        assert (await w.run(["both"], user=1000)).stdout == b"1000 False\n1000 False\n"
