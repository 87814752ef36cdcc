"""The boot order of a cluster's control plane, one line a seat, and the way down again.

This is the simulator's way (`up --bare`): the seats as programs on this host, no node of their own for them. Light
nodes are objects that say they are ready.
"""

from __future__ import annotations

import os
import select
import shutil
from dataclasses import dataclass

from minikube_edu.cluster import certificates, processes
from minikube_edu.cluster.layout import SERVICE_CIDR, Layout, Request

START_SECONDS = 30.0
SEATS = ("kube-apiserver", "kube-controller-manager")


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


def start_api_server(layout: Layout, request: Request) -> None:
    pki = layout.pki
    arguments = [
        f"--secure-port={request.port}",
        "--bind-address=127.0.0.1",
        f"--data-file={layout.state}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--service-account-key-file={pki / 'sa.pub'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--authorization-mode=AlwaysAllow",
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


def status(layout: Layout) -> list[Seat]:
    found = processes.running(layout)
    return [Seat(name, found.get(name)) for name in SEATS]


def down(layout: Layout) -> list[str]:
    """End all seats, those that others need last; returns who ran. State stays."""
    order = [seat for seat in processes.running(layout) if seat != "kube-apiserver"] + ["kube-apiserver"]
    return [seat for seat in order if processes.stop(layout, seat)]


def reset(layout: Layout) -> None:
    """End everything and forget it. Only what this program has made is removed."""
    down(layout)
    for path in (layout.pki, layout.run):
        shutil.rmtree(path, ignore_errors=True)
    for file in [layout.kubeconfig, layout.request_file, *layout.root.glob(f"{layout.state.name}*")]:
        file.unlink(missing_ok=True)
    if layout.root.exists() and not any(layout.root.iterdir()):
        layout.root.rmdir()
