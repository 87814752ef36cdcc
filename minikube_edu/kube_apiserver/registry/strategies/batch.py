"""What is special about writing jobs: their selector and labels are made from their uid."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.validation.jobs import NAME, OLD_NAME, OLD_UID, UID
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategies.workloads import TemplateStrategy
from minikube_edu.kube_apiserver.registry.strategy import Strategy

Object = dict[str, Any]

_ORPHANS = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


class Jobs(TemplateStrategy):
    default_propagation = "Orphan"
    field_labels = ("status.successful",)

    def prepare_create(self, new: Object, context: Context) -> None:
        if not new["spec"].get("manualSelector"):
            _generate_selector(new)
        super().prepare_create(new, context)

    def canonicalize(self, new: Object) -> None:
        """A job without labels gets those of its template, which has some by now; the real one does that when it reads
        from its store, so that nobody has judged them here."""
        super().canonicalize(new)
        labels = new["spec"]["template"]["metadata"].get("labels")
        if labels and not new["metadata"].get("labels"):
            new["metadata"]["labels"] = dict(labels)

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        return {"status.successful": str(obj.get("status", {}).get("succeeded", 0))}

    def delete_warnings(self, options: Object) -> list[str]:
        """Its pods stay when the client does not say otherwise: a trap of history."""
        if "orphanDependents" in options or "propagationPolicy" in options:
            return []
        return [_ORPHANS]


def _generate_selector(job: Object) -> None:
    metadata, spec = job["metadata"], job["spec"]
    template = spec["template"]["metadata"]
    name = metadata.get("name", "")  # without one it will be refused
    made = {OLD_NAME: name, NAME: name, OLD_UID: metadata["uid"], UID: metadata["uid"]}
    labels = made | template.get("labels", {})
    if template.get("labels") and metadata.get("labels") == template["labels"]:
        metadata["labels"] = dict(labels)  # taken over from the template by default: in the real one it is the same map
    template["labels"] = labels
    selector = dict(spec.get("selector", {}))
    selector["matchLabels"] = {UID: metadata["uid"]} | selector.get("matchLabels", {})
    spec["selector"] = selector


class CronJobs(TemplateStrategy):
    template_path = ("spec", "jobTemplate", "spec", "template")


STRATEGIES: dict[str, type[Strategy]] = {"Job": Jobs, "CronJob": CronJobs}
