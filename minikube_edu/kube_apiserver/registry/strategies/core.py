"""Strategies of the group without a name: the table, and the kinds that need a few lines only."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.errors import Invalid
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.scheme import Resource
from minikube_edu.api.validation import event_rules
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategies import workloads
from minikube_edu.kube_apiserver.registry.strategies.services import ServiceStrategy
from minikube_edu.kube_apiserver.registry.strategies.volumes import (
    PersistentVolumeClaimStrategy,
    PersistentVolumeStrategy,
)
from minikube_edu.kube_apiserver.registry.strategy import OwnPreconditions, Strategy, keep, null_when_empty
from minikube_edu.lib import ids

Object = dict[str, Any]

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
NAMESPACE_FINALIZER = "kubernetes"


class SecretStrategy(Strategy):
    field_labels = ("type",)

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_update(new, old, context)
        if not new.get("type") and old.get("type"):
            new["type"] = old["type"]

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        return {"type": obj.get("type", "")}


class NamespaceStrategy(OwnPreconditions, Strategy):
    """A namespace has a finalizer of its own in its spec: whoever empties it takes it off, through `finalize`."""

    returns_deleted = True
    field_labels = ("status.phase",)

    def prepare_create(self, new: Object, context: Context) -> None:
        super().prepare_create(new, context)
        new["status"] = {"phase": "Active"}
        finalizers = new.setdefault("spec", {}).setdefault("finalizers", [])
        if NAMESPACE_FINALIZER not in finalizers:
            finalizers.append(NAMESPACE_FINALIZER)

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_update(new, old, context)
        keep(new.setdefault("spec", {}), old.get("spec", {}), "finalizers")

    def prepare_finalize(self, new: Object, old: Object, context: Context) -> None:
        """The finalize subresource: all but the status may change."""
        keep(new, old, "status")

    def begin_deletion(self, obj: Object) -> None:
        """Its phase tells; there is no grace period."""
        obj["status"] = {**obj.get("status", {}), "phase": "Terminating"}
        obj["metadata"].pop("deletionGracePeriodSeconds", None)

    def may_go(self, obj: Object) -> bool:
        """The first DELETE only begins the deletion; it ends when nothing is left inside."""
        return "deletionTimestamp" in obj["metadata"] and not obj.get("spec", {}).get("finalizers")

    def canonicalize(self, new: Object) -> None:
        new["metadata"].setdefault("labels", {})[NAMESPACE_LABEL] = new["metadata"]["name"]

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        return {"status.phase": obj.get("status", {}).get("phase", "")}


class NodeStrategy(Strategy):
    """Nodes may be created with a status: a kubelet registers itself with what it has."""

    field_labels = ("spec.unschedulable",)

    def prepare_create(self, new: Object, context: Context) -> None:
        new.get("spec", {}).pop("configSource", None)
        new.get("status", {}).pop("config", None)

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_update(new, old, context)
        if "configSource" not in old.get("spec", {}):
            new.get("spec", {}).pop("configSource", None)

    def prepare_status(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_status(new, old, context)
        if "config" not in old.get("status", {}):
            new.get("status", {}).pop("config", None)

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        return {"spec.unschedulable": "true" if obj.get("spec", {}).get("unschedulable") else "false"}


class ServiceAccountStrategy(Strategy):
    returns_deleted = True

    def prepare_create(self, new: Object, context: Context) -> None:
        super().prepare_create(new, context)
        _names_alone(new)

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_update(new, old, context)
        _names_alone(new)


def _names_alone(account: Object) -> None:
    """Of the secrets that an account may mount, only the names are kept."""
    if account.get("secrets"):
        account["secrets"] = [{"name": one["name"]} if one.get("name") else {} for one in account["secrets"]]


class LimitRangeStrategy(Strategy):
    allow_create_on_update = True

    def canonicalize(self, new: Object) -> None:
        null_when_empty(new["spec"], "limits")

    def prepare_create(self, new: Object, context: Context) -> None:
        super().prepare_create(new, context)
        if not new["metadata"].get("name"):
            new["metadata"]["name"] = ids.uid()


class EndpointsStrategy(Strategy):
    allow_create_on_update = True


class ResourceQuotaStrategy(Strategy):
    returns_deleted = True


_ABOUT = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")


class EventStrategy(Strategy):
    """Events of both groups. They vanish after a while, and are selected by the names of the group that is asked.

    Validation knows the stored kind, which is the same for both groups; what events.k8s.io is stricter about is judged
    here, where the group of the request is known."""

    allow_create_on_update = True

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource)
        newer = resource.group == "events.k8s.io"
        about = "regarding" if newer else "involvedObject"
        self.field_labels = (
            *(f"{about}.{field}" for field in _ABOUT),
            "reason",
            "reportingController" if newer else "reportingComponent",
            *(() if newer else ("source",)),
            "type",
        )

    def prepare_create(self, new: Object, context: Context) -> None:
        self._judge(new, None)

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        self._judge(new, old)

    def _judge(self, new: Object, old: Object | None) -> None:
        if self.resource.group != "events.k8s.io":
            return
        errors = Errors()
        rules = event_rules.STRICT_VALIDATOR
        if old is None:
            rules.create(new, errors)
        else:
            rules.update(new, old, errors)
        if errors:
            raise Invalid("", "Event", new["metadata"].get("name", ""), errors)

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        """Of a stored event, under the names of either group."""
        about: Object = obj.get("involvedObject", {})
        component = obj.get("reportingComponent", "")
        fields = {
            "reason": obj.get("reason", ""),
            "reportingComponent": component,
            "reportingController": component,
            "source": obj.get("source", {}).get("component") or component,
            "type": obj.get("type", ""),
        }
        for field in _ABOUT:
            fields[f"involvedObject.{field}"] = fields[f"regarding.{field}"] = about.get(field, "")
        return fields


STRATEGIES: dict[str, type[Strategy]] = {
    **workloads.STRATEGIES,
    "Endpoints": EndpointsStrategy,
    "Event": EventStrategy,
    "LimitRange": LimitRangeStrategy,
    "Namespace": NamespaceStrategy,
    "Node": NodeStrategy,
    "PersistentVolume": PersistentVolumeStrategy,
    "PersistentVolumeClaim": PersistentVolumeClaimStrategy,
    "ResourceQuota": ResourceQuotaStrategy,
    "Secret": SecretStrategy,
    "Service": ServiceStrategy,
    "ServiceAccount": ServiceAccountStrategy,
}
