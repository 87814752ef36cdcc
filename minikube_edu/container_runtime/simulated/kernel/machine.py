"""A container's world: what the runtime makes, starts, looks into and kills.

    machine = Machine(layer, hostname="web-0", network=namespace, limits=Limits(memory=64 << 20),
                      mounts=[host_mount("/data", "/…/volumes/data")], software=Software(programs={...}))
    main = machine.start(["nginx", "-g", "daemon off;"], env=..., cwd="/", user=User(0, 0),
                         files={0: null(), 1: Sink(log.out), 2: Sink(log.err)})
    machine.on_exit = lambda machine, status: ...      # in the turn in which the main process ends
    other = machine.exec(["sh", "-c", "…"], ...)       # a command beside it; `await machine.ended_of(other)`
    machine.signal(15); machine.kill()

`layer` is the image's (`filesystem.layer.layer_of`), shared by its containers. `start` raises the OSError of exec(2)
when there is no such command. `files`, and a terminal, become the process's own: `start` and `exec` take over the
caller's hold. When the main process ends, all other processes of the container are killed; when process 1 of a shared
process table ends, everything in that table. Nothing has to be closed: a machine without processes is just memory.

Containers of a pod with a shared process namespace are machines with the same `table`; an ephemeral container that
targets another takes that one's table.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

from minikube_edu.cni.contract import Namespace
from minikube_edu.container_runtime.simulated.contract import OpenFile, Process, Program, Status, User, failure
from minikube_edu.container_runtime.simulated.filesystem.layer import Layer
from minikube_edu.container_runtime.simulated.filesystem.memory_tree import MemoryTree
from minikube_edu.container_runtime.simulated.filesystem.permission import ALL
from minikube_edu.container_runtime.simulated.kernel.container_files import ContainerMount, container_view
from minikube_edu.container_runtime.simulated.kernel.cpu import CpuAccount
from minikube_edu.container_runtime.simulated.kernel.executable import executable
from minikube_edu.container_runtime.simulated.kernel.limits import Limits
from minikube_edu.container_runtime.simulated.kernel.memory import MemoryAccount
from minikube_edu.container_runtime.simulated.kernel.process import KernelProcess
from minikube_edu.container_runtime.simulated.kernel.process_table import ProcessTable
from minikube_edu.container_runtime.simulated.kernel.program_lookup import look_up_for
from minikube_edu.container_runtime.simulated.kernel.scheduler import scheduler
from minikube_edu.container_runtime.simulated.kernel.software import Software
from minikube_edu.container_runtime.simulated.kernel.terminal import KernelTerminal
from minikube_edu.lib import clock

log = logging.getLogger(__name__)

ROOT = User()
A_DAY = 86400.0
MOST_TERMINALS = 4096
NONE: Mapping[str, str] = {}


class Machine:
    __slots__ = (
        "__weakref__",
        "_notes",
        "booted_at",
        "capabilities",
        "cpu",
        "hostname",
        "id",
        "image",
        "limits",
        "main",
        "memory",
        "most_processes",
        "network",
        "no_new_privileges",
        "on_exit",
        "on_fault",
        "on_oom",
        "oom_score_adj",
        "own",
        "privileged",
        "root",
        "scheduler",
        "shell_is_bash",
        "shm",
        "software",
        "started_at",
        "status",
        "sysctls",
        "table",
        "terminals",
        "view",
    )
    id: str
    hostname: str
    image: str
    limits: Limits
    memory: MemoryAccount
    privileged: bool
    shell_is_bash: bool
    capabilities: frozenset[str]
    most_processes: int
    oom_score_adj: int

    def __init__(
        self,
        layer: Layer,
        *,
        network: Namespace,
        id: str = "",
        hostname: str = "localhost",
        image: str = "",
        limits: Limits | None = None,
        software: Software | None = None,
        mounts: Sequence[ContainerMount] = (),
        table: ProcessTable | None = None,
        shell_is_bash: bool = False,
        privileged: bool = False,
        capabilities: frozenset[str] = ALL,
        readonly_root: bool = False,
        no_new_privileges: bool = False,
        sysctls: Mapping[str, str] | None = None,
        oom_score_adj: int = 0,
        booted_at: float = 0.0,
        notes: dict[str, object] | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.id = id
        self.hostname = hostname
        self.image = image
        self.network = network
        self.software = software or Software()
        self.table = table or ProcessTable()
        self.shell_is_bash = shell_is_bash
        self.privileged = privileged
        self.capabilities = capabilities
        self.no_new_privileges = no_new_privileges
        self.sysctls = sysctls or NONE
        self.oom_score_adj = oom_score_adj
        self.scheduler = scheduler()
        self.started_at = clock.now()
        self.booted_at = booted_at or self.started_at - A_DAY  # the node's
        self.most_processes = 0
        self.terminals: dict[int, KernelTerminal] = {}  # /dev/pts
        self.own: dict[int, KernelProcess] = {}  # this container's processes, by number, zombies too
        self.main: KernelProcess | None = None
        self.status: Status | None = None  # of the main process
        self.cpu = CpuAccount(self.limits.cpu, self.limits.host_cpus)
        self.on_exit: Callable[[Machine, Status], None] | None = None
        self.on_oom: Callable[[Machine, KernelProcess], None] | None = None
        self.on_fault: Callable[[Machine, KernelProcess, BaseException], None] | None = None
        self._notes = notes
        self.root, self.shm, self.view = container_view(self, layer, mounts, readonly_root)
        self.memory = MemoryAccount(self.limits.memory, self.limits.oom_group, self.shm_used)

    # -- the runtime's calls -----------------------------------------------------------------------------------------

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        user: User = ROOT,
        files: Mapping[int, OpenFile] | None = None,
        terminal: KernelTerminal | None = None,
    ) -> KernelProcess:
        """The main process. With a terminal, `files` may be left out."""
        self.main = self.exec(argv, env=env, cwd=cwd, user=user, files=files, terminal=terminal)
        return self.main

    def exec(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        user: User = ROOT,
        files: Mapping[int, OpenFile] | None = None,
        terminal: KernelTerminal | None = None,
        program: Program | None = None,
    ) -> KernelProcess:
        """One more process without a parent in here. Its `on_end` is the runtime's to set."""
        environment = {} if env is None else env
        starter = _Starter(user, self.capabilities)
        found = look_up_for(self, starter, list(argv), environment, cwd)
        self.may_fork()
        if files is None:
            if terminal is None:
                raise ValueError("a process needs files or a terminal")
            files = {number: terminal.retain() for number in range(3)}
        process = KernelProcess(self, found, found.argv, environment, cwd, user, files, None)
        for file in files.values():
            file.release()  # the process has a hold of its own now
        if terminal is not None:
            self.adopt(terminal)
            terminal.become_controlling(process)
            terminal.release()
        process.start(found.program)
        return process

    def signal(self, number: int) -> None:
        """To the main process, from outside."""
        if self.main is not None:
            self.main.deliver(number, forced=True)

    def kill(self) -> None:
        """SIGKILL to all processes of the container."""
        for process in list(self.own.values()):
            process.deliver(9, forced=True)

    async def wait(self) -> Status:
        """Until the main process has ended."""
        assert self.main is not None
        return await self.ended_of(self.main)

    async def ended_of(self, process: KernelProcess) -> Status:
        """Until a process of `start` or `exec` has ended. One waiter a process."""
        if process.status is None:
            future: asyncio.Future[None] = self.scheduler.loop.create_future()
            before = process.on_end

            def told(ended: KernelProcess) -> None:
                if before is not None:
                    before(ended)
                if not future.done():
                    future.set_result(None)

            process.on_end = told
            await future
        assert process.status is not None
        return process.status

    def set_limits(self, limits: Limits) -> None:
        """In place, as an update of a running container's resources does."""
        self.limits = limits
        self.cpu.set_limit(limits.cpu)
        self.memory.set_limit(limits.memory)

    def open_terminal(self, on_output: Callable[[bytes], None], columns: int = 80, rows: int = 24) -> KernelTerminal:
        """A terminal for `start` or `exec`: /dev/pts/0, or the next number that is free."""
        terminal = KernelTerminal(on_output, columns, rows)
        self.adopt(terminal)
        return terminal

    def adopt(self, terminal: KernelTerminal) -> None:
        """Give a terminal its device, until it is closed."""
        if terminal not in self.terminals.values():
            number = next(number for number in range(MOST_TERMINALS) if number not in self.terminals)
            self.terminals[number] = terminal
            terminal.named(f"/dev/pts/{number}", lambda: self.terminals.pop(number, None))

    # -- the kernel's own --------------------------------------------------------------------------------------------

    def may_fork(self) -> None:
        """EAGAIN at the limit of processes, zombies counted."""
        most = min(self.limits.pids or self.limits.most_pids, self.limits.most_pids)
        if len(self.own) >= most:
            raise failure(errno.EAGAIN)
        self.most_processes = max(self.most_processes, len(self.own) + 1)

    def shm_used(self) -> int:
        return self.shm.used_bytes

    def set_sysctl(self, name: str, value: str) -> None:
        if name == "kernel.hostname":
            self.hostname = value
        else:
            self.sysctls = {**self.sysctls, name: value}

    def ended(self, process: KernelProcess) -> None:
        if self.table.processes.get(1) in (None, process) and process.pid == 1:
            self.table.kill_all()
        if process is self.main:
            self.status = process.status
            self.kill()
            if self.on_exit is not None and process.status is not None:
                self.on_exit(self, process.status)

    def told_of_oom(self, victim: KernelProcess) -> None:
        if self.on_oom is not None:
            self.on_oom(self, victim)

    def on_crash(self, process: KernelProcess, error: BaseException) -> None:
        if self.on_fault is not None:
            self.on_fault(self, process, error)
        else:
            log.error("program %s has a fault", process.argv, exc_info=error)

    # -- ContainerWorld ----------------------------------------------------------------------------------------------

    @property
    def memory_limit(self) -> int:
        return self.limits.memory

    @property
    def cpu_limit(self) -> float:
        return self.limits.cpu

    @property
    def host_cpus(self) -> int:
        return self.limits.host_cpus

    @property
    def host_memory(self) -> int:
        return self.limits.host_memory

    @property
    def processes(self) -> Mapping[int, Process]:
        return cast(Mapping[int, Process], self.table.processes)

    def memory_used(self) -> int:
        return self.memory.used()

    def cpu_seconds(self, pid: int | None = None) -> float:
        self.cpu.settle()
        if pid is None:
            return self.cpu.used
        process = self.table.processes.get(pid)
        return 0.0 if process is None else process.cpu_used

    def installable(self, package: str) -> Iterable[str] | None:
        return self.software.installable(package)

    def install(self, package: str) -> None:
        """Its commands appear in /usr/bin."""
        from minikube_edu.container_runtime.simulated.kernel.container_files import put

        for command in self.software.installable(package) or ():
            put(self.view, f"/usr/bin/{command}", executable(command), 0o755)

    def program_of(self, command: str) -> Program | None:
        return self.software.program_of(command)

    @property
    def notes(self) -> dict[str, object]:
        if self._notes is None:
            self._notes = {}
        return self._notes

    @property
    def written(self) -> MemoryTree:
        """What the container has written to its root: `used_bytes`, `used_inodes`."""
        return self.root


class _Starter:
    """Who looks for a process's first program: its user, before there is a process."""

    pid = 0
    umask = 0o022
    terminal: OpenFile | None = None

    def __init__(self, user: User, capabilities: frozenset[str]) -> None:
        self.user = user
        self.privileges = capabilities if user.uid == 0 else frozenset[str]()
        self.files: dict[int, OpenFile] = {}
