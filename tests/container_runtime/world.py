"""A world for tests of simulated programs: one container, in which commands are run.

    async with world(files={"/etc/motd": b"hi"}, programs={"greet": greet}) as w:
        result = await w.run(["cat", "/etc/motd"], stdin=b"", env={"A": "1"}, user=1000)
        assert (result.stdout, result.stderr, result.code) == (b"hi", b"", 0)

Every tool of the table is in /bin; `tools=["cat", "ls"]` limits that, `programs` adds or replaces. A fault inside a
program (an exception that is not meant for it) fails the test at the end of the `async with`.

`w.start(argv)` gives a `Session` with a terminal: `type`, `expect`, `resize`, `hang_up`, `finished`.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from minikube_edu.cni.contract import Address, Connection, Datagrams, Listener, Namespace, Traffic
from minikube_edu.container_runtime.simulated.contract import OpenFile, Program, User
from minikube_edu.container_runtime.simulated.filesystem.device_tree import null
from minikube_edu.container_runtime.simulated.filesystem.layer import Entry, Layer, layer_of
from minikube_edu.container_runtime.simulated.filesystem.path_walk import KERNEL
from minikube_edu.container_runtime.simulated.kernel.container_files import ContainerMount
from minikube_edu.container_runtime.simulated.kernel.executable import executable
from minikube_edu.container_runtime.simulated.kernel.limits import Limits
from minikube_edu.container_runtime.simulated.kernel.machine import Machine
from minikube_edu.container_runtime.simulated.kernel.pipe import Pipe
from minikube_edu.container_runtime.simulated.kernel.process import KernelProcess
from minikube_edu.container_runtime.simulated.kernel.sink import Sink
from minikube_edu.container_runtime.simulated.kernel.software import Software
from minikube_edu.container_runtime.simulated.kernel.terminal import KernelTerminal
from minikube_edu.container_runtime.simulated.tools import table

ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "TERM": "xterm"}
USUAL: dict[str, bytes | str | Callable[[], bytes] | Entry] = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "/etc/hosts": "127.0.0.1\tlocalhost\n",
    "/etc/hostname": "box\n",
    "/root/": Entry(mode=0o700),
    "/tmp/": Entry(mode=0o1777),
    "/var/log/": Entry(),
    "/home/": Entry(),
}


@dataclass(frozen=True)
class Result:
    stdout: bytes
    stderr: bytes
    code: int  # as `$?` shows it
    signal: int = 0


class Session:
    """A command on a terminal."""

    def __init__(self, process: KernelProcess, terminal: KernelTerminal, machine: Machine) -> None:
        self.process = process
        self.terminal = terminal
        self.machine = machine
        self.output = bytearray()
        self._more = asyncio.Event()

    def heard(self, data: bytes) -> None:
        self.output += data
        self._more.set()

    def type(self, keys: str | bytes) -> None:
        self.terminal.type(keys.encode() if isinstance(keys, str) else keys)

    async def expect(self, text: str | bytes, timeout: float = 5) -> bytes:
        """Until the output holds `text`; returns and forgets what came up to its end."""
        wanted = text.encode() if isinstance(text, str) else text
        async with asyncio.timeout(timeout):
            while (at := self.output.find(wanted)) < 0:
                self._more.clear()
                await self._more.wait()
        seen = bytes(self.output[: at + len(wanted)])
        del self.output[: len(seen)]
        return seen

    def resize(self, columns: int, rows: int) -> None:
        self.terminal.resize(columns, rows)

    def hang_up(self) -> None:
        self.terminal.hang_up()

    async def finished(self) -> int:
        return (await self.machine.ended_of(self.process)).shell_code()


class World:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.faults: list[BaseException] = []
        machine.on_fault = lambda _, process, error: self.faults.append(error)

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | None = b"",
        env: Mapping[str, str] | None = None,
        user: int | User = 0,
        cwd: str = "/",
        timeout: float = 20,
    ) -> Result:
        """A command to its end. A command that is not there: code 127, and exec's words on stderr."""
        out, err = bytearray(), bytearray()
        try:
            process = self.spawn(argv, stdin=stdin, stdout=out, stderr=err, env=env, user=user, cwd=cwd)
        except OSError as error:
            return Result(b"", f"exec: {error.filename}: {error.strerror}\n".encode(), 127)
        async with asyncio.timeout(timeout):
            status = await self.machine.ended_of(process)
        return Result(bytes(out), bytes(err), status.shell_code(), status.signal)

    def spawn(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | None = b"",
        stdout: bytearray | None = None,
        stderr: bytearray | None = None,
        env: Mapping[str, str] | None = None,
        user: int | User = 0,
        cwd: str = "/",
    ) -> KernelProcess:
        """Start it and return. `stdin=None`: an input that never ends."""
        out = bytearray() if stdout is None else stdout
        err = out if stderr is None else stderr
        reader, writer = Pipe().ends()
        reader.pipe.feed(stdin or b"")
        if stdin is None:
            reader.pipe.writers += 1  # somebody who never comes to an end
        writer.release()
        files: dict[int, OpenFile] = {0: reader, 1: Sink(out.extend), 2: Sink(err.extend)}
        return self.machine.exec(argv, env={**ENV, **(env or {})}, cwd=cwd, user=_user(user), files=files)

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        user: int | User = 0,
        cwd: str = "/",
        columns: int = 80,
        rows: int = 24,
    ) -> Session:
        """On a terminal."""
        terminal = self.machine.open_terminal(lambda data: session.heard(data), columns, rows)
        process = self.machine.exec(argv, env={**ENV, **(env or {})}, cwd=cwd, user=_user(user), terminal=terminal)
        session = Session(process, terminal, self.machine)
        return session

    def read(self, path: str) -> bytes:
        """A file of the container, as its kernel sees it."""
        return self.machine.view.read_now(path, KERNEL)

    async def close(self) -> None:
        self.machine.kill()
        for _ in range(100):
            if not self.machine.own:
                break
            await asyncio.sleep(0)
        for process in list(self.machine.own.values()):
            if process.status is None and process.task is not None:
                await asyncio.wait([process.task], timeout=1)
        if self.faults:
            raise self.faults[0]


def _user(user: int | User) -> User:
    return user if isinstance(user, User) else User(user, user)


class NoNetwork:
    """The namespace of a container without a network: `lo` alone, and nobody there."""

    ips: Sequence[str] = ()
    gateway = ""
    prefix_length = 0
    mac = "00:00:00:00:00:00"

    def __init__(self) -> None:
        self.traffic = Traffic()

    async def connect(self, ip: str, port: int, timeout: float | None = None) -> Connection:
        raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))

    def listen(self, port: int, ip: str = "0.0.0.0") -> Listener:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))

    def datagrams(self, port: int = 0, ip: str = "0.0.0.0") -> Datagrams:
        raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))

    async def ping(self, ip: str, timeout: float = 1.0) -> float:
        raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))

    def listening(self) -> Sequence[tuple[str, Address]]:
        return ()


async def _idle(process: object) -> int:
    """Process 1 of the world: it adopts orphans, like a good init, and waits."""
    from minikube_edu.container_runtime.simulated.contract import Ignore, Process

    init = cast(Process, process)
    init.on_signal(17, Ignore)
    await init.sleep(float("inf"))
    return 0


def image(
    files: Mapping[str, bytes | str | Callable[[], bytes] | Entry] | None = None,
    names: Iterable[str] = (),
) -> Layer:
    tools: dict[str, bytes | str | Callable[[], bytes] | Entry] = {
        f"/bin/{name}": Entry(executable(name), 0o755) for name in names
    }
    return layer_of({**tools, **USUAL, **(files or {})})


@asynccontextmanager
async def world(
    files: Mapping[str, bytes | str | Callable[[], bytes] | Entry] | None = None,
    programs: Mapping[str, Program] | None = None,
    tools: Iterable[str] | None = None,
    network: Namespace | None = None,
    *,
    mounts: Sequence[ContainerMount] = (),
    limits: Limits | None = None,
    hostname: str = "box",
    bash: bool = False,
    packages: Mapping[str, Iterable[str]] | None = None,
    init: Program | None = None,
    readonly_root: bool = False,
    privileged: bool = False,
) -> AsyncIterator[World]:
    """A container with an idle process 1 (or `init`)."""
    own = dict(programs or {})
    names = {*(table.table() if tools is None else tools), *own}
    debian = bash and {"dash", "sh"} <= names - own.keys()
    linked = {"/bin/sh": Entry(target="dash", kind="symlink")} if debian else {}
    machine = Machine(
        image({**linked, **(files or {}), "/sbin/init": Entry(executable("init"), 0o755)}, sorted(names)),
        network=network if network is not None else NoNetwork(),
        id="c0ffee" + "0" * 58,
        hostname=hostname,
        image="docker.io/library/debian:12" if bash else "docker.io/library/busybox:1.36",
        limits=limits,
        software=Software({"init": init or _idle, **own}, packages or {}),
        mounts=mounts,
        shell_is_bash=bash,
        readonly_root=readonly_root,
        privileged=privileged,
    )
    made = World(machine)
    quiet = {number: Sink(lambda data: None) for number in (1, 2)}
    machine.start(["/sbin/init"], env=ENV, files={0: null(), **quiet})
    try:
        yield made
    finally:
        await made.close()
