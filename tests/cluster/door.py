"""A cluster of one test: its own home, its own port, and the certainty that nothing of it is left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minikube_edu.cluster import control_plane
from minikube_edu.cluster.layout import Layout

ROOT = Path(__file__).parent.parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@dataclass
class Door:
    """`minikube-edu …` with a home of its own."""

    home: Path
    port: int

    @property
    def layout(self) -> Layout:
        return Layout(self.home)

    def run(self, *words: str, given: str = "", status: int = 0, either: bool = False, both: bool = False) -> str:
        """Standard output; or, when it is to fail, standard error. `either`: whatever the exit code; `both`: standard
        error as well."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "MINIKUBE_EDU_HOME": str(self.home), "COLUMNS": "200"}
        environment.pop("ETCDCTL_ENDPOINTS", None)
        done = subprocess.run(
            [sys.executable, "-m", "minikube_edu", *words],
            env=environment, input=given, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert either or done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
        if both:
            return done.stdout + done.stderr
        return done.stdout if status == 0 else done.stderr

    def up(self, *words: str, bare: bool = True) -> str:
        return self.run("up", *(["--bare"] if bare else []), f"--port={self.port}", *words)

    def pids(self) -> dict[str, int]:
        """Of all seats that run; those of nodes are called NODE/SEAT."""
        seats = control_plane.status(self.layout) if self.layout.exists() else []
        return {f"{seat.node}/{seat.name}" if seat.node else seat.name: seat.pid for seat in seats if seat.pid}

    def kill(self, seat: str) -> int:
        """SIGKILL, as a crash or an impatient user would."""
        pid = self.pids()[seat]
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        return pid

    def stored(self, key: str) -> Any:
        """An object as it lies in the store."""
        return json.loads(self.run("etcdctl", "get", key, "--print-value-only"))


@contextmanager
def cluster(*words: str, up: bool = True, bare: bool = True) -> Iterator[Door]:
    """A cluster that is gone afterwards: no process of it is left, whoever has started it."""
    with tempfile.TemporaryDirectory(prefix="door-") as directory:
        door = Door(Path(directory) / "home", free_port())
        seen: set[int] = set()
        try:
            if up:
                door.up(*words, bare=bare)
            yield door
            seen |= set(door.pids().values())
        finally:
            seen |= set(door.pids().values())
            door.run("reset")
        left = [pid for pid in seen if alive(pid)]
        assert not left, f"still running: {left}"
        assert not door.home.exists()
