"""Rows of the workloads."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import label_selectors
from minikube_edu.api.tables.ages import age
from minikube_edu.api.tables.cells import NONE, labels, selector, template_containers

Object = dict[str, Any]


def controller_revision(obj: Object) -> list[Any]:
    controller = NONE
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            group, slash, _ = owner["apiVersion"].rpartition("/")
            kind = f"{owner['kind']}.{group}" if slash else owner["kind"]
            controller = f"{kind.lower()}/{owner['name']}"
            break
    return [obj["metadata"]["name"], controller, obj.get("revision", 0), age(obj)]


def daemon_set(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    counts = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")
    pod_spec = (spec.get("template") or {}).get("spec") or {}
    return [
        obj["metadata"]["name"], *(status.get(name, 0) for name in counts), status.get("numberAvailable", 0),
        labels(pod_spec.get("nodeSelector")), age(obj), *template_containers(obj), selector(spec.get("selector")),
    ]  # fmt: skip


def deployment(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    try:
        chosen = str(label_selectors.from_object(spec.get("selector")))
    except ValueError:
        chosen = "<invalid>"
    return [
        obj["metadata"]["name"], f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0), status.get("availableReplicas", 0), age(obj),
        *template_containers(obj), chosen,
    ]  # fmt: skip


def replica_set(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    return [
        obj["metadata"]["name"], spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0),
        age(obj), *template_containers(obj), selector(spec.get("selector")),
    ]  # fmt: skip


def stateful_set(obj: Object) -> list[Any]:
    ready = (obj.get("status") or {}).get("readyReplicas", 0)
    return [
        obj["metadata"]["name"], f"{ready}/{obj['spec'].get('replicas', 0)}", age(obj), *template_containers(obj),
    ]  # fmt: skip


PRINTERS = {
    "ControllerRevision": controller_revision,
    "DaemonSet": daemon_set,
    "Deployment": deployment,
    "ReplicaSet": replica_set,
    "StatefulSet": stateful_set,
}
