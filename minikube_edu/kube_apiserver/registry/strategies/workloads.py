"""What is special about writing pods and what makes pods, in the core group: Pod, PodTemplate, ReplicationController.

`drop_disabled(spec, old)` is for every kind with a pod's specification in it: fields that v1.36 knows but keeps
switched off vanish, unless the object had them already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from minikube_edu.api.defaults.pod_specs import mirror_service_account
from minikube_edu.api.qos import qos_class
from minikube_edu.api.validation.pod_security import APPARMOR_CONTAINER
from minikube_edu.api.validation.pod_warnings import APPARMOR_WARNING, apparmor_field
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategy import Strategy, keep
from minikube_edu.lib import clock

Object = dict[str, Any]

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_OFF_SOURCES = ("clusterTrustBundle", "podCertificate")
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def _lifecycles(spec: Object) -> Iterator[Object]:
    for field in _CONTAINERS:
        for container in spec.get(field) or ():
            if "lifecycle" in container:
                yield container


def _sources(spec: Object) -> Iterator[Object]:
    for volume in spec.get("volumes", ()):
        if "projected" in volume:
            yield from volume["projected"].get("sources") or ()


def drop_disabled(spec: Object, old: Object | None = None) -> None:
    before = old or {}
    if "schedulingGroup" in spec and "schedulingGroup" not in before:
        del spec["schedulingGroup"]
    if "volumes" in spec:
        for field in _OFF_SOURCES:
            if not any(field in source for source in _sources(before)):
                for source in _sources(spec):
                    source.pop(field, None)
    if any("stopSignal" in container["lifecycle"] for container in _lifecycles(before)):
        return
    for container in list(_lifecycles(spec)):
        if container["lifecycle"].pop("stopSignal", None) is not None and not container["lifecycle"]:
            del container["lifecycle"]


class TemplateStrategy(Strategy):
    """A kind with a pod template in it; `template_path` is where."""

    template_path: tuple[str, ...] = ("spec", "template")

    def template_spec(self, obj: Object) -> Object | None:
        at: Object = obj
        for field in self.template_path:
            if field not in at:
                return None
            at = at[field]
        found: Object = at["spec"]
        return found

    def prepare_create(self, new: Object, context: Context) -> None:
        super().prepare_create(new, context)
        spec = self.template_spec(new)
        if spec is not None:
            drop_disabled(spec)

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        spec = self.template_spec(new)
        if spec is not None:
            drop_disabled(spec, self.template_spec(old))
        super().prepare_update(new, old, context)


class PodTemplates(TemplateStrategy):
    template_path = ("template",)
    returns_deleted = True


class ReplicationControllers(TemplateStrategy):
    default_propagation = "Orphan"
    field_labels = ("status.replicas",)

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        return {"status.replicas": str(obj.get("status", {}).get("replicas", 0))}


# ---------------------------------------------------------------- pods


class Pods(Strategy):
    returns_deleted = True
    status_reset_fields = ("spec", "metadata.deletionTimestamp", "metadata.ownerReferences")
    field_labels = (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
        "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName",
    )  # fmt: skip

    def prepare_create(self, new: Object, context: Context) -> None:
        spec = new["spec"]
        new["metadata"]["generation"] = 1
        status: Object = {"phase": "Pending", "qosClass": qos_class(spec)}
        new["status"] = status
        drop_disabled(spec)
        if spec.get("schedulingGates"):
            status["conditions"] = [_gated()]
        labels = new["metadata"].get("labels", {})
        if "affinity" in spec:
            for term in _pod_terms(spec["affinity"]):
                _merge_keys(term, labels)
        for constraint in spec.get("topologySpreadConstraints", ()):
            _merge_keys(constraint, labels)
        if annotations := new["metadata"].get("annotations"):
            _apparmor_fields(spec, annotations, context)
        mirror_service_account(spec)

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        if context.subresource == "ephemeralcontainers":
            _keep_all_but(new, old, lambda spec: {"ephemeralContainers": spec.get("ephemeralContainers")})
        elif context.subresource == "resize":
            _prepare_resize(new, old)
        keep(new, old, "status")
        drop_disabled(new["spec"], old["spec"])
        self.count_generation(new, old)

    def prepare_status(self, new: Object, old: Object, context: Context) -> None:
        new["spec"] = old["spec"]
        keep(new["metadata"], old["metadata"], "ownerReferences")
        status, before = new.setdefault("status", {}), old.get("status", {})
        if not status.get("qosClass") and "qosClass" in before:
            status["qosClass"] = before["qosClass"]
        if not status.get("observedGeneration") and "observedGeneration" in before:
            status["observedGeneration"] = before["observedGeneration"]
        known: dict[str, list[int]] = {}
        for condition in before.get("conditions", ()):
            known.setdefault(condition.get("type", ""), []).append(condition.get("observedGeneration", 0))
        for condition in status.get("conditions", ()):
            generations = known.get(condition.get("type", ""))
            generation = generations.pop(0) if generations else 0
            if generation and not condition.get("observedGeneration"):
                condition["observedGeneration"] = generation

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        spec, status = obj["spec"], obj.get("status", {})
        addresses = status.get("podIPs") or [{}]
        return {
            "spec.nodeName": spec.get("nodeName", ""),
            "spec.restartPolicy": spec.get("restartPolicy", ""),
            "spec.schedulerName": spec.get("schedulerName", ""),
            "spec.serviceAccountName": spec.get("serviceAccountName", ""),
            "spec.hostNetwork": "true" if spec.get("hostNetwork") else "false",
            "status.phase": status.get("phase", ""),
            "status.podIP": addresses[0].get("ip", ""),
            "status.nominatedNodeName": status.get("nominatedNodeName", ""),
        }

    def grace_period(self, obj: Object, asked: int | None) -> int | None:
        """A pod that runs gets time to stop; one that does not goes at once."""
        spec = obj["spec"]
        period: int = spec.get("terminationGracePeriodSeconds", 0) if asked is None else asked
        if not spec.get("nodeName") or obj.get("status", {}).get("phase") in ("Failed", "Succeeded"):
            return 0
        return 1 if period < 0 else period


def _gated() -> Object:
    return {
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": clock.rfc3339(),
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
    }


def _pod_terms(affinity: Object) -> Iterator[Object]:
    for field in ("podAffinity", "podAntiAffinity"):
        given = affinity.get(field, {})
        yield from (weighted["podAffinityTerm"] for weighted in given.get(_PREFERRED, ()))
        yield from given.get(_REQUIRED, ())


def _merge_keys(term: Object, labels: dict[str, str]) -> None:
    """matchLabelKeys and mismatchLabelKeys become conditions on the values that this pod has."""
    if "labelSelector" not in term:
        return
    added = [
        {"key": key, "operator": operator, "values": [labels[key]]}
        for field, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))
        for key in term.get(field, ())
        if key in labels
    ]
    if added:
        selector = term["labelSelector"]
        term["labelSelector"] = {**selector, "matchExpressions": [*selector.get("matchExpressions", ()), *added]}


def _apparmor_fields(spec: Object, annotations: dict[str, str], context: Context) -> None:
    """The annotation of old becomes the field."""
    if spec.get("os", {}).get("name") == "windows":
        return
    of_pod = spec.get("securityContext", {}).get("appArmorProfile")
    for field in _CONTAINERS:
        for container in spec.get(field) or ():
            key = APPARMOR_CONTAINER + container.get("name", "")
            if key not in annotations or "appArmorProfile" in container.get("securityContext", {}):
                continue
            profile = apparmor_field(annotations[key])
            if profile is not None and profile != of_pod:
                container.setdefault("securityContext", {})["appArmorProfile"] = profile
            elif profile is not None:
                continue
            context.warn(f"metadata.annotations[{key}]: {APPARMOR_WARNING}")


_OWN_METADATA = ("labels", "annotations", "finalizers", "ownerReferences", "deletionGracePeriodSeconds")


def _keep_all_but(new: Object, old: Object, changed: Callable[[Object], Object]) -> None:
    """The old pod with the parts of the specification that the subresource may change."""
    parts = changed(new["spec"])
    new["spec"] = {**old["spec"], **{field: value for field, value in parts.items() if value is not None}}
    for field, value in parts.items():
        if value is None:
            new["spec"].pop(field, None)
    for field in _OWN_METADATA:
        keep(new["metadata"], old["metadata"], field)


def _prepare_resize(new: Object, old: Object) -> None:
    """Only amounts and their policies change. Other containers are left for validation to complain about."""
    after, before = new["spec"], old["spec"]
    if any(len(after.get(field) or []) != len(before.get(field) or []) for field in ("containers", "initContainers")):
        return
    parts = {field: _resized(after.get(field), before.get(field)) for field in ("containers", "initContainers")}
    _keep_all_but(new, old, lambda spec: {**parts, "resources": spec.get("resources")})


def _resized(new: list[Object] | None, old: list[Object] | None) -> list[Object] | None:
    if not new or not old or any(a.get("name") != b.get("name") for a, b in zip(new, old, strict=True)):
        return new
    merged = []
    for container, before in zip(new, old, strict=True):
        one = dict(before)
        for field in ("resources", "resizePolicy"):
            keep(one, container, field)
        merged.append(one)
    return merged


STRATEGIES: dict[str, type[Strategy]] = {
    "Pod": Pods,
    "PodTemplate": PodTemplates,
    "ReplicationController": ReplicationControllers,
}
