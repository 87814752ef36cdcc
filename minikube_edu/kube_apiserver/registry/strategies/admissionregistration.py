"""Webhooks and admission policies: an update must name the version that it replaces."""

from __future__ import annotations

from minikube_edu.kube_apiserver.registry.strategy import Strategy


class Admission(Strategy):
    generation = True
    allow_unconditional_update = False


class WithoutStatus(Admission):
    reset_fields = ()


STRATEGIES: dict[str, type[Strategy]] = {
    "ValidatingAdmissionPolicy": Admission,
    "MutatingAdmissionPolicy": WithoutStatus,
    "ValidatingWebhookConfiguration": WithoutStatus,
    "MutatingWebhookConfiguration": WithoutStatus,
    "ValidatingAdmissionPolicyBinding": WithoutStatus,
    "MutatingAdmissionPolicyBinding": WithoutStatus,
}
