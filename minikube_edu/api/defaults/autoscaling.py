"""Defaults of the group autoscaling: HorizontalPodAutoscaler, in its two versions.

Version 1 aims at the processor alone, unless other metrics are kept in an annotation (see `conversion.autoscaling`).
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

METRICS = "autoscaling.alpha.kubernetes.io/metrics"
CPU_UTILIZATION = 80  # percent
_PERIOD = 15  # seconds


def autoscaler_v1(obj: Object) -> None:
    obj["spec"].setdefault("minReplicas", 1)
    if METRICS not in obj["metadata"].get("annotations", {}):
        obj["spec"].setdefault("targetCPUUtilizationPercentage", CPU_UTILIZATION)


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
