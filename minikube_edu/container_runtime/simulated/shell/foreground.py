"""Job control: who has the terminal, and what happens when ^Z or ^C reaches a command in the foreground.

At a prompt each command is a process group of its own. While it runs in the foreground the terminal's signals go to
that group; afterwards the shell takes the terminal back. A command that was stopped becomes a job, which fg and bg
continue. Scripts have no job control: their children share the shell's group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from minikube_edu.container_runtime.simulated.contract import Status
from minikube_edu.container_runtime.simulated.shell.errors import Failure
from minikube_edu.container_runtime.simulated.shell.jobs import Job, wait_for

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.contract import Process, Terminal
    from minikube_edu.container_runtime.simulated.shell.state import Shell

SIGINT = 2


def terminal_of(shell: Shell) -> Terminal | None:
    """The terminal of a shell with job control."""
    if not shell.interactive or not shell.options.monitor:
        return None
    file = shell.process.files.get(2)
    return cast("Terminal", file) if file is not None and file.is_terminal() else None


async def in_foreground(
    shell: Shell, processes: Sequence[Process], source: str, job: Job | None = None
) -> list[Status]:
    """Wait for a command; with job control, give it the terminal meanwhile. The last status may be `stopped`."""
    terminal = terminal_of(shell)
    if terminal is None:
        return [await wait_for(shell, process) for process in processes]
    terminal.foreground = processes[0].group
    statuses: list[Status] = []
    try:
        for process in processes:
            known = None if job is None else job.statuses.get(process.pid)
            statuses.append(known or await wait_for(shell, process, stopped=True))
            if statuses[-1].stopped:
                await _stopped(shell, list(processes), statuses, source, job)
                return statuses
    finally:
        terminal.foreground = shell.process.group
        terminal.set_raw(False)
    if statuses[-1].signal == SIGINT:
        raise Failure("", 130)  # the rest of the line is off as well
    return statuses


async def _stopped(
    shell: Shell, processes: list[Process], statuses: list[Status], source: str, job: Job | None
) -> None:
    if job is None:
        last = shell.jobs.last_pid
        job = shell.jobs.add(processes, source)
        shell.jobs.last_pid = last
    else:
        shell.jobs.make_current(job)
    for process, status in zip(processes, statuses, strict=False):
        if not status.stopped:
            job.statuses[process.pid] = status
    job.stopped = True
    await shell.write_error("\n" + shell.jobs.line(job, shell.dialect.bash) + "\n")
