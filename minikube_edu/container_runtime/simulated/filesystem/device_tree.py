"""/dev of a container: device nodes, and what is behind them.

The nodes are a layer that all containers share. `full` refuses writes, `random` and `urandom` give what the project's
generator gives: a simulation can be repeated.
"""

from __future__ import annotations

import errno
import stat

from minikube_edu.container_runtime.simulated.contract import OpenFile, Stat, failure
from minikube_edu.container_runtime.simulated.filesystem.layer import Entry, layer_of
from minikube_edu.container_runtime.simulated.filesystem.open_description import OpenDescription
from minikube_edu.container_runtime.simulated.filesystem.pace import pace
from minikube_edu.container_runtime.simulated.filesystem.tree import Access, Caller
from minikube_edu.lib import ids

NUMBERS = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "core": "/proc/kcore",
}
DEVICES = layer_of(
    {
        **{f"/{name}": Entry(kind="character", rdev=major << 8 | minor) for name, (major, minor) in NUMBERS.items()},
        **{f"/{name}": Entry(kind="symlink", target=target) for name, target in LINKS.items()},
        "/pts/": Entry(),
        "/shm/": Entry(mode=0o1777),
        "/mqueue/": Entry(mode=0o1777),
    }
)
LONGEST_READ = 1 << 20


class Device(OpenDescription):
    __slots__ = ("file", "kind")

    def __init__(self, kind: str, file: Stat, access: Access, name: str) -> None:
        super().__init__(name, access.read, access.write)
        self.kind = kind
        self.file = file

    async def read(self, size: int = 65536) -> bytes:
        if not self.readable:
            raise failure(errno.EBADF)
        await pace()
        size = min(size, LONGEST_READ)
        if self.kind == "null":
            return b""
        if self.kind in ("zero", "full"):
            return bytes(size)
        return ids.integer(0, (1 << 8 * size) - 1).to_bytes(size, "little")

    async def write(self, data: bytes) -> None:
        if not self.writable:
            raise failure(errno.EBADF)
        await pace()
        if self.kind == "full" and data:
            raise failure(errno.ENOSPC)

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def truncate(self, size: int) -> None:
        raise failure(errno.EINVAL)

    def stat(self) -> Stat:
        return self.file


def open_device(caller: Caller, file: Stat, access: Access, name: str) -> OpenFile:
    """ENXIO for a device that no driver knows."""
    number = (file.rdev >> 8, file.rdev & 0xFF)
    if number == (5, 0):
        if caller.terminal is None:
            raise failure(errno.ENXIO, name)
        return caller.terminal.retain()
    for kind, known in NUMBERS.items():
        if known == number:
            return Device(kind, file, access, name)
    raise failure(errno.ENXIO, name)


def null(read: bool = True, write: bool = True) -> OpenFile:
    """An open /dev/null, for a process that nobody listens to."""
    number = 1 << 8 | 3
    file = Stat(5, 51, stat.S_IFCHR | 0o666, 1, 0, 0, 0, 0.0, 0.0, 0.0, number)
    return Device("null", file, Access(read=read, write=write), "/dev/null")
