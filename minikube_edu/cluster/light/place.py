"""Where the light nodes of a cluster live: what their process is told, and what it tells.

HOME/light/
  count               how many there are to be; the process follows it
  gone                the numbers of those that were taken away again
  ready               how many are Ready
  client.crt, .key    who the process is: somebody who may act as any node
  server.crt, .key    what all nodes show on port 10250
  light-1/ …          the nodes' directories
"""

from __future__ import annotations

import os
from pathlib import Path

from minikube_edu.cluster.layout import Layout

UNIT = "light-nodes"
PREFIX = "light-"  # of their names
USER = "minikube-edu:light-nodes"
REAL_NODES, MOST_REAL = 3, 8  # `up --nodes N`: machines, all of them or the first three


def split(wanted: int) -> tuple[int, int]:
    """(machines, light nodes) of `up --nodes wanted`"""
    return (wanted, 0) if wanted <= MOST_REAL else (REAL_NODES, wanted - REAL_NODES)


class LightPlace:
    def __init__(self, layout: Layout) -> None:
        self.root = layout.light
        self.client = (self.root / "client.crt", self.root / "client.key")
        self.server = (self.root / "server.crt", self.root / "server.key")

    @property
    def count(self) -> int:
        return _number(self.root / "count")

    @count.setter
    def count(self, number: int) -> None:
        _write(self.root / "count", number)

    @property
    def gone(self) -> frozenset[int]:
        try:
            return frozenset(map(int, (self.root / "gone").read_text().split()))
        except (OSError, ValueError):
            return frozenset()

    @gone.setter
    def gone(self, numbers: frozenset[int]) -> None:
        _write(self.root / "gone", " ".join(map(str, sorted(numbers))))

    @property
    def wanted(self) -> int:
        """How many there are to be in all."""
        return self.count - len(self.gone)

    @property
    def ready(self) -> int:
        return _number(self.root / "ready")

    @ready.setter
    def ready(self, number: int) -> None:
        _write(self.root / "ready", number)


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _write(path: Path, number: int | str) -> None:
    """At once, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(f"{number}\n")
    os.replace(temporary, path)
