"""Namespaces, quotas, limit ranges; disruption budgets; priority classes."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import quantity
from minikube_edu.api.quantity import Quantity
from minikube_edu.api.tables.cells import selector
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl.describe.page import UNSET, Object, Page, moment, pairs

QUOTAS = Resource("", "v1", "resourcequotas", True, "ResourceQuota")
LIMIT_RANGES = Resource("", "v1", "limitranges", True, "LimitRange")
_LIMITS = ("Type", "Resource", "Min", "Max", "Default Request", "Default Limit", "Max Limit/Request Ratio")
_LIMIT_FIELDS = ("min", "max", "defaultRequest", "default", "maxLimitRequestRatio")
_SCOPES = {
    "Terminating": "Matches all pods that have an active deadline. These pods have a limited lifespan on a node before "
    "being actively terminated by the system.",
    "NotTerminating": "Matches all pods that do not have an active deadline. These pods usually include long running "
    "pods whose container command is not expected to terminate.",
    "BestEffort": "Matches all pods that do not have resource requirements set. These pods have a best effort quality "
    "of service.",
    "NotBestEffort": "Matches all pods that have at least one resource requirement set. These pods have a burstable or "
    "guaranteed quality of service.",
}


async def namespace(page: Page, obj: Object, client: Any) -> None:
    name, status = obj["metadata"]["name"], obj.get("status") or {}
    quotas = await _list(client, QUOTAS, name)
    limits = await _list(client, LIMIT_RANGES, name)
    page.named(obj, namespaced=False)
    page.marked(obj)
    page.field(0, "Status", status.get("phase") or "")
    if status.get("conditions"):
        page.line(0, "Conditions:")
        page.header(1, "Type", "Status", "LastTransitionTime", "Reason", "Message")
    for found in status.get("conditions") or ():
        when = moment(found.get("lastTransitionTime"))
        page.columns(1, found["type"], found["status"], when, found.get("reason") or "", found.get("message") or "")
    if quotas is not None:
        page.line(0)
        _quotas(page, quotas)
    if limits is not None:
        page.line(0)
        _limit_ranges(page, limits)


async def _list(client: Any, resource: Resource, namespace: str) -> list[Object] | None:
    try:
        return list((await client.list(resource, namespace)).get("items") or ())
    except ApiError as error:
        if error.code == 404:
            return None
        raise


def _quotas(page: Page, quotas: list[Object]) -> None:
    if not quotas:
        page.line(0, "No resource quota.")
        return
    page.line(0, "Resource Quotas")
    for quota in sorted(quotas, key=lambda quota: str(quota["metadata"]["name"])):
        page.field(1, "Name", quota["metadata"]["name"])
        _scopes(page, quota, 1, "* ")
        page.columns(1, "Resource", "Used", "Hard")
        page.columns(1, "--------", "---", "---")
        status = quota.get("status") or {}
        hard, used = status.get("hard") or {}, status.get("used") or {}
        for name in sorted(hard):
            page.columns(1, name, str(used.get(name, "0")), str(hard[name]))


def _scopes(page: Page, quota: Object, level: int, bullet: str) -> None:
    scopes = sorted((quota.get("spec") or {}).get("scopes") or ())
    if scopes:
        page.field(level, "Scopes", ", ".join(scopes))
    for scope in scopes:
        if scope in _SCOPES:
            page.line(level, bullet + _SCOPES[scope])


def _limit_ranges(page: Page, found: list[Object]) -> None:
    if not found:
        page.line(0, "No LimitRange resource.")
        return
    page.line(0, "Resource Limits")
    _limits_header(page, " ")
    for one in found:
        _limits(page, one, " ")


def _limits_header(page: Page, lead: str) -> None:
    page.columns(0, lead + _LIMITS[0], *_LIMITS[1:])
    page.columns(0, lead + "-" * len(_LIMITS[0]), *("-" * len(name) for name in _LIMITS[1:]))


def _limits(page: Page, obj: Object, lead: str) -> None:
    for item in (obj.get("spec") or {}).get("limits") or ():
        for name in sorted({name for field in _LIMIT_FIELDS for name in item.get(field) or ()}):
            cells = [str((item.get(field) or {}).get(name, "-")) for field in _LIMIT_FIELDS]
            page.columns(0, lead + str(item.get("type") or ""), name, *cells)


async def limit_range(page: Page, obj: Object, client: Any) -> None:
    page.named(obj)
    _limits_header(page, "")
    _limits(page, obj, "")


async def quota(page: Page, obj: Object, client: Any) -> None:
    page.named(obj)
    _scopes(page, obj, 0, " * ")
    page.header(0, "Resource", "Used", "Hard")
    status = obj.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    for name in sorted(hard):
        limit, taken = quantity.parse(str(hard[name])), quantity.parse(str(used.get(name, "0")))
        if limit.format != taken.format:
            taken = Quantity(taken.value(), 0, limit.format)
        page.columns(0, name, str(taken), str(limit))


async def disruption_budget(page: Page, obj: Object, client: Any) -> None:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    page.named(obj)
    if spec.get("minAvailable") is not None:
        page.field(0, "Min available", str(spec["minAvailable"]))
    elif spec.get("maxUnavailable") is not None:
        page.field(0, "Max unavailable", str(spec["maxUnavailable"]))
    page.field(0, "Selector", selector(spec["selector"]) if spec.get("selector") is not None else UNSET)
    page.line(0, "Status:")
    page.field(2, "Allowed disruptions", status.get("disruptionsAllowed") or 0)
    page.field(2, "Current", status.get("currentHealthy") or 0)
    page.field(2, "Desired", status.get("desiredHealthy") or 0)
    page.field(2, "Total", status.get("expectedPods") or 0)


async def priority_class(page: Page, obj: Object, client: Any) -> None:
    page.named(obj, namespaced=False)
    page.field(0, "Value", obj.get("value") or 0)
    page.field(0, "GlobalDefault", bool(obj.get("globalDefault")))
    page.field(0, "PreemptionPolicy", obj.get("preemptionPolicy") or "")
    page.field(0, "Description", obj.get("description") or "")
    page.field(0, "Annotations", pairs(obj["metadata"].get("annotations")))
