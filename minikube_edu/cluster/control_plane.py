"""A cluster's life: up, status, down, reset.

Two ways up: `bare` is the simulator's, without nodes of its own; `kubeadm_way` boots real nodes as the course does.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from minikube_edu.cluster import bare, nodes, ports, room
from minikube_edu.cluster.door import Door
from minikube_edu.cluster.failures import CannotStart
from minikube_edu.cluster.layout import Layout, Request
from minikube_edu.cluster.machine import starter
from minikube_edu.cluster.nodes import Node
from minikube_edu.lib.machine.calls import NoMachine

NODES_SECONDS = 30.0


class Seat(Struct):
    name: str
    pid: int | None
    node: str = ""


def up(layout: Layout, request: Request) -> None:
    """Start what does not run yet; returns when the cluster can be used."""
    known = layout.read_request()
    if known is not None and known.bare != request.bare:
        before = "a bare cluster" if known.bare else "a cluster with nodes of its own"
        raise CannotStart(f"{layout.root} has {before}; `minikube-edu reset` makes room for another")
    if request.bare:
        refuse_taken_port(layout, request)
        room.refuse_bad_place(layout, 0)
        layout.write_request(request)
        bare.up(layout, request)
        wait_for_nodes(layout, request)
        return
    from minikube_edu.cluster import kubeadm_way

    refuse_another_port(layout, known, request)
    kubeadm_way.refuse_unknown_network(request)
    refuse_taken_port(layout, request)
    room.refuse_bad_place(layout, max(request.nodes, len(nodes.of(layout))))
    layout.write_request(request)  # what is refused leaves nothing behind
    kubeadm_way.up(layout, request)


def refuse_taken_port(layout: Layout, request: Request) -> None:
    if not starter.runs(layout.machine_socket):
        holder = ports.holder(request.port)
        if holder:
            raise CannotStart(f"port {request.port} is in use by {holder}; choose another with --port")


def refuse_another_port(layout: Layout, known: Request | None, request: Request) -> None:
    """It stands in the nodes' addresses, certificates and kubeconfigs."""
    if known is not None and known.port != request.port and any(node.initialized for node in nodes.of(layout)):
        raise CannotStart(
            f"the cluster in {layout.root} has port {known.port}; `minikube-edu reset` makes room for one with another"
        )


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
    """The programs that should run, node by node."""
    known = nodes.of(layout)
    if known:
        return [seat for node in known for seat in seats_of(layout, node)]
    found = bare.states(layout)
    request = layout.read_request() or Request()
    return [Seat(name, found.get(name)) for name in bare.seats(request)]


def seats_of(layout: Layout, node: Node) -> list[Seat]:
    """A node's services, and its static pods."""
    manifests = node.root / "etc/kubernetes/manifests"
    statics = sorted(file.stem for file in manifests.glob("*.yaml")) if manifests.is_dir() else []
    pids: dict[str, int] = {}
    machine = starter.find(nodes.machine_socket(layout, node))
    if machine is not None:
        with machine, suppress(NoMachine):  # it may go away at this moment
            for unit in machine.ask("unit", verb="list")["units"]:
                pids[unit["name"].removesuffix(".service")] = unit["pid"]
            for row in machine.ask("processes")["processes"]:
                if row["status"] is None:
                    pids[row["name"]] = row["pid"]
    light = ["light-nodes"] if (node.root / "etc/systemd/system/light-nodes.service").exists() else []
    return [Seat(name, pids.get(name) or None, node.name) for name in ("containerd", "kubelet", *light, *statics)]


def down(layout: Layout) -> list[str]:
    """End all machines with all that runs on them, the workers' first; returns who ran. State stays."""
    ran = [f"{seat.node}/{seat.name}" if seat.node else seat.name for seat in status(layout) if seat.pid]
    for node in reversed(nodes.of(layout)):
        starter.end(nodes.machine_socket(layout, node))
    starter.end(layout.machine_socket)
    return ran


def reset(layout: Layout) -> None:
    """End everything and forget it. Only what this program has made is removed. OSError when something cannot be."""
    down(layout)
    homes = (layout.nodes, layout.network, layout.volumes, layout.light)
    for path in (layout.pki, layout.run, layout.bare_root, *homes, layout.bin):
        shutil.rmtree(path, ignore_errors=True)
        if path.exists():  # a program that went only now wrote its last; or it may not be removed, which is then said
            shutil.rmtree(path)
    store: list[Path] = [layout.store_socket, *layout.root.glob(f"{layout.state.name}*")]
    for file in [layout.kubeconfig, layout.request_file, *store]:
        file.unlink(missing_ok=True)
    if layout.root.exists() and not any(layout.root.iterdir()):
        layout.root.rmdir()
