"""Where a pod may run: node selectors, affinity, tolerations, topology spread, scheduling gates.

`validate_tolerations` is also for other kinds (runtime classes).
"""

from __future__ import annotations

import re
from typing import Any

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation.field_rules import label_selector
from minikube_edu.api.validation.meta import label_key, label_value
from minikube_edu.api.validation.node_selectors import node_selector, node_selector_term
from minikube_edu.api.validation.pod_options import Options
from minikube_edu.lib.gotext import parse_int, quote

Object = dict[str, Any]

EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_NO_SELECTOR = "must not be specified when labelSelector is not set"
_IN_BOTH = "exists in both matchLabelKeys and labelSelector"
_decimal = re.compile("0|-?[1-9][0-9]*").fullmatch


def validate_affinity(path: str, affinity: Object, options: Options, errors: Errors) -> None:
    if node := affinity.get("nodeAffinity"):
        at = f"{path}.nodeAffinity"
        if _REQUIRED in node:
            node_selector(errors, f"{at}.{_REQUIRED}", node[_REQUIRED], options.any_node_value)
        for index, term in enumerate(node.get(_PREFERRED, ())):
            where = f"{at}.{_PREFERRED}[{index}]"
            _weight(where, term, errors)
            node_selector_term(errors, f"{where}.preference", term.get("preference", {}), any_value=True)
    for field in ("podAffinity", "podAntiAffinity"):
        given = affinity.get(field, {})
        for index, term in enumerate(given.get(_REQUIRED, ())):
            _validate_pod_term(f"{path}.{field}.{_REQUIRED}[{index}]", term, options, errors)
        for index, weighted in enumerate(given.get(_PREFERRED, ())):
            where = f"{path}.{field}.{_PREFERRED}[{index}]"
            _weight(where, weighted, errors)
            _validate_pod_term(f"{where}.podAffinityTerm", weighted.get("podAffinityTerm", {}), options, errors)


def _weight(path: str, term: Object, errors: Errors) -> None:
    weight = term.get("weight", 0)
    if not 0 < weight <= 100:
        errors.invalid(f"{path}.weight", weight, "must be in the range 1-100")


def _validate_pod_term(path: str, term: Object, options: Options, errors: Errors) -> None:
    selector = term.get("labelSelector")
    label_selector(errors, f"{path}.labelSelector", selector, options.any_selector_value)
    label_selector(errors, f"{path}.namespaceSelector", term.get("namespaceSelector"), options.any_selector_value)
    for name in term.get("namespaces", ()):
        errors.invalid_each(f"{path}.namespace", name, names.dns1123_label(name))
    _validate_keys(path, term, selector, errors)
    key = term.get("topologyKey", "")
    if not key:
        errors.required(f"{path}.topologyKey", "can not be empty")
    errors.invalid_each(f"{path}.topologyKey", key, label_key(key))


def _validate_keys(path: str, term: Object, selector: Object | None, errors: Errors) -> None:
    """matchLabelKeys and mismatchLabelKeys, whose values come from the pod itself."""
    given = {field: term.get(field, []) for field in ("matchLabelKeys", "mismatchLabelKeys")}
    for field, keys in given.items():
        if keys and selector is None:
            errors.forbidden(f"{path}.{field}", _NO_SELECTOR)
        elif keys:
            for index, key in enumerate(keys):
                errors.invalid_each(f"{path}.{field}[{index}]", key, label_key(key))
    matching = given["matchLabelKeys"]
    if selector is not None and matching:
        places = {key: index for index, key in enumerate(matching)}
        seen = set(selector.get("matchLabels", ()))
        for expression in selector.get("matchExpressions", ()):
            key = expression.get("key", "")
            if key in places and key in seen:
                errors.invalid(f"{path}[{places[key]}]", key, _IN_BOTH)
            seen.add(key)
    for index, key in enumerate(matching):
        if key in given["mismatchLabelKeys"]:
            problem = "exists in both matchLabelKeys and mismatchLabelKeys"
            errors.invalid(f"{path}.matchLabelKeys[{index}]", key, problem)


def validate_spread(path: str, constraints: list[Object], options: Options, errors: Errors) -> None:
    for index, constraint in enumerate(constraints):
        at = f"{path}[{index}]"
        skew, key = constraint.get("maxSkew", 0), constraint.get("topologyKey", "")
        action = constraint.get("whenUnsatisfiable", "")
        if skew <= 0:
            errors.invalid(f"{at}.maxSkew", skew, "must be greater than zero")
        if not key:
            errors.required(f"{at}.topologyKey", "can not be empty")
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            errors.not_supported(f"{at}.whenUnsatisfiable", action, ["DoNotSchedule", "ScheduleAnyway"])
        if any(
            (key, action) == (other.get("topologyKey", ""), other.get("whenUnsatisfiable", ""))
            for other in constraints[index + 1 :]
        ):
            errors.duplicate(f"{at}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}")
        _validate_spread_details(at, constraint, action, options, errors)


def _validate_spread_details(path: str, constraint: Object, action: str, options: Options, errors: Errors) -> None:
    domains = constraint.get("minDomains")
    if domains is not None:
        if domains <= 0:
            errors.invalid(f"{path}.minDomains", domains, "must be greater than zero")
        if action != "DoNotSchedule":
            problem = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
            errors.invalid(f"{path}.minDomains", domains, problem)
    for field in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        policy = constraint.get(field)
        if policy is not None and policy not in ("Honor", "Ignore"):
            errors.not_supported(f"{path}.{field}", policy, ["Honor", "Ignore"])
    selector = constraint.get("labelSelector")
    if options.legacy_spread_keys:
        _validate_legacy_keys(f"{path}.matchLabelKeys", constraint.get("matchLabelKeys", []), selector, errors)
    else:
        _validate_keys(path, {"matchLabelKeys": constraint.get("matchLabelKeys", [])}, selector, errors)
    if not options.any_spread_selector:
        label_selector(errors, f"{path}.labelSelector", selector)


def _validate_legacy_keys(path: str, keys: list[str], selector: Object | None, errors: Errors) -> None:
    if not keys:
        return
    if selector is None:
        errors.forbidden(path, _NO_SELECTOR)
    used = set((selector or {}).get("matchLabels", ()))
    used |= {expression.get("key", "") for expression in (selector or {}).get("matchExpressions", ())}
    for index, key in enumerate(keys):
        errors.invalid_each(f"{path}[{index}]", key, label_key(key))
        if key in used:
            errors.invalid(f"{path}[{index}]", key, _IN_BOTH)


def validate_tolerations(path: str, tolerations: list[Object], errors: Errors, numbers: bool = False) -> None:
    for index, toleration in enumerate(tolerations):
        at, key = f"{path}[{index}]", toleration.get("key", "")
        operator, effect = toleration.get("operator", ""), toleration.get("effect", "")
        if key:
            if problems := label_key(key):
                errors.invalid_each(f"{at}.key", key, problems)
        elif operator != "Exists":
            problem = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.invalid(f"{at}.operator", operator, problem)
        if "tolerationSeconds" in toleration and effect != "NoExecute":
            problem = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.invalid(f"{at}.effect", effect, problem)
        _validate_operator(at, operator, toleration.get("value", ""), numbers, errors)
        if effect and effect not in EFFECTS:
            errors.not_supported(f"{at}.effect", effect, EFFECTS)


def _validate_operator(path: str, operator: str, value: str, numbers: bool, errors: Errors) -> None:
    if operator in ("", "Equal"):
        if problems := label_value(value):
            errors.invalid(f"{path}.operator", value, ";".join(problems))
    elif operator == "Exists":
        if value:
            errors.invalid(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'")
    elif operator not in ("Lt", "Gt"):
        errors.not_supported(f"{path}.operator", operator, ["Equal", "Exists"])
    elif not numbers:
        errors.not_supported(f"{path}.operator", operator, ["Equal", "Exists", "Lt", "Gt"])
    else:
        if not _decimal(value):
            errors.invalid(f"{path}.value", value, "must be a valid decimal integer in canonical form")
        try:
            parse_int(value)
        except ValueError as error:
            errors.invalid(f"{path}.value", value, f"strconv.ParseInt: parsing {quote(value)}: {error}")


def validate_gates(path: str, gates: list[Object], errors: Errors) -> None:
    seen: set[str] = set()
    for index, gate in enumerate(gates):
        name = gate.get("name", "")
        errors.invalid_each(f"{path}[{index}]", name, names.qualified_name(name))
        if name in seen:
            errors.duplicate(f"{path}[{index}]", name)
        seen.add(name)
