"""cloud-node-controller and cloud-node-lifecycle-controller: nodes and the machines behind them.

A kubelet that is told to expect a cloud marks its node with a taint until the cloud has said where and what the node
is; then the taint comes off. A node that is not ready and whose machine is gone is deleted, which the garbage collector
of pods turns into the end of its pods.
"""

from __future__ import annotations

from minikube_edu.client.errors import ApiError
from minikube_edu.client.events import EventRecorder
from minikube_edu.client.informer import Informer
from minikube_edu.client.rest import Client, Resource
from minikube_edu.cloud_controller_manager.local_cloud import LocalCloud
from minikube_edu.cloud_controller_manager.loops import Loop, Object
from minikube_edu.lib import clock

NODES = Resource("", "v1", "nodes", False, "Node")
UNINITIALIZED = "node.cloudprovider.kubernetes.io/uninitialized"
PROVIDER = "local://"


class NodeLoop(Loop):
    name = "cloud-node-controller"

    def __init__(self, client: Client, informer: Informer, cloud: LocalCloud, recorder: EventRecorder) -> None:
        super().__init__(informer)
        self.client, self.cloud, self.recorder = client, cloud, recorder

    async def reconcile(self, key: str) -> None:
        node = self.informer.index.get(key)
        if node is None:
            return
        taints = node["spec"].get("taints", [])
        kept = [taint for taint in taints if taint["key"] != UNINITIALIZED]
        if len(kept) == len(taints) or not self.cloud.has_instance(key):
            return
        labels = {
            "node.kubernetes.io/instance-type": self.cloud.instance_type,
            "topology.kubernetes.io/region": self.cloud.region,
            "topology.kubernetes.io/zone": self.cloud.zone,
        }
        spec: Object = {"taints": kept or None}
        if not node["spec"].get("providerID"):
            spec["providerID"] = PROVIDER + key
        metadata = {"labels": labels, "resourceVersion": node["metadata"]["resourceVersion"]}
        await self.client.patch(NODES, key, {"metadata": metadata, "spec": spec})
        await self.tell_addresses(node)
        self.recorder.event(node, "Normal", "Synced", "Node synced successfully")

    async def tell_addresses(self, node: Object) -> None:
        """What the kubelet said (`--node-ip`) stays; a node without a name gets its own."""
        addresses = node.get("status", {}).get("addresses", [])
        if any(address["type"] == "Hostname" for address in addresses):
            return
        named = [*addresses, {"type": "Hostname", "address": node["metadata"]["name"]}]
        await self.client.patch(NODES, node["metadata"]["name"], {"status": {"addresses": named}}, subresource="status")


class NodeLifecycle:
    """Looks at all nodes every few seconds."""

    name = "cloud-node-lifecycle-controller"

    def __init__(self, client: Client, informer: Informer, cloud: LocalCloud, recorder: EventRecorder) -> None:
        self.client, self.informer, self.cloud, self.recorder = client, informer, cloud, recorder

    async def look(self) -> None:
        for node in self.informer.index.list():
            name = node["metadata"]["name"]
            if is_ready(node) or self.cloud.has_instance(name):
                continue
            message = f"Deleting node {name} because it does not exist in the cloud provider"
            self.recorder.event(node, "Normal", "DeletingNode", message)
            try:
                await self.client.delete(NODES, name)
            except ApiError as error:
                if not error.not_found:
                    raise


class RouteLoop(Loop):
    """route-controller: in a local cloud all pods can reach each other; it only has to be said."""

    name = "node-route-controller"

    def __init__(self, client: Client, informer: Informer) -> None:
        super().__init__(informer)
        self.client = client

    async def reconcile(self, key: str) -> None:
        node = self.informer.index.get(key)
        if node is None or not node["spec"].get("podCIDRs"):
            return
        conditions = node.get("status", {}).get("conditions", [])
        if any(c["type"] == "NetworkUnavailable" and c["status"] == "False" for c in conditions):
            return
        now = clock.rfc3339()
        condition = {
            "type": "NetworkUnavailable",
            "status": "False",
            "reason": "RouteCreated",
            "message": "RouteController created a route",
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        others = [c for c in conditions if c["type"] != "NetworkUnavailable"]
        made = {**node, "status": {**node.get("status", {}), "conditions": [*others, condition]}}
        await self.client.update(NODES, made, subresource="status")


def is_ready(node: Object) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
