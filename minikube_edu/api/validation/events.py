"""Validation of events.k8s.io; see `event_rules`."""

from __future__ import annotations

from minikube_edu.api.validation import Validator, event_rules

VALIDATORS: dict[str, Validator] = {"Event": event_rules.STRICT_VALIDATOR}
