"""What a simulated program sees of its machine: the system calls.

A program is `async def main(process: Process) -> int`: it reads its arguments from `process.argv`, uses the process's
files, clock, network and children, and returns its exit code. It never touches the host: no `open`, no `os`, no
`socket`, no `time`. It must never hold the loop for long: whoever loops without awaiting calls
`await process.breathe()` (cheap: it yields only when the time slice is used up).

Failures of files and processes are Python's OSError with the errno and the path of the real call (FileNotFoundError is
ENOENT, …); `reason(error)` gives the words that C's strerror has. `Exited` and `Killed` are raised by the kernel
through a program and must not be caught; `finally` blocks run.

Paths in these calls are what the program says: relative ones are resolved against `process.cwd`, in the container's
root, with the process's user and its permissions.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from msgspec import Struct, field

from minikube_edu.cni.contract import Connection, Namespace

T = TypeVar("T")


class Exited(BaseException):
    """`process.exit(code)` was called."""

    def __init__(self, code: int) -> None:
        self.code = code


class Killed(asyncio.CancelledError):
    """A signal ended the process. A CancelledError, so that timeouts and task groups in programs clean up after it."""

    def __init__(self, signal: int) -> None:
        self.signal = signal


def reason(error: OSError) -> str:
    """`No such file or directory`, whatever the host's language is."""
    return os.strerror(error.errno) if error.errno else str(error)


def failure(number: int, path: str | None = None) -> OSError:
    """The OSError of an errno."""
    return OSError(number, os.strerror(number), path) if path is not None else OSError(number, os.strerror(number))


class Stat(Struct, frozen=True):
    inode: int
    device: int
    mode: int  # type and permissions, as in stat(2)
    links: int
    uid: int
    gid: int
    size: int
    atime: float
    mtime: float
    ctime: float
    rdev: int = 0


class FilesystemStat(Struct, frozen=True):
    source: str  # overlay, tmpfs, /dev/sda1
    type: str
    mountpoint: str
    options: str
    total_bytes: int
    used_bytes: int
    total_inodes: int = 0
    used_inodes: int = 0


class OpenFile(Protocol):
    """An open file description: a file, a directory's handle, a pipe's end, a terminal, a connection, /dev/null.

    Shared by whoever inherits it; `retain` and `release` count the holders, the last release closes it.
    """

    name: str  # for /proc/PID/fd and messages: a path, pipe:[7], /dev/pts/0
    readable: bool
    writable: bool

    async def read(self, size: int = 65536) -> bytes:
        """b'' at the end. A pipe or terminal waits until there is something."""

    async def write(self, data: bytes) -> None:
        """All of it; a pipe waits for its reader. EPIPE when none is left, ENOSPC when the file system is full."""

    def seek(self, offset: int, whence: int = 0) -> int:
        """ESPIPE on what has no position."""

    def truncate(self, size: int) -> None: ...

    def stat(self) -> Stat: ...

    def is_terminal(self) -> bool: ...

    def retain(self) -> OpenFile: ...

    def release(self) -> None: ...


class Terminal(OpenFile, Protocol):
    """The program's side of a terminal (cooked mode by default: echo, erase, ^C, ^D)."""

    columns: int
    rows: int
    foreground: int  # the process group that ^C, ^\\ and ^Z go to; a shell with job control sets it

    def set_raw(self, raw: bool) -> None:
        """Bytes as typed, no echo, no signals: vi, top."""


class Status(Struct, frozen=True):
    """How a process ended."""

    code: int = 0
    signal: int = 0
    stopped: int = 0  # by this signal, and not ended at all: only for those who ask `wait` for it

    def shell_code(self) -> int:
        """What `$?` shows: 128 plus the signal's number."""
        return 128 + (self.signal or self.stopped) if self.signal or self.stopped else self.code


class User(Struct):
    uid: int = 0
    gid: int = 0
    groups: Sequence[int] = ()


Program = Callable[["Process"], Awaitable[int]]
Handler = Callable[[int], None]  # told the signal's number, in the loop's turn in which it arrives


class Default:
    """The signal's own action."""


class Ignore:
    """The signal does nothing."""


class Process(Protocol):
    pid: int  # in the container's process namespace: the first is 1
    parent_pid: int
    group: int  # process group, for ^C and kill -PGID
    name: str  # comm: the program's own name
    argv: list[str]
    env: dict[str, str]
    cwd: str
    umask: int
    user: User
    started_at: float
    files: dict[int, OpenFile]  # 0, 1, 2 and whatever else is open
    container: ContainerWorld

    # the three that everybody uses; BrokenPipe ends the process with SIGPIPE, as in life
    @property
    def stdin(self) -> OpenFile: ...

    @property
    def stdout(self) -> OpenFile: ...

    @property
    def stderr(self) -> OpenFile: ...

    async def print(self, text: str, end: str = "\n") -> None:
        """To stdout, as UTF-8 (surrogateescape)."""

    async def complain(self, text: str) -> None:
        """`name: text` and a newline, to stderr."""

    async def lines(self, source: OpenFile | None = None) -> list[bytes]:
        """All lines of a file (stdin), each with its newline."""

    # files
    def open(self, path: str, flags: str = "r", mode: int = 0o666) -> OpenFile:
        """`flags` as in fopen: r, r+, w, w+, a, a+, x (exclusive). EISDIR, EACCES, EROFS, ENOTDIR, ELOOP, …"""

    async def read_file(self, path: str) -> bytes: ...

    async def write_file(self, path: str, data: bytes, mode: int = 0o666, append: bool = False) -> None: ...

    def stat(self, path: str) -> Stat: ...

    def lstat(self, path: str) -> Stat: ...

    def access(self, path: str, wanted: int) -> bool:
        """os.R_OK | W_OK | X_OK; root may all but execute what nobody may."""

    def listdir(self, path: str) -> list[str]:
        """Without . and .., in the order of their making."""

    def mkdir(self, path: str, mode: int = 0o777) -> None: ...

    def rmdir(self, path: str) -> None: ...

    def unlink(self, path: str) -> None: ...

    def rename(self, old: str, new: str) -> None: ...

    def symlink(self, target: str, path: str) -> None: ...

    def link(self, old: str, new: str) -> None: ...

    def mkfifo(self, path: str, mode: int = 0o666) -> None: ...

    def readlink(self, path: str) -> str: ...

    def realpath(self, path: str) -> str: ...

    def chmod(self, path: str, mode: int) -> None: ...

    def chown(self, path: str, uid: int, gid: int, follow: bool = True) -> None: ...

    def utime(self, path: str, atime: float, mtime: float) -> None: ...

    def statfs(self, path: str) -> FilesystemStat: ...

    def mounts(self) -> list[FilesystemStat]: ...

    def chdir(self, path: str) -> None: ...

    def pipe(self) -> tuple[OpenFile, OpenFile]:
        """(reader, writer)"""

    # processes
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
    ) -> Process:
        """fork and exec. `argv[0]` without a slash is looked for in PATH; ENOENT, EACCES, ENOEXEC (a file that is no
        program and has no #!). With `program` nothing is looked up: that coroutine is the child (a subshell). The child
        gets this process's files, or exactly `files`; each is retained, and released at its end."""

    async def exec(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> int:
        """Become another program, with the same pid and files; returns its exit code, to be returned at once."""

    async def wait(self, child: Process | None = None, stopped: bool = False) -> tuple[Process, Status]:
        """Reap a child (the next of any, without an argument): ECHILD when there is none. Ends early, with
        InterruptedError, when a signal with a handler arrives. With `stopped`, a child that ^Z or SIGSTOP has stopped
        is told as well, once for each stop; it stays a child."""

    def children(self) -> list[Process]: ...

    def thread(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work beside the program's own, as a thread: counted, stopped and throttled with the process, and cancelled
        when the process ends. A task that a program makes without this is nobody's, and outlives it. `exit` in a thread
        ends the whole process."""

    @property
    def status(self) -> Status | None:
        """None while it runs."""

    def kill(self, pid: int, signal: int) -> None:
        """A pid, or minus a group; ESRCH, EPERM. Signal 0 only asks. Process 1 gets only what it has a handler for."""

    def on_signal(self, signal: int, handler: Handler | type[Default] | type[Ignore]) -> None: ...

    def exit(self, code: int) -> None:
        """Raises Exited."""

    # time and power
    async def sleep(self, seconds: float) -> None:
        """Ends early, with InterruptedError, when a signal with a handler arrives."""

    async def breathe(self) -> None:
        """A step of work was done: yields when the time slice is used, and waits while the container is throttled."""

    def use_memory(self, size: int) -> None:
        """Pretend to hold `size` bytes from now on; beyond the container's limit its biggest process is killed."""

    def use_cpu(self, cores: float) -> None:
        """Pretend to burn `cores` from now on (0: stop), until the process ends; shows in statistics and is cut at the
        limit."""

    # the network
    @property
    def network(self) -> Namespace: ...

    async def resolve(self, name: str) -> list[str]:
        """Addresses of a host name, as libc does it: /etc/hosts, then the servers of /etc/resolv.conf."""

    def as_file(self, connection: Connection) -> OpenFile:
        """A connection in the clothes of a file: for nc, exec 3<>/dev/tcp/…"""


class ContainerWorld(Protocol):
    """The container around a process: what /proc, ps, df, hostname and id look at."""

    id: str
    hostname: str
    image: str
    shell_is_bash: bool
    memory_limit: int  # bytes, 0: none
    cpu_limit: float  # cores, 0: none
    host_cpus: int
    host_memory: int
    privileged: bool
    capabilities: frozenset[str]

    @property
    def processes(self) -> Mapping[int, Process]:
        """By pid: those that this container can see (all of the pod's with a shared process namespace)."""

    def memory_used(self) -> int: ...

    def cpu_seconds(self, pid: int | None = None) -> float:
        """Used since the beginning, by one process or by all."""

    def installable(self, package: str) -> Iterable[str] | None:
        """Which commands `apt-get install PACKAGE` would bring; None: no such package."""

    def install(self, package: str) -> None: ...

    def program_of(self, command: str) -> Program | None:
        """The tool or image program of this name, if this image could have it at all."""

    @property
    def notes(self) -> dict[str, object]:
        """Where the programs of one container keep what they share (a server's tables, a package manager's state)."""


class ImageProgram(Struct):
    """What an image adds beside the usual tools: path -> program, and files."""

    programs: Mapping[str, Program] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


EPIPE = errno.EPIPE
