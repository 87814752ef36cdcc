"""A simulated program's process: the system calls of `contract.Process`.

Life: `spawn` makes a process with its parent's files and starts a task; the task's `Stepper` steps the program's
coroutine; `finish` is called once, when the coroutine has ended for whatever reason. A signal that ends the process
sets `doom` and cancels the task: the Stepper throws the doom into the program at the place where it waits.

Fields: those of the contract may be set by the program itself; `doom`, `stop_gate`, `status` and the sets of children
belong to the kernel.

This file is long because it is one object's whole set of system calls; each is a few lines over the file system
(`path_walk`), the scheduler and the process table.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import posixpath
import stat
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from minikube_edu.cni.contract import Connection, Namespace
from minikube_edu.container_runtime.simulated.contract import (
    Default,
    Exited,
    FilesystemStat,
    Handler,
    Ignore,
    Killed,
    OpenFile,
    Process,
    Program,
    Stat,
    Status,
    User,
    failure,
)
from minikube_edu.container_runtime.simulated.kernel import scheduler as turns
from minikube_edu.container_runtime.simulated.kernel import signals
from minikube_edu.container_runtime.simulated.kernel.limits import PROCESS_MEMORY
from minikube_edu.container_runtime.simulated.kernel.pipe import Pipe
from minikube_edu.container_runtime.simulated.kernel.program_lookup import Found, look_up
from minikube_edu.lib import clock

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.filesystem.path_walk import FileView
    from minikube_edu.container_runtime.simulated.kernel.machine import Machine
    from minikube_edu.container_runtime.simulated.kernel.terminal import KernelTerminal

T = TypeVar("T")
Action = Handler | type[Default] | type[Ignore]
LONGEST_SLEEP = 10 * 366 * 86400.0
NO_PRIVILEGES: frozenset[str] = frozenset()


class KernelProcess:
    __slots__ = (
        "__weakref__",
        "_actions",
        "_children",
        "_pauses",
        "_pending",
        "_threads",
        "argv",
        "container",
        "cpu_used",
        "cwd",
        "doom",
        "env",
        "executable",
        "files",
        "group",
        "grown",
        "heavy",
        "memory",
        "name",
        "on_end",
        "parent",
        "pid",
        "session",
        "started_at",
        "status",
        "stop_gate",
        "stopped_by",
        "table",
        "task",
        "terminal",
        "umask",
        "user",
    )
    container: Machine
    pid: int
    argv: list[str]
    env: dict[str, str]
    name: str
    executable: str
    group: int
    session: int
    memory: int
    user: User
    status: Status | None
    terminal: KernelTerminal | None

    def __init__(
        self,
        container: Machine,
        found: Found,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        user: User,
        files: Mapping[int, OpenFile],
        parent: KernelProcess | None,
    ) -> None:
        self.container = container
        self.table = container.table
        self.pid = self.table.next_pid()
        self.parent = parent
        self.group = parent.group if parent else self.pid
        self.session = parent.session if parent else self.pid
        self.terminal = parent.terminal if parent else None
        self.name = found.name
        self.executable = found.path
        self.argv = list(argv)
        self.env = dict(env)
        self.cwd = cwd
        self.umask: int = parent.umask if parent else 0o022
        self.user = _privileged(user, found)
        self.started_at = clock.now()
        self.files: dict[int, OpenFile] = {number: file.retain() for number, file in files.items()}
        self.status = None
        self.doom: BaseException | None = None
        self.stop_gate: asyncio.Future[None] | None = None
        self.task: asyncio.Task[None] | None = None
        self.cpu_used: float = 0.0
        self.heavy = False  # its last step took all of a slice
        self.grown = 0  # bytes by which the host's process has grown in its heavy steps
        self.memory = 0
        self.stopped_by = 0  # the signal, until a parent has asked
        self.on_end: Callable[[KernelProcess], None] | None = None  # the runtime's
        self._actions: dict[int, Action] | None = None
        if parent is not None and parent._actions:  # what is ignored stays so, handlers do not pass exec
            ignored: dict[int, Action] = {number: Ignore for number, do in parent._actions.items() if do is Ignore}
            self._actions = ignored or None
        self._children: list[KernelProcess] | None = None
        self._pauses: list[asyncio.Future[None]] | None = None  # sleep and wait, which a signal cuts short
        self._threads: set[asyncio.Task[Any]] | None = None
        self._pending: list[int] | None = None  # signals that came while it was stopped

    def start(self, program: Program) -> None:
        self.table.processes[self.pid] = self
        self.container.own[self.pid] = self
        if self.parent is not None:
            if self.parent._children is None:
                self.parent._children = []
            self.parent._children.append(self)
        running = program(cast(Process, self))
        inner = running if isinstance(running, Coroutine) else _awaited(running)
        loop = self.container.scheduler.loop
        self.task = asyncio.Task(turns.Stepper(self, inner), loop=loop, name="simulated")
        self.container.memory.hold(self, PROCESS_MEMORY)

    @property
    def parent_pid(self) -> int:
        return self.parent.pid if self.parent is not None else 0

    @property
    def privileges(self) -> frozenset[str]:
        return self.container.capabilities if self.user.uid == 0 else NO_PRIVILEGES

    @property
    def view(self) -> FileView:
        return self.container.view

    def is_busy(self) -> bool:
        """It runs now, or pretends to."""
        return turns.current is self or self in self.container.cpu.pretenders

    def signals_with(self, kind: type[Ignore] | None) -> int:
        """The set of signals that are ignored, or (None) have a handler, as bits."""
        return sum(
            1 << number - 1 for number, do in (self._actions or {}).items() if (do is Ignore) == (kind is Ignore)
        )

    # -- standard streams --------------------------------------------------------------------------------------------

    def _file(self, number: int) -> OpenFile:
        found = self.files.get(number)
        if found is None:
            raise failure(errno.EBADF)
        return found

    @property
    def stdin(self) -> OpenFile:
        return self._file(0)

    @property
    def stdout(self) -> OpenFile:
        return self._file(1)

    @property
    def stderr(self) -> OpenFile:
        return self._file(2)

    async def print(self, text: str, end: str = "\n") -> None:
        await self.stdout.write((text + end).encode(errors="surrogateescape"))

    async def complain(self, text: str) -> None:
        await self.stderr.write(f"{self.name}: {text}\n".encode(errors="surrogateescape"))

    async def lines(self, source: OpenFile | None = None) -> list[bytes]:
        return (await _whole(self.stdin if source is None else source)).splitlines(keepends=True)

    # -- files -------------------------------------------------------------------------------------------------------

    def open(self, path: str, flags: str = "r", mode: int = 0o666) -> OpenFile:
        return self.view.open(path, flags, mode, self, cwd=self.cwd)

    async def read_file(self, path: str) -> bytes:
        file = self.open(path)
        try:
            return await _whole(file)
        finally:
            file.release()

    async def write_file(self, path: str, data: bytes, mode: int = 0o666, append: bool = False) -> None:
        file = self.open(path, "a" if append else "w", mode)
        try:
            if data:
                await file.write(data)
        finally:
            file.release()

    def stat(self, path: str) -> Stat:
        return self.view.stat(path, self, cwd=self.cwd)

    def lstat(self, path: str) -> Stat:
        return self.view.stat(path, self, cwd=self.cwd, follow=False)

    def access(self, path: str, wanted: int) -> bool:
        return self.view.access(path, wanted, self, cwd=self.cwd)

    def listdir(self, path: str) -> list[str]:
        return self.view.listdir(path, self, cwd=self.cwd)

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        self.view.mkdir(path, mode, self, cwd=self.cwd)

    def rmdir(self, path: str) -> None:
        self.view.rmdir(path, self, cwd=self.cwd)

    def unlink(self, path: str) -> None:
        self.view.unlink(path, self, cwd=self.cwd)

    def rename(self, old: str, new: str) -> None:
        self.view.rename(old, new, self, cwd=self.cwd)

    def symlink(self, target: str, path: str) -> None:
        self.view.symlink(target, path, self, cwd=self.cwd)

    def link(self, old: str, new: str) -> None:
        self.view.link(old, new, self, cwd=self.cwd)

    def mkfifo(self, path: str, mode: int = 0o666) -> None:
        self.view.mknod(path, stat.S_IFIFO | mode, self, cwd=self.cwd)

    def readlink(self, path: str) -> str:
        return self.view.readlink(path, self, cwd=self.cwd)

    def realpath(self, path: str) -> str:
        return self.view.realpath(path, self, cwd=self.cwd)

    def chmod(self, path: str, mode: int) -> None:
        self.view.chmod(path, mode, self, cwd=self.cwd)

    def chown(self, path: str, uid: int, gid: int, follow: bool = True) -> None:
        self.view.chown(path, uid, gid, self, cwd=self.cwd, follow=follow)

    def utime(self, path: str, atime: float, mtime: float) -> None:
        self.view.utime(path, atime, mtime, self, cwd=self.cwd)

    def statfs(self, path: str) -> FilesystemStat:
        return self.view.statfs(path, self, cwd=self.cwd)

    def mounts(self) -> list[FilesystemStat]:
        return self.view.mounts()

    def chdir(self, path: str) -> None:
        if not stat.S_ISDIR(self.stat(path).mode):
            raise failure(errno.ENOTDIR, path)
        self.view.walk(posixpath.join(path, "x"), self, cwd=self.cwd)  # may it be searched?
        self.cwd = self.realpath(path)

    def pipe(self) -> tuple[OpenFile, OpenFile]:
        return Pipe().ends()

    # -- children ----------------------------------------------------------------------------------------------------

    def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        files: Mapping[int, OpenFile] | None = None,
        program: Program | None = None,
        new_group: bool = False,
        group: int | None = None,
    ) -> KernelProcess:
        environment = self.env if env is None else env
        directory = self.cwd if cwd is None else self.realpath(cwd)
        if program is not None:
            found = Found(program, self.name if not argv else posixpath.basename(argv[0]), self.executable, list(argv))
        else:
            found = look_up(self, list(argv), environment, directory)
        self.container.may_fork()
        child = KernelProcess(
            self.container,
            found,
            found.argv,
            environment,
            directory,
            User(self.user.uid, self.user.gid, self.user.groups),
            self.files if files is None else files,
            self,
        )
        if new_group:
            child.group = child.pid
        elif group is not None:
            child.group = group
        child.start(found.program)
        return child

    async def exec(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> int:
        environment = self.env if env is None else dict(env)
        found = look_up(self, list(argv), environment, self.cwd)
        self.argv, self.env, self.name, self.executable = found.argv, dict(environment), found.name, found.path
        self.user = _privileged(self.user, found)
        if self._actions:
            self._actions = {number: do for number, do in self._actions.items() if do is Ignore} or None
        self.use_cpu(0)
        self.use_memory(0)
        return await found.program(cast(Process, self))

    async def wait(self, child: Process | None = None, stopped: bool = False) -> tuple[Process, Status]:
        wanted = cast("KernelProcess | None", child)
        while True:
            children = self._children or []
            if not children or (wanted is not None and wanted not in children):
                raise failure(errno.ECHILD)
            for one in children:
                if wanted is not None and one is not wanted:
                    continue
                if one.status is not None:
                    self._reap(one)
                    return cast(Process, one), one.status
                if stopped and one.stopped_by:
                    signal, one.stopped_by = one.stopped_by, 0
                    return cast(Process, one), Status(stopped=signal)
            await self._pause()

    def _reap(self, child: KernelProcess) -> None:
        if self._children is not None:
            self._children.remove(child)
        self.table.processes.pop(child.pid, None)
        child.container.own.pop(child.pid, None)

    def children(self) -> list[Process]:
        return cast(list[Process], list(self._children or ()))

    # -- signals -----------------------------------------------------------------------------------------------------

    def kill(self, pid: int, signal: int) -> None:
        if not 0 <= signal <= signals.LAST:
            raise failure(errno.EINVAL)
        processes = self.table.processes
        if pid > 0:
            targets = [processes[pid]] if pid in processes else []
        elif pid == -1:
            targets = [one for one in list(processes.values()) if one.pid != 1 and one is not self]
        else:
            targets = list(self.table.group(-pid if pid else self.group))
        if not targets:
            raise failure(errno.ESRCH)
        allowed = [one for one in targets if self._may_signal(one)]
        if not allowed:
            raise failure(errno.EPERM)
        if signal:
            for one in sorted(allowed, key=lambda target: target is self):  # itself last: it may not come back
                one.deliver(signal)

    def _may_signal(self, target: KernelProcess) -> bool:
        return "CAP_KILL" in self.privileges or self.user.uid == target.user.uid

    def on_signal(self, signal: int, handler: Action) -> None:
        if signal in (signals.SIGKILL, signals.SIGSTOP) or not 0 < signal <= signals.LAST:
            raise failure(errno.EINVAL)
        if self._actions is None:
            self._actions = {}
        if handler is Default:
            self._actions.pop(signal, None)
        else:
            self._actions[signal] = handler

    def action(self, signal: int) -> Action:
        return (self._actions or {}).get(signal, Default)

    def deliver(self, signal: int, forced: bool = False) -> None:
        """A signal arrives. `forced`: from outside the namespace, where process 1 has no privilege."""
        if self.status is not None or self.doom is not None:
            return
        if signal == signals.SIGKILL and (self.pid != 1 or forced):
            self.end(Killed(signal))
            return
        if signal == signals.SIGCONT:
            self._go_on()
        action = self.action(signal)
        if self.pid == 1 and action is Default and not (forced and signal == signals.SIGSTOP):
            return
        if self.stop_gate is not None and signal not in (signals.SIGCONT, signals.SIGKILL):
            if self._pending is None:
                self._pending = []
            if signal not in self._pending:
                self._pending.append(signal)
        elif action is Default:
            self._default(signal)
        elif action is not Ignore:
            self._handle(signal, cast(Handler, action))

    def _default(self, signal: int) -> None:
        if signal in signals.STOPPING:
            self.container.cpu.settle()
            self.stop_gate = self.container.scheduler.loop.create_future()
            self.stopped_by = signal
            if self.parent is not None:
                self.parent._child_ended()
        elif signal not in signals.HARMLESS:
            self.end(Killed(signal))

    def _go_on(self) -> None:
        gate, self.stop_gate = self.stop_gate, None
        self.stopped_by = 0
        if gate is not None:
            self.container.cpu.settle()
            if not gate.done():
                gate.set_result(None)
            pending, self._pending = self._pending, None
            for signal in pending or ():
                self.deliver(signal)

    def _handle(self, signal: int, handler: Handler) -> None:
        outer, turns.current = turns.current, self
        try:
            handler(signal)
        except (Exited, Killed) as end:
            turns.current = outer
            self.end(end)
            return
        finally:
            turns.current = outer
        for pause in self._pauses or ():
            if not pause.done():
                pause.set_exception(InterruptedError(errno.EINTR, "Interrupted system call"))

    def end(self, doom: BaseException) -> None:
        """End by a signal, or by an exit that a handler called for."""
        if turns.current is self:
            raise doom
        self.condemn(doom)

    def condemn(self, doom: BaseException) -> None:
        """Its program is told where it waits."""
        if self.doom is None and self.status is None:
            self.doom = doom
            gate, self.stop_gate = self.stop_gate, None
            if gate is not None and not gate.done():
                gate.set_result(None)
            if self.task is not None:
                self.task.cancel()

    def continued(self) -> asyncio.Future[None] | None:
        """For one who cannot go on while it is stopped: done when it is continued."""
        stopped = self.stop_gate
        if stopped is None:
            return None
        gate: asyncio.Future[None] = self.container.scheduler.loop.create_future()
        stopped.add_done_callback(lambda _: _wake(gate))
        return gate

    def thread(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        loop = self.container.scheduler.loop
        task: asyncio.Task[T] = asyncio.Task(
            cast("Coroutine[Any, Any, T]", turns.Thread(self, work)), loop=loop, name="simulated thread"
        )
        if self._threads is None:
            self._threads = set()
        self._threads.add(task)
        task.add_done_callback(self._threads.discard)
        return task

    def broken_pipe(self) -> None:
        """It has written where nobody reads."""
        if self.pid == 1 and self.action(signals.SIGPIPE) is Default:
            return  # process 1 is spared; EPIPE it gets
        self.deliver(signals.SIGPIPE)

    def exit(self, code: int) -> None:
        raise Exited(code & 255)

    # -- the end -----------------------------------------------------------------------------------------------------

    def finish(self, code: int, signal: int = 0) -> None:
        """The program has ended. Its files are released, its children get another parent, its own is told."""
        if isinstance(self.doom, Killed):  # whatever it has returned or raised since
            code, signal = 0, self.doom.signal
        self.container.cpu.pretend(self, 0)
        self.container.memory.forget(self)
        self.status = Status(code & 255, signal)
        for thread in list(self._threads or ()):
            thread.cancel()
        for file in list(self.files.values()):
            with contextlib.suppress(OSError):  # close(2) may fail, the process's end may not
                file.release()
        self.files.clear()
        self._hand_over()
        parent = self.parent
        if parent is None or parent.status is not None or parent.action(signals.SIGCHLD) is Ignore:
            if parent is not None:
                parent._reap(self)
                parent._child_ended()
            else:
                self.table.processes.pop(self.pid, None)
                self.container.own.pop(self.pid, None)
        else:
            parent._child_ended()
        if self.terminal is not None and self.session == self.pid:
            self.terminal.leader_ended()
        self.container.ended(self)
        if self.on_end is not None:
            self.on_end(self)

    def _child_ended(self) -> None:
        for pause in self._pauses or ():
            _wake(pause)
        self.deliver(signals.SIGCHLD)

    def _hand_over(self) -> None:
        """Orphans go to process 1."""
        children, self._children = self._children, None
        first = self.table.first()
        for child in children or ():
            adopts = first is not None and first is not self
            child.parent = first if adopts else None
            if adopts and first is not None:
                if first._children is None:
                    first._children = []
                first._children.append(child)
                if child.status is not None:
                    if first.action(signals.SIGCHLD) is Ignore:
                        first._reap(child)
                    first._child_ended()
            elif child.status is not None:
                self.table.processes.pop(child.pid, None)
                child.container.own.pop(child.pid, None)

    def crashed(self, error: BaseException) -> None:
        """The program has a fault of its own: it dies as from a wild pointer, and the fault is told."""
        self.container.on_crash(self, error)
        self.finish(0, signals.SIGSEGV)

    # -- time and power ----------------------------------------------------------------------------------------------

    async def _pause(self, until: float | None = None) -> None:
        """Until a child ends, a handler was called, or the loop's time has come."""
        loop = self.container.scheduler.loop
        future: asyncio.Future[None] = loop.create_future()
        if self._pauses is None:
            self._pauses = []
        self._pauses.append(future)
        timer = None if until is None else loop.call_at(until, _wake, future)
        try:
            await future
        finally:
            self._pauses.remove(future)
            if timer is not None:
                timer.cancel()

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = self.container.scheduler.loop
        until = loop.time() + min(seconds, LONGEST_SLEEP)
        while loop.time() < until:  # a child's end is no reason to get up
            await self._pause(until if seconds < LONGEST_SLEEP else None)

    async def breathe(self) -> None:
        await turns.breathe()

    def use_memory(self, size: int) -> None:
        self.container.memory.hold(self, PROCESS_MEMORY + max(size, 0))

    def use_cpu(self, cores: float) -> None:
        self.container.cpu.pretend(self, cores)

    # -- the network -------------------------------------------------------------------------------------------------

    @property
    def network(self) -> Namespace:
        return self.container.network

    async def resolve(self, name: str) -> list[str]:
        from minikube_edu.container_runtime.simulated.kernel.name_resolution import resolve

        return await resolve(self.container, name)

    def as_file(self, connection: Connection) -> OpenFile:
        from minikube_edu.container_runtime.simulated.kernel.connection_file import ConnectionFile

        return ConnectionFile(connection)


def _wake(pause: asyncio.Future[None]) -> None:
    if not pause.done():
        pause.set_result(None)


def _privileged(user: User, found: Found) -> User:
    """With a set-id file's owner or group; these users are one and the same here, real and effective."""
    if found.setuid < 0 and found.setgid < 0:
        return user
    uid = user.uid if found.setuid < 0 else found.setuid
    return User(uid, user.gid if found.setgid < 0 else found.setgid, user.groups)


async def _awaited(running: Awaitable[int]) -> int:
    return await running


async def _whole(file: OpenFile) -> bytes:
    pieces: list[bytes] = []
    while piece := await file.read(1 << 18):
        pieces.append(piece)
    return b"".join(pieces)
