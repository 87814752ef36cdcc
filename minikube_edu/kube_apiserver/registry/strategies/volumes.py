"""PersistentVolumes and PersistentVolumeClaims: phases, and the two ways to name a source of data."""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategy import Strategy
from minikube_edu.lib import clock

Object = dict[str, Any]

CLAIM, SNAPSHOT = ("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")


class PersistentVolumeStrategy(Strategy):
    returns_deleted = True

    def prepare_create(self, new: Object, context: Context) -> None:
        super().prepare_create(new, context)
        new["status"] = {"phase": "Pending", "lastPhaseTransitionTime": clock.rfc3339()}

    def prepare_status(self, new: Object, old: Object, context: Context) -> None:
        """The time of the last transition is kept by the server, unless the writer gives one."""
        super().prepare_status(new, old, context)
        status, before = new.setdefault("status", {}), old.get("status", {})
        field = "lastPhaseTransitionTime"
        if status.get("phase") == before.get("phase"):
            if status.get(field) is None and before.get(field) is not None:
                status[field] = before[field]
        elif status.get(field) in (None, before.get(field)):
            status[field] = clock.rfc3339()


class PersistentVolumeClaimStrategy(Strategy):
    returns_deleted = True

    def prepare_create(self, new: Object, context: Context) -> None:
        super().prepare_create(new, context)
        new["status"] = {"phase": "Pending"}
        _one_namespace(new["spec"], None)
        _legacy_source(new["spec"], None)
        _both_ways(new["spec"])

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_update(new, old, context)
        _one_namespace(new["spec"], old["spec"])
        _legacy_source(new["spec"], old["spec"])
        _both_ways(new["spec"])
        _both_ways(old["spec"])


def _one_namespace(spec: Object, old: Object | None) -> None:
    """Sources in other namespaces are an alpha feature."""
    if (spec.get("dataSourceRef") or {}).get("namespace") and not (old or {}).get("dataSourceRef"):
        del spec["dataSourceRef"]


def _legacy_source(spec: Object, old: Object | None) -> None:
    """`dataSource` was always silently dropped when it named something else than a claim or a snapshot."""
    if any((old or {}).get(field) is not None for field in ("dataSource", "dataSourceRef")):
        return
    source = spec.get("dataSource")
    if source is None or spec.get("dataSourceRef") is not None:
        return
    if (source.get("apiGroup") or "", source.get("kind")) not in (CLAIM, SNAPSHOT):
        del spec["dataSource"]


def _both_ways(spec: Object) -> None:
    """One of the two fields tells the other."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and reference is None:
        spec["dataSourceRef"] = dict(source)
    elif reference is not None and source is None and not reference.get("namespace"):
        spec["dataSource"] = {field: value for field, value in reference.items() if field != "namespace"}
