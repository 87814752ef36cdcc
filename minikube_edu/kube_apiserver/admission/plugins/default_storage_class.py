"""DefaultStorageClass: a claim that names no class gets the default one. An empty name means: none, and stays."""

from __future__ import annotations

from minikube_edu.kube_apiserver.admission.chain import CREATE, Attributes, Plugin
from minikube_edu.kube_apiserver.admission.plugins.default_class import chosen

MARKS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
OLD_NAME = "volume.beta.kubernetes.io/storage-class"


class DefaultStorageClass(Plugin):
    name = "DefaultStorageClass"
    operations = (CREATE,)
    resources = (("", "persistentvolumeclaims"),)

    def admit(self, attributes: Attributes) -> None:
        if attributes.context.subresource or attributes.obj is None:
            return
        claim = attributes.obj
        if "storageClassName" in claim["spec"] or OLD_NAME in claim["metadata"].get("annotations", {}):
            return
        default = chosen(self.registry.list_objects("storage.k8s.io", "storageclasses"), *MARKS)
        if default is not None:
            claim["spec"]["storageClassName"] = default["metadata"]["name"]


PLUGIN = DefaultStorageClass
