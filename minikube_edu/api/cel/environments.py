"""The variables of expressions, by the place where they stand: admission, device selection, mutation."""

from __future__ import annotations

from functools import cache

from minikube_edu.api.cel.checker import Environment
from minikube_edu.api.cel.functions import AUTHORIZER, RESOURCE_CHECK
from minikube_edu.api.cel.types import BOOL, DYN, INT, STRING, TIMESTAMP, ObjectType, Type, list_of, map_of

STRINGS = list_of(STRING)
LABELS = map_of(STRING, STRING)


def _of(name: str, /, **fields: Type) -> ObjectType:
    return ObjectType(f"kubernetes.{name}", fields=fields)


@cache
def request_type() -> ObjectType:
    """What is known of the request that is judged; the objects are variables of their own."""
    kind = _of("GroupVersionKind", group=STRING, version=STRING, kind=STRING)
    resource = _of("GroupVersionResource", group=STRING, version=STRING, resource=STRING)
    user = _of("UserInfo", username=STRING, uid=STRING, groups=STRINGS, extra=map_of(STRING, STRINGS))
    return _of(
        "AdmissionRequest", kind=kind, resource=resource, subResource=STRING, requestKind=kind,
        requestResource=resource, requestSubResource=STRING, name=STRING, namespace=STRING, operation=STRING,
        userInfo=user, dryRun=BOOL, options=DYN,
    )  # fmt: skip


@cache
def namespace_type() -> ObjectType:
    metadata = _of(
        "NamespaceMetadata", name=STRING, generateName=STRING, namespace=STRING, labels=LABELS, annotations=LABELS,
        UID=STRING, creationTimestamp=TIMESTAMP, deletionGracePeriodSeconds=INT, deletionTimestamp=TIMESTAMP,
        generation=INT, resourceVersion=STRING, finalizers=STRINGS,
    )  # fmt: skip
    condition = _of(
        "NamespaceCondition", status=STRING, type=STRING, lastTransitionTime=TIMESTAMP, message=STRING, reason=STRING
    )
    status = _of("NamespaceStatus", conditions=list_of(condition), phase=STRING)
    return _of("Namespace", metadata=metadata, spec=_of("NamespaceSpec", finalizers=STRINGS), status=status)


JSON_PATCH = ObjectType("JSONPatch", fields={"op": STRING, "path": STRING, "from": STRING, "value": DYN})
OBJECT = "Object"


def admission(*, params: bool, authorizer: bool = True, patches: bool = False) -> Environment:
    """Webhooks' match conditions, validating and mutating policies."""
    variables: dict[str, Type] = {
        "object": DYN,
        "oldObject": DYN,
        "namespaceObject": namespace_type(),
        "request": request_type(),
    }
    if params:
        variables["params"] = DYN
    if authorizer:
        variables["authorizer"] = Type(AUTHORIZER)
        variables["authorizer.requestResource"] = Type(RESOURCE_CHECK)
    if not patches:
        return Environment(variables)
    return Environment(variables, {"JSONPatch": JSON_PATCH}, OBJECT)


@cache
def device() -> Environment:
    """Selectors of devices (dynamic resource allocation)."""
    attributes = map_of(STRING, map_of(STRING, DYN))
    capacity = map_of(STRING, map_of(STRING, Type("kubernetes.Quantity")))
    fields = {"driver": STRING, "attributes": attributes, "capacity": capacity, "allowMultipleAllocations": BOOL}
    return Environment({"device": ObjectType("kubernetes.DRADevice", fields=fields)})
