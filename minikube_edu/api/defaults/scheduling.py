"""Defaults of priority classes."""

from __future__ import annotations

from minikube_edu.api.defaults import Defaulter, Object


def priority_class(obj: Object) -> None:
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


DEFAULTS: dict[tuple[str, str], Defaulter] = {("v1", "PriorityClass"): priority_class}
