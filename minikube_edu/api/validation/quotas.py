"""ResourceQuota: names and amounts of what is limited, and the scopes that narrow it down."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import quantity
from minikube_edu.api.field_errors import Errors, key
from minikube_edu.api.internal_form import internal
from minikube_edu.api.validation import Validator, field_rules, resource_names

Object = dict[str, Any]

_COUNTS = frozenset(["pods"])
_POD = _COUNTS | {f"{prefix}{name}" for prefix in ("", "limits.", "requests.") for name in ("cpu", "memory")}
_CLAIM = frozenset(["persistentvolumeclaims", "requests.storage"])

# scope -> the resources that it makes sense for
SCOPES: dict[str, frozenset[str]] = {
    "Terminating": _POD,
    "NotTerminating": _POD,
    "BestEffort": _COUNTS,
    "NotBestEffort": _POD,
    "PriorityClass": _POD,
    "CrossNamespacePodAffinity": _POD,
    "VolumeAttributesClass": _CLAIM,
}
_ONLY_EXISTS = ("BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity")
_EXCLUDING = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})

_MUST_EXIST = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)


def create(obj: Object, errors: Errors) -> None:
    _spec(obj["spec"], errors)
    _amounts(obj.get("status", {}), "status", errors)


def _spec(spec: Object, errors: Errors) -> None:
    _resources(spec.get("hard", {}), "spec.hard", errors)
    _scopes(spec, errors)
    if spec.get("scopeSelector") is not None:
        _scope_selector(spec, errors)


def _amounts(status: Object, path: str, errors: Errors) -> None:
    for field in ("hard", "used"):
        _resources(status.get(field, {}), f"{path}.{field}", errors)


def _resources(values: Object, path: str, errors: Errors) -> None:
    for name, text in sorted(values.items()):
        resource_names.quota_resource_name(errors, key(path, name), name)
        resource_names.amount(errors, key(path, name), name, text)


def _misplaced(scope: str, hard: Object) -> int:
    """How many of the limited resources the scope does not fit."""
    fits = SCOPES.get(scope)
    return sum(1 for name in hard if resource_names.is_quota(name) and fits is not None and name not in fits)


def _conflicts(scopes: set[str], shown: Any, errors: Errors) -> None:
    for pair in _EXCLUDING:
        if pair <= scopes:
            errors.invalid("spec.scopes", shown, "conflicting scopes")


def _scopes(spec: Object, errors: Errors) -> None:
    scopes: list[str] = spec.get("scopes", [])
    for scope in scopes:
        if scope not in SCOPES:
            errors.invalid("spec.scopes", scopes, "unsupported scope")
        for _ in range(_misplaced(scope, spec.get("hard", {}))):
            errors.invalid("spec.scopes", scopes, "unsupported scope applied to resource")
    _conflicts(set(scopes), scopes, errors)


def _scope_selector(spec: Object, errors: Errors) -> None:
    path, selector = "spec.scopeSelector.matchExpressions", spec["scopeSelector"]
    scopes = set()
    for requirement in selector.get("matchExpressions", ()):
        scope, operator = requirement.get("scopeName", ""), requirement.get("operator", "")
        values = requirement.get("values", [])
        scopes.add(scope)
        if scope not in SCOPES:
            errors.invalid(f"{path}.scopeName", scope, "unsupported scope")
        for _ in range(_misplaced(scope, spec.get("hard", {}))):
            errors.invalid(path, internal("core.v1.ScopeSelector", selector), "unsupported scope applied to resource")
        if scope in _ONLY_EXISTS and operator != "Exists":
            errors.invalid(f"{path}.operator", operator, _MUST_EXIST)
        if operator in ("In", "NotIn"):
            if not values:
                detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                errors.required(f"{path}.values", detail)
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                errors.invalid(f"{path}.values", values, detail)
        else:
            errors.invalid(f"{path}.operator", operator, "not a valid selector operator")
    _conflicts(scopes, spec.get("scopes"), errors)


def update(new: Object, old: Object, errors: Errors) -> None:
    _spec(new["spec"], errors)
    scopes = new["spec"].get("scopes")
    if set(scopes or ()) != set(old["spec"].get("scopes", ())):
        errors.invalid("spec.scopes", scopes, field_rules.IMMUTABLE)


def status_update(new: Object, _: Object, errors: Errors) -> None:
    if not new["metadata"].get("resourceVersion"):
        errors.required("resourceVersion")
    _amounts(new.get("status", {}), "status", errors)


def warnings(obj: Object, old: Object | None) -> list[str]:
    """On creation: a limit below its request."""
    hard, found = obj["spec"].get("hard", {}), []
    for name in ("cpu", "memory", "storage", "ephemeral-storage") if old is None else ():
        request, limit = f"requests.{name}", f"limits.{name}"
        if request not in hard and name in ("cpu", "memory"):
            request = name
        if request in hard and limit in hard and quantity.parse(hard[request]) > quantity.parse(hard[limit]):
            found.append(f"ResourceQuota {request} ({hard[request]}) should be less than {limit} ({hard[limit]})")
    return found


VALIDATOR = Validator(create=create, update=update, subresources=(("status", status_update),), warnings=warnings)
