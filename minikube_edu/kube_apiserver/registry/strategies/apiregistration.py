"""API services: one that this server serves itself is available from the start."""

from __future__ import annotations

from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategy import Object, Strategy, keep
from minikube_edu.lib import clock


class ApiService(Strategy):
    allow_unconditional_update = False
    generation = False
    status_reset_fields = ("metadata", "spec")

    def prepare_create(self, new: Object, context: Context) -> None:
        new["status"] = {}
        if "service" not in new["spec"]:
            new["status"]["conditions"] = [
                {
                    "type": "Available",
                    "status": "True",
                    "lastTransitionTime": clock.rfc3339(),
                    "reason": "Local",
                    "message": "Local APIServices are always available",
                }
            ]

    def prepare_status(self, new: Object, old: Object, context: Context) -> None:
        keep(new, old, "spec")
        for field in ("labels", "annotations", "finalizers", "ownerReferences"):
            keep(new["metadata"], old["metadata"], field)


STRATEGIES: dict[str, type[Strategy]] = {"APIService": ApiService}
