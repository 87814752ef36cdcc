"""DefaultIngressClass: an ingress that names no class gets the default one."""

from __future__ import annotations

from minikube_edu.kube_apiserver.admission.chain import CREATE, Attributes, Plugin
from minikube_edu.kube_apiserver.admission.plugins.default_class import chosen

MARK = "ingressclass.kubernetes.io/is-default-class"
OLD_NAME = "kubernetes.io/ingress.class"


class DefaultIngressClass(Plugin):
    name = "DefaultIngressClass"
    operations = (CREATE,)
    resources = (("networking.k8s.io", "ingresses"),)

    def admit(self, attributes: Attributes) -> None:
        if attributes.context.subresource or attributes.obj is None:
            return
        ingress = attributes.obj
        if ingress["spec"].get("ingressClassName") or OLD_NAME in ingress["metadata"].get("annotations", {}):
            return
        classes = self.registry.list_objects("networking.k8s.io", "ingressclasses")
        default = chosen(classes, MARK)
        if default is not None:
            ingress["spec"]["ingressClassName"] = default["metadata"]["name"]


PLUGIN = DefaultIngressClass
