"""Rows of autoscalers, in either version, and of the Scale subresource."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.tables.ages import age
from minikube_edu.api.tables.cells import NONE, UNSET

Object = dict[str, Any]
UNKNOWN = "<unknown>"
_SHOWN = 2  # metrics that are told before "+ 1 more..."


def autoscaler(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    if obj["apiVersion"] == "autoscaling/v1":
        from minikube_edu.api.conversion import convert

        return autoscaler(convert(obj, "autoscaling/v2"))
    return [
        obj["metadata"]["name"], f"{target.get('kind', '')}/{target.get('name', '')}",
        _metrics(spec.get("metrics") or [], status.get("currentMetrics") or []),
        str(spec["minReplicas"]) if "minReplicas" in spec else UNSET, spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0), age(obj),
    ]  # fmt: skip


def _metrics(specs: list[Object], statuses: list[Object]) -> str:
    if not specs:
        return NONE
    told = [_metric(spec, statuses[i] if i < len(statuses) else {}) for i, spec in enumerate(specs)]
    more = f" + {len(told) - _SHOWN} more..." if len(told) > _SHOWN else ""
    return ", ".join(told[:_SHOWN]) + more


def _metric(spec: Object, status: Object) -> str:
    kind = spec.get("type", "")
    field = kind[:1].lower() + kind[1:]
    source = spec.get(field) or {}
    current = (status.get(field) or {}).get("current")
    target = source.get("target") or {}
    match kind:
        case "External" | "Object":
            if "averageValue" in target:
                return f"{(current or {}).get('averageValue', UNKNOWN)}/{target['averageValue']} (avg)"
            return f"{UNKNOWN if current is None else current.get('value', '0')}/{target.get('value', '0')}"
        case "Pods":
            return f"{_average(current)}/{target.get('averageValue', '0')}"
        case "Resource" | "ContainerResource":
            if "averageValue" in target:
                return f"{source.get('name', '')}: {_average(current)}/{target['averageValue']}"
            used = (current or {}).get("averageUtilization")
            wanted = target.get("averageUtilization")
            shown = UNKNOWN if used is None else f"{used}%"
            return f"{source.get('name', '')}: {shown}/{'<auto>' if wanted is None else f'{wanted}%'}"
    return "<unknown type>"


def _average(current: Object | None) -> str:
    return UNKNOWN if current is None else str(current.get("averageValue", "0"))


def scale(obj: Object) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [obj["metadata"]["name"], spec.get("replicas", 0), status.get("replicas", 0), age(obj)]


PRINTERS = {"HorizontalPodAutoscaler": autoscaler, "Scale": scale}
