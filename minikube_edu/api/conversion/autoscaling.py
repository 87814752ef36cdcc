"""HorizontalPodAutoscaler between versions 1 and 2.

Version 1 knows one metric, the processor's. What version 2 has beyond that travels in annotations, as JSON in the words
of version 1's own inner types, so that an object that is read and written as version 1 loses nothing.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from minikube_edu.api.defaults.autoscaling import CPU_UTILIZATION, METRICS, cpu_metric

Object = dict[str, Any]

_PREFIX = "autoscaling.alpha.kubernetes.io/"
CURRENT = _PREFIX + "current-metrics"
BEHAVIOR, CONDITIONS = _PREFIX + "behavior", _PREFIX + "conditions"
_ROUND_TRIP = (METRICS, CURRENT, BEHAVIOR, CONDITIONS, _PREFIX + "scale-down-tolerance", _PREFIX + "scale-up-tolerance")


def _without_annotations(obj: Object, api_version: str) -> tuple[Object, dict[str, str]]:
    """A copy to change, and its annotations without those that conversion makes."""
    metadata = dict(obj["metadata"])
    notes = {key: value for key, value in metadata.pop("annotations", {}).items() if key not in _ROUND_TRIP}
    return {**obj, "apiVersion": api_version, "metadata": metadata}, notes


def _is_cpu(metric: Object) -> bool:
    resource = metric.get("resource", {})
    return (
        metric.get("type") == "Resource"
        and resource.get("name") == "cpu"
        and "averageUtilization" in resource.get("target", {})
    )


# ---------------------------------------------------------------- 2 to 1


def to_v1(obj: Object) -> Object:
    out, notes = _without_annotations(obj, "autoscaling/v1")
    spec, status = obj["spec"], obj.get("status", {})
    metrics = spec.get("metrics", [])
    out["spec"] = {field: spec[field] for field in ("scaleTargetRef", "minReplicas", "maxReplicas") if field in spec}
    for metric in metrics:
        if _is_cpu(metric):
            out["spec"]["targetCPUUtilizationPercentage"] = metric["resource"]["target"]["averageUtilization"]
            break
    out["status"] = {
        field: status[field]
        for field in ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")
        if field in status
    }
    out["status"].setdefault("currentReplicas", 0)
    out["status"].setdefault("desiredReplicas", 0)
    current = status.get("currentMetrics") or []
    for metric in current:
        resource = metric.get("resource", {})
        if metric.get("type") == "Resource" and resource.get("name") == "cpu":
            used = resource.get("current", {}).get("averageUtilization")
            if used is not None:
                out["status"]["currentCPUUtilizationPercentage"] = used
    if others := [_source_to_v1(metric) for metric in metrics if not _is_cpu(metric)]:
        notes[METRICS] = _compact(others)
    if current:
        notes[CURRENT] = _compact([_status_to_v1(metric) for metric in current])
    if "behavior" in spec:
        notes[BEHAVIOR] = _compact(_behavior(spec["behavior"]))
    if status.get("conditions"):
        notes[CONDITIONS] = _compact([_condition(one) for one in status["conditions"]])
    if notes:
        out["metadata"]["annotations"] = notes
    return out


def _compact(value: Any) -> str:
    """As Go encodes it."""
    text = orjson.dumps(value).decode()
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _pick(source: Object, **fields: str) -> Object:
    """The fields that are there, under other names."""
    return {new: source[old] for new, old in fields.items() if old in source}


def _source_to_v1(metric: Object) -> Object:
    kind = metric.get("type", "")
    out: Object = {"type": kind}
    for field in ("object", "pods", "resource", "containerResource", "external"):
        if field not in metric:
            continue
        source = metric[field]
        target, named = source.get("target", {}), source.get("metric", {})
        if field == "object":
            out[field] = {
                "target": _reference(source.get("describedObject", {})),
                "metricName": named.get("name", ""),
                "targetValue": target.get("value", "0"),
                **_pick(named, selector="selector"),
                **_pick(target, averageValue="averageValue"),
            }
        elif field == "pods":
            value = target.get("averageValue", "0")
            name = named.get("name", "")
            out[field] = {"metricName": name, "targetAverageValue": value} | _pick(named, selector="selector")
        elif field == "external":
            out[field] = {
                "metricName": named.get("name", ""),
                **_pick(named, metricSelector="selector"),
                **_pick(target, targetValue="value", targetAverageValue="averageValue"),
            }
        else:
            amounts = _pick(target, targetAverageUtilization="averageUtilization", targetAverageValue="averageValue")
            out[field] = {"name": source.get("name", "")} | amounts
            if field == "containerResource":
                out[field]["container"] = source.get("container", "")
    return out


def _reference(described: Object) -> Object:
    named = {"kind": described.get("kind", ""), "name": described.get("name", "")}
    return named | _pick(described, apiVersion="apiVersion")


def _status_to_v1(metric: Object) -> Object:
    out: Object = {"type": metric.get("type", "")}
    for field in ("object", "pods", "resource", "containerResource", "external"):
        if field not in metric:
            continue
        source = metric[field]
        current, named = source.get("current", {}), source.get("metric", {})
        if field == "object":
            out[field] = {
                "target": _reference(source.get("describedObject", {})),
                "metricName": named.get("name", ""),
                "currentValue": current.get("value", "0"),
                **_pick(named, selector="selector"),
                **_pick(current, averageValue="averageValue"),
            }
        elif field == "pods":
            value = current.get("averageValue", "0")
            name = named.get("name", "")
            out[field] = {"metricName": name, "currentAverageValue": value} | _pick(named, selector="selector")
        elif field == "external":
            out[field] = {
                "metricName": named.get("name", ""),
                **_pick(named, metricSelector="selector"),
                "currentValue": current.get("value", "0"),
                **_pick(current, currentAverageValue="averageValue"),
            }
        else:
            out[field] = {
                "name": source.get("name", ""),
                **_pick(current, currentAverageUtilization="averageUtilization"),
                "currentAverageValue": current.get("averageValue", "0"),
            }
            if field == "containerResource":
                out[field]["container"] = source.get("container", "")
    return out


def _condition(condition: Object) -> Object:
    fields = ("type", "status", "observedGeneration", "lastTransitionTime", "reason", "message")
    return {field: condition.get(field) for field in fields if condition.get(field) or field == "lastTransitionTime"}


def _behavior(behavior: Object) -> Object:
    """The internal form: the real one encodes its internal struct here, and that stays so for compatibility."""
    return {
        go: _rules(behavior[field]) if field in behavior else None
        for go, field in (("ScaleUp", "scaleUp"), ("ScaleDown", "scaleDown"))
    }


def _rules(rules: Object) -> Object:
    policies = rules.get("policies")
    return {
        "StabilizationWindowSeconds": rules.get("stabilizationWindowSeconds"),
        "SelectPolicy": rules.get("selectPolicy"),
        "Policies": None
        if policies is None
        else [
            {
                "Type": policy.get("type", ""),
                "Value": policy.get("value", 0),
                "PeriodSeconds": policy.get("periodSeconds", 0),
            }
            for policy in policies
        ],
        "Tolerance": rules.get("tolerance"),
    }


# ---------------------------------------------------------------- 1 to 2


def to_v2(obj: Object) -> Object:
    given = obj["metadata"].get("annotations", {})
    out, notes = _without_annotations(obj, "autoscaling/v2")
    if notes:
        out["metadata"]["annotations"] = notes
    spec, status = obj["spec"], obj.get("status", {})
    out["spec"] = {field: spec[field] for field in ("scaleTargetRef", "minReplicas", "maxReplicas") if field in spec}
    percent = spec.get("targetCPUUtilizationPercentage")
    metrics = [_source_to_v2(metric) for metric in _parsed(given, METRICS)]
    if percent is not None:
        metrics.append(cpu_metric(percent))
    out["spec"]["metrics"] = metrics or [cpu_metric(CPU_UTILIZATION)]
    behavior = _parsed(given, BEHAVIOR, dict)
    if any(behavior.get(field) for field in ("ScaleUp", "ScaleDown")):
        out["spec"]["behavior"] = {
            field: _rules_to_v2(behavior[go])
            for go, field in (("ScaleUp", "scaleUp"), ("ScaleDown", "scaleDown"))
            if behavior.get(go)
        }
    out["status"] = _whole_status_to_v2(status, given)
    return out


def _parsed(notes: dict[str, str], key: str, kind: type = list) -> Any:
    """The value of an annotation; what cannot be read does not count."""
    try:
        value = json.loads(notes[key])
    except (KeyError, ValueError):
        return kind()
    return value if isinstance(value, kind) else kind()


def _source_to_v2(metric: Object) -> Object:
    out: Object = {"type": metric.get("type", "")}
    for field in ("object", "pods", "resource", "containerResource", "external"):
        if field not in metric:
            continue
        source = metric[field]
        if field == "object":
            average, value = source.get("averageValue"), source.get("targetValue", "0")
            target: Object = {"type": "Value", "value": value}
            if average is not None:
                target = {"type": "AverageValue", "averageValue": average}
                target |= {"value": value} if value != "0" else {}
            described = _reference(source.get("target", {}))
            out[field] = {"describedObject": described, "target": target, "metric": _metric(source, "selector")}
        elif field == "pods":
            target = {"type": "AverageValue", "averageValue": source.get("targetAverageValue", "0")}
            out[field] = {"metric": _metric(source, "selector"), "target": target}
        elif field == "external":
            target = {"type": "Value" if "targetValue" in source else "AverageValue"}
            target |= _pick(source, value="targetValue", averageValue="targetAverageValue")
            out[field] = {"metric": _metric(source, "metricSelector"), "target": target}
        else:
            target = {"type": "Utilization" if "targetAverageUtilization" in source else "AverageValue"}
            target |= _pick(source, averageUtilization="targetAverageUtilization", averageValue="targetAverageValue")
            out[field] = {"name": source.get("name", ""), "target": target} | _pick(source, container="container")
    return out


def _metric(source: Object, selector: str) -> Object:
    return {"name": source.get("metricName", "")} | _pick(source, selector=selector)


def _rules_to_v2(rules: Object) -> Object:
    names = {
        "stabilizationWindowSeconds": "StabilizationWindowSeconds",
        "selectPolicy": "SelectPolicy",
        "tolerance": "Tolerance",
    }
    out = {field: rules[go] for field, go in names.items() if rules.get(go) is not None}
    if rules.get("Policies"):
        out["policies"] = [
            {"type": one.get("Type", ""), "value": one.get("Value", 0), "periodSeconds": one.get("PeriodSeconds", 0)}
            for one in rules["Policies"]
        ]
    return out


def _whole_status_to_v2(status: Object, given: dict[str, str]) -> Object:
    fields = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")
    out = {field: status[field] for field in fields if field in status}
    out.setdefault("desiredReplicas", 0)
    used = status.get("currentCPUUtilizationPercentage")
    if used is not None:
        resource = {"name": "cpu", "current": {"averageUtilization": used}}
        out["currentMetrics"] = [{"type": "Resource", "resource": resource}]
    if CURRENT in given:
        out["currentMetrics"] = [_status_to_v2(metric) for metric in _parsed(given, CURRENT)]
    out.setdefault("currentMetrics", None)
    if CONDITIONS in given:
        out["conditions"] = _parsed(given, CONDITIONS)
    return out


def _status_to_v2(metric: Object) -> Object:
    out: Object = {"type": metric.get("type", "")}
    for field in ("object", "pods", "resource", "containerResource", "external"):
        if field not in metric:
            continue
        source = metric[field]
        if field == "object":
            current = {"value": source.get("currentValue", "0")} | _pick(source, averageValue="averageValue")
            described = _reference(source.get("target", {}))
            out[field] = {"describedObject": described, "current": current, "metric": _metric(source, "selector")}
        elif field == "pods":
            current = {"averageValue": source.get("currentAverageValue", "0")}
            out[field] = {"metric": _metric(source, "selector"), "current": current}
        elif field == "external":
            current = {"value": source.get("currentValue", "0")} | _pick(source, averageValue="currentAverageValue")
            out[field] = {"metric": _metric(source, "metricSelector"), "current": current}
        else:
            current = {"averageValue": source.get("currentAverageValue", "0")}
            current |= _pick(source, averageUtilization="currentAverageUtilization")
            out[field] = {"name": source.get("name", ""), "current": current} | _pick(source, container="container")
    return out


CONVERSIONS = {
    ("autoscaling/v2", "autoscaling/v1", "HorizontalPodAutoscaler"): to_v1,
    ("autoscaling/v1", "autoscaling/v2", "HorizontalPodAutoscaler"): to_v2,
}
