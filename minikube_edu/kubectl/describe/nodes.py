"""Nodes: what they have, what is promised of it, and the pods that it is promised to."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import pod_resources, quantity
from minikube_edu.api.quantity import Quantity
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl.describe.page import NONE, UNSET, Object, Page, moment, since

PODS = Resource("", "v1", "pods", True, "Pod")
LEASES = Resource("coordination.k8s.io", "v1", "leases", True, "Lease")
SLICES = Resource("resource.k8s.io", "v1", "resourceslices", False, "ResourceSlice")
_ROLE, _OLD_ROLE = "node-role.kubernetes.io/", "kubernetes.io/role"
_MOST_POOLS = 10
_INFO = (
    ("Machine ID", "machineID"), ("System UUID", "systemUUID"), ("Boot ID", "bootID"),
    ("Kernel Version", "kernelVersion"), ("OS Image", "osImage"), ("Operating System", "operatingSystem"),
    ("Architecture", "architecture"), ("Container Runtime Version", "containerRuntimeVersion"),
    ("Kubelet Version", "kubeletVersion"),
)  # fmt: skip


async def node(page: Page, obj: Object, client: Any) -> None:
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    page.named(obj, namespaced=False)
    page.field(0, "Roles", ",".join(_roles(metadata.get("labels") or {})) or NONE)
    page.marked(obj)
    page.field(0, "CreationTimestamp", moment(metadata.get("creationTimestamp")))
    taints = sorted(spec.get("taints") or (), key=lambda taint: f"{taint.get('effect')},{taint.get('key')}")
    page.several("Taints", map(_taint, taints))
    page.field(0, "Unschedulable", bool(spec.get("unschedulable")))
    await _lease(page, client, metadata["name"])
    _conditions(page, status.get("conditions") or [])
    page.line(0, "Addresses:")
    for address in status.get("addresses") or ():
        page.field(1, address.get("type") or "", address.get("address") or "")
    for label in ("Capacity", "Allocatable"):
        if amounts := status.get(label.lower()):
            page.line(0, f"{label}:")
            for name in sorted(amounts):
                page.field(1, name, str(amounts[name]))
    await _slices(page, client, metadata["name"])
    page.line(0, "System Info:")
    for label, name in _INFO:
        page.field(1, label, (status.get("nodeInfo") or {}).get(name) or "")
    if spec.get("podCIDR"):
        page.field(0, "PodCIDR", spec["podCIDR"])
    if spec.get("podCIDRs"):
        page.field(0, "PodCIDRs", ",".join(spec["podCIDRs"]))
    if spec.get("providerID"):
        page.field(0, "ProviderID", spec["providerID"])
    await _pods(page, client, obj)


def _roles(labels: Object) -> list[str]:
    roles = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE)}
    return sorted((roles | {labels.get(_OLD_ROLE) or ""}) - {""})


def _taint(found: Object) -> str:
    key, value, effect = (found.get(name) or "" for name in ("key", "value", "effect"))
    if not effect:
        return f"{key}={value}:" if value else str(key)
    return f"{key}={value}:{effect}" if value else f"{key}:{effect}"


async def _lease(page: Page, client: Any, name: str) -> None:
    try:
        lease = await client.get(LEASES, name, "kube-node-lease")
    except ApiError as error:
        page.field(0, "Lease", f"Failed to get lease: {error}")
        return
    spec = lease.get("spec") or {}
    page.line(0, "Lease:")
    page.field(1, "HolderIdentity", UNSET if spec.get("holderIdentity") is None else spec["holderIdentity"])
    for label, field in (("AcquireTime", "acquireTime"), ("RenewTime", "renewTime")):
        page.field(1, label, moment(spec[field]) if spec.get(field) else UNSET)


def _conditions(page: Page, found: list[Object]) -> None:
    if not found:
        return
    page.line(0, "Conditions:")
    page.columns(1, "Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message")
    page.columns(1, "----", "------", "-----------------", "------------------", "------", "-------")
    for one in found:
        cells = [one.get("type"), one.get("status"), moment(one.get("lastHeartbeatTime"))]
        cells += [moment(one.get("lastTransitionTime")), one.get("reason") or ""]
        page.columns(1, *(f"{cell} " for cell in cells), one.get("message") or "")


async def _slices(page: Page, client: Any, name: str) -> None:
    """Devices that drivers offer on this node alone."""
    try:
        answer = await client.list(SLICES, field_selector=f"spec.nodeName={name}")
    except ApiError:
        return
    pools: dict[str, list[Object]] = {}
    for found in answer.get("items") or ():
        spec = found.get("spec") or {}
        pools.setdefault(f"{spec.get('driver')}/{(spec.get('pool') or {}).get('name')}", []).append(spec)
    if not pools:
        return
    page.line(0, "Node-Local ResourceSlices:")
    page.header(1, "Driver", "Pool", "Slices", "Devices")
    for key in sorted(pools)[:_MOST_POOLS]:
        specs = pools[key]
        devices = sum(len(spec.get("devices") or ()) for spec in specs)
        page.columns(1, specs[0].get("driver") or "", specs[0]["pool"]["name"], len(specs), devices)
    if len(pools) > _MOST_POOLS:
        page.line(1, f"...and {len(pools) - _MOST_POOLS} more pools")


async def _pods(page: Page, client: Any, obj: Object) -> None:
    name = obj["metadata"]["name"]
    chosen = f"spec.nodeName={name},status.phase!=Succeeded,status.phase!=Failed"
    try:
        answer = await client.list(PODS, field_selector=chosen)
    except ApiError as error:
        if error.code != 403:
            raise
        page.field(0, "Pods", "not authorized")
        return
    pods: list[Object] = answer.get("items") or []
    status = obj.get("status") or {}
    room = {key: quantity.parse(str(text)) for key, text in (status.get("allocatable") or status["capacity"]).items()}
    page.field(0, "Non-terminated Pods", f"({len(pods)} in total)")
    header = ("CPU Requests", "CPU Limits", "Memory Requests", "Memory Limits", "Age")
    page.columns(1, "Namespace", "Name", "", *header)
    page.columns(1, "---------", "----", "", *("-" * len(title) for title in header))
    totals: dict[str, dict[str, Quantity]] = {"requests": {}, "limits": {}}
    for pod in pods:
        amounts = {kind: _of_pod(pod, kind) for kind in totals}
        for kind, total in totals.items():
            for key, amount in amounts[kind].items():
                total[key] = total[key].add(amount) if key in total else amount
        shares = [_share(amounts[kind], key, room) for key in ("cpu", "memory") for kind in ("requests", "limits")]
        metadata = pod["metadata"]
        age = since(metadata.get("creationTimestamp"))
        page.columns(1, metadata.get("namespace") or "", metadata["name"], "", *shares, age)
    _totals(page, totals, room)


def _of_pod(pod: Object, kind: str) -> dict[str, Quantity]:
    """What a pod asks for: its containers together, or what it says of itself, and what its runtime class adds."""
    spec = pod.get("spec") or {}
    found = pod_resources.of_containers(spec, kind)
    for key, text in ((spec.get("resources") or {}).get(kind) or {}).items():
        found[key] = quantity.parse(str(text))
    for key, text in (spec.get("overhead") or {}).items():
        if kind == "requests" or key in found:
            amount = quantity.parse(str(text))
            found[key] = found[key].add(amount) if key in found else amount
    return found


def _totals(page: Page, totals: dict[str, dict[str, Quantity]], room: dict[str, Quantity]) -> None:
    page.line(0, "Allocated resources:")
    page.line(1, "(Total limits may be over 100 percent, i.e., overcommitted.)")
    page.columns(1, "Resource", "Requests", "Limits")
    page.columns(1, "--------", "--------", "------")
    huge = sorted(key for key in room if key.startswith("hugepages-"))
    for key in ("cpu", "memory", "ephemeral-storage", *huge):
        page.columns(1, key, *(_share(totals[kind], key, room) for kind in ("requests", "limits")))
    own = ("cpu", "memory", "ephemeral-storage", "pods", "storage")
    for key in sorted(key for key in room if key not in own and not key.startswith("hugepages-")):
        page.columns(1, key, *(str(totals[kind].get(key, "0")) for kind in ("requests", "limits")))


def _share(amounts: dict[str, Quantity], key: str, room: dict[str, Quantity]) -> str:
    """`250m (12%)` of what the node has."""
    amount, whole = amounts.get(key), room.get(key)
    if amount is None:
        return "0 (0%)"
    if whole is None or whole.is_zero():
        return f"{amount} (0%)"
    part = amount.milli_value() / whole.milli_value() if key == "cpu" else amount.value() / whole.value()
    return f"{amount} ({int(part * 100)}%)"
