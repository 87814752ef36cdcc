"""taint-eviction-controller: pods leave a node that has a NoExecute taint which they do not tolerate.

At once, or after the shortest `tolerationSeconds` of the tolerations that match; a pod that tolerates a taint without a
limit is not moved by it. The time begins when the taint is first seen here; when the taint goes, the pod stays.
"""

from __future__ import annotations

from minikube_edu.client.errors import ApiError
from minikube_edu.client.informer import last_state
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.kinds import NODES, PODS
from minikube_edu.lib import clock

Taints = list[Object]


class TaintEvictionController(Controller):
    name = "taint-eviction-controller"
    workers = 8

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.nodes = self.informer(NODES)
        self.pods = self.informer(PODS)
        self.pods.add_indexer("node", node_of)
        self.pods.add_handler(
            added=self.pod_seen, updated=self.pod_changed, deleted=lambda g: self.pod_gone(last_state(g))
        )
        self.nodes.add_handler(added=lambda node: self.node_changed({}, node), updated=self.node_changed)
        self.since: dict[str, float] = {}  # pod uid -> when its time began
        self.recorder = environment.recorder("taint-eviction-controller")

    # ------------------------------------------------------------ what wakes

    def pod_seen(self, pod: Object) -> None:
        node = self.nodes.index.get(pod["spec"].get("nodeName", ""))
        if node is not None and no_execute(node):
            self.enqueue(pod)

    def pod_changed(self, before: Object, pod: Object) -> None:
        fields = ("nodeName", "tolerations")
        if any(before["spec"].get(field) != pod["spec"].get(field) for field in fields):
            self.pod_seen(pod)

    def pod_gone(self, pod: Object) -> None:
        self.since.pop(pod["metadata"]["uid"], None)

    def node_changed(self, before: Object, node: Object) -> None:
        if (no_execute(before) if before else []) != no_execute(node):
            for pod in self.pods.index.by("node", node["metadata"]["name"]):
                self.enqueue(pod)

    # ------------------------------------------------------------ one pod

    async def reconcile(self, key: str) -> None:
        pod = self.pods.index.get(key)
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return
        node = self.nodes.index.get(pod["spec"].get("nodeName", ""))
        left = patience(pod, no_execute(node) if node else [])
        uid = pod["metadata"]["uid"]
        if left is None:
            if self.since.pop(uid, None) is not None:
                self.recorder.event(pod, "Normal", "TaintManagerEviction", f"Cancelling deletion of Pod {key}")
            return
        wait = self.since.setdefault(uid, clock.now()) + left - clock.now()
        if wait > 0:
            self.queue.add_after(key, wait)
            return
        self.since.pop(uid, None)
        await self.evict(key, pod)

    async def evict(self, key: str, pod: Object) -> None:
        self.recorder.event(pod, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {key}")
        namespace, name = self.split(key)
        target = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint",
            "lastTransitionTime": clock.rfc3339(),
        }
        if pod["metadata"].get("generation"):
            target["observedGeneration"] = pod["metadata"]["generation"]
        others = [c for c in pod.get("status", {}).get("conditions", []) if c["type"] != "DisruptionTarget"]
        made = {**pod, "status": {**pod.get("status", {}), "conditions": [*others, target]}}
        try:
            await self.client.update(PODS, made, subresource="status")
            await self.client.delete(PODS, name, namespace, options={"preconditions": {"uid": pod["metadata"]["uid"]}})
        except ApiError as error:
            if not error.not_found:
                raise


def no_execute(node: Object) -> Taints:
    return [taint for taint in node["spec"].get("taints", []) if taint["effect"] == "NoExecute"]


def patience(pod: Object, taints: Taints) -> float | None:
    """How many seconds the pod bears these taints; None: for ever."""
    limits = []
    for taint in taints:
        matching = [one for one in pod["spec"].get("tolerations", []) if tolerates(one, taint)]
        if not matching:
            return 0.0
        limits += [max(one["tolerationSeconds"], 0) for one in matching if one.get("tolerationSeconds") is not None]
    return float(min(limits)) if limits else None


def tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    operator, key, value = toleration.get("operator") or "Equal", toleration.get("key", ""), taint.get("value", "")
    if key and key != taint["key"]:
        return False
    if operator == "Exists":
        return True
    if operator == "Equal":
        return bool(key) and toleration.get("value", "") == value
    try:
        mine, theirs = int(toleration.get("value", "")), int(value)
    except ValueError:
        return False
    return theirs > mine if operator == "Gt" else theirs < mine


def node_of(pod: Object) -> list[str]:
    name = pod["spec"].get("nodeName")
    return [name] if name else []


CONTROLLER = TaintEvictionController
