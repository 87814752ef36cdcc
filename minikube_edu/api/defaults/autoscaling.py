"""Defaults of the group autoscaling: HorizontalPodAutoscaler, in its two versions.

The processor target of version 1 is filled in by conversion, which sees the metrics kept in annotations.
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

CPU_UTILIZATION = 80  # percent
_PERIOD = 15  # seconds


def autoscaler_v1(obj: Object) -> None:
    obj["spec"].setdefault("minReplicas", 1)


def autoscaler(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("minReplicas", 1)
    spec.setdefault("metrics", [cpu_metric(CPU_UTILIZATION)])
    if "behavior" in spec:
        behavior(spec["behavior"])


def cpu_metric(percent: int) -> Object:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def behavior(rules: Object) -> None:
    """When either direction has rules, both are spelt out."""
    up = rules.setdefault("scaleUp", {})
    up.setdefault("stabilizationWindowSeconds", 0)
    up.setdefault("selectPolicy", "Max")
    up.setdefault("policies", [_policy("Pods", 4), _policy("Percent", 100)])
    down = rules.setdefault("scaleDown", {})
    down.setdefault("selectPolicy", "Max")
    down.setdefault("policies", [_policy("Percent", 100)])


def _policy(kind: str, value: int) -> Object:
    return {"type": kind, "value": value, "periodSeconds": _PERIOD}


DEFAULTS = {
    ("v1", "HorizontalPodAutoscaler"): autoscaler_v1,
    ("v2", "HorizontalPodAutoscaler"): autoscaler,
}
