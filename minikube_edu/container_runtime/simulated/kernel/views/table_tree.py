"""A generated tree out of a table: path -> what makes the file's text of a machine."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import failure
from minikube_edu.container_runtime.simulated.filesystem.generated_tree import GeneratedTree
from minikube_edu.container_runtime.simulated.filesystem.tree import Caller

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.machine import Machine

Makers = Mapping[str, "Callable[[Machine], str]"]


def directories(paths: Mapping[str, object]) -> dict[str, list[str]]:
    """Directory -> its entries, of a set of paths."""
    found: dict[str, list[str]] = {"": []}
    for path in paths:
        parts = path.split("/")
        for depth, name in enumerate(parts):
            above = "/".join(parts[:depth])
            entries = found.setdefault(above, [])
            if name not in entries:
                entries.append(name)
    return found


class TableTree(GeneratedTree):
    """A static table. `empty` are directories without files: mount points."""

    __slots__ = ("_directories", "device", "machine", "makers", "source", "type")

    def __init__(
        self, machine: Machine, makers: Makers, shape: dict[str, list[str]], type: str, source: str, device: int
    ) -> None:
        self.machine = machine
        self.makers = makers
        self._directories = shape
        self.type = type
        self.source = source
        self.device = device

    def names(self, node: str, caller: Caller | None) -> list[str] | None:
        found = self._directories.get(node)
        return None if found is None else list(found)

    def exists(self, node: str, caller: Caller | None) -> bool:
        return node in self.makers

    def content(self, node: str, caller: Caller | None) -> bytes | None:
        maker = self.makers.get(node)
        return None if maker is None else maker(self.machine).encode()

    def put(self, node: str, data: bytes, caller: Caller | None) -> None:
        raise failure(errno.EPERM)
