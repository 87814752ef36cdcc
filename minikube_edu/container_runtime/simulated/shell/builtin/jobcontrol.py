"""Processes: jobs, fg, bg, wait, kill, disown, trap."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import reason
from minikube_edu.container_runtime.simulated.shell.errors import Failure
from minikube_edu.container_runtime.simulated.shell.foreground import in_foreground, terminal_of
from minikube_edu.container_runtime.simulated.shell.formats import dash_quoted, single_quoted
from minikube_edu.container_runtime.simulated.shell.jobs import Job, reap_job
from minikube_edu.container_runtime.simulated.shell.traps import PSEUDO, SIGNALS, number_of

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Builtin, Shell


async def wait(shell: Shell, argv: list[str]) -> int:
    words = argv[1:]
    if words[:1] == ["-n"] and shell.dialect.bash:
        return await _wait_next(shell)
    words = [word for word in words if word not in ("-f", "--")]
    try:
        if not words:
            for job in list(shell.jobs.table.values()):
                await _wait_job(shell, job)
                shell.jobs.remove(job)
            return 0
        code = 0
        for word in words:
            code = await _wait_one(shell, word)
        return code
    except InterruptedError:
        number = shell.traps.pending[0] if shell.traps.pending else 0
        return 128 + number


async def _wait_job(shell: Shell, job: Job) -> int:
    for process in job.processes:
        if process.pid not in job.statuses:
            if shell.traps.pending:
                raise InterruptedError
            try:
                _, job.statuses[process.pid] = await shell.process.wait(process)
            except ChildProcessError:
                if process.status is None:
                    continue
                job.statuses[process.pid] = process.status
    status = job.status()
    return status.shell_code() if status else 127


async def _wait_one(shell: Shell, word: str) -> int:
    if word.startswith("%"):
        job = shell.jobs.find(word)
        if job is None:
            if shell.dialect.bash:
                await shell.complain(f"{word}: no such job", "wait")
                return 127
            await shell.complain(f"No such job: {word}" if shell.dialect.dash else f"{word}: no such job", "wait")
            raise Failure("", 2)
    else:
        if not word.isdigit():
            if shell.dialect.bash:
                await shell.complain(f"`{word}': not a pid or valid job spec", "wait")
                return 1
            await shell.complain(f"Illegal number: {word}", "wait")
            return 2
        job = shell.jobs.by_pid(int(word))
        if job is None:
            if int(word) in shell.jobs.finished:
                return shell.jobs.finished[int(word)]
            if shell.dialect.bash:
                await shell.complain(f"pid {word} is not a child of this shell", "wait")
            return 127
    code = await _wait_job(shell, job)
    shell.jobs.remove(job)
    return code


async def _wait_next(shell: Shell) -> int:
    """The first job to end."""
    if not shell.jobs.table:
        return 127
    while True:
        for job in list(shell.jobs.table.values()):
            await reap_job(shell, job)
            if job.is_done():
                shell.jobs.remove(job)
                status = job.status()
                return status.shell_code() if status else 127
        try:
            child, status = await shell.process.wait()
        except ChildProcessError:
            return 127
        except InterruptedError:
            return 128 + (shell.traps.pending[0] if shell.traps.pending else 0)
        for job in shell.jobs.table.values():
            if any(process.pid == child.pid for process in job.processes):
                job.statuses[child.pid] = status


async def jobs(shell: Shell, argv: list[str]) -> int:
    await shell.jobs.reap(shell)
    letters = "".join(word[1:] for word in argv[1:] if word.startswith("-"))
    chosen = [word for word in argv[1:] if not word.startswith("-")]
    listed = list(shell.jobs.table.values())
    if chosen:
        listed = []
        for word in chosen:
            job = shell.jobs.find(word)
            if job is None:
                await shell.complain(f"{word}: no such job", "jobs")
                return 1
            listed.append(job)
    for job in listed:
        done = job.is_done()
        if ("r" in letters and done) or ("s" in letters and not job.stopped):
            continue
        if "p" in letters:
            await shell.write(f"{job.processes[0].pid}\n")
        else:
            await shell.write(shell.jobs.line(job, shell.dialect.bash, "l" in letters) + "\n")
        if done:
            shell.jobs.remove(job)
    return 0


async def foreground(shell: Shell, argv: list[str]) -> int:
    """fg and bg"""
    if shell.dialect.bash and not (shell.options.monitor or shell.interactive):
        await shell.complain("no job control", argv[0])
        return 1
    word = argv[1] if len(argv) > 1 else "%"
    job = shell.jobs.find(word)
    if job is None:
        if shell.dialect.bash:
            await shell.complain(f"{argv[1] if len(argv) > 1 else 'current'}: no such job", argv[0])
            return 1
        if len(argv) < 2:
            await shell.complain("No current job", argv[0])
        else:
            await shell.complain(f"No such job: {word}" if shell.dialect.dash else f"{word}: no such job", argv[0])
        if shell.interactive:
            return 2
        raise Failure("", 2)
    job.stopped = False
    shell.jobs.make_current(job)
    if argv[0] == "bg":
        await shell.write(f"[{job.number}]{shell.jobs.mark(job)} {job.source} &\n")
        _continue(shell, job)
        return 0
    await shell.write(f"{job.source}\n")
    terminal = terminal_of(shell)
    if terminal is not None:
        terminal.foreground = job.processes[0].group
    _continue(shell, job)
    status = (await in_foreground(shell, job.processes, job.source, job))[-1]
    if not status.stopped:
        shell.jobs.remove(job)
    return status.shell_code()


def _continue(shell: Shell, job: Job) -> None:
    """SIGCONT to all of it, its children's children too where it is a group of its own."""
    groups = {process.group for process in job.processes if process.status is None} - {shell.process.group}
    for target in [-group for group in groups] or [process.pid for process in job.processes if process.status is None]:
        try:
            shell.process.kill(target, 18)
        except OSError:
            continue


async def disown(shell: Shell, argv: list[str]) -> int:
    for word in [word for word in argv[1:] if not word.startswith("-")] or ["%"]:
        job = shell.jobs.find(word) or (shell.jobs.by_pid(int(word)) if word.isdigit() else None)
        if job is None:
            await shell.complain(f"{argv[1] if len(argv) > 1 else 'current'}: no such job", "disown")
            return 1
        shell.jobs.remove(job)
    return 0


async def kill(shell: Shell, argv: list[str]) -> int:
    words, signal = argv[1:], 15
    if not words:
        await _kill_usage(shell)
        return 2 if not shell.dialect.busybox else 1
    first = words[0]
    if first in ("-l", "-L"):
        return await _list_signals(shell, words[1:])
    if first in ("-s", "-n") and len(words) > 1:
        name, words = words[1], words[2:]
    elif first == "--":
        name, words = "15", words[1:]
    elif first.startswith("-") and len(first) > 1:
        name, words = first[1:], words[1:]
    else:
        name = "15"
    number = number_of(name) if name.upper() not in ("EXIT", "0") else 0
    if number is None:
        if shell.dialect.bash:
            await shell.complain(f"{name}: invalid signal specification", "kill")
        elif shell.dialect.busybox:
            await shell.complain(f"bad signal name '{name}'")
        else:
            await shell.complain(f"Illegal option -{name[0]}", "kill")
            raise Failure("", 2)
        return 1
    signal = number
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        await _kill_usage(shell)
        return 1 if shell.dialect.busybox else 2
    code = 0
    for word in words:
        code = max(code, await _kill_one(shell, word, signal))
    if shell.process.pid in [int(word) for word in words if re.fullmatch(r"\d+", word)]:
        await shell.process.breathe()
    return code


async def _kill_usage(shell: Shell) -> None:
    if shell.dialect.bash:
        await shell.write_error(
            "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]\n"
        )
    elif shell.dialect.dash:
        await shell.complain(
            "Usage: kill [-s sigspec | -signum | -sigspec] [pid | job]... or\nkill -l [exitstatus]", "kill"
        )
    else:
        await shell.complain("you need to specify whom to kill")


async def _kill_one(shell: Shell, word: str, signal: int) -> int:
    if word.startswith("%"):
        job = shell.jobs.find(word)
        if job is None:
            await shell.complain(f"{word}: no such job" if not shell.dialect.dash else f"No such job: {word}", "kill")
            return 1
        pids = [process.pid for process in job.processes if process.status is None]
    elif re.fullmatch(r"-?\d+", word):
        pids = [int(word)]
    else:
        if shell.dialect.bash:
            await shell.complain(f"{word}: arguments must be process or job IDs", "kill")
        elif shell.dialect.busybox:
            await shell.complain(f"invalid number '{word}'")
        else:
            await shell.complain(f"Illegal number: {word}", "kill")
            raise Failure("", 2)
        return 1
    for pid in pids:
        try:
            shell.process.kill(pid, signal)
        except OSError as error:
            words = reason(error)
            if shell.dialect.bash:
                await shell.complain(f"({pid}) - {words}", "kill")
            elif shell.dialect.dash:
                await shell.complain(f"{words}\n", "kill")
            else:
                await shell.complain(f"can't kill pid {pid}: {words}")
            return 1
    return 0


async def _list_signals(shell: Shell, words: list[str]) -> int:
    if not words:
        if shell.dialect.bash:
            row = ""
            for place, (number, name) in enumerate(sorted(SIGNALS.items()), 1):
                row += f"{number:2}) SIG{name:<9}" + ("\n" if place % 5 == 0 else "\t")
            await shell.write(row.rstrip("\t\n") + "\n")
        elif shell.dialect.dash:
            await shell.write(
                "\n".join(["0", *(SIGNALS.get(number, f"RTMIN+{number - 34}") for number in range(1, 32))]) + "\n"
            )
        else:
            await shell.write(
                "".join(f"{number:2}) {name}\n" for number, name in sorted(SIGNALS.items()) if number < 32)
            )
        return 0
    code = 0
    for word in words:
        if word.isdigit():
            number = int(word)
            known = SIGNALS.get(number - 128 if number > 128 else number)
            if known is None:
                await shell.complain(f"{word}: invalid signal specification", "kill")
                code = 1
            else:
                await shell.write(f"{known}\n")
        else:
            found = number_of(word)
            if found is None:
                await shell.complain(f"{word}: invalid signal specification", "kill")
                code = 1
            else:
                await shell.write(f"{found}\n")
    return code


def _trap_name(word: str) -> str | None:
    """EXIT, INT, …: as it is kept."""
    if word == "0" or word.upper() == "EXIT":
        return "EXIT"
    upper = word.upper().removeprefix("SIG")
    if upper in PSEUDO:
        return upper
    number = number_of(word)
    return SIGNALS.get(number) if number is not None else None


async def trap(shell: Shell, argv: list[str]) -> int:
    words = argv[1:]
    if words[:1] == ["--"]:
        words = words[1:]
    if words[:1] == ["-l"] and shell.dialect.more_than_posix:
        return await _list_signals(shell, [])
    if not words or words[0] == "-p":
        await _list_traps(shell, [_trap_name(word) for word in words[1:]])
        return 0
    action: str | None = words[0]
    if len(words) == 1:
        if (not words[0].isdigit() and _trap_name(words[0]) is None) or words[0] == "-":
            if shell.dialect.bash and words[0] != "-":
                await shell.write_error("trap: usage: trap [-lp] [[arg] signal_spec ...]\n")
                return 2
            if words[0] == "-":
                return 0
            if shell.dialect.dash:
                await shell.write_error(f"trap: {words[0]}: bad trap\n")
            else:
                await shell.complain(f"{words[0]}: invalid signal specification", "trap")
            return 1
        action = None
    else:
        words = words[1:]
        if action == "-" or (action is not None and action.isdigit() and number_of(action) is not None):
            words = words if action == "-" else [str(action), *words]
            action = None
    code = 0
    for word in words:
        name = _trap_name(word)
        if name is None or (name in ("ERR", "DEBUG", "RETURN") and shell.dialect.dash):
            if shell.dialect.dash:
                await shell.write_error(f"trap: {word}: bad trap\n")
            else:
                await shell.complain(f"{word}: invalid signal specification", "trap")
            code = 1
            continue
        shell.traps.set(shell, name, action)
    return code


async def _list_traps(shell: Shell, names: list[str | None]) -> None:
    commands = shell.traps.commands or shell.traps.inherited

    def order(name: str) -> int:
        return -1 if name == "EXIT" else number_of(name) or 100

    for name in sorted(commands, key=order):
        if names and name not in names:
            continue
        shown = f"SIG{name}" if shell.dialect.bash and name not in PSEUDO else name
        text = commands[name]
        await shell.write(f"trap -- {single_quoted(text) if shell.dialect.bash else dash_quoted(text)} {shown}\n")


POSIX: dict[str, Builtin] = {
    "wait": wait,
    "jobs": jobs,
    "fg": foreground,
    "bg": foreground,
    "kill": kill,
    "trap": trap,
}
BASH: dict[str, Builtin] = {"disown": disown}
