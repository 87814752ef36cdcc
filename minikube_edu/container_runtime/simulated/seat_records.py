"""What a restarted runtime must know of its seats: their sandboxes and containers, one JSON file each.

Simulated containers live in the runtime's memory and end with it, as all containers of a rebooted node do. Seats are
processes of the host and outlive it; their records are in NODE/var/lib/containerd/minikube-edu/, beside their raw
output.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from minikube_edu.container_runtime.codec import dump, reader
from minikube_edu.container_runtime.cri import Container, Sandbox


class SeatRecords:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def output_of(self, container_id: str) -> Path:
        return self._folder("output") / f"{container_id}.raw"

    def _folder(self, name: str) -> Path:
        folder = self.directory / name
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    @property
    def outputs(self) -> Path:
        return self._folder("output")

    def write_sandbox(self, sandbox: Sandbox) -> None:
        self._write(self._folder("sandboxes") / sandbox.id, sandbox)

    def write_container(self, container: Container) -> None:
        self._write(self._folder("containers") / container.id, container)

    def _write(self, path: Path, value: object) -> None:
        temporary = path.with_suffix(".new")
        temporary.write_bytes(dump(value))
        os.replace(temporary, path)

    def sandboxes(self) -> Iterator[Sandbox]:
        return self._read("sandboxes", Sandbox)

    def containers(self) -> Iterator[Container]:
        return self._read("containers", Container)

    def _read(self, name: str, kind: Any) -> Iterator[Any]:
        folder = self.directory / name
        if not folder.is_dir():
            return
        read = reader(kind)
        for file in sorted(folder.iterdir()):
            if file.suffix == ".new":
                continue
            try:
                yield read(orjson.loads(file.read_bytes()))
            except (ValueError, TypeError, KeyError):
                file.unlink()  # a half-written record of a crash: nobody can use it

    def forget_sandbox(self, sandbox_id: str) -> None:
        with contextlib.suppress(OSError):
            (self.directory / "sandboxes" / sandbox_id).unlink()

    def forget_container(self, container_id: str) -> None:
        raw = self.directory / "output" / f"{container_id}.raw"
        for path in (self.directory / "containers" / container_id, raw, raw.with_suffix(".read")):
            with contextlib.suppress(OSError):
                path.unlink()
