"""What is remembered about a pod shape: the local plugins' verdicts and scores, a column each, a row per node.

A row is filled when it is first asked for, and emptied when its node changes. After a pod of a Deployment was put on a
node, only that node's row is worked out again for the next one.
"""

from __future__ import annotations

from typing import Any, Final

from minikube_edu.kube_scheduler.cluster import Cluster
from minikube_edu.kube_scheduler.framework import Status

UNKNOWN: Final = Status(code=-1)  # type: ignore[arg-type]  # no verdict yet: never leaves this package


class Verdicts:
    def __init__(self, cluster: Cluster, raw: list[str]) -> None:
        self._cluster = cluster
        self.filters: list[Status | None] = []  # by slot: UNKNOWN, None for "fits", or why not
        self.sums: list[int | None] = []  # weighted sum of the local scores that need no normalizing
        self.raw: dict[str, list[int | None]] = {name: [] for name in raw}  # the others, by plugin
        self._epoch = -1
        self._position = 0

    def refresh(self) -> None:
        """Empty the rows of the nodes that have changed since last time."""
        cluster = self._cluster
        size, changes = len(cluster.by_slot), cluster.changes
        if self._epoch != cluster.epoch or len(self.filters) != size or len(changes) - self._position > size:
            self.filters = [UNKNOWN] * size
            self.sums = [None] * size
            self.raw = {name: [None] * size for name in self.raw}
        elif self._position < len(changes):
            columns: list[list[Any]] = [self.sums, *self.raw.values()]
            for node in changes[self._position :]:
                self.filters[node.slot] = UNKNOWN
                for column in columns:
                    column[node.slot] = None
        self._epoch, self._position = cluster.epoch, len(changes)
