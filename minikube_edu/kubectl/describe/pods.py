"""Pods, and the templates that pods are made from."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.qos import qos_class
from minikube_edu.api.tables.cells import selector
from minikube_edu.kubectl.describe.containers import containers, resources
from minikube_edu.kubectl.describe.page import NONE, Object, Page, controller, moment, since
from minikube_edu.kubectl.describe.volumes import volumes


async def pod(page: Page, obj: Object, client: Any) -> None:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    page.named(obj)
    if spec.get("priority") is not None:
        page.field(0, "Priority", spec["priority"])
    for label, name in (
        ("Priority Class Name", "priorityClassName"),
        ("Runtime Class Name", "runtimeClassName"),
        ("Service Account", "serviceAccountName"),
    ):
        if spec.get(name):
            page.field(0, label, spec[name])
    page.field(0, "Node", f"{spec['nodeName']}/{status.get('hostIP') or ''}" if spec.get("nodeName") else NONE)
    if status.get("startTime"):
        page.field(0, "Start Time", moment(status["startTime"]))
    page.marked(obj)
    _status(page, obj, status)
    if seccomp := (spec.get("securityContext") or {}).get("seccompProfile"):
        page.field(0, "SeccompProfile", seccomp.get("type") or "")
        if seccomp.get("type") == "Localhost":
            page.field(0, "LocalhostProfile", seccomp.get("localhostProfile") or "")
    _addresses(page, status)
    if owner := controller(obj):
        page.field(0, "Controlled By", owner)
    if status.get("nominatedNodeName"):
        page.field(0, "NominatedNodeName", status["nominatedNodeName"])
    if "resources" in spec:
        page.line(0, "Resources:")
        resources(page, spec["resources"], 1)
    if spec.get("initContainers"):
        containers(page, "Init Containers", spec["initContainers"], status.get("initContainerStatuses"), obj)
    containers(page, "Containers", spec.get("containers"), status.get("containerStatuses"), obj)
    if spec.get("ephemeralContainers"):
        found = status.get("ephemeralContainerStatuses")
        containers(page, "Ephemeral Containers", spec["ephemeralContainers"], found, obj)
    _conditions(page, spec, status)
    volumes(page, spec.get("volumes"))
    page.field(0, "QoS Class", status.get("qosClass") or qos_class(spec))
    page.labels("Node-Selectors", spec.get("nodeSelector"))
    tolerations(page, "Tolerations", spec.get("tolerations"))
    _spread(page, spec.get("topologySpreadConstraints"), "")


def _status(page: Page, obj: Object, status: Object) -> None:
    metadata, phase = obj["metadata"], status.get("phase") or ""
    if metadata.get("deletionTimestamp") and phase not in ("Failed", "Succeeded"):
        page.field(0, "Status", f"Terminating (lasts {since(metadata['deletionTimestamp'])})")
        page.field(0, "Termination Grace Period", f"{metadata.get('deletionGracePeriodSeconds') or 0}s")
    else:
        page.field(0, "Status", phase)
    for label, name in (("Reason", "reason"), ("Message", "message")):
        if status.get(name):
            page.field(0, label, status[name])


def _addresses(page: Page, status: Object) -> None:
    page.field(0, "IP", status.get("podIP") or "")
    if not status.get("podIPs"):
        page.field(0, "IPs", NONE)
        return
    page.line(0, "IPs:")
    for entry in status["podIPs"]:
        page.field(1, "IP", entry.get("ip") or "")


def _conditions(page: Page, spec: Object, status: Object) -> None:
    conditions = status.get("conditions") or []
    if spec.get("readinessGates"):
        page.line(0, "Readiness Gates:")
        page.columns(1, "Type", "Status")
        for gate in spec["readinessGates"]:
            kind = gate.get("conditionType") or ""
            found = next((c.get("status") or "" for c in conditions if c.get("type") == kind), NONE)
            page.line(1, f"{kind} \t{found} ")
    if conditions:
        page.line(0, "Conditions:")
        page.columns(1, "Type", "Status")
        for condition in conditions:
            page.line(1, f"{condition.get('type')} \t{condition.get('status')} ")


def template(page: Page, found: Object | None) -> None:
    """`spec.template`, which stands one level deeper."""
    page.line(0, "Pod Template:")
    if not found:
        page.put(1, "<unset>")
        return
    metadata, spec = found.get("metadata") or {}, found.get("spec") or {}
    page.labels("  Labels", metadata.get("labels"))
    if metadata.get("annotations"):
        page.annotations("  Annotations", metadata["annotations"])
    if spec.get("serviceAccountName"):
        page.field(1, "Service Account", spec["serviceAccountName"])
    if spec.get("initContainers"):
        containers(page, "Init Containers", spec["initContainers"], None, None, "  ")
    containers(page, "Containers", spec.get("containers"), None, None, "  ")
    volumes(page, spec.get("volumes"), "  ")
    _spread(page, spec.get("topologySpreadConstraints"), "  ")
    if spec.get("priorityClassName"):
        page.field(1, "Priority Class Name", spec["priorityClassName"])
    page.labels("  Node-Selectors", spec.get("nodeSelector"))
    tolerations(page, "  Tolerations", spec.get("tolerations"))


def tolerations(page: Page, title: str, found: list[Object] | None) -> None:
    page.several(title, map(_toleration, sorted(found or (), key=lambda entry: str(entry.get("key") or ""))))


def _toleration(found: Object) -> str:
    key, value, effect = (str(found.get(name) or "") for name in ("key", "value", "effect"))
    text = key + (f"={value}" if value else "") + (f":{effect}" if effect else "")
    if found.get("operator") == "Exists" and not value:
        text += " op=Exists" if key or effect else "op=Exists"
    seconds = found.get("tolerationSeconds")
    return text if seconds is None else f"{text} for {seconds}s"


def _spread(page: Page, found: list[Object] | None, space: str) -> None:
    if not found:
        return
    lines = []
    for entry in sorted(found, key=lambda entry: str(entry.get("topologyKey"))):
        line = f"{entry.get('topologyKey')}:{entry.get('whenUnsatisfiable')} when max skew {entry.get('maxSkew')}"
        line += " is exceeded"
        if entry.get("labelSelector") is not None:
            line += f" for selector {selector(entry['labelSelector'])}"
        lines.append(line)
    page.several("Topology Spread Constraints", lines, indent=space)
