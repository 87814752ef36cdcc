"""persistentvolume-attach-detach-controller: which volumes hang on which nodes.

A volume of a CSI driver must be attached to the node before a pod can mount it. The controller makes a VolumeAttachment
for every volume that a pod on a node needs, and deletes it when no pod there does; attaching itself is the driver's
work, which says so in `status.attached`. What is attached is then listed in the node's `status.volumesAttached`, for
which the kubelet waits. Drivers that need no attaching say so (`attachRequired: false`); volumes that are no CSI's
never do.
"""

from __future__ import annotations

import hashlib
import re

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.claims import claims_of
from minikube_edu.kube_controller_manager.kinds import (
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    VOLUME_ATTACHMENTS,
)

OURS = re.compile("csi-[0-9a-f]{64}")  # attachments that somebody made by hand are left to them
CSI_DRIVERS = Resource("storage.k8s.io", "v1", "csidrivers", False, "CSIDriver")


class AttachDetachController(Controller):
    """Keys are nodes: one node's volumes are decided together."""

    name = "persistentvolume-attach-detach-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.claims = self.informer(PERSISTENT_VOLUME_CLAIMS)
        self.volumes = self.informer(PERSISTENT_VOLUMES)
        self.drivers = self.informer(CSI_DRIVERS)
        self.nodes = self.informer(NODES)
        self.attachments = self.watch_related(VOLUME_ATTACHMENTS, lambda one: [one["spec"]["nodeName"]])
        self.attachments.add_indexer("node", lambda one: [one["spec"]["nodeName"]])
        self.pods = self.watch_related(PODS, nodes_with_claims)
        self.pods.add_indexer("node", lambda pod: [pod["spec"]["nodeName"]] if pod["spec"].get("nodeName") else [])
        self.claims.add_handler(updated=self.claim_bound)

    def claim_bound(self, before: Object, claim: Object) -> None:
        if before["spec"].get("volumeName") == claim["spec"].get("volumeName"):
            return
        for pod in self.pods.index.list(claim["metadata"]["namespace"]):
            if claim["metadata"]["name"] in claims_of(pod):
                for node in nodes_with_claims(pod):
                    self.queue.add(node)

    async def reconcile(self, key: str) -> None:
        node = self.nodes.index.get(key)
        wanted = self.needed(key) if node is not None else {}
        existing = {one["metadata"]["name"]: one for one in self.attachments.index.by("node", key)}
        for name, volume in wanted.items():
            if name not in existing:
                await self.attach(name, key, volume)
        in_use = set(node.get("status", {}).get("volumesInUse", [])) if node else set()
        for name, attachment in existing.items():
            held = self.volumes.index.get(attachment["spec"]["source"].get("persistentVolumeName", ""))
            mounted = held is not None and unique_name(held) in in_use
            if (
                name not in wanted
                and OURS.fullmatch(name)
                and not mounted
                and "deletionTimestamp" not in attachment["metadata"]
            ):
                try:
                    await self.client.delete(VOLUME_ATTACHMENTS, name)
                except ApiError as error:
                    if not error.not_found:
                        raise
        if node is not None:
            await self.tell(node)

    def needed(self, node_name: str) -> dict[str, Object]:
        """Name of the attachment -> volume, for all that pods on the node use."""
        found: dict[str, Object] = {}
        for pod in self.pods.index.by("node", node_name):
            if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
                continue
            for claim_name in claims_of(pod):
                claim = self.claims.index.find(claim_name, pod["metadata"]["namespace"])
                volume = self.volumes.index.get(claim["spec"].get("volumeName", "")) if claim else None
                if volume is not None and self.must_be_attached(volume):
                    found[attachment_name(volume, node_name)] = volume
        return found

    def must_be_attached(self, volume: Object) -> bool:
        csi = volume["spec"].get("csi")
        if csi is None:
            return False
        driver = self.drivers.index.get(csi["driver"])
        return driver is None or bool(driver["spec"].get("attachRequired", True))

    async def attach(self, name: str, node_name: str, volume: Object) -> None:
        made = {
            "apiVersion": VOLUME_ATTACHMENTS.api_version,
            "kind": VOLUME_ATTACHMENTS.kind,
            "metadata": {"name": name},
            "spec": {
                "attacher": volume["spec"]["csi"]["driver"],
                "nodeName": node_name,
                "source": {"persistentVolumeName": volume["metadata"]["name"]},
            },
        }
        self.attachments.index.put(await self.client.create(VOLUME_ATTACHMENTS, made))

    async def tell(self, node: Object) -> None:
        attached = []
        for attachment in self.attachments.index.by("node", node["metadata"]["name"]):
            volume = self.volumes.index.get(attachment["spec"]["source"].get("persistentVolumeName", ""))
            if volume is not None and "csi" in volume["spec"] and attachment.get("status", {}).get("attached"):
                attached.append({"name": unique_name(volume), "devicePath": ""})
        attached.sort(key=lambda one: one["name"])
        if attached != node.get("status", {}).get("volumesAttached", []):
            patch = {"status": {"volumesAttached": attached or None}}
            await self.client.patch(NODES, node["metadata"]["name"], patch, subresource="status")


def nodes_with_claims(pod: Object) -> list[str]:
    node = pod["spec"].get("nodeName")
    return [node] if node and claims_of(pod) else []


def attachment_name(volume: Object, node_name: str) -> str:
    csi = volume["spec"]["csi"]
    return "csi-" + hashlib.sha256(f"{csi['volumeHandle']}{csi['driver']}{node_name}".encode()).hexdigest()


def unique_name(volume: Object) -> str:
    csi = volume["spec"].get("csi", {})
    return f"kubernetes.io/csi/{csi.get('driver', '')}^{csi.get('volumeHandle', '')}"


CONTROLLER = AttachDetachController
