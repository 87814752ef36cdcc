"""The loop over nodes: every few seconds all are looked at, and each one whenever it changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.informer import last_state
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object, expected
from minikube_edu.kube_controller_manager.controllers.node_lifecycle.conditions import (
    NOT_READY,
    OURS,
    UNREACHABLE,
    no_schedule_keys,
    readiness,
    swap_taints,
)
from minikube_edu.kube_controller_manager.controllers.node_lifecycle.health import Health, silenced
from minikube_edu.kube_controller_manager.controllers.node_lifecycle.zones import Zones
from minikube_edu.kube_controller_manager.kinds import LEASES, NODES, PODS
from minikube_edu.lib import clock

log = logging.getLogger(__name__)

MOMENT = 1.0
NODE_LEASES = "kube-node-lease"
EMPTYING = {"False": NOT_READY, "Unknown": UNREACHABLE}
LABELS = (
    ("kubernetes.io/os", "beta.kubernetes.io/os"),
    ("kubernetes.io/arch", "beta.kubernetes.io/arch"),
)


class NodeLifecycleController(Controller):
    """Leases are listed when nodes are looked at, not watched: of a thousand nodes a hundred renew every second, which
    would be the most of what an idle cluster does."""

    name = "node-lifecycle-controller"
    workers = 8

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.nodes = self.informer(NODES)
        self.nodes.add_handler(
            added=self.wake, updated=lambda _, node: self.wake(node), deleted=lambda gone: self.forget(last_state(gone))
        )
        self.pods = self.informer(PODS)
        self.pods.add_indexer("node", node_of)
        self.health = Health(self.settings.node_monitor_grace_period)
        self.zones = Zones()
        self.known: set[str] = set()
        self.renewed: dict[str, str] = {}  # node -> when it last renewed its lease, as it was at `renewed_at`
        self.renewed_at = 0.0
        self.ready: dict[str, str] = {}  # as it was at the last look
        self.calm: dict[str, Object] = {}  # Ready nodes as they were when all that follows from it had been done
        self.changed = True  # some node is not what it was at the last look
        self.recorder = environment.recorder("node-controller")

    def loops(self) -> dict[str, Callable[[], Any]]:
        return {"monitor": self.monitor}

    # ------------------------------------------------------------ one node, whenever it changes

    def wake(self, node: Object) -> None:
        """A node that has just been made and has said nothing gets a moment to speak."""
        self.changed = True
        self.queue.add_after(node["metadata"]["name"], 0.0 if readiness(node) else MOMENT)

    async def reconcile(self, key: str) -> None:
        node = self.nodes.index.get(key)
        if node is None:
            return
        await swap_taints(self.client, node, "NoSchedule", no_schedule_keys(node), OURS)
        labels = node["metadata"].get("labels", {})
        missing = {old: labels[new] for new, old in LABELS if new in labels and labels.get(old) != labels[new]}
        if missing:
            await self.client.patch(NODES, key, {"metadata": {"labels": missing}})

    # ------------------------------------------------------------ all nodes, every few seconds

    async def monitor(self) -> None:
        while True:
            try:
                await self.look()
            except Exception as error:
                if not expected(error):
                    log.warning("%s: %s", self.name, error, exc_info=not isinstance(error, ApiError))
            await asyncio.sleep(self.settings.node_monitor_period)

    async def look(self) -> None:
        nodes = self.nodes.index.list()
        renewed = await self.renewals() if nodes else {}
        changed, self.changed = self.changed, False
        for node in nodes:
            name = node["metadata"]["name"]
            if self.calm.get(name) is node and self.health.goes_on(name, renewed.get(name, "")):
                continue
            try:
                await self.look_at(node, renewed.get(name, ""))
            except ApiError as error:  # one node's trouble is not the others'; it is looked at again soon
                if not expected(error):
                    log.warning("%s: %s: %s", self.name, node["metadata"]["name"], error)
        if changed or self.changed:
            self.zones.look(self.nodes.index.list())
        for name in self.zones.due():
            await self.set_emptying(name)
        if self.zones.all_down:
            for node in nodes:
                await self.stop_emptying(node)

    async def look_at(self, node: Object, renewed: str) -> None:
        self.register(node)
        self.health.notice(node, renewed)
        if self.health.is_silent(node) and (made := silenced(node)) is not None:
            node = await self.client.update(NODES, made, subresource="status")
            self.nodes.index.put(node)
            self.changed = True
        await self.follow(node)
        if self.ready[node["metadata"]["name"]] == "True":
            self.calm[node["metadata"]["name"]] = node

    async def renewals(self) -> dict[str, str]:
        """From the server, at most five times in a grace period."""
        due = self.renewed_at + self.settings.node_monitor_grace_period / 5
        if self.renewed and clock.monotonic() < due:
            return self.renewed
        found = await self.reader.list(LEASES, NODE_LEASES, resource_version="0")
        self.renewed_at = clock.monotonic()
        self.renewed = {
            lease["metadata"]["name"]: lease["spec"].get("renewTime", "") for lease in found.get("items") or ()
        }
        return self.renewed

    async def follow(self, node: Object) -> None:
        """What a node's readiness, or the loss of it, leads to."""
        name, now = node["metadata"]["name"], readiness(node)
        before, self.ready[name] = self.ready.get(name, ""), now
        if before == "True" and now != "True":
            self.tell(name, "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        if now in EMPTYING:
            has = {t["key"] for t in node["spec"].get("taints", []) if t["effect"] == "NoExecute"}
            if EMPTYING[now] not in has:
                self.zones.add(node)
            if before != now:
                await self.pods_not_ready(node)
        elif now == "True":
            self.zones.remove(name)
            await self.stop_emptying(node)

    async def set_emptying(self, name: str) -> None:
        """The NoExecute taint: the taint eviction controller does the rest."""
        node = self.nodes.index.get(name)
        if node is None or readiness(node) not in EMPTYING:
            return
        try:
            await swap_taints(self.client, node, "NoExecute", [EMPTYING[readiness(node)]], {NOT_READY, UNREACHABLE})
        except ApiError:
            self.zones.add(node)
            raise

    async def stop_emptying(self, node: Object) -> None:
        await swap_taints(self.client, node, "NoExecute", [], {NOT_READY, UNREACHABLE})

    async def pods_not_ready(self, node: Object) -> None:
        """Services must not send anybody to pods of which nothing is known."""
        for pod in self.pods.index.by("node", node["metadata"]["name"]):
            conditions = [dict(c) for c in pod.get("status", {}).get("conditions", [])]
            for condition in conditions:
                if condition["type"] == "Ready" and condition["status"] == "True":
                    condition |= {"status": "False", "lastTransitionTime": clock.rfc3339()}
                    made = {**pod, "status": {**pod["status"], "conditions": conditions}}
                    try:
                        await self.client.update(PODS, made, subresource="status")
                    except ApiError as error:
                        if not error.not_found and not error.conflict:
                            raise
                    self.recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready")

    # ------------------------------------------------------------ who is there

    def register(self, node: Object) -> None:
        name = node["metadata"]["name"]
        if name not in self.known:
            self.known.add(name)
            self.tell(name, "RegisteredNode", f"Node {name} event: Registered Node {name} in Controller")

    def forget(self, node: Object) -> None:
        name = node["metadata"]["name"]
        self.changed = True
        self.calm.pop(name, None)
        self.health.forget(name)
        self.zones.remove(name)
        self.ready.pop(name, None)
        if name in self.known:
            self.known.remove(name)
            self.tell(name, "RemovingNode", f"Node {name} event: Removing Node {name} from Controller")

    def tell(self, name: str, reason: str, message: str) -> None:
        node = self.nodes.index.get(name)
        uid = node["metadata"]["uid"] if node else name
        about = {"kind": "Node", "apiVersion": "v1", "name": name, "uid": uid}
        self.recorder.event(about, "Normal", reason, message)


def node_of(pod: Object) -> list[str]:
    name = pod["spec"].get("nodeName")
    return [name] if name else []
