"""host-path-provisioner-controller: makes volumes for the storage classes of `minikube-edu.io/host-path`.

No part of the real controller manager: in a real cluster this is a program of the storage's vendor. It keeps that
program's contract: it acts on claims that carry its name (the binder writes it), makes a volume called `pvc-<uid>` that
names the claim, and deletes the volume, its directory first, when it is released and its policy is `Delete`; where
somebody else deletes a volume of that policy, its directory goes too. The volume is a directory of a node; when the
scheduler has chosen the node (WaitForFirstConsumer), the volume can be used on that node alone. A claim that asks for
use by many nodes gets a directory that all nodes see.
"""

from __future__ import annotations

import asyncio

from minikube_edu.client.errors import ApiError
from minikube_edu.kube_controller_manager import host_folders
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.claims import PROVISIONER
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.matching import (
    SELECTED_NODE,
    annotation,
    class_of,
)
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.volumes import PROVISIONED_BY
from minikube_edu.kube_controller_manager.kinds import (
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
)

NAME = "minikube-edu.io/host-path"
DRIVER = "host-path.minikube-edu.io"  # the same, as a name of a driver may be
ROOT = "/var/lib/minikube-edu/volumes"
OF_MANY = {"ReadWriteMany", "ReadOnlyMany"}


class HostPathProvisioner(Controller):
    name = "host-path-provisioner-controller"
    workers = 2

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.claims = self.watch(PERSISTENT_VOLUME_CLAIMS, wants_volume)
        self.volumes = self.watch(PERSISTENT_VOLUMES, lambda volume: annotation(volume, PROVISIONED_BY) == NAME)
        self.classes = self.informer(STORAGE_CLASSES)
        self.nodes = self.informer(NODES)
        self._known: dict[str, Object] = {}  # volumes whose directories go with them
        self.recorder = environment.recorder(NAME)

    async def reconcile(self, key: str) -> None:
        if "/" in key:
            claim = self.claims.index.get(key)
            if claim is not None and wants_volume(claim):
                await self.provision(claim)
            return
        volume = self.volumes.index.get(key)
        if volume is None:
            if gone := self._known.pop(key, None):
                await asyncio.to_thread(host_folders.remove, gone, ROOT)
        elif not goes_with_its_claim(volume):
            self._known.pop(key, None)
        else:
            self._known[key] = {"spec": volume["spec"]}
            if may_be_deleted(volume):
                await asyncio.to_thread(host_folders.remove, volume, ROOT)
                await self.client.delete(PERSISTENT_VOLUMES, key)

    async def provision(self, claim: Object) -> None:
        found = self.classes.index.get(class_of(claim))
        if found is None or found["provisioner"] != NAME:
            return
        node_name = annotation(claim, SELECTED_NODE)
        if found.get("volumeBindingMode") == "WaitForFirstConsumer" and not node_name:
            return
        name = f"pvc-{claim['metadata']['uid']}"
        if self.volumes.index.get(name) is not None:
            return
        key = f"{claim['metadata']['namespace']}/{claim['metadata']['name']}"
        self.recorder.event(
            claim, "Normal", "Provisioning", f'External provisioner is provisioning volume for claim "{key}"'
        )
        node = self.nodes.index.get(node_name) if node_name else None
        why = f'node "{node_name}" not found' if node_name and node is None else ""
        why = "claim Selector is not supported" if claim["spec"].get("selector") else why
        if why:
            message = f'failed to provision volume with StorageClass "{class_of(claim)}": {why}'
            self.recorder.event(claim, "Warning", "ProvisioningFailed", message)
            if node_name:  # the scheduler shall choose again
                kept = {k: v for k, v in claim["metadata"]["annotations"].items() if k != SELECTED_NODE}
                await self.client.update(
                    PERSISTENT_VOLUME_CLAIMS, {**claim, "metadata": {**claim["metadata"], "annotations": kept}}
                )
            return
        try:
            await self.client.create(PERSISTENT_VOLUMES, volume_for(claim, found, name, node))
        except ApiError as error:
            if not error.already_exists:
                raise
        self.recorder.event(claim, "Normal", "ProvisioningSucceeded", f"Successfully provisioned volume {name}")


def wants_volume(claim: Object) -> bool:
    return (
        annotation(claim, PROVISIONER) == NAME
        and not claim["spec"].get("volumeName")
        and "deletionTimestamp" not in claim["metadata"]
    )


def goes_with_its_claim(volume: Object) -> bool:
    return (
        annotation(volume, PROVISIONED_BY) == NAME and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    )


def may_be_deleted(volume: Object) -> bool:
    return (
        goes_with_its_claim(volume)
        and volume.get("status", {}).get("phase") == "Released"
        and "deletionTimestamp" not in volume["metadata"]
    )


def volume_for(claim: Object, storage_class: Object, name: str, node: Object | None) -> Object:
    metadata, spec = claim["metadata"], claim["spec"]
    folder = f"{name}_{metadata['namespace']}_{metadata['name']}"
    shared = bool(OF_MANY & set(spec["accessModes"]))
    made: Object = {
        "accessModes": spec["accessModes"],
        "capacity": {"storage": spec["resources"]["requests"]["storage"]},
        "claimRef": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
        "storageClassName": storage_class["metadata"]["name"],
        "volumeMode": spec.get("volumeMode", "Filesystem"),
    }
    if storage_class.get("mountOptions"):
        made["mountOptions"] = storage_class["mountOptions"]
    if shared:
        made["csi"] = {"driver": DRIVER, "volumeHandle": folder, "volumeAttributes": {"shared": "true"}}
    else:
        made["hostPath"] = {"path": f"{ROOT}/{folder}", "type": "DirectoryOrCreate"}
    if node is not None and not shared:
        label = "kubernetes.io/hostname"
        value = node["metadata"].get("labels", {}).get(label, node["metadata"]["name"])
        here = {"matchExpressions": [{"key": label, "operator": "In", "values": [value]}]}
        made["nodeAffinity"] = {"required": {"nodeSelectorTerms": [here]}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: NAME}},
        "spec": made,
    }


CONTROLLER = HostPathProvisioner
