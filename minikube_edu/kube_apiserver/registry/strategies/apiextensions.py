"""Definitions of custom resources: the server remembers in which versions objects were ever stored."""

from __future__ import annotations

from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategy import Object, OwnPreconditions, Strategy
from minikube_edu.lib import clock

FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
_PENDING = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"


class Definition(OwnPreconditions, Strategy):
    generation = True
    allow_unconditional_update = False

    def prepare_create(self, new: Object, context: Context) -> None:
        super().prepare_create(new, context)
        new["status"] = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": None}
        _remember_storage(new)

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_update(new, old, context)
        _remember_storage(new)

    def may_go(self, obj: Object) -> bool:
        """No definition goes before its objects: even without finalizers its deletion waits."""
        metadata = obj["metadata"]
        return "deletionTimestamp" in metadata and FINALIZER not in metadata.get("finalizers", ())

    def begin_deletion(self, obj: Object) -> None:
        """The real one marks a definition by itself: without a grace period, and without a new generation."""
        metadata, status = obj["metadata"], obj.get("status", {})
        metadata.pop("deletionGracePeriodSeconds", None)
        metadata["generation"] = max(metadata.get("generation", 1) - 1, 1)
        if FINALIZER not in metadata.get("finalizers", ()):
            metadata["finalizers"] = [*metadata.get("finalizers", ()), FINALIZER]
        conditions = list(status.get("conditions") or ())
        if not any(each["type"] == "Terminating" for each in conditions):
            conditions.append(
                {
                    "type": "Terminating",
                    "status": "True",
                    "lastTransitionTime": clock.rfc3339(),
                    "reason": "InstanceDeletionPending",
                    "message": _PENDING,
                }
            )
        obj["status"] = {**status, "conditions": conditions}


def _remember_storage(new: Object) -> None:
    status = new["status"] = {**new.get("status", {})}
    stored = list(status.get("storedVersions") or ())
    for version in new["spec"].get("versions") or ():
        if version["storage"]:
            if version["name"] not in stored:
                stored.append(version["name"])
            break
    if stored:
        status["storedVersions"] = stored


STRATEGIES: dict[str, type[Strategy]] = {"CustomResourceDefinition": Definition}
