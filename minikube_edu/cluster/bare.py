"""`up --bare`: the simulator's way. The control plane's programs as services of one machine, and light nodes.

No node of its own, no static pods, no add-ons: what people use kwok for. Light nodes are objects that say they are
ready; all of them live in one process.
"""

from __future__ import annotations

from pathlib import Path

from minikube_edu.cluster import certificates, store_door
from minikube_edu.cluster.failures import CannotStart
from minikube_edu.cluster.layout import SERVICE_CIDR, Layout, Request
from minikube_edu.cluster.machine import starter
from minikube_edu.lib.machine.calls import Calls

UNIT = """[Unit]
Description={description}

[Service]
ExecStart={command}
Restart=always
RestartSec=100ms
"""
API_SERVER, CONTROLLERS, SCHEDULER, LIGHT_NODES = SEATS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
)


def up(layout: Layout, request: Request) -> None:
    """Start what does not run yet."""
    with starter.start(layout.machine_socket, layout.bare_root, {}) as machine:
        certificates.make(layout, request)  # while the machine is loading
        write_units(layout, request)
        machine.ask("unit", verb="reload")
        for seat in seats(request):
            machine.ask("unit", verb="start", name=seat)


def seats(request: Request) -> tuple[str, ...]:
    return SEATS if request.nodes else SEATS[:-1]


def write_units(layout: Layout, request: Request) -> None:
    folder = layout.bare_root / "etc/systemd/system"
    folder.mkdir(parents=True, exist_ok=True)
    pki = layout.pki
    _write(folder, API_SERVER, "Kubernetes API Server", api_server_flags(layout, request))
    _write(
        folder,
        CONTROLLERS,
        "Kubernetes Controller Manager",
        [
            f"--kubeconfig={pki / 'controller-manager.kubeconfig'}",
            f"--root-ca-file={pki / 'ca.crt'}",
            f"--cluster-signing-cert-file={pki / 'ca.crt'}",
            f"--cluster-signing-key-file={pki / 'ca.key'}",
            f"--service-account-private-key-file={pki / 'sa.key'}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--secure-port=0",
        ],
    )
    _write(
        folder,
        SCHEDULER,
        "Kubernetes Scheduler",
        [f"--kubeconfig={pki / 'scheduler.kubeconfig'}", "--leader-elect=false", "--secure-port=0"],
    )
    if request.nodes:
        light = [f"--kubeconfig={layout.kubeconfig}", f"--light-nodes={request.nodes}"]
        _write(folder, LIGHT_NODES, "Light nodes", light)


def api_server_flags(layout: Layout, request: Request) -> list[str]:
    pki = layout.pki
    try:
        store_socket = store_door.prepare(layout)
    except store_door.UnsafeDirectory as error:
        raise CannotStart(str(error)) from None
    return [
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


def _write(folder: Path, seat: str, description: str, flags: list[str]) -> None:
    command = " \\\n  ".join([f"/usr/local/bin/{seat}", *(_quoted(flag) for flag in flags)])
    text = UNIT.format(description=description, command=command)
    path = folder / f"{seat}.service"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word)


def log_file(layout: Layout, seat: str) -> Path:
    return layout.bare_root / f"var/log/journal/{seat}.log"


def states(layout: Layout) -> dict[str, int]:
    """seat -> pid of those that run"""
    machine: Calls | None = starter.find(layout.machine_socket)
    if machine is None:
        return {}
    with machine:
        rows = machine.ask("unit", verb="list")["units"]
    return {row["name"].removesuffix(".service"): row["pid"] for row in rows if row["pid"]}
