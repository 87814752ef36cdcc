"""A seat's output, from the raw file that it writes to, into its container's log.

A seat must never wait for the runtime, and must not lose what it says while the runtime is away: so it writes to a file
of its own (appending), and the runtime reads after it, told by the kernel when there is more. How far it has read is
kept in a file beside it. What has been read is cut off now and then; a line written in the very moment of the cut may
be lost.
"""

from __future__ import annotations

import os
from pathlib import Path

from minikube_edu.container_runtime.simulated.outputs import Output
from minikube_edu.lib.directory_watch import DirectoryWatch

CUT = 4 << 20  # bytes
READ = 256 << 10


class SeatOutput:
    """One seat's raw file."""

    def __init__(self, path: Path, output: Output) -> None:
        self.path = path
        self.output = output
        self._mark = path.with_suffix(".read")
        try:
            self._offset = int.from_bytes(self._mark.read_bytes(), "big")
        except FileNotFoundError:
            self._offset = 0

    def open(self) -> int:
        """For the seat to write to."""
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def read(self) -> None:
        """What is new. Lines of a seat are all stderr's or all stdout's: a program's log is stderr."""
        try:
            size = os.stat(self.path).st_size
        except FileNotFoundError:
            return
        if size < self._offset:
            self._offset = 0
        if size == self._offset:
            return
        with open(self.path, "rb") as file:
            file.seek(self._offset)
            while data := file.read(READ):
                self._offset += len(data)
                self.output.show("stderr", data)
        if self._offset > CUT:
            os.truncate(self.path, 0)
            self._offset = 0
        self._mark.write_bytes(self._offset.to_bytes(8, "big"))


class SeatOutputs:
    """All raw files of a runtime, with one watch."""

    def __init__(self) -> None:
        self._followed: dict[str, SeatOutput] = {}  # by container
        self._watch: DirectoryWatch | None = None

    def follow(self, container_id: str, one: SeatOutput) -> None:
        self._followed[container_id] = one
        if self._watch is None:
            self._watch = DirectoryWatch(str(one.path.parent), self._changed)
        one.read()

    def leave(self, container_id: str) -> None:
        """The seat has ended: a last look."""
        one = self._followed.pop(container_id, None)
        if one is not None:
            one.read()
        if not self._followed:
            self.close()

    def _changed(self) -> None:
        for one in list(self._followed.values()):
            one.read()

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None
