"""Deployments, replica sets, stateful sets, daemon sets, replication controllers."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import label_selectors
from minikube_edu.api.tables.cells import selector
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl.describe.page import NONE, Object, Page, controller, moment, pairs
from minikube_edu.kubectl.describe.pods import template
from minikube_edu.kubectl.describe.storage import claim_class

PODS = Resource("", "v1", "pods", True, "Pod")
REPLICA_SETS = Resource("apps", "v1", "replicasets", True, "ReplicaSet")
_HASH = "pod-template-hash"
_PHASES = ("Running", "Pending", "Succeeded", "Failed")


async def deployment(page: Page, obj: Object, client: Any) -> None:
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    old, new = await _replica_sets(client, obj)
    page.named(obj)
    page.field(0, "CreationTimestamp", moment(metadata.get("creationTimestamp")))
    page.marked(obj)
    page.field(0, "Selector", str(label_selectors.from_object(spec.get("selector"))))
    counts = [("updatedReplicas", "updated"), ("replicas", "total"), ("availableReplicas", "available")]
    counts.append(("unavailableReplicas", "unavailable"))
    shown = " | ".join(f"{status.get(name) or 0} {word}" for name, word in counts)
    page.field(0, "Replicas", f"{_number(spec.get('replicas'), 1)} desired | {shown}")
    strategy = spec.get("strategy") or {}
    page.field(0, "StrategyType", strategy.get("type") or "")
    page.field(0, "MinReadySeconds", spec.get("minReadySeconds") or 0)
    if rolling := strategy.get("rollingUpdate"):
        limits = f"{rolling.get('maxUnavailable')} max unavailable, {rolling.get('maxSurge')} max surge"
        page.field(0, "RollingUpdateStrategy", limits)
    template(page, spec.get("template"))
    _conditions(page, status)
    if old or new:
        page.field(0, "OldReplicaSets", _sets(old))
        page.field(0, "NewReplicaSet", _sets(new))


async def replica_set(page: Page, obj: Object, client: Any) -> None:
    spec = obj.get("spec") or {}
    page.named(obj)
    page.field(0, "Selector", selector(spec.get("selector")))
    page.marked(obj)
    if owner := controller(obj):
        page.field(0, "Controlled By", owner)
    try:
        counts = await _pods(client, obj, str(label_selectors.from_object(spec.get("selector"))))
    except ApiError as error:
        counts = f"error in fetching pods: {error}"
    _replicas(page, obj, counts)


async def replication_controller(page: Page, obj: Object, client: Any) -> None:
    found = (obj.get("spec") or {}).get("selector") or {}
    page.named(obj)
    page.field(0, "Selector", pairs(found))
    page.marked(obj)
    _replicas(page, obj, await _pods(client, obj, ",".join(f"{key}={found[key]}" for key in sorted(found))))


def _replicas(page: Page, obj: Object, counts: str) -> None:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    page.field(0, "Replicas", f"{status.get('replicas') or 0} current / {_number(spec.get('replicas'), 1)} desired")
    page.field(0, "Pods Status", counts)
    template(page, spec.get("template"))
    _conditions(page, status)


async def stateful_set(page: Page, obj: Object, client: Any) -> None:
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    chosen = str(label_selectors.from_object(spec.get("selector")))
    counts = await _pods(client, obj, chosen)
    page.named(obj)
    page.field(0, "CreationTimestamp", moment(metadata.get("creationTimestamp")))
    page.field(0, "Selector", chosen)
    page.marked(obj)
    replicas = f"{_number(spec.get('replicas'), 1)} desired | {status.get('replicas') or 0} total"
    page.field(0, "Replicas", replicas)
    strategy = spec.get("updateStrategy") or {}
    page.field(0, "Update Strategy", strategy.get("type") or "")
    rolling = strategy.get("rollingUpdate") or {}
    if rolling.get("partition") is not None:
        page.field(1, "Partition", rolling["partition"])
        if rolling.get("maxUnavailable") is not None:
            page.field(1, "MaxUnavailable", str(rolling["maxUnavailable"]))
    page.field(0, "Pods Status", counts)
    template(page, spec.get("template"))
    _claims(page, spec.get("volumeClaimTemplates"))


def _claims(page: Page, found: list[Object] | None) -> None:
    if not found:
        page.field(0, "Volume Claims", NONE)
        return
    page.line(0, "Volume Claims:")
    for claim in found:
        metadata, spec = claim.get("metadata") or {}, claim.get("spec") or {}
        page.field(1, "Name", metadata.get("name") or "")
        page.field(1, "StorageClass", claim_class(claim))
        page.labels("Labels", metadata.get("labels"), indent="  ")
        page.labels("Annotations", metadata.get("annotations"), indent="  ")
        requests = (spec.get("resources") or {}).get("requests") or {}
        page.field(1, "Capacity", str(requests.get("storage", "<default>")))
        page.field(1, "Access Modes", spec.get("accessModes") or [])


async def daemon_set(page: Page, obj: Object, client: Any) -> None:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    chosen = str(label_selectors.from_object(spec.get("selector")))
    counts = await _pods(client, obj, chosen)
    page.named(obj)
    page.field(0, "Selector", chosen)
    page.field(0, "Node-Selector", pairs(((spec.get("template") or {}).get("spec") or {}).get("nodeSelector")))
    page.marked(obj)
    for label, name in (
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ):
        page.line(0, f"{label}: {status.get(name) or 0}")
    page.field(0, "Pods Status", counts)
    template(page, spec.get("template"))


async def _pods(client: Any, obj: Object, chosen: str) -> str:
    """How many pods of this controller are in which phase."""
    metadata = obj["metadata"]
    answer = await client.list(PODS, metadata.get("namespace") or "", label_selector=chosen)
    counts = dict.fromkeys(_PHASES, 0)
    for found in answer.get("items") or ():
        owners = found["metadata"].get("ownerReferences") or ()
        mine = any(owner.get("controller") and owner.get("uid") == metadata.get("uid") for owner in owners)
        phase = (found.get("status") or {}).get("phase")
        if mine and phase in counts:
            counts[phase] += 1
    words = ("Running", "Waiting", "Succeeded", "Failed")
    return " / ".join(f"{count} {word}" for count, word in zip(counts.values(), words, strict=True))


async def _replica_sets(client: Any, obj: Object) -> tuple[list[Object], list[Object]]:
    """(old, new): the new one has the deployment's template."""
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    chosen = str(label_selectors.from_object(spec.get("selector")))
    try:
        answer = await client.list(REPLICA_SETS, metadata.get("namespace") or "", label_selector=chosen)
    except ApiError:
        return [], []
    own = [found for found in answer.get("items") or () if _owned(found, metadata.get("uid"))]
    wanted = _plain(spec.get("template") or {})
    by_age = sorted(own, key=lambda s: (s["metadata"].get("creationTimestamp") or "", s["metadata"]["name"]))
    new = next((found for found in by_age if _plain(found["spec"].get("template") or {}) == wanted), None)
    return [found for found in own if found is not new], [new] if new else []


def _owned(obj: Object, uid: Any) -> bool:
    owners = obj["metadata"].get("ownerReferences") or ()
    return any(owner.get("controller") and owner.get("uid") == uid for owner in owners)


def _plain(found: Object) -> Object:
    """A template without the label that only tells replica sets apart."""
    metadata = found.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != _HASH}
    return {**found, "metadata": {**metadata, "labels": labels}}


def _sets(found: list[Object]) -> str:
    shown = []
    for one in found:
        created, wanted = (one.get("status") or {}).get("replicas") or 0, _number(one["spec"].get("replicas"), 1)
        shown.append(f"{one['metadata']['name']} ({created}/{wanted} replicas created)")
    return ", ".join(shown) or NONE


def _conditions(page: Page, status: Object) -> None:
    if not status.get("conditions"):
        return
    page.line(0, "Conditions:")
    page.header(1, "Type", "Status", "Reason")
    for found in status["conditions"]:
        page.line(1, f"{found.get('type')} \t{found.get('status')}\t{found.get('reason') or ''}")


def _number(value: Any, missing: int) -> int:
    return missing if value is None else int(value)
