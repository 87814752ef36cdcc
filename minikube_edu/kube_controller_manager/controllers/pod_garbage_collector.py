"""pod-garbage-collector-controller: pods that nobody else would ever take away.

Every twenty seconds: finished pods beyond a number (12,500), the oldest first; pods whose node has been gone for forty
seconds; pods that are being deleted and were never bound; pods that are being deleted on a node that is marked as out
of service. Those that did not finish are marked as failed first, so that their controllers know why.
"""

from __future__ import annotations

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import STRATEGIC_PATCH
from minikube_edu.kube_controller_manager import pod_state
from minikube_edu.kube_controller_manager.controller import Environment, Object, Periodic
from minikube_edu.kube_controller_manager.kinds import NODES, PODS
from minikube_edu.lib import clock

QUARANTINE = 40.0  # seconds between missing a node and believing that it is gone
LEAVING, FINISHED, DELETING = "leaving", "finished", "deleting"  # an index: few of many pods are on their way out
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


class PodGarbageCollector(Periodic):
    name = "pod-garbage-collector-controller"
    period = 20.0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.pods = self.informer(PODS)
        self.pods.add_indexer("node", node_of)
        self.pods.add_indexer(LEAVING, leaving)
        self.nodes = self.informer(NODES)
        self._missing: dict[str, float] = {}  # node -> when it was first missed

    async def sync(self) -> None:
        for pod in self.finished_surplus():
            await self.delete(pod)
        gone = await self.gone_nodes()
        for name in gone:
            for pod in self.pods.index.by("node", name):
                await self.delete(pod, "PodGC: node no longer exists", evicted=True)
        for pod in self.pods.index.by(LEAVING, DELETING):
            node = pod["spec"].get("nodeName", "")
            if node not in gone and (not node or self.is_out_of_service(pod, node)):
                await self.delete(pod)

    def finished_surplus(self) -> list[Object]:
        limit = self.settings.terminated_pod_gc_threshold
        over = self.pods.index.by(LEAVING, FINISHED)
        if limit <= 0 or len(over) <= limit:
            return []
        over.sort(key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))
        return over[: len(over) - limit]

    async def gone_nodes(self) -> set[str]:
        """Nodes that pods are bound to and that do not exist, as the server confirms."""
        now = clock.monotonic()
        missed = {name for name in self.pods.index.values("node") if self.nodes.index.get(name) is None}
        self._missing = {name: self._missing.get(name, now) for name in missed}
        gone = set()
        for name, since in self._missing.items():
            if now - since < QUARANTINE:
                continue
            try:
                await self.client.get(NODES, name)
            except ApiError as error:
                if error.code == 404:
                    gone.add(name)
        return gone

    def is_out_of_service(self, pod: Object, name: str) -> bool:
        node = self.nodes.index.get(name)
        taints = (node.get("spec") or {}).get("taints") or () if node else ()
        ready = pod_state.condition(node, "Ready") if node else None
        return (ready is None or ready["status"] != "True") and any(one["key"] == OUT_OF_SERVICE for one in taints)

    async def delete(self, pod: Object, message: str = "", *, evicted: bool = False) -> None:
        metadata = pod["metadata"]
        name, namespace = metadata["name"], metadata["namespace"]
        try:
            if not pod_state.is_terminal(pod):
                status: Object = {"phase": "Failed"}
                if evicted:
                    target = {
                        "type": "DisruptionTarget",
                        "status": "True",
                        "reason": "DeletionByPodGC",
                        "message": message,
                        "lastTransitionTime": clock.rfc3339(),
                    }
                    status["conditions"] = [target]
                body = {"metadata": {"uid": metadata["uid"]}, "status": status}
                await self.client.patch(PODS, name, body, namespace, kind=STRATEGIC_PATCH, subresource="status")
            options = {"gracePeriodSeconds": 0, "preconditions": {"uid": metadata["uid"]}}
            await self.client.delete(PODS, name, namespace, options=options)
        except ApiError as error:
            if error.code not in (404, 409):
                raise


def node_of(pod: Object) -> list[str]:
    name = pod["spec"].get("nodeName")
    return [name] if name else []


def leaving(pod: Object) -> list[str]:
    found = [FINISHED] if pod_state.is_terminal(pod) else []
    return [*found, DELETING] if pod_state.is_deleting(pod) else found


CONTROLLER = PodGarbageCollector
