"""From a definition to the resources that are served: one a version, all stored in one."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from minikube_edu.api.scheme import Kind, Resource, Subresource
from minikube_edu.kube_apiserver.crd.kind import CustomKind, CustomStrategy, priority

Object = dict[str, Any]

VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
SUB_VERBS = ("get", "patch", "update")


def resources(definition: Object) -> list[Resource]:
    """The served versions, the preferred first."""
    served = [version for version in definition["spec"]["versions"] if version["served"]]
    return [_resource(definition, version) for version in sorted(served, key=lambda each: priority(each["name"]))]


def storage_version(definition: Object) -> str:
    return next(str(version["name"]) for version in definition["spec"]["versions"] if version["storage"])


def _resource(definition: Object, version: Object) -> Resource:
    spec, accepted = definition["spec"], definition["status"]["acceptedNames"]
    group, name = spec["group"], version["name"]
    custom = CustomKind(definition, name)
    stored = storage_version(definition)
    digest = hashlib.sha256(f"{group}/{stored}/{accepted['kind']}".encode()).digest()[:8]
    resource = Resource(
        group,
        name,
        accepted["plural"],
        accepted.get("singular", ""),
        accepted["kind"],
        spec["scope"] == "Namespaced",
        VERBS,
        tuple(accepted.get("shortNames", ())),
        tuple(accepted.get("categories", ())),
        base64.b64encode(digest).decode(),
        custom=custom,
    )
    resource.stored_version = (group, stored)
    if custom.subresources.get("status") is not None:
        resource.subresources["status"] = Subresource("status", resource.gvk, SUB_VERBS)
    if custom.subresources.get("scale") is not None:
        resource.subresources["scale"] = Subresource("scale", Kind("autoscaling", "v1", "Scale"), SUB_VERBS)
    custom.strategy = CustomStrategy(resource)
    return resource
