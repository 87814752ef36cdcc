"""A cluster's life: up, status, down, reset.

Two ways up: `bare` is the simulator's, without nodes of its own; `kubeadm_way` boots real nodes as the course does.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from minikube_edu.cluster import bare
from minikube_edu.cluster.door import Door
from minikube_edu.cluster.failures import CannotStart
from minikube_edu.cluster.layout import Layout, Request
from minikube_edu.cluster.machine import starter

NODES_SECONDS = 30.0


@dataclass
class Seat:
    name: str
    pid: int | None


def up(layout: Layout, request: Request) -> None:
    """Start what does not run yet; returns when the cluster can be used."""
    layout.write_request(request)
    bare.up(layout, request)
    wait_for_nodes(layout, request)


def door(layout: Layout, request: Request) -> Door:
    pki = layout.pki
    return Door("127.0.0.1", request.port, pki / "ca.crt", pki / "admin.crt", pki / "admin.key")


def wait_for_nodes(layout: Layout, request: Request) -> None:
    """Return when all nodes are Ready, and when the default service account is there: then pods can be made."""
    deadline = time.monotonic() + NODES_SECONDS
    with door(layout, request) as api:
        while not (
            api.has("/api/v1/namespaces/default/serviceaccounts/default") and api.ready_nodes() >= request.nodes
        ):
            if time.monotonic() > deadline:
                logs = bare.log_file(layout, "kube-apiserver").parent
                raise CannotStart(f"the nodes did not become Ready; the logs are in {logs}")
            time.sleep(0.01)


def status(layout: Layout) -> list[Seat]:
    found = bare.states(layout)
    request = layout.read_request() or Request()
    return [Seat(name, found.get(name)) for name in bare.seats(request)]


def down(layout: Layout) -> list[str]:
    """End all machines with all that runs on them; returns who ran. State stays."""
    ran = [seat.name for seat in status(layout) if seat.pid]
    starter.end(layout.machine_socket)
    return ran


def reset(layout: Layout) -> None:
    """End everything and forget it. Only what this program has made is removed."""
    down(layout)
    for path in (layout.pki, layout.run, layout.bare_root):
        shutil.rmtree(path, ignore_errors=True)
    store: list[Path] = [layout.store_socket, *layout.root.glob(f"{layout.state.name}*")]
    for file in [layout.kubeconfig, layout.request_file, *store]:
        file.unlink(missing_ok=True)
    if layout.root.exists() and not any(layout.root.iterdir()):
        layout.root.rmdir()
