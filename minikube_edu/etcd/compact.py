"""Automatic compaction: forget old revisions by age or by number, as etcd's --auto-compaction-mode says.

`periodic` keeps `retention` seconds of history: it notes the revision now and then, and compacts to the one that was
current that long ago. `revision` keeps the last `retention` revisions, looking every five minutes. One timer, only
when it is on. (kube-apiserver compacts on its own, every five minutes; where it does, this can stay off, as it is by
default.)
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from typing import Literal, Protocol

from minikube_edu.etcd.contract import Compacted, StoreError
from minikube_edu.lib import clock

log = logging.getLogger(__name__)

Mode = Literal["periodic", "revision"]
LOOK_EVERY = 300.0


class Compactable(Protocol):
    @property
    def revision(self) -> int: ...
    async def compact(self, revision: int, physical: bool = False) -> int: ...


class AutoCompaction:
    def __init__(self, mode: Mode, retention: float) -> None:
        """`retention` in seconds (periodic) or in revisions (revision)."""
        self.mode = mode
        self.retention = retention
        # etcd: an hour at most between two compactions, and never more often than the retention itself.
        self.every = LOOK_EVERY if mode == "revision" else min(retention, 3600.0)
        self._noted: deque[tuple[float, int]] = deque()
        self._task: asyncio.Task[None] | None = None

    def start(self, store: Compactable) -> None:
        self._task = asyncio.create_task(self._run(store), name="etcd automatic compaction")

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self, store: Compactable) -> None:
        while True:
            self._noted.append((clock.monotonic(), store.revision))
            await asyncio.sleep(self.every)
            revision = self._due(store.revision)
            if revision > 0:
                await self._compact(store, revision)

    def _due(self, current: int) -> int:
        """The revision to compact to, 0 for none."""
        if self.mode == "revision":
            return max(0, current - int(self.retention))
        revision, before = 0, clock.monotonic() - self.retention * 0.999
        while self._noted and self._noted[0][0] <= before:
            revision = self._noted.popleft()[1]
        return revision

    async def _compact(self, store: Compactable, revision: int) -> None:
        try:
            await store.compact(revision)
        except Compacted:
            pass  # nothing was written, or somebody else was quicker
        except StoreError as error:
            log.error("automatic compaction failed: %s", error)


def parse_retention(mode: str, text: str) -> AutoCompaction | None:
    """What --auto-compaction-mode and --auto-compaction-retention mean; None for off, ValueError for nonsense."""
    if mode not in ("periodic", "revision"):
        raise ValueError(f"undefined auto-compaction-mode ({mode}), expected 'periodic' or 'revision'")
    if re.fullmatch(r"\d+", text):
        number = int(text)
        seconds = number * 3600.0  # periodic: a bare number is hours
        if number == 0:
            return None
        return AutoCompaction("revision", number) if mode == "revision" else AutoCompaction("periodic", seconds)
    if mode == "revision":
        raise ValueError(f'invalid value "{text}" for flag -auto-compaction-retention: not a number of revisions')
    seconds = parse_duration(text)
    return AutoCompaction("periodic", seconds) if seconds else None


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def parse_duration(text: str) -> float:
    """Go's way to write a duration (1h30m), in seconds."""
    if not re.fullmatch(r"(\d+(\.\d+)?(h|ms|m|s))+", text):
        raise ValueError(f'time: invalid duration "{text}"')
    return sum(float(n) * _UNITS[unit] for n, _, unit in re.findall(r"(\d+(\.\d+)?)(h|ms|m|s)", text))
