"""The rules of webhooks and admission policies, by kind."""

from __future__ import annotations

from minikube_edu.api.validation.admission_policies import (
    MUTATING_BINDING,
    MUTATING_POLICY,
    VALIDATING_BINDING,
    VALIDATING_POLICY,
)
from minikube_edu.api.validation.webhooks import WEBHOOKS

VALIDATORS = {
    "ValidatingWebhookConfiguration": WEBHOOKS,
    "MutatingWebhookConfiguration": WEBHOOKS,
    "ValidatingAdmissionPolicy": VALIDATING_POLICY,
    "MutatingAdmissionPolicy": MUTATING_POLICY,
    "ValidatingAdmissionPolicyBinding": VALIDATING_BINDING,
    "MutatingAdmissionPolicyBinding": MUTATING_BINDING,
}
