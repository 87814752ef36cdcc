"""Defaults of the kinds of the core group that are or make pods: Pod, PodTemplate, ReplicationController."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.defaults import pod_specs

Object = dict[str, Any]


def pod_template(obj: Object) -> None:
    pod_specs.default_pod_spec(obj["template"]["spec"])


def replication_controller(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    template = spec.get("template")
    if template is None:
        return
    if labels := template["metadata"].get("labels"):
        spec.setdefault("selector", dict(labels))
        obj["metadata"].setdefault("labels", dict(labels))
    pod_specs.default_pod_spec(template["spec"])


DEFAULTS = {
    ("v1", "Pod"): pod_specs.default_pod,
    ("v1", "PodTemplate"): pod_template,
    ("v1", "ReplicationController"): replication_controller,
}
