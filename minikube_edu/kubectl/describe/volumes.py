"""Volumes of pods and persistent volumes: a table of sources, each with what it is and the fields that tell more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from minikube_edu.api import quantity
from minikube_edu.kubectl.describe.page import NONE, UNSET, Object, Page
from minikube_edu.lib.govalue import show


class Source(NamedTuple):
    """`fields` are (label, field's name, what stands there when it is missing)."""

    what: str
    fields: list[tuple[str, str, Any]]


_READ_ONLY = ("ReadOnly", "readOnly", False)
_FS_TYPE = ("FSType", "fsType", "")
_SECRET = ("SecretRef", "secretRef", "nil")
_ISCSI = [
    ("TargetPortal", "targetPortal", ""), ("IQN", "iqn", ""), ("Lun", "lun", 0),
    ("ISCSIInterface", "iscsiInterface", ""), _FS_TYPE, _READ_ONLY, ("Portals", "portals", []),
    ("DiscoveryCHAPAuth", "chapAuthDiscovery", False),
    ("SessionCHAPAuth", "chapAuthSession", False), _SECRET, ("InitiatorName", "initiatorName", NONE),
]  # fmt: skip
_SCALE_IO = [
    ("Gateway", "gateway", ""), ("System", "system", ""), ("Protection Domain", "protectionDomain", ""),
    ("Storage Pool", "storagePool", ""), ("Storage Mode", "storageMode", ""), ("VolumeName", "volumeName", ""),
]  # fmt: skip

SOURCES: dict[str, Source] = {
    "hostPath": Source(
        "HostPath (bare host directory volume)", [("Path", "path", ""), ("HostPathType", "type", NONE)]
    ),
    "emptyDir": Source("EmptyDir (a temporary directory that shares a pod's lifetime)", [("Medium", "medium", "")]),
    "gcePersistentDisk": Source(
        "GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)",
        [("PDName", "pdName", ""), _FS_TYPE, ("Partition", "partition", 0), _READ_ONLY],
    ),
    "awsElasticBlockStore": Source(
        "AWSElasticBlockStore (a Persistent Disk resource in AWS)",
        [("VolumeID", "volumeID", ""), _FS_TYPE, ("Partition", "partition", 0), _READ_ONLY],
    ),
    "gitRepo": Source(
        "GitRepo (a volume that is pulled from git when the pod is created)",
        [("Repository", "repository", ""), ("Revision", "revision", "")],
    ),
    "secret": Source(
        "Secret (a volume populated by a Secret)",
        [("SecretName", "secretName", ""), ("Optional", "optional", False)],
    ),
    "configMap": Source(
        "ConfigMap (a volume populated by a ConfigMap)", [("Name", "name", ""), ("Optional", "optional", False)]
    ),
    "nfs": Source(
        "NFS (an NFS mount that lasts the lifetime of a pod)",
        [("Server", "server", ""), ("Path", "path", ""), _READ_ONLY],
    ),
    "iscsi": Source(
        "ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)",
        _ISCSI,
    ),
    "glusterfs": Source(
        "Glusterfs (a Glusterfs mount on the host that shares a pod's lifetime)",
        [("EndpointsName", "endpoints", ""), ("Path", "path", ""), _READ_ONLY],
    ),
    "persistentVolumeClaim": Source(
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        [("ClaimName", "claimName", ""), _READ_ONLY],
    ),
    "ephemeral": Source(
        "EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)", []
    ),
    "rbd": Source(
        "RBD (a Rados Block Device mount on the host that shares a pod's lifetime)",
        [("CephMonitors", "monitors", []), ("RBDImage", "image", ""), _FS_TYPE, ("RBDPool", "pool", ""),
         ("RadosUser", "user", ""), ("Keyring", "keyring", ""), _SECRET, _READ_ONLY],
    ),
    "quobyte": Source(
        "Quobyte (a Quobyte mount on the host that shares a pod's lifetime)",
        [("Registry", "registry", ""), ("Volume", "volume", ""), _READ_ONLY],
    ),
    "downwardAPI": Source("DownwardAPI (a volume populated by information about the pod)", []),
    "azureDisk": Source(
        "AzureDisk (an Azure Data Disk mount on the host and bind mount to the pod)",
        [("DiskName", "diskName", ""), ("DiskURI", "diskURI", ""), ("Kind", "kind", ""), _FS_TYPE,
         ("CachingMode", "cachingMode", ""), _READ_ONLY],
    ),
    "vsphereVolume": Source(
        "vSphereVolume (a Persistent Disk resource in vSphere)",
        [("VolumePath", "volumePath", ""), _FS_TYPE, ("StoragePolicyName", "storagePolicyName", "")],
    ),
    "cinder": Source(
        "Cinder (a Persistent Disk resource in OpenStack)",
        [("VolumeID", "volumeID", ""), _FS_TYPE, _READ_ONLY, _SECRET]
    ),
    "photonPersistentDisk": Source(
        "PhotonPersistentDisk (a Persistent Disk resource in photon platform)", [("PdID", "pdID", ""), _FS_TYPE]
    ),
    "portworxVolume": Source("PortworxVolume (a Portworx Volume resource)", [("VolumeID", "volumeID", "")]),
    "scaleIO": Source(
        "ScaleIO (a persistent volume backed by a block device in ScaleIO)", [*_SCALE_IO, _FS_TYPE, _READ_ONLY]
    ),
    "local": Source("LocalVolume (a persistent volume backed by local storage on a node)", [("Path", "path", "")]),
    "cephfs": Source(
        "CephFS (a CephFS mount on the host that shares a pod's lifetime)",
        [("Monitors", "monitors", []), ("Path", "path", ""), ("User", "user", ""), ("SecretFile", "secretFile", ""),
         _SECRET, _READ_ONLY],
    ),
    "storageos": Source(
        "StorageOS (a StorageOS Persistent Disk resource)",
        [("VolumeName", "volumeName", ""), ("VolumeNamespace", "volumeNamespace", ""), _FS_TYPE, _READ_ONLY],
    ),
    "fc": Source(
        "FC (a Fibre Channel disk)",
        [("TargetWWNs", "targetWWNs", []), ("LUN", "lun", NONE), _FS_TYPE, _READ_ONLY],
    ),
    "azureFile": Source(
        "AzureFile (an Azure File Service mount on the host and bind mount to the pod)",
        [("SecretName", "secretName", ""), ("ShareName", "shareName", ""), _READ_ONLY],
    ),
    "flexVolume": Source(
        "FlexVolume (a generic volume resource that is provisioned/attached using an exec based plugin)",
        [("Driver", "driver", ""), _FS_TYPE, _SECRET, _READ_ONLY, ("Options", "options", {})],
    ),
    "flocker": Source(
        "Flocker (a Flocker volume mounted by the Flocker agent)",
        [("DatasetName", "datasetName", ""), ("DatasetUUID", "datasetUUID", "")],
    ),
    "projected": Source("Projected (a volume that contains injected data from multiple sources)", []),
    "csi": Source(
        "CSI (a Container Storage Interface (CSI) volume source)", [("Driver", "driver", ""), _FS_TYPE, _READ_ONLY]
    ),
    "image": Source(
        "Image (a container image or OCI artifact)", [("Reference", "reference", ""), ("PullPolicy", "pullPolicy", "")]
    ),
}  # fmt: skip

# What persistent volumes show in another way.
PERSISTENT: dict[str, Source] = {
    **SOURCES,
    "glusterfs": Source(
        SOURCES["glusterfs"].what,
        [("EndpointsName", "endpoints", ""), ("EndpointsNamespace", "endpointsNamespace", UNSET), ("Path", "path", ""),
         _READ_ONLY],
    ),
    "scaleIO": Source(
        SOURCES["scaleIO"].what,
        [*_SCALE_IO, ("SecretName", "secretRef.name", ""), ("SecretNamespace", "secretRef.namespace", ""), _FS_TYPE,
         _READ_ONLY],
    ),
    "azureFile": Source(
        SOURCES["azureFile"].what,
        [("SecretName", "secretName", ""), ("SecretNamespace", "secretNamespace", ""), ("ShareName", "shareName", ""),
         _READ_ONLY],
    ),
    "csi": Source(
        SOURCES["csi"].what, [("Driver", "driver", ""), _FS_TYPE, ("VolumeHandle", "volumeHandle", ""), _READ_ONLY]
    ),
}  # fmt: skip


def volumes(page: Page, found: list[Object] | None, space: str = "") -> None:
    if not found:
        page.line(0, f"{space}Volumes:\t<none>")
        return
    page.line(0, f"{space}Volumes:")
    for volume in found:
        page.line(1, f"{' ' if space else ''}{volume.get('name', '')}:")
        source(page, volume, SOURCES)


def source(page: Page, holder: Object, table: dict[str, Source]) -> None:
    """The one source that a volume has."""
    name = next((name for name in table if holder.get(name) is not None), "")
    if not name:
        page.line(1, "<unknown>")
        return
    known, found = table[name], holder[name]
    page.field(2, "Type", known.what)
    for label, path, missing in known.fields:
        colon = {"ISCSIInterface": "", "Kind": ": "}.get(label, ":")  # as the real one has them
        page.line(2, f"{label}{colon}\t{_value(found, path, missing)}")
    if more := _MORE.get(name):
        more(page, found)


def _value(found: Object, path: str, missing: Any) -> str:
    value: Any = found
    for part in path.split("."):
        value = (value or {}).get(part)
    if value is None:
        value = missing
    if path == "secretRef" and isinstance(value, dict):
        names = {"name": "Name", "namespace": "Namespace"}
        kind = "SecretReference" if "namespace" in value else "LocalObjectReference"
        return f"&{kind}{{" + "".join(f"{names[key]}:{value.get(key, '')}," for key in names if key in value) + "}"
    if path == "targetWWNs":
        return ", ".join(value)
    return value if isinstance(value, str) else show(value)


def _empty_dir(page: Page, found: Object) -> None:
    limit = found.get("sizeLimit")
    page.field(2, "SizeLimit", str(limit) if limit and quantity.parse(str(limit)).sign() > 0 else UNSET)


def _projected(page: Page, found: Object) -> None:
    for part in found.get("sources") or ():
        if secret := part.get("secret"):
            page.field(2, "SecretName", secret.get("name", ""))
            page.field(2, "Optional", bool(secret.get("optional")))
        elif "downwardAPI" in part:
            page.field(2, "DownwardAPI", "true")
        elif (config := part.get("configMap")) is not None:
            page.field(2, "ConfigMapName", config.get("name", ""))
            page.field(2, "Optional", bool(config.get("optional")))
        elif token := part.get("serviceAccountToken"):
            page.field(2, "TokenExpirationSeconds", token.get("expirationSeconds", 0))


def _downward(page: Page, found: Object) -> None:
    page.line(2, "Items:")
    for item in found.get("items") or ():
        if field := item.get("fieldRef"):
            page.line(3, f"{field.get('fieldPath', '')} -> {item.get('path', '')}")
        if resource := item.get("resourceFieldRef"):
            page.line(3, f"{resource.get('resource', '')} -> {item.get('path', '')}")


def _csi(page: Page, found: Object) -> None:
    attributes = found.get("volumeAttributes") or {}
    lines = [f"{key}={attributes[key]}" for key in sorted(attributes)]
    if not lines:
        page.field(2, "VolumeAttributes", NONE)
    for index, line in enumerate(lines):  # the real one indents each part of a line, and so do we
        page.put(2, "" if index else "VolumeAttributes:\t")
        if index:
            page.put(2, "\t")
        page.line(2, line[:140] + "..." if len(line) > 140 else line)


def _ephemeral(page: Page, found: Object) -> None:
    from minikube_edu.kubectl.describe.storage import claim_fields

    if template := found.get("volumeClaimTemplate"):
        page.margin += 2
        claim_fields(page, template, whole=False)
        page.margin -= 2


_MORE: dict[str, Callable[[Page, Object], None]] = {
    "emptyDir": _empty_dir, "projected": _projected, "downwardAPI": _downward, "csi": _csi, "ephemeral": _ephemeral,
}  # fmt: skip
