"""Rows of admission webhooks and policies."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.tables.ages import age
from minikube_edu.api.tables.cells import UNSET

Object = dict[str, Any]


def webhooks(obj: Object) -> list[Any]:
    return [obj["metadata"]["name"], len(obj.get("webhooks") or ()), age(obj)]


def _policy(obj: Object, rules: str) -> list[Any]:
    spec = obj.get("spec") or {}
    kind = spec.get("paramKind")
    text = UNSET if kind is None else f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}"
    return [obj["metadata"]["name"], len(spec.get(rules) or ()), text, age(obj)]


def mutating_policy(obj: Object) -> list[Any]:
    return _policy(obj, "mutations")


def validating_policy(obj: Object) -> list[Any]:
    return _policy(obj, "validations")


def binding(obj: Object) -> list[Any]:
    spec = obj.get("spec") or {}
    return [obj["metadata"]["name"], spec.get("policyName", ""), _parameter(spec.get("paramRef") or {}), age(obj)]


def _parameter(reference: Object) -> str:
    if reference.get("name"):
        return f"{reference.get('namespace') or '*'}/{reference['name']}"
    if reference.get("selector") is not None:
        return _selector_text(reference["selector"])
    return UNSET


def _selector_text(selector: Object) -> str:
    """Go's debug text of a LabelSelector, for that is what the real server prints here."""
    labels = selector.get("matchLabels") or {}
    pairs = "".join(f"{key}: {labels[key]}," for key in sorted(labels))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{e.get('key', '')},Operator:{e.get('operator', '')},"
        f"Values:[{' '.join(e.get('values') or ())}],}},"
        for e in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{pairs}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


PRINTERS = {
    "MutatingAdmissionPolicy": mutating_policy,
    "MutatingAdmissionPolicyBinding": binding,
    "MutatingWebhookConfiguration": webhooks,
    "ValidatingAdmissionPolicy": validating_policy,
    "ValidatingAdmissionPolicyBinding": binding,
    "ValidatingWebhookConfiguration": webhooks,
}
