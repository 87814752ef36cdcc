"""Horizontal pod autoscalers, of version 2 and of version 1."""

from __future__ import annotations

from typing import Any

from minikube_edu.kubectl.describe.page import UNSET, Object, Page, moment
from minikube_edu.lib.gotext import quote

_UNKNOWN = "<unknown>"
_KEYS = {
    "External": "external", "Pods": "pods", "Object": "object", "Resource": "resource",
    "ContainerResource": "containerResource",
}  # fmt: skip


async def autoscaler(page: Page, obj: Object, client: Any) -> None:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    page.named(obj)
    page.marked(obj)
    page.field(0, "CreationTimestamp", moment(obj["metadata"].get("creationTimestamp")))
    target = spec.get("scaleTargetRef") or {}
    page.field(0, "Reference", f"{target.get('kind') or ''}/{target.get('name') or ''}")
    if obj.get("apiVersion") == "autoscaling/v1":
        _processor(page, spec, status)
    else:
        _metrics(page, spec.get("metrics") or [], status.get("currentMetrics") or [])
    page.field(0, "Min replicas", UNSET if spec.get("minReplicas") is None else spec["minReplicas"])
    page.field(0, "Max replicas", spec.get("maxReplicas") or 0)
    if behaviour := spec.get("behavior"):
        page.line(0, "Behavior:")
        _direction(page, "Scale Up", behaviour.get("scaleUp"))
        _direction(page, "Scale Down", behaviour.get("scaleDown"))
    current, desired = status.get("currentReplicas") or 0, status.get("desiredReplicas") or 0
    page.field(0, f"{target.get('kind') or ''} pods", f"{current} current / {desired} desired")
    if status.get("conditions") and obj.get("apiVersion") != "autoscaling/v1":
        page.line(0, "Conditions:")
        page.header(1, "Type", "Status", "Reason", "Message")
        for found in status["conditions"]:
            page.columns(1, *(found.get(name) or "" for name in ("type", "status", "reason", "message")))


def _processor(page: Page, spec: Object, status: Object) -> None:
    if spec.get("targetCPUUtilizationPercentage") is None:
        return
    page.field(0, "Target CPU utilization", f"{spec['targetCPUUtilizationPercentage']}%")
    current = status.get("currentCPUUtilizationPercentage")
    page.field(0, "Current CPU utilization", f"{_UNKNOWN if current is None else current}%")


def _metrics(page: Page, metrics: list[Object], known: list[Object]) -> None:
    page.field(0, "Metrics", "( current / target )")
    for index, metric in enumerate(metrics):
        kind = metric.get("type") or ""
        key = _KEYS.get(kind)
        if key is None:
            page.line(1, f"<unknown metric type {quote(kind)}>")
            continue
        found = metric.get(key) or {}
        now = (known[index].get(key) or {}).get("current") if index < len(known) else None
        title, current, target = _metric(kind, found, now)
        page.field(1, title, f"{current} / {target}")


def _metric(kind: str, found: Object, now: Object | None) -> tuple[str, str, str]:
    """(what is measured, its value, the value that is wished for)"""
    target = found.get("target") or {}
    name = (found.get("metric") or {}).get("name") or found.get("name") or ""
    average = str(target.get("averageValue", ""))
    if kind == "External":
        if "averageValue" in target:
            return f"{quote(name)} (target average value)", _of(now, "averageValue", True), average
        return f"{quote(name)} (target value)", _of(now, "value"), str(target.get("value", "<nil>"))
    if kind == "Pods":
        return f"{quote(name)} on pods", _of(now, "averageValue"), average
    if kind == "Object":
        what = found.get("describedObject") or {}
        title = f'"{name}" on {what.get("kind")}/{what.get("name")} '
        if target.get("type") == "AverageValue":
            return title + "(target average value)", _of(now, "averageValue"), average
        return title + "(target value)", _of(now, "value"), str(target.get("value", "<nil>"))
    title = f"resource {name} on pods"
    if kind == "ContainerResource":
        title = f'resource {name} of container "{found.get("container")}" on pods'
    if "averageValue" in target:
        return title, _of(now, "averageValue"), average
    current = _UNKNOWN
    if now and now.get("averageUtilization") is not None:
        current = f"{now['averageUtilization']}% ({now.get('averageValue', '<nil>')})"
    wished = target.get("averageUtilization")
    # The real one indents what follows, in the middle of the line.
    return f"{title}  (as a percentage of request)", current, "<auto>" if wished is None else f"{wished}%"


def _of(now: Object | None, name: str, needed: bool = False) -> str:
    if now is None or (needed and now.get(name) is None):
        return _UNKNOWN
    return str(now.get(name, "<nil>"))


def _direction(page: Page, title: str, rules: Object | None) -> None:
    if rules is None:
        return
    page.line(1, f"{title}:")
    if rules.get("stabilizationWindowSeconds") is not None:
        page.line(2, f"Stabilization Window: {rules['stabilizationWindowSeconds']} seconds")
    if rules.get("policies"):
        page.line(2, f"Select Policy: {rules.get('selectPolicy') or 'Max'}")
        page.line(2, "Policies:")
    for policy in rules.get("policies") or ():
        period = f"Period: {policy.get('periodSeconds')} seconds"
        page.columns(3, f"- Type: {policy.get('type')}", f"Value: {policy.get('value')}", period)
