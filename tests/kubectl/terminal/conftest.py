"""One cluster with a few pods, and kubectl in a terminal: through the machine's socket, and in place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.booted import Booted, booted, until
from tests.cluster.door import ROOT
from tests.kubectl.terminal.screen import Screen

Typed = Callable[..., Screen]

PODS = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {terminationGracePeriodSeconds: 0, containers: [{name: web, image: nginx}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red}
"""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Booted]:
    with booted("--nodes", "1") as cluster:
        cluster.run("kubectl", "create", "-f", "-", given=PODS)
        until("web runs", lambda: cluster.ready("pod", "web") == "True")
        yield cluster


@pytest.fixture(params=["front door", "in place"])
def typed(cluster: Booted, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Typed]:
    """`typed("get", "pods")` is `kubectl get pods` in a new terminal."""
    screens: list[Screen] = []
    environment = {**cluster.environment, "KUBECONFIG": str(cluster.layout.kubeconfig), "HOME": str(tmp_path)}
    door = str(ROOT / "minikube_edu/lib/machine/front_door.py")
    program = [sys.executable, "-I", "-S", door, "kubectl"]
    if request.param == "in place":
        program = [sys.executable, "-m", "minikube_edu.kubectl"]

    def type_it(*words: str, term: str = "xterm", **more: str) -> Screen:
        screens.append(Screen([*program, *words], {**environment, **more}, term=term))
        return screens[-1]

    yield type_it
    for screen in screens:
        screen.__exit__(None, None, None)
