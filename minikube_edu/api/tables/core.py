"""Rows of the core group; pods have a file of their own."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.tables import pods
from minikube_edu.api.tables.ages import age, since
from minikube_edu.api.tables.cells import (
    NONE,
    UNSET,
    addresses,
    condition,
    containers,
    cut_short,
    labels,
    template_containers,
)  # fmt: skip

Object = dict[str, Any]
_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
_ROLE = "node-role.kubernetes.io/"
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"


def component_status(obj: Object) -> list[Any]:
    for found in obj.get("conditions") or ():
        if found.get("type") == "Healthy":
            status = "Healthy" if found.get("status") == "True" else "Unhealthy"
            return [obj["metadata"]["name"], status, found.get("message", ""), found.get("error", "")]
    return [obj["metadata"]["name"], "Unknown", "", ""]


def config_map(obj: Object) -> list[Any]:
    return [obj["metadata"]["name"], len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), age(obj)]


def secret(obj: Object) -> list[Any]:
    return [obj["metadata"]["name"], obj.get("type", ""), len(obj.get("data") or ()), age(obj)]


def service_account(obj: Object) -> list[Any]:
    return [obj["metadata"]["name"], age(obj)]


def namespace(obj: Object) -> list[Any]:
    return [obj["metadata"]["name"], obj.get("status", {}).get("phase", ""), age(obj)]


def endpoints(obj: Object) -> list[Any]:
    found, count = [], 0
    for subset in obj.get("subsets") or ():
        ips = [entry["ip"] for entry in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        count += len(ips) * (len(ports) or 1)
        if not ports:
            found += ips
        for port in ports:
            found += [f"[{ip}]:{port['port']}" if ":" in ip else f"{ip}:{port['port']}" for ip in ips]
    empty = "" if obj.get("subsets") else NONE
    return [obj["metadata"]["name"], cut_short(found, 3, count, empty), age(obj)]


def event(obj: Object) -> list[Any]:
    first = since(obj.get("firstTimestamp") or obj.get("eventTime"))
    series = obj.get("series")
    last = since(series.get("lastObservedTime")) if series else since(obj.get("lastTimestamp"))
    if not series and not obj.get("lastTimestamp"):
        last = first
    count = series.get("count", 0) if series else obj.get("count") or 1
    about = obj.get("involvedObject") or {}
    target = about.get("kind", "").lower()
    if about.get("name"):
        target += f"/{about['name']}"
    source = obj.get("source") or {}
    component = source.get("component") or obj.get("reportingComponent", "")
    instance = source.get("host") or obj.get("reportingInstance", "")
    return [
        last, obj.get("type", ""), obj.get("reason", ""), target, about.get("fieldPath", ""),
        f"{component}, {instance}" if instance else component,
        obj.get("message", "").strip(), first, count, obj["metadata"]["name"],
    ]  # fmt: skip


def node(obj: Object) -> list[Any]:
    status = obj.get("status") or {}
    ready = condition(obj, "Ready")
    words = ["Unknown"] if ready is None else ["Ready" if ready.get("status") == "True" else "NotReady"]
    if obj["spec"].get("unschedulable"):
        words.append("SchedulingDisabled")
    info = status.get("nodeInfo") or {}
    unknown = "<unknown>"
    return [
        obj["metadata"]["name"], ",".join(words), _roles(obj["metadata"].get("labels") or {}), age(obj),
        info.get("kubeletVersion", ""), _address(status, "InternalIP"), _address(status, "ExternalIP"),
        info.get("osImage") or unknown, info.get("kernelVersion") or unknown,
        info.get("containerRuntimeVersion") or unknown,
    ]  # fmt: skip


def _roles(found: Object) -> str:
    roles = {key.removeprefix(_ROLE) for key in found if key.startswith(_ROLE)} - {""}
    if found.get("kubernetes.io/role"):
        roles.add(found["kubernetes.io/role"])
    return ",".join(sorted(roles)) or NONE


def _address(status: Object, kind: str) -> str:
    return next((a["address"] for a in status.get("addresses") or () if a["type"] == kind), NONE)


def access_modes(modes: list[str] | None) -> str:
    """Each once, in a fixed order."""
    return ",".join(short for mode, short in _MODES.items() if mode in (modes or ()))


def _storage_class(obj: Object) -> str:
    annotations = obj["metadata"].get("annotations") or {}
    if _OLD_CLASS in annotations:
        return str(annotations[_OLD_CLASS])
    return str(obj["spec"].get("storageClassName") or "")


def _phase(obj: Object) -> str:
    if "deletionTimestamp" in obj["metadata"]:
        return "Terminating"
    return str((obj.get("status") or {}).get("phase", ""))


def persistent_volume(obj: Object) -> list[Any]:
    spec = obj["spec"]
    claim = spec.get("claimRef")
    return [
        obj["metadata"]["name"], (spec.get("capacity") or {}).get("storage", "0"),
        access_modes(spec.get("accessModes")), spec.get("persistentVolumeReclaimPolicy", ""), _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "", _storage_class(obj),
        spec.get("volumeAttributesClassName", UNSET), (obj.get("status") or {}).get("reason", ""), age(obj),
        spec.get("volumeMode", UNSET),
    ]  # fmt: skip


def persistent_volume_claim(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    volume = spec.get("volumeName", "")
    return [
        obj["metadata"]["name"], _phase(obj), volume,
        (status.get("capacity") or {}).get("storage", "0") if volume else "",
        access_modes(status.get("accessModes")) if volume else "", _storage_class(obj),
        spec.get("volumeAttributesClassName", UNSET), age(obj), spec.get("volumeMode", UNSET),
    ]  # fmt: skip


def pod_template(obj: Object) -> list[Any]:
    template = obj.get("template") or {}
    names, images = containers(template.get("spec"))
    return [obj["metadata"]["name"], names, images, labels((template.get("metadata") or {}).get("labels"))]


def replication_controller(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    replicas = [spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [obj["metadata"]["name"], *replicas, age(obj), *template_containers(obj), labels(spec.get("selector"))]


def resource_quota(obj: Object) -> list[Any]:
    status = obj.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    limits: list[str] = []
    requests: list[str] = []
    for name in sorted(hard):
        (limits if name.startswith("limits.") else requests).append(f"{name}: {used.get(name, '0')}/{hard[name]}")
    return [obj["metadata"]["name"], ", ".join(requests), ", ".join(limits), age(obj)]


def service(obj: Object) -> list[Any]:
    spec = obj["spec"]
    cluster_ips = spec.get("clusterIPs")
    ports = ",".join(map(_port, spec.get("ports") or ()))
    return [
        obj["metadata"]["name"], spec.get("type", ""), cluster_ips[0] if cluster_ips else NONE,
        _external_ip(spec, obj.get("status") or {}), ports or NONE, age(obj), labels(spec.get("selector")),
    ]  # fmt: skip


def _port(port: Object) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol', '')}"


def _external_ip(spec: Object, status: Object) -> str:
    own = ",".join(spec.get("externalIPs") or ())
    match spec.get("type"):
        case "ClusterIP" | "NodePort":
            return own or NONE
        case "LoadBalancer":
            return ",".join(filter(None, (addresses(status), own))) or "<pending>"
        case "ExternalName":
            return str(spec.get("externalName", ""))
    return "<unknown>"


PRINTERS = {
    "ComponentStatus": component_status,
    "ConfigMap": config_map,
    "Endpoints": endpoints,
    "Event": event,
    "Namespace": namespace,
    "Node": node,
    "PersistentVolume": persistent_volume,
    "PersistentVolumeClaim": persistent_volume_claim,
    "Pod": pods.row,
    "PodTemplate": pod_template,
    "ReplicationController": replication_controller,
    "ResourceQuota": resource_quota,
    "Secret": secret,
    "Service": service,
    "ServiceAccount": service_account,
}
