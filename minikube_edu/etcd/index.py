"""The index in memory: where the newest version of each key is, and the numbers a condition asks for.

Values stay in the file. For each key there is one small tuple (`Head`); so a compare never touches the file, and a
range reads exactly the rows that it answers with. A key that was deleted leaves a *grave*, the id of its deletion,
until that is compacted away: a key that is born again links to it, so that its history stays one chain.

Changes belong to a group commit that may fail: `rollback` undoes what was done since the last `commit`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from minikube_edu.etcd.keys import SortedKeys

PLACE_BITS = 24  # a row's id is its revision and, below, its place in the transaction: 16 million changes fit into one


class Head(NamedTuple):
    """A version without its value."""

    key: bytes
    id: int
    create_revision: int
    version: int
    lease: int

    @property
    def mod_revision(self) -> int:
        return self.id >> PLACE_BITS


class Index:
    def __init__(self, rows: Iterable[Head] = ()) -> None:
        """`rows` in order of their ids; a row of version 0 is a deletion."""
        self.heads: dict[bytes, Head] = {}
        self.graves: dict[bytes, int] = {}  # in order of their ids
        self.attached: dict[int, set[bytes]] = {}
        self._undo: list[tuple[bytes, Head | None, int]] = []
        for head in rows:
            self.graves.pop(head.key, None)
            if head.version:
                self.heads[head.key] = head
            else:
                self.heads.pop(head.key, None)
                self.graves[head.key] = head.id
        self.keys = SortedKeys(self.heads)
        for head in self.heads.values():
            if head.lease:
                self.attached.setdefault(head.lease, set()).add(head.key)

    def put(self, head: Head) -> int:
        """Make this the newest version; returns the id of the one before it, 0 if there was none."""
        before = self.heads.get(head.key)
        grave = 0 if before else self.graves.pop(head.key, 0)
        self._undo.append((head.key, before, grave))
        self._set(head.key, before, head)
        return before.id if before else grave

    def delete(self, before: Head, id: int) -> None:
        self._undo.append((before.key, before, 0))
        self._set(before.key, before, None)
        self.graves[before.key] = id

    def _set(self, key: bytes, before: Head | None, after: Head | None) -> None:
        if after is None:
            del self.heads[key]
            self.keys.remove(key)
        else:
            self.heads[key] = after
            if before is None:
                self.keys.add(key)
        old, new = before.lease if before else 0, after.lease if after else 0
        if old != new:
            if old:
                self.attached[old].discard(key)
                if not self.attached[old]:
                    del self.attached[old]
            if new:
                self.attached.setdefault(new, set()).add(key)

    def commit(self) -> None:
        self._undo.clear()

    def rollback(self) -> None:
        for key, before, grave in reversed(self._undo):
            now = self.heads.get(key)
            if now is not before:
                self._set(key, now, before)
            self.graves.pop(key, None)
            if grave:
                self.graves[key] = grave
        self._undo.clear()

    def bury(self, id: int) -> None:
        """Forget the graves older than `id`: their rows are compacted away."""
        self.graves = {key: grave for key, grave in self.graves.items() if grave >= id}
