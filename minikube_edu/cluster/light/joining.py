"""`minikube-edu join --count N`, and the light half of `up --nodes 1000`: from the wish to nodes that are Ready.

What kubeadm does for one node with a bootstrap token and two certificates is done once for all of them here, with the
cluster's CA, which lies in the first node's directory:

- a certificate for the process, and the rights that go with it: it may act as any node (constrained impersonation),
  and read what kubelets read;
- one for port 10250;
- kube-proxy's DaemonSet is told to leave light nodes out: one proxy serves them all.
"""

from __future__ import annotations

import argparse
import ipaddress
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minikube_edu.cluster import kubeadm_way, nodes
from minikube_edu.cluster.door import Door
from minikube_edu.cluster.failures import CannotStart
from minikube_edu.cluster.layout import Layout, Request
from minikube_edu.cluster.light.place import MOST_REAL, REAL_NODES, UNIT, USER, LightPlace
from minikube_edu.cluster.machine import starter
from minikube_edu.cluster.nodes import Node
from minikube_edu.lib import node_addresses

LABEL = "minikube-edu.dev/light"
READY_SECONDS, PER_NODE = 60.0, 0.25
UNIT_FILE = """[Unit]
Description=Light nodes
After=kubelet.service

[Service]
ExecStart=/usr/local/bin/light-nodes
Restart=always
RestartSec=250ms
"""
READ = ["get", "list", "watch"]
ROLE: list[dict[str, Any]] = [
    {"apiGroups": ["authentication.k8s.io"], "resources": ["nodes"], "verbs": ["impersonate:arbitrary-node"]},
    {
        "apiGroups": ["*"],
        "resources": ["*"],
        "verbs": [f"impersonate-on:arbitrary-node:{verb}" for verb in (*READ, "create", "update", "patch", "delete")],
    },
    {"apiGroups": [""], "resources": ["pods", "nodes", "services", "configmaps", "secrets"], "verbs": READ},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": READ},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
]
ELSEWHERE = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": LABEL, "operator": "DoesNotExist"}]}]
        }
    }
}
HELP = f"""usage: minikube-edu join --count N

N light nodes more: light-1, light-2, … Each has its own kubelet, runtime, pod network and port 10250, all in one
process of this host (service {UNIT} of the first node). Their pods run, log, and can be entered like any others.

`minikube-edu up --nodes N` with N above {MOST_REAL} makes {REAL_NODES} machines, and the rest light.
Without --count this is kubeadm's join: `minikube-edu join --help`.
"""


def run(words: Sequence[str]) -> int:
    """`join --count N`; flags of kubeadm's join (a token, an endpoint) are let pass: the CA is here."""
    import sys

    if {"-h", "--help"} & set(words):
        print(HELP, end="")
        return 0
    parser = argparse.ArgumentParser(prog="minikube-edu join", add_help=False, allow_abbrev=False)
    parser.add_argument("--count", type=int)
    options, _ = parser.parse_known_args(list(words))
    layout = Layout()
    request = layout.read_request()
    try:
        if options.count < 1:
            raise CannotStart(f"--count {options.count}: at least one node joins")
        if request is None or request.bare or not nodes.of(layout):
            raise CannotStart("light nodes join a cluster that has a node: `minikube-edu up` or `minikube-edu init`")
        request.light += options.count
        bring(layout, request)
    except CannotStart as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    layout.write_request(request)
    last = request.light
    print(f"light-{last - options.count + 1} … light-{last} have joined the cluster")
    return 0


def bring(layout: Layout, request: Request) -> None:
    """As many light nodes as the request says, Ready."""
    first, place = nodes.of(layout)[0], LightPlace(layout)
    api = kubeadm_way.door(layout, first)
    if api is None:
        raise CannotStart(f"{first.name} has no control plane")
    with api:
        refuse_too_many(first, request)
        certify(first, place)
        allow(api)
        leave_out(api)
    place.count = max(request.light, place.count)
    start(layout, first)
    wait(place, place.wanted)


def refuse_too_many(first: Node, request: Request) -> None:
    """Each node needs a part of the pods' addresses; a cluster's range is fixed when it is made."""
    if request.light > node_addresses.LIGHT_NODES:
        raise CannotStart(f"a cluster has at most {node_addresses.LIGHT_NODES} light nodes")
    try:
        text = first.path("/etc/kubernetes/manifests/kube-controller-manager.yaml").read_text()
    except OSError:
        return
    cidr = re.search(r"--cluster-cidr=([^\s,]+)", text)
    mask = re.search(r"--node-cidr-mask-size(?:-ipv4)?=(\d+)", text)
    if cidr is None:
        return
    parts = 1 << max(0, int(mask[1] if mask else 24) - ipaddress.ip_network(cidr[1]).prefixlen)
    there = request.nodes + request.light
    if there > parts:
        raise CannotStart(
            f"{there} nodes need as many pod ranges, and {cidr[1]} has {parts}: make the cluster with "
            f"`minikube-edu up --nodes {there}` (which takes a larger one), or `init --pod-network-cidr=10.128.0.0/9`"
        )


def certify(first: Node, place: LightPlace) -> None:
    """Made once; a cluster that was made anew has another CA, and no directory of light nodes."""
    from minikube_edu.lib import pki

    folder = first.path("/etc/kubernetes/pki")
    if all(path.exists() for path in (*place.client, *place.server)):
        return
    try:
        ca = pki.Pair((folder / "ca.crt").read_bytes(), (folder / "ca.key").read_bytes())
    except OSError as error:
        raise CannotStart(f"the cluster's CA is not on {first.name}: {error}") from None
    place.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(place.client, pki.make_certificate(ca, USER, [USER], usages=("client",)))
    _write(place.server, pki.make_certificate(ca, UNIT, ["system:nodes"], dns=[UNIT], usages=("server",)))


def _write(paths: tuple[Path, Path], pair: Any) -> None:
    for path, data in zip(paths, (pair.certificate, pair.key), strict=True):
        path.touch(mode=0o600)
        path.write_bytes(data)


def allow(api: Door) -> None:
    group = "rbac.authorization.k8s.io"
    role = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": USER},
        "rules": ROLE,
    }
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": USER},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": USER},
        "subjects": [{"apiGroup": group, "kind": "User", "name": USER}],
    }
    for plural, body in (("clusterroles", role), ("clusterrolebindings", binding)):
        code = api.create(f"/apis/{group}/v1/{plural}", body)
        if code not in (201, 409):
            raise CannotStart(f"{plural} {USER} could not be made: HTTP {code}")


def leave_out(api: Door) -> None:
    """No kube-proxy there. Clusters without one (their owner has another) are left as they are."""
    path = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"
    found = api.get(path)
    if found is not None and not found["spec"]["template"]["spec"].get("affinity"):
        api.merge(path, {"spec": {"template": {"spec": {"affinity": ELSEWHERE}}}})


def start(layout: Layout, first: Node) -> None:
    unit = first.path(f"/etc/systemd/system/{UNIT}.service")
    if not unit.exists() or unit.read_text() != UNIT_FILE:
        unit.write_text(UNIT_FILE)
    with starter.start(nodes.machine_socket(layout, first), first.root, first.environment(layout)) as machine:
        machine.ask("unit", verb="reload")
        machine.ask("unit", verb="start", name=UNIT)


def wait(place: LightPlace, count: int) -> None:
    deadline = time.monotonic() + READY_SECONDS + PER_NODE * count
    while place.ready < count:
        if time.monotonic() > deadline:
            raise CannotStart(f"{place.ready} of {count} light nodes are Ready; `journalctl -u {UNIT}` tells more")
        time.sleep(0.05)
