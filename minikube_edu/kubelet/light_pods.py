"""What pods do on light nodes, in the instant mood: whoever is bound runs and is ready at once.

A pod of a Job completes at once; a deleted pod goes at once, as soon as it has no finalizers (whoever waits for a
pod's end holds it with one). A pod that somebody has already put into another phase is left alone. One write a pod.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.index import key_of, split_key
from minikube_edu.client.informer import Deleted, Informer, last_state, without_managed_fields
from minikube_edu.client.rest import MERGE_PATCH, Client, Resource
from minikube_edu.lib import clock
from minikube_edu.lib.workqueue import ShutDown, WorkQueue

log = logging.getLogger(__name__)

Object = dict[str, Any]

PODS = Resource("", "v1", "pods", kind="Pod")
WORKERS = 32
NODE_ANNOTATION = "kwok.x-k8s.io/node"
OVERFLOW = ipaddress.ip_address("100.64.0.0")  # addresses of pods for which a node's /24 is too small


class LightPods:
    def __init__(self, client: Client, nodes: Informer) -> None:
        self.client = client
        self.nodes = nodes.index
        self.informer = Informer(client, PODS, field_selector="spec.nodeName!=", transform=without_managed_fields)
        self.addresses = PodAddresses()
        self.queue: WorkQueue[str] = WorkQueue("light-pods")
        # A pod may be seen before its node.
        nodes.add_handler(added=self._node_came)
        self.informer.add_indexer("node", lambda pod: [pod["spec"].get("nodeName") or ""])

    async def run(self) -> None:
        self.informer.add_handler(added=self._came, updated=lambda _, pod: self._came(pod), deleted=self._went)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.informer.run(), name="informer pods")
                for number in range(WORKERS):
                    group.create_task(self._work(), name=f"light pods {number}")
        finally:
            self.queue.shut_down()

    def _came(self, pod: Object) -> None:
        self.addresses.taken(pod)
        if wants(pod):
            self.queue.add(key_of(pod))

    def _went(self, deleted: Deleted) -> None:
        self.addresses.free(last_state(deleted)["metadata"]["uid"])

    def _node_came(self, node: Object) -> None:
        for pod in self.informer.index.by("node", node["metadata"]["name"]):
            self._came(pod)

    async def _work(self) -> None:
        while True:
            try:
                key = await self.queue.get()
            except ShutDown:
                return
            try:
                await self.reconcile(key)
            except (ApiError, OSError) as error:
                if not (isinstance(error, ApiError) and error.reason in ("NotFound", "Conflict")):
                    log.info("pod %s: %s", key, error)
                    self.queue.add_rate_limited(key)
            else:
                self.queue.forget(key)
            finally:
                self.queue.done(key)

    async def reconcile(self, key: str) -> None:
        pod = self.informer.index.get(key)
        if pod is None or not wants(pod):
            return
        node = self.nodes.get(pod["spec"]["nodeName"])
        if node is None or (node["metadata"].get("annotations") or {}).get(NODE_ANNOTATION) != "fake":
            return
        namespace, name = split_key(key)
        uid = pod["metadata"]["uid"]
        if "deletionTimestamp" in pod["metadata"]:
            options = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
            await self.client.delete(PODS, name, namespace, options=options)
            return
        patch = {"metadata": {"uid": uid}, "status": status(pod, node, self.addresses)}
        await self.client.patch(PODS, name, patch, namespace, kind=MERGE_PATCH, subresource="status")


def wants(pod: Object) -> bool:
    """Whether there is something to do for a bound pod."""
    if not pod["spec"].get("nodeName"):
        return False
    if "deletionTimestamp" in pod["metadata"]:
        return not pod["metadata"].get("finalizers")
    now = pod.get("status") or {}
    return now.get("phase", "Pending") == "Pending" and not now.get("podIP")


def status(pod: Object, node: Object, addresses: PodAddresses) -> Object:
    """Running and Ready; of a Job, done."""
    now = clock.rfc3339()
    spec = pod["spec"]
    done = any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences") or ())
    host = next((a["address"] for a in node["status"].get("addresses") or () if a["type"] == "InternalIP"), "")
    ip = host if spec.get("hostNetwork") else addresses.give(pod, node)
    ended = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}}
    running = {"running": {"startedAt": now}}
    gates = [gate["conditionType"] for gate in spec.get("readinessGates") or ()]
    made: Object = {
        "phase": "Succeeded" if done else "Running",
        "conditions": _conditions(pod, now, done, gates),
        "hostIP": host,
        "hostIPs": [{"ip": host}] if host else None,
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "startTime": now,
        "containerStatuses": [
            _container(container, ended if done else running, ready=not done, started=not done)
            for container in spec["containers"]
        ],
    }
    if spec.get("initContainers"):
        made["initContainerStatuses"] = [
            _container(one, running, ready=True, started=True)
            if one.get("restartPolicy") == "Always" and not done
            else _container(one, ended, ready=True, started=False)
            for one in spec["initContainers"]
        ]
    return made


def _container(container: Object, state: Object, *, ready: bool, started: bool) -> Object:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": ready,
        "restartCount": 0,
        "started": started,
        "state": state,
    }


def _conditions(pod: Object, now: str, done: bool, gates: list[str]) -> list[Object]:
    """Those that others have set stay."""
    kinds = ["Initialized", "Ready", "ContainersReady", *gates]
    kept = [c for c in (pod.get("status") or {}).get("conditions") or () if c["type"] not in kinds]
    made = []
    for kind in kinds:
        condition = {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
        if done and kind in ("Ready", "ContainersReady"):
            condition |= {"status": "False", "reason": "PodCompleted"}
        elif done and kind == "Initialized":
            condition |= {"reason": "PodCompleted"}
        made.append(condition)
    return [*made, *kept]


class PodAddresses:
    """Which pod has which address: those of a node's CIDR in turn, so that one that was freed is not used at once."""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}  # pod uid -> address
        self._used: set[str] = set()
        self._last: dict[str, int] = {}  # CIDR -> last number given
        self._beyond = 0

    def taken(self, pod: Object) -> None:
        ip = (pod.get("status") or {}).get("podIP")
        if ip and not pod["spec"].get("hostNetwork"):
            self._of[pod["metadata"]["uid"]] = ip
            self._used.add(ip)

    def free(self, uid: str) -> None:
        self._used.discard(self._of.pop(uid, ""))

    def give(self, pod: Object, node: Object) -> str:
        uid = pod["metadata"]["uid"]
        if uid not in self._of:
            self._of[uid] = ip = self._next((node.get("spec") or {}).get("podCIDR") or "100.127.0.0/24")
            self._used.add(ip)
        return self._of[uid]

    def _next(self, cidr: str) -> str:
        network = ipaddress.ip_network(cidr, strict=False)
        hosts = network.num_addresses - 2
        last = self._last.get(cidr, 0)
        for step in range(1, hosts + 1):
            number = (last + step - 1) % hosts + 1
            ip = str(network.network_address + number)
            if ip not in self._used:
                self._last[cidr] = number
                return ip
        while True:
            self._beyond += 1
            ip = str(OVERFLOW + self._beyond)
            if ip not in self._used:
                return ip
