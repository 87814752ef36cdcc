"""What the next runtime of this node must know of the simulated containers of this one: a line for each change.

NODE/var/lib/containerd/minikube-edu/journal: JSON lines, appended as things happen, so that a runtime that is killed
has written all that matters. A later line says what has changed since an earlier one:

    {"sandbox": {…}}  {"container": {…}}  {"id": "…", "now": {"state": "RUNNING", …}}  {"gone": "…"}

The next runtime reads it once and begins a new one with what is left. One that has grown long for the little that is
left is begun anew, too. (containerd keeps its metadata in a database, below /var/lib/containerd.)
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from minikube_edu.container_runtime.codec import dump, reader
from minikube_edu.container_runtime.cri import Container, ContainerEvent, EventType, Sandbox

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.record import ContainerRecord
    from minikube_edu.container_runtime.simulated.sandboxes import SimulatedSandbox

log = logging.getLogger(__name__)
CHANGES = ("state", "started_at", "finished_at", "exit_code", "signal", "reason", "message", "user")
LONG = 5000  # lines that are never too many
TIMES = 20  # lines for each thing that is left: more are too many
MOST = 1000  # things that are written anew while others wait


class Journal:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.sandbox: Callable[[str], SimulatedSandbox | None] = lambda id: None  # the runtime's tables
        self.container: Callable[[str], ContainerRecord | None] = lambda id: None
        self._file: io.FileIO | None = None
        self._closed = False
        self._lines = 0
        self._known: set[str] = set()

    # -- writing -----------------------------------------------------------------------------------------------------

    def heard(self, event: ContainerEvent) -> None:
        """A life sign."""
        id = event.container_id
        if event.type is EventType.DELETED:
            if id in self._known:
                self._known.discard(id)
                self._append({"gone": id})
        elif id == event.sandbox_id:
            sandbox = self.sandbox(id)
            if sandbox is not None and event.type is EventType.CREATED:
                self._know(id, {"sandbox": sandbox.status()})
            elif sandbox is not None and id in self._known and event.type is EventType.STOPPED:
                self._append({"id": id, "now": {"state": sandbox.state}})
        else:
            container = self.container(id)
            if container is not None and event.type is EventType.CREATED and container.simulated:
                self._know(id, {"container": container.status()})
            elif container is not None:
                self.changed(container)

    def changed(self, container: ContainerRecord) -> None:
        if container.id in self._known:
            status = container.status()
            self._append({"id": container.id, "now": {field: getattr(status, field) for field in CHANGES}})

    def _know(self, id: str, line: dict[str, object]) -> None:
        self._known.add(id)
        self._append(line)

    def _append(self, line: dict[str, object]) -> None:
        if self._closed:
            return
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115  # kept open, closed with the runtime
            self._file.write(dump(line) + b"\n")
        except OSError as error:  # a disk that is full is no reason to run no containers
            log.error("the runtime's journal cannot be written: %s", error)
            self.close()
            return
        self._lines += 1
        if self._lines > LONG + TIMES * len(self._known) and len(self._known) < MOST:
            self._shorten()

    def _shorten(self) -> None:
        sandboxes = [found for id in self._known if (found := self.sandbox(id)) is not None]
        containers = [one for id in self._known if (one := self.container(id)) is not None]
        self.begin([one.status() for one in sandboxes], [one.status() for one in containers])

    def close(self) -> None:
        """Nothing that happens from now on is told: what runs, runs as far as the next runtime knows."""
        self._closed = True
        if self._file is not None:
            self._file.close()
            self._file = None

    # -- reading -----------------------------------------------------------------------------------------------------

    def read(self) -> tuple[list[Sandbox], list[Container]]:
        """As it was when the runtime before ended."""
        sandboxes: dict[str, dict[str, Any]] = {}
        containers: dict[str, dict[str, Any]] = {}
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return [], []
        for text in lines:
            try:
                line = orjson.loads(text)
            except ValueError:
                continue  # the last one: the runtime was killed while it wrote it
            for kind, found in (("sandbox", sandboxes), ("container", containers)):
                if kind in line:
                    found[line[kind]["id"]] = line[kind]
                elif "id" in line and line["id"] in found:
                    found[line["id"]].update(line["now"])
                elif "gone" in line:
                    found.pop(line["gone"], None)
        return [*_values(Sandbox, sandboxes.values())], [*_values(Container, containers.values())]

    def begin(self, sandboxes: Iterable[Sandbox], containers: Iterable[Container]) -> None:
        """A new journal, in which these are known."""
        lines: dict[str, bytes] = {one.id: dump({"sandbox": one}) for one in sandboxes}
        lines |= {one.id: dump({"container": one}) for one in containers}
        if self._file is not None:
            self._file.close()
            self._file = None
        self._known, self._lines = set(lines), len(lines)
        if not lines:
            self.path.unlink(missing_ok=True)
            return
        temporary = self.path.with_suffix(".new")
        temporary.write_bytes(b"".join(line + b"\n" for line in lines.values()))
        os.replace(temporary, self.path)


def _values(kind: Any, found: Iterable[dict[str, Any]]) -> Iterable[Any]:
    read = reader(kind)
    for one in found:
        try:
            yield read(one)
        except (ValueError, TypeError, KeyError):
            continue  # of another version of this project
