"""NamespaceLifecycle: nothing is created in a namespace that is not there or is going; some namespaces cannot be
deleted."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.errors import Forbidden, NotFound
from minikube_edu.kube_apiserver.admission.chain import CREATE, DELETE, UPDATE, Attributes, Plugin

IMMORTAL = ("default", "kube-system", "kube-public")
# asked about, not stored: they may be made while a namespace goes
REVIEWS = ("localsubjectaccessreviews", "subjectaccessreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews")


class NamespaceTerminating(Forbidden):
    """The namespace is going; details say so, for clients that wait."""


class NamespaceLifecycle(Plugin):
    name = "NamespaceLifecycle"
    operations = (CREATE, UPDATE, DELETE)

    def validate(self, attributes: Attributes) -> None:
        self.judge(attributes)

    def admit(self, attributes: Attributes) -> None:
        self.judge(attributes)

    def judge(self, attributes: Attributes) -> None:
        resource = attributes.context.resource
        if resource.name == "namespaces" and not resource.group:
            if attributes.operation == DELETE and attributes.name in IMMORTAL:
                raise attributes.forbidden("this namespace may not be deleted")
            return
        if not resource.namespaced or attributes.operation != CREATE or resource.name in REVIEWS:
            return
        namespace = self.registry.get_object("", "namespaces", "", attributes.namespace)
        if namespace is None:
            raise NotFound("", "namespaces", attributes.namespace)
        if namespace.get("status", {}).get("phase") == "Terminating":
            raise terminating(attributes)


def terminating(attributes: Attributes) -> Forbidden:
    why = f"unable to create new content in namespace {attributes.namespace} because it is being terminated"
    error = attributes.forbidden(why)
    cause: dict[str, Any] = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {attributes.namespace} is being terminated",
        "field": "metadata.namespace",
    }
    error.details = {**(error.details or {}), "causes": [cause]}
    return error


PLUGIN = NamespaceLifecycle
