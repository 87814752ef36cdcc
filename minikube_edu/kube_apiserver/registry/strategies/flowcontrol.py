"""Flow schemas and priority levels: a write of their status leaves spec and metadata as they were."""

from __future__ import annotations

from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategy import Object, Strategy


class FlowControl(Strategy):
    generation = True
    status_reset_fields = ("metadata", "spec")

    def prepare_status(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_status(new, old, context)
        keep_metadata(new, old)


def keep_metadata(new: Object, old: Object) -> None:
    """All metadata stays as it was, but for the record of who manages what, and the version that the client named."""
    changed = {
        field: new["metadata"][field] for field in ("managedFields", "resourceVersion") if field in new["metadata"]
    }
    new["metadata"] = {**old["metadata"], **changed}


STRATEGIES: dict[str, type[Strategy]] = {"FlowSchema": FlowControl, "PriorityLevelConfiguration": FlowControl}
