"""Jobs: what runs in the background, and who is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from minikube_edu.container_runtime.simulated.shell.traps import DESCRIPTIONS

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.contract import Process, Status
    from minikube_edu.container_runtime.simulated.shell.state import Shell


class Job(Struct):
    number: int
    processes: list[Process]
    source: str
    statuses: dict[int, Status] = field(default_factory=dict)  # of those that were reaped
    stopped: bool = False
    disowned: bool = False
    told: bool = False

    @property
    def pid(self) -> int:
        """The last process's: $!"""
        return self.processes[-1].pid

    def is_done(self) -> bool:
        return all(process.pid in self.statuses or process.status is not None for process in self.processes)

    def status(self) -> Status | None:
        last = self.processes[-1]
        return self.statuses.get(last.pid) or last.status

    def word(self, bash: bool) -> str:
        """Running, Done, Exit 3, Terminated."""
        if self.stopped:
            return "Stopped"
        status = self.status()
        if not self.is_done() or status is None:
            return "Running"
        if status.signal:
            return DESCRIPTIONS.get(status.signal, f"Signal {status.signal}")
        if status.code:
            return f"Exit {status.code}" if bash else f"Done({status.code})"
        return "Done"


class Jobs:
    def __init__(self) -> None:
        self.table: dict[int, Job] = {}
        self.last_pid = 0
        self.finished: dict[int, int] = {}  # pid: code, of those already gone from the table
        self.order: list[int] = []  # job numbers, the current one last
        self.unasked: list[Process] = []  # children of <(list) and of long here-documents

    def forked(self, with_jobs: bool) -> Jobs:
        """A subshell's jobs are not its children; bash still lists them."""
        new = Jobs()
        if with_jobs:
            new.table, new.order = dict(self.table), list(self.order)
        new.last_pid = self.last_pid
        return new

    def add(self, processes: list[Process], source: str) -> Job:
        number = max(self.table, default=0) + 1
        job = self.table[number] = Job(number, processes, source)
        self.last_pid = job.pid
        self.order.append(number)
        return job

    def remove(self, job: Job) -> None:
        self.table.pop(job.number, None)
        if job.number in self.order:
            self.order.remove(job.number)
        status = job.status()
        if status is not None:
            self.finished[job.pid] = status.shell_code()
            while len(self.finished) > 1024:
                del self.finished[next(iter(self.finished))]

    def make_current(self, job: Job) -> None:
        self.order.remove(job.number)
        self.order.append(job.number)

    def mark(self, job: Job) -> str:
        """+ the current job, - the one before."""
        if self.order and self.order[-1] == job.number:
            return "+"
        return "-" if len(self.order) > 1 and self.order[-2] == job.number else " "

    def find(self, text: str) -> Job | None:
        """%1, %%, %+, %-, %name, %?text"""
        name = text.removeprefix("%")
        if name in ("", "%", "+"):
            return self.table.get(self.order[-1]) if self.order else None
        if name == "-":
            if not self.order:
                return None
            return self.table.get(self.order[-2] if len(self.order) > 1 else self.order[-1])
        if name.isdigit():
            return self.table.get(int(name))
        for number in reversed(self.order):
            job = self.table[number]
            if name[1:] in job.source if name.startswith("?") else job.source.startswith(name):
                return job
        return None

    def by_pid(self, pid: int) -> Job | None:
        for job in self.table.values():
            if any(process.pid == pid for process in job.processes):
                return job
        return None

    async def reap(self, shell: Shell) -> None:
        """Collect what has ended meanwhile; nobody waits here."""
        for job in list(self.table.values()):
            await reap_job(shell, job)
        if shell.process.pid == 1:
            await _reap_adopted(shell)
        for process in [process for process in self.unasked if process.status is not None]:
            self.unasked.remove(process)
            try:
                await shell.process.wait(process)
            except (ChildProcessError, InterruptedError):
                pass

    def line(self, job: Job, dialect_is_bash: bool, with_pid: bool = False) -> str:
        """As `jobs` lists it."""
        word = job.word(dialect_is_bash)
        pid = f"{job.pid} " if with_pid else ""
        running = " &" if word == "Running" and dialect_is_bash else ""
        width = 24 if dialect_is_bash else 26
        space = "  " if dialect_is_bash else " "
        return f"[{job.number}]{self.mark(job)}{space}{pid}{word:<{width}}{job.source}{running}"


async def _reap_adopted(shell: Shell) -> None:
    """Process 1 has children that it did not start: orphans, which it must collect."""
    own = {process.pid for job in shell.jobs.table.values() for process in job.processes}
    for process in shell.process.children():
        if process.status is not None and process.pid not in own:
            try:
                await shell.process.wait(process)
            except (ChildProcessError, InterruptedError):
                continue


async def reap_job(shell: Shell, job: Job) -> None:
    for process in job.processes:
        if process.pid not in job.statuses and process.status is not None:
            try:
                _, status = await shell.process.wait(process)
            except (ChildProcessError, InterruptedError):
                status = process.status
            job.statuses[process.pid] = status


async def wait_for(shell: Shell, child: Process, stopped: bool = False) -> Status:
    """A child in the foreground: signals meanwhile are kept for later."""
    while True:
        try:
            _, status = await shell.process.wait(child, stopped)
            return status
        except InterruptedError:
            continue
        except ChildProcessError:
            if child.status is None:
                raise
            return child.status  # somebody else has collected it
