"""PersistentVolumeClaimResize: a claim may ask for more only where its class says that volumes can grow."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import quantity
from minikube_edu.kube_apiserver.admission.chain import UPDATE, Attributes, Plugin

Object = dict[str, Any]

REFUSAL = (
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
)


class PersistentVolumeClaimResize(Plugin):
    name = "PersistentVolumeClaimResize"
    operations = (UPDATE,)
    resources = (("", "persistentvolumeclaims"),)

    def validate(self, attributes: Attributes) -> None:
        if attributes.context.subresource or attributes.obj is None or attributes.old is None:
            return
        wanted, had = _storage(attributes.obj), _storage(attributes.old)
        if wanted is None or had is None or not had < wanted:
            return
        if attributes.old.get("status", {}).get("phase") != "Bound":
            raise attributes.forbidden("Only bound persistent volume claims can be expanded")
        if not self.may_grow(attributes.obj):
            raise attributes.forbidden(REFUSAL)

    def may_grow(self, claim: Object) -> bool:
        name = claim["spec"].get("storageClassName")
        found = self.registry.get_object("storage.k8s.io", "storageclasses", "", name) if name else None
        return bool(found and found.get("allowVolumeExpansion"))


def _storage(claim: Object) -> quantity.Quantity | None:
    text = claim["spec"].get("resources", {}).get("requests", {}).get("storage")
    return quantity.parse(text) if text else None


PLUGIN = PersistentVolumeClaimResize
