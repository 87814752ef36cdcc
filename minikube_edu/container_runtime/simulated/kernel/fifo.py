"""A named pipe: those who open the same inode hold the ends of one pipe.

A real open(2) waits for the other side; here opening returns at once and the first read or write waits instead, which
programs cannot tell apart. Of a fifo on the node's disk the content is the kernel's as well: the host's fifo is never
opened.
"""

from __future__ import annotations

import weakref

from minikube_edu.container_runtime.simulated.contract import OpenFile, Stat
from minikube_edu.container_runtime.simulated.filesystem.memory_tree import MemoryTree
from minikube_edu.container_runtime.simulated.filesystem.tree import Access, Tree
from minikube_edu.container_runtime.simulated.kernel.pipe import Pipe, PipeEnd


class Fifo(Pipe):
    __slots__ = ("__weakref__", "file", "read_opens", "write_opens")

    def __init__(self, file: Stat) -> None:
        super().__init__()
        self.file = file
        self.read_opens = 0
        self.write_opens = 0

    def stat(self) -> Stat:
        return self.file


# While somebody holds an end. The key of a tree in memory is its identity: the ends keep it alive
_open: weakref.WeakValueDictionary[tuple[int, int], Fifo] = weakref.WeakValueDictionary()


class FifoEnd(PipeEnd):
    __slots__ = ("_fifo", "_met", "_tree")

    def __init__(self, tree: Tree, fifo: Fifo, access: Access, name: str) -> None:
        self._fifo = fifo
        self._tree = tree
        fifo.read_opens += access.read
        fifo.write_opens += access.write
        super().__init__(fifo, access.read, access.write, name)
        self._met = access.read and access.write
        fifo.wake()

    async def read(self, size: int = 65536) -> bytes:
        fifo = self._fifo
        opens = fifo.write_opens if not fifo.writers else -1
        while not self._met and not fifo.holds() and not fifo.writers and fifo.write_opens == opens:
            await fifo.wait_for_writer()
        self._met = True
        return await super().read(size)

    async def write(self, data: bytes) -> None:
        fifo = self._fifo
        while not self._met and not fifo.readers:
            await fifo.wait_for_reader()
        self._met = True
        await super().write(data)


def open_fifo(tree: Tree, file: Stat, access: Access, name: str) -> OpenFile:
    key = (id(tree) if isinstance(tree, MemoryTree) else tree.device, file.inode)
    fifo = _open.get(key)
    if fifo is None:
        fifo = _open[key] = Fifo(file)
    return FifoEnd(tree, fifo, access, name)
