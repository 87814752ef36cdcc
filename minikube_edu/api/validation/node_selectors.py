"""NodeSelector: terms over labels and fields of nodes, as volumes and pods name the nodes that they can be on."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import field_rules

Object = dict[str, Any]

# Labels of nodes that have a newer name: clients are warned.
DEPRECATED_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}
_UNKNOWN_OPERATOR = "not a valid selector operator"


def node_selector(errors: Errors, path: str, selector: Object, any_value: bool = False) -> None:
    """`any_value`: values that are no label values are let pass, because they are stored already."""
    terms = selector.get("nodeSelectorTerms") or []
    if not terms:
        errors.required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")
    for index, term in enumerate(terms):
        node_selector_term(errors, f"{path}.nodeSelectorTerms[{index}]", term, any_value)


def node_selector_term(errors: Errors, path: str, term: Object, any_value: bool = False) -> None:
    for index, requirement in enumerate(term.get("matchExpressions", ())):
        _label_requirement(errors, f"{path}.matchExpressions[{index}]", requirement, any_value)
    for index, requirement in enumerate(term.get("matchFields", ())):
        _field_requirement(errors, f"{path}.matchFields[{index}]", requirement)


def _label_requirement(errors: Errors, path: str, requirement: Object, any_value: bool) -> None:
    operator, values = requirement.get("operator", ""), requirement.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            errors.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            errors.forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            errors.required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    else:
        errors.invalid(f"{path}.operator", operator, _UNKNOWN_OPERATOR)
    field_rules.named(errors, f"{path}.key", requirement.get("key", ""), names.label_key)
    for index, value in enumerate(() if any_value else values):
        field_rules.named(errors, f"{path}.values[{index}]", value, names.label_value)


def _field_requirement(errors: Errors, path: str, requirement: Object) -> None:
    """The only field of a node that can be asked for is its name."""
    operator, name, values = (
        requirement.get("operator", ""),
        requirement.get("key", ""),
        requirement.get("values") or [],
    )
    if operator not in ("In", "NotIn"):
        errors.invalid(f"{path}.operator", operator, _UNKNOWN_OPERATOR)
    elif len(values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.required(f"{path}.values", detail)
    if name != "metadata.name":
        errors.invalid(f"{path}.key", name, "not a valid field selector key")
        return
    for index, value in enumerate(values):
        field_rules.named(errors, f"{path}.values[{index}]", value, names.dns1123_subdomain)


def has_odd_values(selector: Object | None) -> bool:
    """Whether a stored selector has values that would be refused today."""
    terms = (selector or {}).get("nodeSelectorTerms") or ()
    return any(
        names.label_value(value)
        for term in terms
        for requirement in term.get("matchExpressions", ())
        for value in requirement.get("values") or ()
    )


def warnings(path: str, selector: Object | None) -> list[str]:
    """Deprecated labels in a NodeSelector."""
    return [
        f"{path}.nodeSelectorTerms[{index}].matchExpressions[{number}].key: {name} is {DEPRECATED_LABELS[name]}"
        for index, term in enumerate((selector or {}).get("nodeSelectorTerms") or ())
        for number, requirement in enumerate(term.get("matchExpressions", ()))
        if (name := requirement.get("key", "")) in DEPRECATED_LABELS
    ]
