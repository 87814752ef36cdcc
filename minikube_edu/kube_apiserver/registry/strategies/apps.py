"""What is special about writing the kinds of the group apps."""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategies.workloads import TemplateStrategy
from minikube_edu.kube_apiserver.registry.strategy import Strategy, keep

Object = dict[str, Any]

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


class Deployments(TemplateStrategy):
    status_reset_fields = ("spec", "metadata.labels")

    def count_generation(self, new: Object, old: Object) -> None:
        """Annotations count as well: a rollback of old was asked for by one."""
        super().count_generation(new, old)
        if new["spec"] == old["spec"] and _annotations(new) != _annotations(old):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1

    def prepare_status(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_status(new, old, context)
        keep(new["metadata"], old["metadata"], "labels")


def _annotations(obj: Object) -> dict[str, str]:
    found: dict[str, str] = obj["metadata"].get("annotations", {})
    return found


class DaemonSets(TemplateStrategy):
    """The number of the template was a field once; today it is an annotation that the server keeps."""

    def prepare_create(self, new: Object, context: Context) -> None:
        super().prepare_create(new, context)
        _set_generation(new, max(_generation(new), 1))

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_update(new, old, context)
        _set_generation(new, _generation(old) + (new["spec"]["template"] != old["spec"]["template"]))

    def prepare_status(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_status(new, old, context)
        _set_generation(new, _generation(old))


def _generation(obj: Object) -> int:
    text = _annotations(obj).get(TEMPLATE_GENERATION, "")
    return int(text) if text.removeprefix("-").isdecimal() else 0


def _set_generation(obj: Object, number: int) -> None:
    obj["metadata"]["annotations"] = _annotations(obj) | {TEMPLATE_GENERATION: str(number)}


class StatefulSets(TemplateStrategy):
    def prepare_create(self, new: Object, context: Context) -> None:
        super().prepare_create(new, context)
        _drop_max_unavailable(new, None)

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        _drop_max_unavailable(new, old)
        super().prepare_update(new, old, context)


def _drop_max_unavailable(new: Object, old: Object | None) -> None:
    """A field that v1.36 knows but keeps switched off."""
    if old is None or "maxUnavailable" not in old["spec"]["updateStrategy"].get("rollingUpdate", {}):
        new["spec"]["updateStrategy"].get("rollingUpdate", {}).pop("maxUnavailable", None)


STRATEGIES: dict[str, type[Strategy]] = {
    "Deployment": Deployments,
    "ReplicaSet": TemplateStrategy,
    "DaemonSet": DaemonSets,
    "StatefulSet": StatefulSets,
}
