"""Structs as the real server's messages show them: in its internal form, with Go's field names in Go's order.

Most bad values are scalars. A few messages print a struct (a duplicate port, a spec that may not change), and then it
is the internal type that is printed: field names as in Go, nothing left out, `null` for what is not set. `STRUCTS` has
the order of fields for the types that appear in messages; a Go name that is more than the JSON name in other case is
written `Go=json`. Types that are not listed (metav1's) print as JSON.

`difference` is the unified diff that follows "spec is immutable after creation".
"""

from __future__ import annotations

import difflib
import json
from functools import cache
from typing import Any

from minikube_edu.api import schema

Object = dict[str, Any]

_VOLUME_SOURCES = (
    "GCEPersistentDisk AWSElasticBlockStore HostPath Glusterfs NFS RBD Quobyte ISCSI FlexVolume Cinder CephFS FC "
    "Flocker AzureFile VsphereVolume AzureDisk PhotonPersistentDisk PortworxVolume ScaleIO Local StorageOS CSI"
)
STRUCTS: dict[str, str] = {
    "core.v1.PersistentVolumeClaimSpec": "AccessModes Selector Resources VolumeName StorageClassName VolumeMode "
    "DataSource DataSourceRef VolumeAttributesClassName",
    "core.v1.VolumeResourceRequirements": "Limits Requests",
    "core.v1.TypedLocalObjectReference": "APIGroup Kind Name",
    "core.v1.TypedObjectReference": "APIGroup Kind Name Namespace",
    "core.v1.PersistentVolumeSource": _VOLUME_SOURCES,
    "core.v1.PersistentVolumeSpec": f"Capacity {_VOLUME_SOURCES} AccessModes ClaimRef PersistentVolumeReclaimPolicy "
    "StorageClassName MountOptions VolumeMode NodeAffinity VolumeAttributesClassName",
    "core.v1.GCEPersistentDiskVolumeSource": "PDName FSType Partition ReadOnly",
    "core.v1.AWSElasticBlockStoreVolumeSource": "VolumeID FSType Partition ReadOnly",
    "core.v1.HostPathVolumeSource": "Path Type",
    "core.v1.GlusterfsPersistentVolumeSource": "EndpointsName=endpoints Path ReadOnly EndpointsNamespace",
    "core.v1.NFSVolumeSource": "Server Path ReadOnly",
    "core.v1.RBDPersistentVolumeSource": "CephMonitors=monitors RBDImage=image FSType RBDPool=pool "
    "RadosUser=user Keyring SecretRef ReadOnly",
    "core.v1.QuobyteVolumeSource": "Registry Volume ReadOnly User Group Tenant",
    "core.v1.ISCSIPersistentVolumeSource": "TargetPortal IQN Lun ISCSIInterface FSType ReadOnly Portals "
    "DiscoveryCHAPAuth=chapAuthDiscovery SessionCHAPAuth=chapAuthSession SecretRef InitiatorName",
    "core.v1.FlexPersistentVolumeSource": "Driver FSType SecretRef ReadOnly Options",
    "core.v1.CinderPersistentVolumeSource": "VolumeID FSType ReadOnly SecretRef",
    "core.v1.CephFSPersistentVolumeSource": "Monitors Path User SecretFile SecretRef ReadOnly",
    "core.v1.FCVolumeSource": "TargetWWNs Lun FSType ReadOnly WWIDs",
    "core.v1.FlockerVolumeSource": "DatasetName DatasetUUID",
    "core.v1.AzureFilePersistentVolumeSource": "SecretName ShareName ReadOnly SecretNamespace",
    "core.v1.VsphereVirtualDiskVolumeSource": "VolumePath FSType StoragePolicyName StoragePolicyID",
    "core.v1.AzureDiskVolumeSource": "DiskName DataDiskURI=diskURI CachingMode FSType ReadOnly Kind",
    "core.v1.PhotonPersistentDiskVolumeSource": "PdID FSType",
    "core.v1.PortworxVolumeSource": "VolumeID FSType ReadOnly",
    "core.v1.ScaleIOPersistentVolumeSource": "Gateway System SecretRef SSLEnabled ProtectionDomain StoragePool "
    "StorageMode VolumeName FSType ReadOnly",
    "core.v1.LocalVolumeSource": "Path FSType",
    "core.v1.StorageOSPersistentVolumeSource": "VolumeName VolumeNamespace FSType ReadOnly SecretRef",
    "core.v1.CSIPersistentVolumeSource": "Driver VolumeHandle ReadOnly FSType VolumeAttributes "
    "ControllerPublishSecretRef NodeStageSecretRef NodePublishSecretRef ControllerExpandSecretRef NodeExpandSecretRef",
    "core.v1.SecretReference": "Name Namespace",
    "core.v1.ObjectReference": "Kind Namespace Name UID APIVersion ResourceVersion FieldPath",
    "core.v1.VolumeNodeAffinity": "Required",
    "core.v1.NodeSelector": "NodeSelectorTerms",
    "core.v1.NodeSelectorTerm": "MatchExpressions MatchFields",
    "core.v1.NodeSelectorRequirement": "Key Operator Values",
    "core.v1.ServicePort": "Name Protocol AppProtocol Port TargetPort NodePort",
    "core.v1.Taint": "Key Value Effect TimeAdded",
    "core.v1.NodeAddress": "Type Address",
    "core.v1.NodeConfigSource": "ConfigMap",
    "core.v1.ConfigMapNodeConfigSource": "Namespace Name UID ResourceVersion KubeletConfigKey",
    "core.v1.EventSource": "Component Host",
    "core.v1.ScopeSelector": "MatchExpressions",
    "core.v1.ScopedResourceSelectorRequirement": "ScopeName Operator Values",
    "storage.v1.VolumeAttachmentSpec": "Attacher Source NodeName",
    "storage.v1.VolumeAttachmentSource": "PersistentVolumeName InlineVolumeSpec",
    "storage.v1.CSINodeDriver": "Name NodeID TopologyKeys Allocatable",
    "storage.v1.VolumeNodeResources": "Count",
    "networking.v1.ParentReference": "Group Resource Namespace Name",
    "networking.v1.ServiceCIDRSpec": "CIDRs",
}
# Internal structs that are a part of a type here: their fields are looked up in the whole.
PARTS = {"core.v1.PersistentVolumeSource": "core.v1.PersistentVolumeSpec"}


@cache
def _layout(type_name: str) -> list[tuple[str, str, schema.Field]]:
    """(Go name, JSON name, field), in Go's order."""
    fields = schema.struct(PARTS.get(type_name, type_name)).fields
    by_case = {name.lower(): name for name in fields}
    layout = []
    for word in STRUCTS[type_name].split():
        go, _, name = word.partition("=")
        name = name or by_case[go.lower()]
        layout.append((go, name, fields[name]))
    return layout


def internal(type_name: str, value: Object | None) -> Any:
    """The versioned object as the internal struct would be encoded."""
    if value is None:
        return None
    return {go: _field(field, value.get(name)) for go, name, field in _layout(type_name)}


def _field(field: schema.Field, value: Any) -> Any:
    kind = field.kind
    if value is None:
        if kind[0] == "=" and field.struct_value:
            return _value(kind, {})
        if field.pointer or kind[0] in "=[{" or kind == "bytes":
            return None
        return schema.zero(kind)
    return _value(kind, value)


def _value(kind: str, value: Any) -> Any:
    if kind[0] == "=" and kind[1:] in STRUCTS:
        return internal(kind[1:], value)
    if kind.startswith("[]"):
        return [_value(kind[2:], item) for item in value]
    if kind.startswith("{}"):
        return {key: _value(kind[2:], value[key]) for key in sorted(value)}
    return value


def difference(type_name: str, old: Object, new: Object) -> str:
    """What changed, as a unified diff of both structs with three lines around."""
    return text_difference(internal(type_name, old), internal(type_name, new))


def text_difference(old: Any, new: Any) -> str:
    """The same for what is in its internal form already."""
    return "".join(list(difflib.unified_diff(_pretty(old), _pretty(new), n=3))[2:])


def _pretty(value: Any) -> list[str]:
    text = json.dumps(value, indent=1, ensure_ascii=False)
    for char, escaped in (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e")):
        text = text.replace(char, escaped)
    return [line + "\n" for line in text.split("\n")]
