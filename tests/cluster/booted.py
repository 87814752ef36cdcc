"""A cluster whose nodes boot, of one test: its own home and ports, typed at as a student does, and gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from minikube_edu.cluster import kubeadm_way, nodes
from minikube_edu.cluster.door import Door as ApiDoor
from minikube_edu.cluster.layout import Layout
from minikube_edu.cluster.machine import starter
from minikube_edu.cluster.nodes import Node
from minikube_edu.lib.machine.calls import NoMachine
from minikube_edu.lib.machine.socket_path import reachable
from tests import host_processes
from tests.cluster.door import ROOT, free_port

Found = TypeVar("Found")


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass
class Booted:
    """`minikube-edu …` with a home of its own."""

    home: Path
    port: int
    _api: ApiDoor | None = field(default=None, repr=False)

    @property
    def layout(self) -> Layout:
        return Layout(self.home)

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("MINIKUBE_EDU", "KUBECONFIG"))}
        return {**kept, "PYTHONPATH": str(ROOT), "MINIKUBE_EDU_HOME": str(self.home), "COLUMNS": "200"}

    def open(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "minikube_edu", *words], env=self.environment, text=True, **more
        )  # fmt: skip

    def say(self, *words: str, given: str = "", timeout: float = 90) -> Said:
        with self.open(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                out, err = process.communicate(given, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Said(process.returncode, out, err)

    def run(self, *words: str, given: str = "") -> str:
        said = self.say(*words, given=given)
        assert said.code == 0, (words, said)
        return said.out

    def up(self, *words: str) -> str:
        return self.run("up", f"--port={self.port}", *words)

    def typed(self, command: str, node: str = "") -> Said:
        """In `minikube-edu shell`, as a course types it."""
        return self.say("shell", *([node] if node else []), "-c", command)

    def type(self, command: str, node: str = "") -> str:
        said = self.typed(command, node)
        assert said.code == 0, (command, said)
        return said.out

    # what can be seen
    def node(self, name: str) -> Node:
        found = nodes.find(self.layout, name)
        assert found is not None, name
        return found

    def get(self, path: str) -> Any:
        """An object of the API, None when it is not there or nobody answers."""
        if self._api is None:
            known = nodes.of(self.layout)
            self._api = kubeadm_way.door(self.layout, known[0]) if known else None
        return self._api.get(path) if self._api is not None else None

    def close(self) -> None:
        if self._api is not None:
            self._api.close()
            self._api = None

    def pod(self, name: str, namespace: str = "default") -> Any:
        return self.get(f"/api/v1/namespaces/{namespace}/pods/{name}") or {}

    def phase(self, name: str, namespace: str = "default") -> str:
        return str(self.pod(name, namespace).get("status", {}).get("phase", ""))

    def ready(self, kind: str, name: str) -> str:
        """The status of the condition Ready."""
        paths = {"node": f"/api/v1/nodes/{name}", "pod": f"/api/v1/namespaces/default/pods/{name}"}
        found = self.get(paths[kind]) or {}
        told = [c["status"] for c in found.get("status", {}).get("conditions", []) if c["type"] == "Ready"]
        return told[0] if told else ""

    def pids(self) -> dict[str, int]:
        """Of everything: node/program, and node/machine."""
        found = {}
        for node in nodes.of(self.layout):
            machine = starter.find(nodes.machine_socket(self.layout, node))
            if machine is None:
                continue
            with machine, suppress(NoMachine):  # it may be going away
                found[f"{node.name}/machine"] = machine.ask("status")["pid"]
                for unit in machine.ask("unit", verb="list")["units"]:
                    if unit["pid"]:
                        found[f"{node.name}/{unit['name'].removesuffix('.service')}"] = unit["pid"]
                for row in machine.ask("processes")["processes"]:
                    if row["status"] is None:
                        found[f"{node.name}/{row['name']}"] = row["pid"]
        return found

    def processes(self) -> dict[int, str]:
        """All of this host that belong to the cluster: pid -> command."""
        return host_processes.of_home(self.home)

    def listeners(self) -> list[str]:
        """The names of Unix sockets that are still bound below this home, or stand for one below it."""
        names = {reachable(str(nodes.machine_socket(self.layout, node))) for node in nodes.of(self.layout)}
        rows = [row.split()[-1] for row in Path("/proc/net/unix").read_text().splitlines()[1:]]
        return [row for row in rows if row.startswith(f"{self.home}/") or row in names]


def until(what: str, look: Callable[[], Found], seconds: float = 60.0) -> Found:
    """The first answer that is true."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"in vain for {seconds:g} s: {what} (last: {found!r})")
        time.sleep(0.02)


@contextmanager
def booted(*words: str, up: bool = True, home: Path | None = None, port: int = 0) -> Iterator[Booted]:
    """With `reset` at the end, after which nothing may be left."""
    directory = Path(tempfile.mkdtemp(prefix="booted-"))
    cluster = Booted(home or directory / "home", port or free_port())
    try:
        if up:
            cluster.up(*words)
        yield cluster
    finally:
        cluster.close()
        kept = os.environ.get("BOOTED_KEEP")  # to look into it: a cluster that tests share does not hear of failures
        if kept and cluster.home.exists():
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(cluster.home, kept, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
        said = cluster.say("reset")
        left = cluster.processes()
        files = sorted(str(path) for path in cluster.home.rglob("*")) if cluster.home.exists() else []
        sockets = cluster.listeners()
        shutil.rmtree(directory, ignore_errors=True)
    assert said.code == 0, said
    assert not left, f"still running: {left}"
    assert not files, f"still there: {files}"
    assert not sockets, f"still bound: {sockets}"
