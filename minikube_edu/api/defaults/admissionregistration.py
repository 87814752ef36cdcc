"""Defaults of webhooks and admission policies."""

from __future__ import annotations

from collections.abc import Iterable

from minikube_edu.api.defaults import Defaulter, Object


def _scopes(rules: Iterable[Object]) -> None:
    for rule in rules:
        rule.setdefault("scope", "*")


def _webhooks(obj: Object) -> None:
    for hook in obj.get("webhooks", ()):
        hook.setdefault("failurePolicy", "Fail")
        hook.setdefault("matchPolicy", "Equivalent")
        hook.setdefault("namespaceSelector", {})
        hook.setdefault("objectSelector", {})
        hook.setdefault("timeoutSeconds", 10)
        if (service := hook["clientConfig"].get("service")) is not None:
            service.setdefault("port", 443)
        _scopes(hook.get("rules", ()))


def _mutating_webhooks(obj: Object) -> None:
    _webhooks(obj)
    for hook in obj.get("webhooks", ()):
        hook.setdefault("reinvocationPolicy", "Never")


def _match(resources: Object | None) -> None:
    if resources is None:
        return
    resources.setdefault("matchPolicy", "Equivalent")
    resources.setdefault("namespaceSelector", {})
    resources.setdefault("objectSelector", {})
    _scopes(resources.get("resourceRules", ()))
    _scopes(resources.get("excludeResourceRules", ()))


def _policy(obj: Object) -> None:
    obj["spec"].setdefault("failurePolicy", "Fail")
    _match(obj["spec"].get("matchConstraints"))


def _binding(obj: Object) -> None:
    _match(obj["spec"].get("matchResources"))


DEFAULTS: dict[tuple[str, str], Defaulter] = {
    ("v1", "ValidatingWebhookConfiguration"): _webhooks,
    ("v1", "MutatingWebhookConfiguration"): _mutating_webhooks,
    ("v1", "ValidatingAdmissionPolicy"): _policy,
    ("v1", "MutatingAdmissionPolicy"): _policy,
    ("v1", "ValidatingAdmissionPolicyBinding"): _binding,
    ("v1", "MutatingAdmissionPolicyBinding"): _binding,
}
