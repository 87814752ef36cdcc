"""What an object uses of a ResourceQuota, and whether a quota means it at all.

Admission asks before an object is written, the controller counts what is there: both ask here. Resources are named as
`kubectl` has them: `pods`, `deployments.apps`.

- Everything can be counted: `count/deployments.apps`; a few old names do without the prefix (`pods`, `services`).
- Pods use what they request and are limited to. Ended pods use nothing, but are still counted in `count/pods`.
- Services use node ports and load balancers, claims use storage, altogether and by storage class.
- Scopes narrow a quota to some pods: those with a deadline, those of a priority class, …, or to claims of a class.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikube_edu.api import pod_resources, quantity
from minikube_edu.api.qos import qos_class
from minikube_edu.api.quantity import Quantity
from minikube_edu.lib import clock

Object = dict[str, Any]
Amounts = dict[str, Quantity]

COUNT = "count/"
CLASS_SUFFIX = ".storageclass.storage.k8s.io/"
DEVICE_SUFFIX = ".deviceclass.resource.k8s.io/devices"
ONE, ZERO = quantity.parse("1"), quantity.parse("0")

# names without `count/` that mean the number of objects
PLAIN_COUNTS = {
    "configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "resourcequotas", "secrets", "services",
}  # fmt: skip
POD_NAMES = {
    "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage",
    "limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods", "count/pods",
}  # fmt: skip


def counts(resource: str, name: str) -> bool:
    """Whether the quota's line `name` is about objects of the resource."""
    if name == COUNT + resource or (name == resource and name in PLAIN_COUNTS):
        return True
    if resource == "pods":
        return name in POD_NAMES or name.startswith(("hugepages-", "requests.hugepages-")) or _is_extended(name)
    if resource == "services":
        return name in ("services.nodeports", "services.loadbalancers")
    if resource == "persistentvolumeclaims":
        return name == "requests.storage" or CLASS_SUFFIX in name
    if resource == "resourceclaims.resource.k8s.io":
        return name.endswith(DEVICE_SUFFIX)
    return False


def _is_extended(name: str) -> bool:
    prefix, _, rest = name.partition(".")
    return prefix == "requests" and "/" in rest and "kubernetes.io/" not in rest and CLASS_SUFFIX not in name


def resource_of(name: str) -> str:
    """Of which resource the line `name` counts objects; empty for a name that is nobody's."""
    if name.startswith(COUNT):
        return name.removeprefix(COUNT)
    for resource in (*PLAIN_COUNTS, "resourceclaims.resource.k8s.io"):
        if counts(resource, name):
            return resource
    return ""


def usage(resource: str, obj: Object) -> Amounts:
    """All that one object uses, whether or not a quota names it."""
    used: Amounts = {COUNT + resource: ONE}
    if resource == "pods":
        if has_ended(obj):
            return used
        return used | {"pods": ONE} | _of_pod(obj)
    if resource in PLAIN_COUNTS:
        used[resource] = ONE
    if resource == "services":
        used |= _of_service(obj)
    elif resource == "persistentvolumeclaims":
        used |= _of_claim(obj)
    elif resource == "resourceclaims.resource.k8s.io":
        used |= _of_resource_claim(obj)
    return used


def has_ended(pod: Object) -> bool:
    """Ended, or overdue to: a pod that its node never reports gone must not use a quota for ever."""
    if pod.get("status", {}).get("phase") in ("Failed", "Succeeded"):
        return True
    metadata = pod["metadata"]
    if "deletionTimestamp" not in metadata or metadata.get("deletionGracePeriodSeconds") is None:
        return False
    grace = float(metadata["deletionGracePeriodSeconds"])
    return clock.now() > clock.parse_rfc3339(metadata["deletionTimestamp"]) + grace


def pod_amounts(spec: Object, kind: str) -> Amounts:
    """`requests` or `limits` of a whole pod: containers, what the pod itself says, and the runtime's overhead."""
    found = pod_resources.of_containers(spec, kind)
    for name, text in spec.get("resources", {}).get(kind, {}).items():
        found[name] = quantity.parse(text)
    for name, text in spec.get("overhead", {}).items():
        if kind == "requests" or name in found:
            amount = quantity.parse(text)
            found[name] = found[name].add(amount) if name in found else amount
    return found


def _of_pod(pod: Object) -> Amounts:
    used: Amounts = {}
    for name, amount in pod_amounts(pod["spec"], "requests").items():
        native = name in ("cpu", "memory", "ephemeral-storage") or name.startswith("hugepages-")
        if native:
            used[name] = amount
        used[f"requests.{name}"] = amount
    for name, amount in pod_amounts(pod["spec"], "limits").items():
        if name in ("cpu", "memory", "ephemeral-storage"):
            used[f"limits.{name}"] = amount
    return used


def _of_service(service: Object) -> Amounts:
    spec = service["spec"]
    ports = spec.get("ports", [])
    used = {"services.nodeports": ZERO, "services.loadbalancers": ZERO}
    if spec.get("type") == "NodePort":
        used["services.nodeports"] = Quantity(len(ports))
    elif spec.get("type") == "LoadBalancer":
        if spec.get("allocateLoadBalancerNodePorts") is False:
            ports = [port for port in ports if port.get("nodePort")]
        used |= {"services.loadbalancers": ONE, "services.nodeports": Quantity(len(ports))}
    return used


def _of_claim(claim: Object) -> Amounts:
    used: Amounts = {}
    metadata, spec = claim["metadata"], claim["spec"]
    class_name = metadata.get("annotations", {}).get("volume.beta.kubernetes.io/storage-class")
    class_name = spec.get("storageClassName", "") if class_name is None else class_name
    if class_name:
        used[f"{class_name}{CLASS_SUFFIX}persistentvolumeclaims"] = ONE
    asked = spec.get("resources", {}).get("requests", {}).get("storage")
    if asked is not None:
        amount = quantity.parse(asked)
        allocated = claim.get("status", {}).get("allocatedResources", {}).get("storage")
        if allocated is not None:
            amount = max(amount, quantity.parse(allocated))
        used["requests.storage"] = amount
        if class_name:
            used[f"{class_name}{CLASS_SUFFIX}requests.storage"] = amount
    return used


def _of_resource_claim(claim: Object) -> Amounts:
    """Devices by class; of alternatives, the one that takes most."""
    used: Amounts = {}
    for request in claim["spec"].get("devices", {}).get("requests", []):
        worst: dict[str, int] = {}
        for one in [request["exactly"]] if "exactly" in request else request.get("firstAvailable", []):
            number = one.get("count", 1) if one.get("allocationMode", "ExactCount") == "ExactCount" else 32
            worst[one["deviceClassName"]] = max(number, worst.get(one["deviceClassName"], 0))
        for class_name, number in worst.items():
            name = class_name + DEVICE_SUFFIX
            used[name] = used.get(name, ZERO).add(Quantity(number))
    return used


# ------------------------------------------------------------ scopes


def selectors(quota_spec: Object) -> list[Object]:
    """Both ways to name scopes, as one list of `{scopeName, operator, values}`."""
    plain = [{"scopeName": scope, "operator": "Exists"} for scope in quota_spec.get("scopes", [])]
    return [*plain, *quota_spec.get("scopeSelector", {}).get("matchExpressions", [])]


def in_scope(quota_spec: Object, resource: str, obj: Object) -> bool:
    """Whether the object is one of those that the quota means. Objects other than pods and claims have no scope."""
    return all(scope_matches(selector, resource, obj) for selector in selectors(quota_spec))


def scope_matches(selector: Object, resource: str, obj: Object) -> bool:
    scope = selector["scopeName"]
    if resource == "persistentvolumeclaims" and scope == "VolumeAttributesClass":
        names = {obj["spec"].get("volumeAttributesClassName"), *_class_of_status(obj)} - {None, ""}
        return _class_matches(selector, names)
    if resource != "pods":
        return False
    spec = obj["spec"]
    if scope == "Terminating":
        return spec.get("activeDeadlineSeconds") is not None
    if scope == "NotTerminating":
        return spec.get("activeDeadlineSeconds") is None
    if scope == "BestEffort":
        return qos_class(spec) == "BestEffort"
    if scope == "NotBestEffort":
        return qos_class(spec) != "BestEffort"
    if scope == "PriorityClass":
        return _class_matches(selector, {spec["priorityClassName"]} if spec.get("priorityClassName") else set())
    if scope == "CrossNamespacePodAffinity":
        return _looks_elsewhere(spec)
    return False


def _class_of_status(claim: Object) -> Iterable[str | None]:
    status = claim.get("status", {})
    target = status.get("modifyVolumeStatus", {}).get("targetVolumeAttributesClassName")
    return (status.get("currentVolumeAttributesClassName"), target)


def _class_matches(selector: Object, names: set[Any]) -> bool:
    operator, values = selector["operator"], set(selector.get("values", []))
    if operator == "Exists":
        return bool(names)
    if operator == "DoesNotExist":
        return not names
    return bool(names & values) if operator == "In" else not names & values


def _looks_elsewhere(spec: Object) -> bool:
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = spec.get("affinity", {}).get(kind, {})
        preferred = [one["podAffinityTerm"] for one in terms.get("preferredDuringSchedulingIgnoredDuringExecution", [])]
        for term in [*terms.get("requiredDuringSchedulingIgnoredDuringExecution", []), *preferred]:
            if term.get("namespaces") or term.get("namespaceSelector") is not None:
                return True
    return False
