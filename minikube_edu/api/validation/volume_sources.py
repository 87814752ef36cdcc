"""What a PersistentVolume may be made of: one rule a kind of storage.

`SOURCES` is in the real order, which decides which of two sources is the one too many. Most rules only ask for fields;
`needs` makes those.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors, key
from minikube_edu.api.validation import field_rules

Object = dict[str, Any]
Rule = Callable[[Errors, str, Object, str], None]  # (errors, path, source, name of the volume)

HOST_PATH_TYPES = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip
_ZERO_TO_255 = names.between(0, 255)
_ISCSI = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([a-zA-Z0-9\-.]+)(:[^,;*&$|\s]+)$", re.ASCII),
    "eui": re.compile(r"^eui.[a-zA-Z0-9]{16}$", re.ASCII),
    "naa": re.compile(r"^naa.[a-zA-Z0-9]{32}$", re.ASCII),
}
_PAIRS = "must be a host:port pair or multiple pairs separated by commas"


def needs(*fields: str, secret: tuple[str, ...] = ()) -> Rule:
    """These fields must be set; those of `secret` too, when there is a secretRef."""

    def rule(errors: Errors, path: str, source: Object, _: str) -> None:
        for field in fields:
            if not source.get(field):
                errors.required(f"{path}.{field}")
        if source.get("secretRef") is not None:
            for field in secret:
                if not source["secretRef"].get(field):
                    errors.required(f"{path}.secretRef.{field}")

    return rule


def no_backsteps(errors: Errors, path: str, text: str) -> None:
    if ".." in text.split("/"):
        errors.invalid(path, text, "must not contain '..'")


def _host_path(errors: Errors, path: str, source: Object, _: str) -> None:
    if not source.get("path"):
        errors.required(f"{path}.path")
        return
    no_backsteps(errors, f"{path}.path", source["path"])
    if source.get("type") is not None:
        field_rules.one_of(errors, f"{path}.type", source["type"], HOST_PATH_TYPES)


def _disk(field: str) -> Rule:
    def rule(errors: Errors, path: str, source: Object, _: str) -> None:
        if not source.get(field):
            errors.required(f"{path}.{field}")
        partition = source.get("partition", 0)
        if not 0 <= partition <= 255:
            errors.invalid(f"{path}.partition", partition, names.between(1, 255))

    return rule


def _glusterfs(errors: Errors, path: str, source: Object, _: str) -> None:
    needs("endpoints", "path")(errors, path, source, _)
    namespace = source.get("endpointsNamespace")
    if namespace == "":
        detail = "if the endpointnamespace is set, it must be a valid namespace name"
        errors.invalid(f"{path}.endpointsNamespace", namespace, detail)
    elif namespace is not None:
        field_rules.named(errors, f"{path}.endpointsNamespace", namespace, names.dns1123_label)


def _flocker(errors: Errors, path: str, source: Object, _: str) -> None:
    name, uuid = source.get("datasetName", ""), source.get("datasetUUID", "")
    if not name and not uuid:
        errors.required(path, "one of datasetName and datasetUUID is required")
    if name and uuid:
        errors.invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously")
    if "/" in name:
        errors.invalid(f"{path}.datasetName", name, "must not contain '/'")


def _nfs(errors: Errors, path: str, source: Object, _: str) -> None:
    needs("server", "path")(errors, path, source, _)
    if not source.get("path", "").startswith("/"):
        errors.invalid(f"{path}.path", source.get("path", ""), "must be an absolute path")


def _quobyte(errors: Errors, path: str, source: Object, _: str) -> None:
    registry = source.get("registry", "")
    if not registry:
        errors.required(f"{path}.registry", _PAIRS)
    elif len(source.get("tenant", "")) >= 65:
        errors.required(f"{path}.tenant", "must be a UUID and may not exceed a length of 64 characters")
    else:
        for pair in registry.split(","):
            if not re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]]*):[^:\[\]]*", pair):
                errors.invalid(f"{path}.registry", registry, _PAIRS)
    if not source.get("volume"):
        errors.required(f"{path}.volume")


def _iscsi_name(errors: Errors, path: str, name: str) -> None:
    pattern = _ISCSI.get(name[:3])
    if pattern is None or not pattern.search(name):
        errors.invalid(path, name, "must be valid format")


def _iscsi(errors: Errors, path: str, source: Object, volume: str) -> None:
    portal, initiator = source.get("targetPortal", ""), source.get("initiatorName")
    if not portal:
        errors.required(f"{path}.targetPortal")
    if initiator is not None and len(f"{volume}:{portal}") > 64:
        detail = (
            "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is "
            "specified."
        )
        errors.invalid(f"{path}.targetportal", portal, detail)
    if source.get("iqn"):
        _iscsi_name(errors, f"{path}.iqn", source["iqn"])
    else:
        errors.required(f"{path}.iqn")
    if not 0 <= source.get("lun", 0) <= 255:
        errors.invalid(f"{path}.lun", source["lun"], _ZERO_TO_255)
    secret = source.get("secretRef")
    if secret is None and (source.get("chapAuthDiscovery") or source.get("chapAuthSession")):
        errors.required(f"{path}.secretRef")
    if secret is not None and not secret.get("name"):
        errors.required(f"{path}.secretRef.name")
    if initiator is not None:
        _iscsi_name(errors, f"{path}.initiatorname", initiator)


def _fibre_channel(errors: Errors, path: str, source: Object, _: str) -> None:
    targets, ids, lun = source.get("targetWWNs"), source.get("wwids"), source.get("lun")
    if not targets and not ids:
        errors.required(f"{path}.targetWWNs", "must specify either targetWWNs or wwids, but not both")
    if targets and ids:
        detail = "targetWWNs and wwids can not be specified simultaneously"
        errors.invalid(f"{path}.targetWWNs", targets, detail)
    if not targets:
        return
    if lun is None:
        errors.required(f"{path}.lun", "lun is required if targetWWNs is specified")
    elif not 0 <= lun <= 255:
        errors.invalid(f"{path}.lun", lun, _ZERO_TO_255)


def _flex(errors: Errors, path: str, source: Object, _: str) -> None:
    needs("driver")(errors, path, source, _)
    for option in sorted(source.get("options", {})):
        domain = "." + option.partition("/")[0].lower()
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            detail = "kubernetes.io and k8s.io namespaces are reserved"
            errors.invalid(key(f"{path}.options", option), option, detail)


def _azure_file(errors: Errors, path: str, source: Object, _: str) -> None:
    needs("secretName", "shareName")(errors, path, source, _)
    if source.get("secretNamespace") == "":
        errors.required(f"{path}.secretNamespace")


_MANAGED = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
_BLOB = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"


def _azure_disk(errors: Errors, path: str, source: Object, _: str) -> None:
    needs("diskName", "diskURI")(errors, path, source, _)
    kind, caching, uri = source.get("kind"), source.get("cachingMode"), source.get("diskURI", "")
    if caching is not None:
        field_rules.one_of(errors, f"{path}.cachingMode", caching, ("None", "ReadOnly", "ReadWrite"))
    if kind is not None:
        field_rules.one_of(errors, f"{path}.kind", kind, ("Dedicated", "Managed", "Shared"))
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        errors.not_supported(f"{path}.diskURI", uri, [_MANAGED])
    if kind is not None and kind != "Managed" and not uri.startswith("https://"):
        errors.not_supported(f"{path}.diskURI", uri, [_BLOB])


def _local(errors: Errors, path: str, source: Object, _: str) -> None:
    needs("path")(errors, path, source, _)
    no_backsteps(errors, f"{path}.path", source.get("path", ""))


def _storageos(errors: Errors, path: str, source: Object, _: str) -> None:
    field_rules.required_name(errors, f"{path}.volumeName", source.get("volumeName", ""), names.dns1123_label)
    if source.get("volumeNamespace"):
        field_rules.named(errors, f"{path}.volumeNamespace", source["volumeNamespace"], names.dns1123_label)
    needs(secret=("name", "namespace"))(errors, path, source, _)


def csi_driver_name(errors: Errors, path: str, name: str) -> None:
    if not name:
        errors.required(path)
        return
    if len(name) > 63:
        errors.too_long(path, 63)
    errors.invalid_each(path, name, names.dns1123_subdomain(name.lower()))


_CSI_SECRETS = (
    "controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef",
)  # fmt: skip


def _csi(errors: Errors, path: str, source: Object, _: str) -> None:
    csi_driver_name(errors, f"{path}.driver", source.get("driver", ""))
    needs("volumeHandle")(errors, path, source, _)
    for field in _CSI_SECRETS:
        secret = source.get(field)
        if secret is not None:
            rules = (("name", names.dns1123_subdomain), ("namespace", names.dns1123_label))
            for part, rule in rules:
                field_rules.required_name(errors, f"{path}.{field}.{part}", secret.get(part, ""), rule)


class Source(NamedTuple):
    field: str
    rule: Rule
    path: str = ""  # where the real messages put errors inside, when it is not the field
    twice: str = ""  # the same for the complaint about a second source


SOURCES = (
    Source("hostPath", _host_path),
    Source("gcePersistentDisk", _disk("pdName"), path="persistentDisk"),
    Source("awsElasticBlockStore", _disk("volumeID")),
    Source("glusterfs", _glusterfs),
    Source("flocker", _flocker),
    Source("nfs", _nfs),
    Source("rbd", needs("monitors", "image")),
    Source("quobyte", _quobyte),
    Source("cephfs", needs("monitors"), twice="cephFS"),
    Source("iscsi", _iscsi),
    Source("cinder", needs("volumeID", secret=("name", "namespace"))),
    Source("fc", _fibre_channel),
    Source("flexVolume", _flex),
    Source("azureFile", _azure_file),
    Source("vsphereVolume", needs("volumePath")),
    Source("photonPersistentDisk", needs("pdID")),
    Source("portworxVolume", needs("volumeID")),
    Source("azureDisk", _azure_disk),
    Source("scaleIO", needs("gateway", "system", "volumeName")),
    Source("local", _local),
    Source("storageos", _storageos),
    Source("csi", _csi),
)
FIELDS = tuple(source.field for source in SOURCES)


def sources(errors: Errors, path: str, spec: Object, volume: str, has_affinity: bool) -> None:
    """Exactly one, and that one right."""
    count = 0
    for source in SOURCES:
        value = spec.get(source.field)
        if value is None:
            continue
        if count and source.field != "flexVolume":
            errors.forbidden(f"{path}.{source.twice or source.field}", "may not specify more than 1 volume type")
            continue
        count += 1
        source.rule(errors, f"{path}.{source.path or source.field}", value, volume)
        if source.field == "local" and not has_affinity:
            errors.required(f"{path}.nodeAffinity", "Local volume requires node affinity")
    if not count:
        errors.required(path, "must specify a volume type")
