"""Defaults of the group apps: how many replicas, how they are replaced, how much history is kept."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.defaults.pod_specs import default_claim_spec, default_pod_spec

Object = dict[str, Any]

HISTORY = 10  # old revisions that are kept
PROGRESS_DEADLINE = 600  # seconds


def deployment(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    _rolling(spec["strategy"], maxUnavailable="25%", maxSurge="25%")
    spec.setdefault("revisionHistoryLimit", HISTORY)
    spec.setdefault("progressDeadlineSeconds", PROGRESS_DEADLINE)
    default_pod_spec(spec["template"]["spec"])


def replica_set(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    default_pod_spec(spec["template"]["spec"])


def daemon_set(obj: Object) -> None:
    spec = obj["spec"]
    # The number of the template, a field once, which the server alone keeps.
    obj["metadata"].setdefault("annotations", {}).setdefault("deprecated.daemonset.template.generation", "0")
    _rolling(spec["updateStrategy"], maxUnavailable=1, maxSurge=0)
    spec.setdefault("revisionHistoryLimit", HISTORY)
    default_pod_spec(spec["template"]["spec"])


def stateful_set(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec["updateStrategy"]
    if "type" not in strategy:
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and "rollingUpdate" in strategy:
        strategy["rollingUpdate"].setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", HISTORY)
    default_pod_spec(spec["template"]["spec"])
    for claim in spec.get("volumeClaimTemplates", ()):
        claim.update(apiVersion="v1", kind="PersistentVolumeClaim")
        claim.setdefault("status", {}).setdefault("phase", "Pending")
        default_claim_spec(claim["spec"])


def _rolling(strategy: Object, **values: int | str) -> None:
    """Replace pods a few at a time, unless told otherwise."""
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        for name, value in values.items():
            rolling.setdefault(name, value)


DEFAULTS = {
    ("v1", "Deployment"): deployment,
    ("v1", "ReplicaSet"): replica_set,
    ("v1", "DaemonSet"): daemon_set,
    ("v1", "StatefulSet"): stateful_set,
}
