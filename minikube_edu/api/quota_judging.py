"""May this be written, by the quotas of its namespace, and what do they count afterwards?

    charged = charge(quotas, request)      # raises Refused with the real words

Pure: quotas in, quotas with a new `status.used` out; storing them is the caller's. A quota means a request if its
scopes choose the object and it has a line that the object is about. Only what a request adds is charged: an update
pays the difference, never less than nothing. A pod that a quota of processors or memory means must say how much it
asks for, in every container or for the pod as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from minikube_edu.api import pod_resources, quantity, quota
from minikube_edu.api.quota import Amounts

Object = dict[str, Any]

CREATE, UPDATE = "CREATE", "UPDATE"
# Lines of a quota that make pods say how much of it they ask for; later ones (storage, devices) do not.
MUST_BE_SAID = {
    "cpu": ("requests", "cpu"),
    "memory": ("requests", "memory"),
    "requests.cpu": ("requests", "cpu"),
    "requests.memory": ("requests", "memory"),
    "limits.cpu": ("limits", "cpu"),
    "limits.memory": ("limits", "memory"),
}
CHANGEABLE = ("services", "persistentvolumeclaims", "resourceclaims.resource.k8s.io")  # may use more after an update
# What is never counted: what is not kept, or kept for the system's own sake.
IGNORED = {
    "bindings", "componentstatuses", "events", "events.events.k8s.io", "tokenreviews.authentication.k8s.io",
    "selfsubjectreviews.authentication.k8s.io", "subjectaccessreviews.authorization.k8s.io",
    "selfsubjectaccessreviews.authorization.k8s.io", "localsubjectaccessreviews.authorization.k8s.io",
    "selfsubjectrulesreviews.authorization.k8s.io", "apiservices.apiregistration.k8s.io",
    "customresourcedefinitions.apiextensions.k8s.io",
}  # fmt: skip


class Refused(Exception):
    """Why the quotas do not let it through."""


class Write(Struct, frozen=True):
    """A request as quotas see it."""

    resource: str  # `pods`, `deployments.apps`
    operation: str
    subresource: str
    new: Object
    old: Object | None


def concerns(resource: str, operation: str, subresource: str) -> bool:
    """Whether such a write can use anything of any quota."""
    if resource in IGNORED:
        return False
    if resource == "pods":
        return (operation, subresource) in ((CREATE, ""), (CREATE, "resize"), (UPDATE, "resize"))
    if resource in CHANGEABLE:
        return operation in (CREATE, UPDATE)
    return operation == CREATE and not subresource


def charge(quotas: Sequence[Object], write: Write) -> list[Object]:
    """The quotas after the write; those that it does not change are the same objects."""
    lines = {position: about(found, write.resource) for position, found in enumerate(quotas) if means(found, write)}
    for position, names in lines.items():
        _judge_object(quotas[position], names, write)
    if not lines:
        return list(quotas)
    used = quota.usage(write.resource, write.new)
    negative = sorted(name for name, amount in used.items() if amount.sign() < 0)
    if negative:
        raise Refused(f"quota usage is negative for resource(s): {','.join(negative)}")
    charged = list(quotas)
    for position in lines:
        charged[position] = _charged(quotas[position], _added(quotas[position], used, write), write)
    return charged


def means(found: Object, write: Write, obj: Object | None = None) -> bool:
    """Whether the quota is about this object. Its status decides which lines it has: the spec may be newer."""
    obj = write.new if obj is None else obj
    return bool(about(found, write.resource)) and quota.in_scope(found["spec"], write.resource, obj)


def about(found: Object, resource: str) -> list[str]:
    hard = (found.get("status") or {}).get("hard") or {}
    return sorted(name for name in hard if quota.counts(resource, name))


def _judge_object(found: Object, names: Iterable[str], write: Write) -> None:
    name = found["metadata"]["name"]
    if write.resource == "pods" and (unsaid := _unsaid(names, write.new["spec"])):
        raise Refused(f"failed quota: {name}: must specify {'; '.join(unsaid)}")
    used = (found.get("status") or {}).get("used") or {}
    if any(line not in used for line in names):  # the controller has not counted yet
        raise Refused(f"status unknown for quota: {name}, resources: {','.join(names)}")


def _unsaid(names: Iterable[str], spec: Object) -> list[str]:
    """`limits.cpu for: web,log`"""
    whole = spec.get("resources") or {}
    if any(pod_resources.supported_for_pods(one) for kind in ("requests", "limits") for one in whole.get(kind) or ()):
        return []
    found = []
    for line in names:
        if line not in MUST_BE_SAID:
            continue
        kind, resource = MUST_BE_SAID[line]
        containers = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
        silent = {c["name"] for c in containers if resource not in ((c.get("resources") or {}).get(kind) or {})}
        if silent:
            found.append(f"{line} for: {','.join(sorted(silent))}")
    return found


def _added(found: Object, used: Amounts, write: Write) -> Amounts:
    """What the write adds to this quota: less what the object used of it before."""
    before: Amounts = {}
    if write.operation == UPDATE and write.old is not None and means(found, write, write.old):
        before = quota.usage(write.resource, write.old)
    added = {name: amount.sub(before[name]) if name in before else amount for name, amount in used.items()}
    hard = found["status"]["hard"]
    return {name: amount for name, amount in added.items() if amount.sign() > 0 and name in hard}


def _charged(found: Object, added: Amounts, write: Write) -> Object:
    if not added:
        return found
    status = found["status"]
    hard, used = status["hard"], status["used"]
    after = {name: quantity.parse(used.get(name, "0")).add(amount) for name, amount in added.items()}
    exceeded = sorted(name for name, amount in after.items() if quantity.parse(hard[name]) < amount)
    if exceeded and write.subresource != "status":
        asked = ",".join(f"{name}={added[name]}" for name in exceeded)
        have = ",".join(f"{name}={used.get(name, '0')}" for name in exceeded)
        top = ",".join(f"{name}={hard[name]}" for name in exceeded)
        name = found["metadata"]["name"]
        raise Refused(f"exceeded quota: {name}, requested: {asked}, used: {have}, limited: {top}")
    return {**found, "status": {**status, "used": {**used, **{name: str(a) for name, a in after.items()}}}}
