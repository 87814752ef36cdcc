"""StorageObjectInUseProtection: volumes and claims get a finalizer, so that one in use is not torn away."""

from __future__ import annotations

from minikube_edu.kube_apiserver.admission.chain import CREATE, Attributes, Plugin

FINALIZERS = {
    "persistentvolumes": "kubernetes.io/pv-protection",
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "volumeattributesclasses": "kubernetes.io/vac-protection",
}


class StorageObjectInUseProtection(Plugin):
    name = "StorageObjectInUseProtection"
    operations = (CREATE,)
    resources = (
        ("", "persistentvolumes"),
        ("", "persistentvolumeclaims"),
        ("storage.k8s.io", "volumeattributesclasses"),
    )

    def admit(self, attributes: Attributes) -> None:
        if attributes.context.subresource or attributes.obj is None:
            return
        metadata = attributes.obj["metadata"]
        finalizer = FINALIZERS[attributes.context.resource.name]
        finalizers = metadata.get("finalizers", [])
        if finalizer not in finalizers:
            metadata["finalizers"] = [*finalizers, finalizer]


PLUGIN = StorageObjectInUseProtection
