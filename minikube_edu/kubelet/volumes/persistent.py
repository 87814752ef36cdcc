"""Persistent volumes: from a pod's claim to the volume that it is bound to, to a directory of the node.

hostPath and local volumes are directories of the node. Volumes of the project's own storage driver are directories
below `/var/lib/minikube-edu/volumes` of the node, or, with the attribute `shared: "true"`, of the whole cluster. What
needs a driver or a server that is not here is refused in the words that a node without that driver uses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import ApiObjects
from minikube_edu.kubelet.node_paths import below
from minikube_edu.kubelet.volumes import host_path
from minikube_edu.kubelet.volumes.payload import Unmountable

Object = dict[str, Any]

DRIVER = "host-path.minikube-edu.io"
ROOT = "/var/lib/minikube-edu/volumes"


class Unprocessed(Exception):
    """The claim cannot be used as it is: the text after `failed to process volumes=[x]: `."""


async def bound_volume(pod: Object, volume: Object, objects: ApiObjects) -> Object:
    """The PersistentVolume behind a claim of the pod."""
    namespace = pod_facts.namespace(pod)
    ephemeral = "ephemeral" in volume
    claim_name = (
        f"{pod_facts.name(pod)}-{volume['name']}" if ephemeral else volume["persistentVolumeClaim"]["claimName"]
    )
    prefix = f"error processing PVC {namespace}/{claim_name}: "
    claim = await objects.persistent_volume_claim(namespace, claim_name)
    if claim is None:
        missing = f'persistentvolumeclaims "{claim_name}" not found'
        raise Unprocessed(f"{prefix}failed to fetch PVC from API server: {missing}")
    if ephemeral and not _owns(pod, claim):
        raise Unprocessed(
            f"PVC {namespace}/{claim_name} was not created for pod {namespace}/{pod_facts.name(pod)} (pod is not owner)"
        )
    if claim["metadata"].get("deletionTimestamp"):
        raise Unprocessed(f"{prefix}PVC is being deleted")
    if (claim.get("status") or {}).get("phase") != "Bound":
        raise Unprocessed(f"{prefix}PVC is not bound")
    name = claim["spec"].get("volumeName")
    if not name:
        raise Unprocessed(f"{prefix}PVC has empty pvc.Spec.VolumeName")
    found = await objects.persistent_volume(name)
    if found is None:
        missing = f'persistentvolumes "{name}" not found'
        raise Unprocessed(f"{prefix}failed to fetch PV {name} from API server: {missing}")
    return _checked(found, claim, volume, pod, prefix)


def _checked(found: Object, claim: Object, volume: Object, pod: Object, prefix: str) -> Object:
    name, reference = found["metadata"]["name"], found["spec"].get("claimRef")
    if not reference:
        raise Unprocessed(
            f"{prefix}found PV object {name} but it has a nil pv.Spec.ClaimRef "
            "indicating it is not yet bound to the claim"
        )
    if reference.get("uid") != claim["metadata"].get("uid"):
        raise Unprocessed(
            f"{prefix}found PV object {name} but its pv.Spec.ClaimRef.UID {reference.get('uid', '')} does not point to "
            f"claim.UID {claim['metadata'].get('uid', '')}"
        )
    mode = found["spec"].get("volumeMode") or "Filesystem"
    for field, wanted in (("volumeMounts", "Filesystem"), ("volumeDevices", "Block")):
        used = any(
            one["name"] == volume["name"]
            for container in pod_facts.every_container(pod)
            for one in container.get(field) or ()
        )
        if used and mode != wanted:
            raise Unprocessed(f"volume {volume['name']} has volumeMode {mode}, but is specified in {field}")
    return found


def _owns(pod: Object, claim: Object) -> bool:
    return any(one.get("uid") == pod_facts.uid(pod) for one in claim["metadata"].get("ownerReferences") or ())


def set_up(root: Path, shared: Path | None, found: Object) -> tuple[Path, str]:
    """The directory, and the name of the plugin, of a PersistentVolume."""
    spec = found["spec"]
    if spec.get("volumeMode") == "Block":
        raise Unmountable("block volumes need a kernel, and this node has none")
    if "hostPath" in spec:
        return host_path.set_up(root, spec["hostPath"]), "kubernetes.io/host-path"
    if "local" in spec:
        path = below(root, spec["local"]["path"])
        if not path.exists():
            raise Unmountable(f'path "{spec["local"]["path"]}" does not exist')
        return path, "kubernetes.io/local-volume"
    if "csi" in spec:
        return _driver(root, shared, spec["csi"]), "kubernetes.io/csi"
    raise Unmountable(not_here(spec))


def _driver(root: Path, shared: Path | None, source: Object) -> Path:
    if source["driver"] != DRIVER:
        raise Unmountable(
            "kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: "
            f"driver name {source['driver']} not found in the list of registered CSI drivers"
        )
    everywhere = (source.get("volumeAttributes") or {}).get("shared") == "true"
    base = shared if everywhere and shared is not None else below(root, ROOT)
    path = below(base, source["volumeHandle"])
    path.mkdir(parents=True, exist_ok=True)
    return path


def not_here(source: Object) -> str:
    """Kinds of storage that a node needs a server or a kernel for."""
    if "nfs" in source:
        nfs = source["nfs"]
        return (
            "mount failed: exit status 32\nMounting command: mount\n"
            f"Mounting arguments: -t nfs {nfs['server']}:{nfs['path']}\n"
            "Output: mount: this node is simulated and has no NFS client"
        )
    kind = next((key for key in source if isinstance(source[key], dict) and key not in ("claimRef", "capacity")), "?")
    return f"this node is simulated and cannot mount volumes of type {kind}"
