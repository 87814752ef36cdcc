"""Light nodes: Node objects, their leases, and pods that run at once, for thousands of nodes in one process.

A light node is a node whose annotation `kwok.x-k8s.io/node` says `fake`: those that this program registers, and any
that a user creates. It is Ready, renews its Lease, and has a pod CIDR; what its pods do is in `light_pods`. Nothing
executes: there is no container, no log, nothing to exec into.

One watch of nodes and one of pods serve all nodes, and a fixed number of workers writes: no node has a task of its
own. A real kubelet measures its machine, evicts, mounts, probes and pulls; kwok, from which the annotation is, does the
same as this.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from minikube_edu.client.errors import ApiError
from minikube_edu.client.informer import Deleted, Informer, last_state, without_managed_fields
from minikube_edu.client.rest import MERGE_PATCH, Client, Resource
from minikube_edu.kubelet.light_pods import LightPods
from minikube_edu.lib import clock, version

log = logging.getLogger(__name__)

Object = dict[str, Any]

NODES = Resource("", "v1", "nodes", False, "Node")
LEASES = Resource("coordination.k8s.io", "v1", "leases", kind="Lease")
LEASE_NAMESPACE = "kube-node-lease"
ANNOTATION = "kwok.x-k8s.io/node"
VERSION = version.KUBERNETES
LEASE_SECONDS = 40
RENEW_SECONDS = 10.0
GROUP_SECONDS = 0.5  # leases that are due in this time are renewed together
REPORT_SECONDS = 300.0  # how often the conditions get a new heartbeat, if nothing else changes
AT_ONCE = 32  # requests that are under way at the same time while nodes are registered
NOT_READY = "node.kubernetes.io/not-ready"
CONDITIONS = (
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("NetworkUnavailable", "False", "RouteCreated", "RouteController created a route"),
)


class NodeShape(Struct, frozen=True):
    """What the registered nodes are like."""

    prefix: str = "worker-"
    labels: dict[str, str] = field(default_factory=lambda: {"type": "kwok"})
    annotations: dict[str, str] = field(default_factory=dict)
    capacity: dict[str, str] = field(default_factory=lambda: {"cpu": "32", "memory": "256Gi", "pods": "1100"})
    taints: Sequence[dict[str, str]] = ()
    pod_cidr: str = "10.244.0.0/16"
    host_network: str = "10.0.0.0"

    def node(self, number: int) -> Object:
        name = f"{self.prefix}{number}"
        labels = {
            "beta.kubernetes.io/arch": "amd64",
            "beta.kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            **self.labels,
        }
        spec: Object = {"podCIDR": self.cidr(number), "podCIDRs": [self.cidr(number)]}
        if self.taints:
            spec["taints"] = list(self.taints)
        metadata = {"name": name, "labels": labels, "annotations": {ANNOTATION: "fake", **self.annotations}}
        status = self.status({"metadata": {"name": name}}, number)
        return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": status}

    def cidr(self, number: int) -> str:
        """Node numbers beyond the pods' CIDR go on behind it: they are addresses on paper."""
        base = ipaddress.ip_network(self.pod_cidr).network_address
        return f"{base + number * 256}/24"

    def address(self, number: int) -> str:
        return str(ipaddress.ip_address(self.host_network) + number)

    def status(self, node: Object, number: int) -> Object:
        """A status that says Ready; what the node says of its size stays."""
        before = node.get("status") or {}
        capacity = before.get("capacity") or self.capacity
        default_addresses = [
            {"type": "InternalIP", "address": self.address(number)},
            {"type": "Hostname", "address": node["metadata"]["name"]},
        ]
        return {
            "capacity": capacity,
            "allocatable": before.get("allocatable") or capacity,
            "conditions": conditions(before.get("conditions") or []),
            "addresses": before.get("addresses") or default_addresses,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                **SYSTEM,
                **{name: value for name, value in (before.get("nodeInfo") or {}).items() if value},
            },
            "phase": "Running",
        }


SYSTEM = {
    "architecture": "amd64",
    "bootID": "",
    "containerRuntimeVersion": f"minikube-edu://{VERSION}",
    "kernelVersion": "minikube-edu",
    "kubeProxyVersion": VERSION,
    "kubeletVersion": VERSION,
    "machineID": "",
    "operatingSystem": "linux",
    "osImage": "minikube_edu",
    "systemUUID": "",
}


def conditions(before: Sequence[Object]) -> list[Object]:
    """All is well, since when it is so; conditions of others stay."""
    now = clock.rfc3339()
    old = {condition["type"]: condition for condition in before}
    ours = []
    for kind, status, reason, message in CONDITIONS:
        was = old.pop(kind, {})
        since = was.get("lastTransitionTime") if was.get("status") == status else None
        ours.append(
            {"type": kind, "status": status, "lastHeartbeatTime": now, "lastTransitionTime": since or now,
             "reason": reason, "message": message}
        )  # fmt: skip
    return [*ours, *old.values()]


def is_light(node: Object) -> bool:
    return (node["metadata"].get("annotations") or {}).get(ANNOTATION) == "fake"


class LightNodes:
    """`run` registers `count` nodes and keeps them, and all other light nodes, alive until it is cancelled."""

    def __init__(self, client: Client, count: int, shape: NodeShape | None = None) -> None:
        self.client = client
        self.count = count
        self.shape = shape or NodeShape()
        self.nodes = Informer(client, NODES, transform=without_managed_fields)
        self.pods = LightPods(client, self.nodes)
        self._numbers: dict[str, int] = {}  # of the light nodes that there are
        self._next = count + 1
        self._leases: dict[str, Object] = {}  # node -> its Lease as last written
        self._reported: dict[str, float] = {}  # node -> when its conditions were last written
        self._to_adopt: asyncio.Queue[str] = asyncio.Queue()
        self._limit = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        self.nodes.add_handler(added=self._seen, updated=lambda _, node: self._seen(node), deleted=self._gone)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.nodes.run(), name="informer nodes")
            await self.nodes.wait_synced()
            group.create_task(self._adopt_all(), name="adopt nodes")
            await asyncio.gather(*(self._register(number) for number in range(1, self.count + 1)))
            group.create_task(self.pods.run(), name="light pods")
            group.create_task(self._renew_all(), name="renew leases")

    def _seen(self, node: Object) -> None:
        name = node["metadata"]["name"]
        if not is_light(node) or "deletionTimestamp" in node["metadata"]:
            self._forget(name)
        elif name not in self._numbers:
            self._numbers[name] = self._number(name)
            self._to_adopt.put_nowait(name)

    def _gone(self, deleted: Deleted) -> None:
        self._forget(last_state(deleted)["metadata"]["name"])

    def _forget(self, name: str) -> None:
        self._numbers.pop(name, None)
        self._leases.pop(name, None)
        self._reported.pop(name, None)

    def _number(self, name: str) -> int:
        """worker-7 is the seventh; nodes of other names are counted from behind the last."""
        digits = name.removeprefix(self.shape.prefix)
        if name.startswith(self.shape.prefix) and digits.isdecimal() and 0 < int(digits) <= self.count:
            return int(digits)
        self._next += 1
        return self._next - 1

    async def _register(self, number: int) -> None:
        node = self.shape.node(number)
        if self.nodes.index.get(node["metadata"]["name"]) is not None:
            return
        async with self._limit:
            try:
                await self.client.create(NODES, node)
            except ApiError as error:
                if not error.already_exists:
                    raise

    async def _adopt_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                name = await self._to_adopt.get()
                await self._limit.acquire()
                group.create_task(self._adopt(name))

    async def _adopt(self, name: str) -> None:
        """A light node has come: it becomes Ready and gets its Lease."""
        try:
            await self._make_ready(name)
            await self._renew(name)
        except (ApiError, OSError) as error:
            log.info("node %s: %s", name, error)
        finally:
            self._limit.release()

    async def _make_ready(self, name: str) -> None:
        node, number = self.nodes.index.get(name), self._numbers.get(name)
        if node is None or number is None:
            return
        spec = node.get("spec") or {}
        # A new node is tainted by the API server until it is Ready; the kubelet was the first to know that it is.
        taints = [taint for taint in spec.get("taints") or [] if taint["key"] != NOT_READY]
        patch: Object = {}
        if taints != (spec.get("taints") or []):
            patch["taints"] = taints or None
        if not spec.get("podCIDR"):
            patch |= {"podCIDR": self.shape.cidr(number), "podCIDRs": [self.shape.cidr(number)]}
        ready = {c["type"]: c["status"] for c in (node.get("status") or {}).get("conditions") or []}.get("Ready")
        if ready != "True":
            await self._report(name)
        if patch:
            await self.client.patch(NODES, name, {"spec": patch}, kind=MERGE_PATCH)
        self._reported[name] = clock.monotonic()

    async def _report(self, name: str) -> None:
        node, number = self.nodes.index.get(name), self._numbers.get(name)
        if node is not None and number is not None:
            status = {"status": self.shape.status(node, number)}
            await self.client.patch(NODES, name, status, kind=MERGE_PATCH, subresource="status")
            self._reported[name] = clock.monotonic()

    async def _renew_all(self) -> None:
        """Every node's Lease every ten seconds, in small groups that are evenly spread: no second is busier than the
        others, and a group's writes reach the store together, which makes them durable in one go."""
        while True:
            names = list(self._numbers)
            started = clock.monotonic()
            for first in range(0, len(names), self._group_of(len(names))):
                ahead = started + RENEW_SECONDS * first / len(names) - clock.monotonic()
                if ahead > 0.02:
                    await asyncio.sleep(ahead)
                group = names[first : first + self._group_of(len(names))]
                await asyncio.gather(*(self._keep_alive(name) for name in group))
            await asyncio.sleep(max(0.1, started + RENEW_SECONDS - clock.monotonic()))

    @staticmethod
    def _group_of(count: int) -> int:
        """Two groups a second, as long as there are connections enough."""
        return min(AT_ONCE, max(1, round(count * GROUP_SECONDS / RENEW_SECONDS)))

    async def _keep_alive(self, name: str) -> None:
        if name not in self._numbers:
            return
        try:
            await self._renew(name)
            if clock.monotonic() - self._reported.get(name, 0.0) > REPORT_SECONDS:
                await self._report(name)
        except (ApiError, OSError) as error:
            self._leases.pop(name, None)
            log.info("lease of %s: %s", name, error)

    async def _renew(self, name: str) -> None:
        node = self.nodes.index.get(name)
        if node is None:
            return
        now = clock.rfc3339_micro()
        known = self._leases.get(name)
        if known is None:
            known = await self._lease(node, now)
        if known["spec"].get("renewTime") != now:
            known = await self.client.update(LEASES, {**known, "spec": {**known["spec"], "renewTime": now}})
        if name in self._numbers:
            self._leases[name] = known

    async def _lease(self, node: Object, now: str) -> Object:
        name = node["metadata"]["name"]
        owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"]}
        body: Object = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": LEASE_NAMESPACE, "ownerReferences": [owner]},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now},
        }
        try:
            return await self.client.create(LEASES, body)
        except ApiError as error:
            if not error.already_exists:
                raise
            found = await self.client.get(LEASES, name, LEASE_NAMESPACE)
            found["metadata"]["ownerReferences"] = [owner]
            spec = {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": ""}
            return {**found, "spec": spec}
