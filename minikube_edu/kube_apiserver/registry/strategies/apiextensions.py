"""Definitions of custom resources: the server remembers in which versions objects were ever stored."""

from __future__ import annotations

from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategy import Object, Strategy


class Definition(Strategy):
    allow_unconditional_update = False

    def prepare_create(self, new: Object, context: Context) -> None:
        super().prepare_create(new, context)
        new["status"] = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": None}
        _remember_storage(new)

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_update(new, old, context)
        _remember_storage(new)


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
