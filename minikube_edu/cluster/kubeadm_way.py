"""`up`: a cluster of nodes that boot, as in the course, only without the waiting: init, network, join, ready.

The control plane is four static pods that the first node's kubelet starts from its manifests; the other nodes join with
a bootstrap token. What kubeadm prints goes to the nodes' var/log/kubeadm.log. A cluster that was `down` comes back by
switching its machines on: everything lies in the nodes' directories.
"""

from __future__ import annotations

import io
import json
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from minikube_edu.cluster import early_key, nodes, unfinished
from minikube_edu.cluster.door import Door, is_ready
from minikube_edu.cluster.failures import CannotStart
from minikube_edu.cluster.layout import LARGE_POD_CIDR, POD_CIDR, Layout, Request
from minikube_edu.cluster.machine import preload, starter
from minikube_edu.cluster.nodes import CONTROL_PLANE, Node

if TYPE_CHECKING:
    from asyncio import Event

READY_SECONDS = 60.0
MANY = 250  # nodes: more than POD_CIDR has ranges for
TOKEN_KNOWN = "[kubelet-finalize]"  # the phase of init after the one that makes the token and what it is good for
CREDENTIALS = ("certificate-authority-data", "client-certificate-data", "client-key-data")
NETWORKS = ("bridge", "none")
STANDARD = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "minikube-edu.io/host-path",
    "reclaimPolicy": "Delete",
    "volumeBindingMode": "WaitForFirstConsumer",
}
CNI_NAME = "10-minikube-edu.conflist"
RANGE_OF_NODE = "10.244.{}.0/24"
CNI_CONFIGURATION = {
    "cniVersion": "1.0.0",
    "name": "minikube-edu",
    "plugins": [
        {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "ipam": {"type": "host-local"}},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}


def up(layout: Layout, request: Request) -> None:
    names = [nodes.default_name(index) for index in range(max(request.nodes, 1))]
    known = [node.name for node in nodes.of(layout)]
    wanted = [nodes.prepare(layout, request, name) for name in dict.fromkeys([*names, *known])]
    layout.network.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = not wanted[0].initialized
    for node in wanted:
        if request.network != "none":
            write_network(wanted[0], node)
    first = wanted[0]
    with suppress(OSError):  # who needs it will meet the reason
        starter.start(layout.machine_socket, first.root, first.environment(layout)).close()
    booting = nodes.boot_early(layout, wanted)
    if fresh:
        early_key.begin()
    import asyncio

    preload.foreign()
    from minikube_edu.cluster import kubeadm_door  # noqa: F401  # imported while the machines boot
    from minikube_edu.kubeadm.commands import init, join  # noqa: F401

    asyncio.run(_up(layout, request, wanted))
    booting.join()
    if fresh and len(wanted) == 1:
        open_to_all_pods(layout, wanted[0])
    if request.network != "none":
        wait_until_ready(layout, wanted, fresh)
    elif fresh and (api := door(layout, wanted[0])) is not None:
        with api:
            give_storage(api)
    if request.light:
        from minikube_edu.cluster.light import joining

        joining.bring(layout, request)


def refuse_unknown_network(request: Request) -> None:
    if request.network not in NETWORKS:
        raise CannotStart(f"there is no network {request.network!r}; there are: {', '.join(NETWORKS)}")


async def _up(layout: Layout, request: Request, wanted: list[Node]) -> None:
    import asyncio

    first, others = wanted[0], wanted[1:]
    await heal(layout, wanted)
    if first.initialized:
        await asyncio.to_thread(switch_on, layout, first)
        new = [node for node in others if not node.initialized]
        words = await join_words(layout, first) if new else []
        if new:
            forget(layout, first, new)
    else:
        await initialize(layout, request, first, others)
        return
    await asyncio.gather(*(bring(layout, node, words) for node in others))


async def initialize(layout: Layout, request: Request, first: Node, others: list[Node]) -> None:
    """`kubeadm init`; the others join as soon as their token is known to the cluster, while init goes on."""
    import asyncio

    from minikube_edu.kubeadm.config.defaults import new_token
    from minikube_edu.kubeadm.phases.show_join_command import certificate_hash

    token, known = new_token(), asyncio.Event()

    async def join() -> None:
        await known.wait()
        pin = certificate_hash((first.root / "etc/kubernetes/pki/ca.crt").read_bytes())
        words = ["join", f"{first.address}:{request.port}", f"--token={token}", f"--discovery-token-ca-cert-hash={pin}"]
        await asyncio.gather(*(bring(layout, node, words) for node in others))

    joining = asyncio.ensure_future(join())
    try:
        await kubeadm(layout, first, [*init_words(layout, first, request), f"--token={token}"], (TOKEN_KNOWN, known))
        await joining
    finally:
        joining.cancel()
        await asyncio.gather(joining, return_exceptions=True)


async def heal(layout: Layout, wanted: list[Node]) -> None:
    """Where kubeadm was broken off, it begins anew; what has joined a control plane that is no more, too."""
    broken = [node for node in wanted if unfinished.is_marked(node)]
    if wanted[0] in broken:
        broken = [node for node in wanted if node in broken or node.initialized]
    for node in broken:
        await kubeadm(layout, node, unfinished.RESET)
        unfinished.mark(node).unlink(missing_ok=True)


def forget(layout: Layout, first: Node, new: list[Node]) -> None:
    """A join that was broken off may have registered its node already; kubeadm joins no name that is taken."""
    api = door(layout, first)
    if api is not None:
        with api:
            for node in new:
                api.delete(f"/api/v1/nodes/{node.name}")


async def join_words(layout: Layout, first: Node) -> list[str]:
    """With a token of its own: the one of `init` may have expired. An API server that is starting is waited for."""
    import asyncio
    import io

    from minikube_edu.cluster import kubeadm_door

    give_up = time.monotonic() + READY_SECONDS
    while True:
        said = io.StringIO()
        code = await kubeadm_door.on_node(layout, first, ["token", "create", "--print-join-command"], said, said)
        words = said.getvalue().split()
        if not code and words[:2] == ["kubeadm", "join"]:
            return words[1:]
        if time.monotonic() > give_up:
            raise CannotStart(f"no token could be made on {first.name}: {said.getvalue().strip()}")
        await asyncio.sleep(0.1)


def init_words(layout: Layout, node: Node, request: Request) -> list[str]:
    return [
        "init",
        f"--apiserver-advertise-address={node.address}",
        f"--apiserver-bind-port={request.port}",
        f"--apiserver-cert-extra-sans=localhost,127.0.0.1,{node.local}",
        f"--pod-network-cidr={POD_CIDR if request.nodes + request.light <= MANY else LARGE_POD_CIDR}",
        f"--node-name={node.name}",
    ]


async def bring(layout: Layout, node: Node, words: list[str]) -> None:
    """A worker: switched on; joined, when it has not yet."""
    import asyncio

    if node.initialized:
        await asyncio.to_thread(switch_on, layout, node)
        return
    await kubeadm(layout, node, [*words, f"--node-name={node.name}"])


class Log(io.TextIOBase):
    """What kubeadm says goes to a file; whoever waits for a certain phase hears of it."""

    def __init__(self, file: TextIO, milestone: tuple[str, Event] | None) -> None:
        self.file = file
        self.milestone = milestone

    def write(self, text: str) -> int:
        if self.milestone is not None and self.milestone[0] in text:
            self.milestone[1].set()
        return self.file.write(text)

    def flush(self) -> None:
        self.file.flush()


async def kubeadm(layout: Layout, node: Node, words: list[str], milestone: tuple[str, Event] | None = None) -> None:
    from minikube_edu.cluster import kubeadm_door

    log = node.root / "var/log/kubeadm.log"
    with log.open("a") as file:
        out = cast(TextIO, Log(file, milestone))
        code = await kubeadm_door.on_node(layout, node, words, out, out, hurry=True)
    if code:
        unfinished.mark(node).touch()  # the next `up` begins anew
        raise CannotStart(f"kubeadm {words[0]} failed on {node.name}; what it said is in {log}:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text().splitlines()[-12:])


def switch_on(layout: Layout, node: Node) -> None:
    nodes.boot(layout, node)
    with starter.start(nodes.machine_socket(layout, node), node.root, {}) as machine:
        machine.ask("unit", verb="start", name="kubelet")


def write_network(first: Node, node: Node) -> None:
    """The network add-on of `up`: what flannel's DaemonSet would write, without waiting for it. Where `init` was typed
    without --pod-network-cidr, nobody gives the nodes their ranges: then the file names one."""
    found: dict[str, Any] = json.loads(json.dumps(CNI_CONFIGURATION))
    manager = first.path("/etc/kubernetes/manifests/kube-controller-manager.yaml")
    if first.initialized and manager.exists() and "--allocate-node-cidrs=true" not in manager.read_text():
        found["plugins"][0]["ipam"]["subnet"] = RANGE_OF_NODE.format(node.index)
    (node.root / "etc/cni/net.d" / CNI_NAME).write_text(json.dumps(found, indent=2) + "\n")


def door(layout: Layout, node: Node) -> Door | None:
    """As the administrator; None before there is one."""
    import base64

    try:
        text = (node.root / "etc/kubernetes/admin.conf").read_text()
    except OSError:
        return None
    found = dict(re.findall(rf"({'|'.join(CREDENTIALS)}): (\S+)", text))
    port = re.search(r"server: https://[^\s]+:(\d+)", text)
    import tempfile

    with tempfile.TemporaryDirectory(prefix="minikube-edu-") as folder:  # ssl takes them from files alone
        files = [Path(folder) / name for name in ("ca", "certificate", "key")]
        for path, key in zip(files, CREDENTIALS, strict=True):
            path.write_bytes(base64.b64decode(found[key]))
        made = Door(node.address, int(port[1]) if port else 6443, *files)
    return made


def open_to_all_pods(layout: Layout, node: Node) -> None:
    """A control plane that is alone takes everybody's pods."""
    api = door(layout, node)
    if api is not None:
        with api:
            api.merge(f"/api/v1/nodes/{node.name}", {"spec": {"taints": None}})


def give_storage(api: Door) -> None:
    """The class that claims get which name none; whoever deletes it does not get it back."""
    api.create("/apis/storage.k8s.io/v1/storageclasses", STANDARD)


def wait_until_ready(layout: Layout, wanted: list[Node], fresh: bool) -> None:
    """All nodes Ready, all pods of kube-system Running, and the default service account there."""
    deadline, api = time.monotonic() + READY_SECONDS, None
    while time.monotonic() < deadline:
        api = api or door(layout, wanted[0])
        if api is not None and _settled(api, len(wanted)):
            if fresh:
                give_storage(api)  # on the connection that is there
            api.close()
            return
        time.sleep(0.01)
    raise CannotStart(f"the nodes did not become Ready; `journalctl -u kubelet` of {CONTROL_PLANE} tells more")


def _settled(api: Door, count: int) -> bool:
    found = api.get("/api/v1/nodes") or {}
    if sum(is_ready(node) for node in found.get("items", ())) < count:
        return False
    pods = (api.get("/api/v1/namespaces/kube-system/pods") or {}).get("items", [])
    running = [pod for pod in pods if pod.get("status", {}).get("phase") == "Running"]
    expected = 4 + count + 2  # static pods, kube-proxy everywhere, two of CoreDNS
    return (
        len(running) == len(pods) >= expected
        and api.get("/api/v1/namespaces/default/serviceaccounts/default") is not None
    )
