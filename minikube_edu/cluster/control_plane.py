"""The boot order of a cluster's control plane, one line a seat, and the way down again.

This is the simulator's way (`up --bare`): the seats as programs on this host, no node of their own for them. Light
nodes are objects that say they are ready.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import shutil
import ssl
import time
from dataclasses import dataclass
from typing import Any

from minikube_edu.cluster import certificates, processes, store_door
from minikube_edu.cluster.layout import SERVICE_CIDR, Layout, Request

START_SECONDS = 30.0
NODES_SECONDS = 20.0
SEATS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")


class CannotStart(Exception):
    """A seat did not come up, or a port is taken; the message says what to look at."""


@dataclass
class Seat:
    name: str
    pid: int | None


def up(layout: Layout, request: Request) -> None:
    """Start what does not run yet; returns when the cluster can be used."""
    layout.write_request(request)
    certificates.make(layout, request)
    if processes.pid_of(layout, "kube-apiserver") is None:
        holder = processes.port_holder(request.port)
        if holder:
            raise CannotStart(f"port {request.port} is in use by {holder}; choose another with --port")
        start_api_server(layout, request)
    if processes.pid_of(layout, "kube-controller-manager") is None:
        start_controller_manager(layout)
    if processes.pid_of(layout, "kube-scheduler") is None:
        start_scheduler(layout)
    if request.nodes and processes.pid_of(layout, "kubelet") is None:
        start_light_nodes(layout, request)
    wait_for_nodes(layout, request)


def start_api_server(layout: Layout, request: Request) -> None:
    pki = layout.pki
    try:
        store_socket = store_door.prepare(layout)
    except store_door.UnsafeDirectory as error:
        raise CannotStart(str(error)) from None
    arguments = [
        f"--secure-port={request.port}",
        "--bind-address=127.0.0.1",
        f"--data-file={layout.state}",
        f"--store-socket={store_socket}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--service-account-key-file={pki / 'sa.pub'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--enable-bootstrap-token-auth=true",
        "--kubelet-preferred-address-types=InternalIP,Hostname",
    ]
    reader, writer = os.pipe()
    try:
        pid = processes.start(
            layout, "kube-apiserver", "minikube_edu.kube_apiserver", [*arguments, f"--ready-fd={writer}"], writer
        )
    finally:
        os.close(writer)
    try:
        # the server closes its end when it is ready, and the system does when it dies
        select.select([reader], [], [], START_SECONDS)
    finally:
        os.close(reader)
    if processes.pid_of(layout, "kube-apiserver") != pid:
        raise CannotStart(f"kube-apiserver did not start; its log is {layout.log_file('kube-apiserver')}")


def start_controller_manager(layout: Layout) -> None:
    pki = layout.pki
    processes.start(
        layout,
        "kube-controller-manager",
        "minikube_edu.kube_controller_manager",
        [
            f"--kubeconfig={pki / 'controller-manager.kubeconfig'}",
            f"--root-ca-file={pki / 'ca.crt'}",
            f"--cluster-signing-cert-file={pki / 'ca.crt'}",
            f"--cluster-signing-key-file={pki / 'ca.key'}",
            f"--service-account-private-key-file={pki / 'sa.key'}",
            "--leader-elect=false",
        ],
    )


def start_scheduler(layout: Layout) -> None:
    processes.start(
        layout,
        "kube-scheduler",
        "minikube_edu.kube_scheduler",
        [f"--kubeconfig={layout.pki / 'scheduler.kubeconfig'}", "--leader-elect=false", "--secure-port=0"],
    )


def start_light_nodes(layout: Layout, request: Request) -> None:
    """All light nodes live in one process."""
    processes.start(
        layout,
        "kubelet",
        "minikube_edu.kubelet",
        [f"--kubeconfig={layout.kubeconfig}", f"--light-nodes={request.nodes}"],
    )


def wait_for_nodes(layout: Layout, request: Request) -> None:
    """Return when all nodes are Ready, and when the default service account is there: then pods can be made."""
    deadline = time.monotonic() + NODES_SECONDS
    with Door(layout, request) as door:
        while not (
            door.has("/api/v1/namespaces/default/serviceaccounts/default") and door.ready_nodes() >= request.nodes
        ):
            for seat in SEATS:
                if processes.pid_of(layout, seat) is None and (seat != "kubelet" or request.nodes):
                    raise CannotStart(f"{seat} did not start; its log is {layout.log_file(seat)}")
            if time.monotonic() > deadline:
                raise CannotStart(f"the nodes did not become Ready; the logs are in {layout.run}")
            time.sleep(0.02)


class Door:
    """A few plain requests to the API server, as the administrator."""

    def __init__(self, layout: Layout, request: Request) -> None:
        context = ssl.create_default_context(cafile=str(layout.pki / "ca.crt"))
        context.load_cert_chain(layout.pki / "admin.crt", layout.pki / "admin.key")
        self.connection = http.client.HTTPSConnection("127.0.0.1", request.port, context=context, timeout=10)

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def get(self, path: str) -> dict[str, Any] | None:
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        body = answer.read()
        return json.loads(body) if answer.status == 200 else None

    def has(self, path: str) -> bool:
        return self.get(path) is not None

    def ready_nodes(self) -> int:
        nodes = (self.get("/api/v1/nodes") or {}).get("items", [])
        return sum(
            any(c["type"] == "Ready" and c["status"] == "True" for c in node.get("status", {}).get("conditions", []))
            for node in nodes
        )


def status(layout: Layout) -> list[Seat]:
    found = processes.running(layout)
    request = layout.read_request()
    wanted = [name for name in SEATS if name != "kubelet" or request is None or request.nodes]
    return [Seat(name, found.get(name)) for name in wanted]


def down(layout: Layout) -> list[str]:
    """End all seats, those that others need last; returns who ran. State stays."""
    order = [seat for seat in processes.running(layout) if seat != "kube-apiserver"] + ["kube-apiserver"]
    return [seat for seat in order if processes.stop(layout, seat)]


def reset(layout: Layout) -> None:
    """End everything and forget it. Only what this program has made is removed."""
    down(layout)
    for path in (layout.pki, layout.run):
        shutil.rmtree(path, ignore_errors=True)
    store = [layout.store_socket, *layout.root.glob(f"{layout.state.name}*")]
    for file in [layout.kubeconfig, layout.request_file, *store]:
        file.unlink(missing_ok=True)
    if layout.root.exists() and not any(layout.root.iterdir()):
        layout.root.rmdir()
