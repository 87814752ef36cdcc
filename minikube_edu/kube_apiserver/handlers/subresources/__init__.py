"""Subresources: `/status`, a pod's `/ephemeralcontainers` and `/resize`, a signing request's `/approval` work like the
object itself, with other rights over its fields, which strategies and validation know; each other has its own file.

`SPECIAL` names what is not a view of the stored object: (group, resource, subresource) -> module, with `answer(server,
request, context, query, route)`. `VIRTUAL` does the same for resources that are only asked, never stored (reviews,
bindings).
"""

from __future__ import annotations

from collections.abc import Awaitable
from importlib import import_module
from typing import TYPE_CHECKING

from minikube_edu.api.errors import MethodNotAllowed, NotFound, PathNotFound
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.handlers import reading, writing
from minikube_edu.kube_apiserver.query import Query, parse
from minikube_edu.kube_apiserver.request_info import Route
from minikube_edu.lib.web.messages import Answer, Request

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

SPECIAL = {
    ("", "pods", "binding"): "binding",
    ("", "pods", "eviction"): "eviction",
    ("", "pods", "log"): "kubelet",
    ("", "pods", "exec"): "kubelet",
    ("", "pods", "attach"): "kubelet",
    ("", "pods", "portforward"): "kubelet",
    ("", "pods", "proxy"): "proxy",
    ("", "services", "proxy"): "proxy",
    ("", "nodes", "proxy"): "proxy",
    ("", "namespaces", "finalize"): "finalize",
    ("", "serviceaccounts", "token"): "account_token",
}

VIRTUAL = {
    ("", "bindings"): "binding",
    ("", "componentstatuses"): "component_status",
    ("authentication.k8s.io", "tokenreviews"): "identity_reviews",
    ("authentication.k8s.io", "selfsubjectreviews"): "identity_reviews",
    ("authorization.k8s.io", "subjectaccessreviews"): "access_reviews",
    ("authorization.k8s.io", "selfsubjectaccessreviews"): "access_reviews",
    ("authorization.k8s.io", "localsubjectaccessreviews"): "access_reviews",
    ("authorization.k8s.io", "selfsubjectrulesreviews"): "access_reviews",
}


def answer(
    server: ApiServer, request: Request, context: Context, query: Query, route: Route
) -> Answer | Awaitable[Answer]:
    resource = context.resource
    name = context.subresource
    sub = resource.subresources.get(name)
    if sub is None and resource.custom is not None:
        raise NotFound(resource.group, resource.name, context.name)
    if sub is None or (route.rest and name != "proxy"):
        raise PathNotFound()
    if context.verb not in sub.verbs:
        raise MethodNotAllowed()
    special = SPECIAL.get((resource.group, resource.name, name))
    if special:
        module = import_module(f"{__name__}.{special}")
        found: Answer | Awaitable[Answer] = module.answer(server, request, context, query, route)
        return found
    if name == "scale":
        from minikube_edu.kube_apiserver.handlers.subresources import scale

        return scale.answer(server, request, context, query, route)
    if context.verb == "get":
        return reading.get(server, request, context, query)
    verb = writing.update if context.verb == "update" else writing.patch
    return server.finish(verb(server, request, context, query))


def virtual(server: ApiServer, request: Request, context: Context, route: Route) -> Answer | Awaitable[Answer]:
    """A resource that is not stored, or a verb that there is not."""
    resource = context.resource
    module_name = VIRTUAL.get((resource.group, resource.name))
    if module_name is None or context.verb not in resource.verbs or (context.name and context.verb == "create"):
        raise MethodNotAllowed()
    module = import_module(f"{__name__}.{module_name}")
    found: Answer | Awaitable[Answer] = module.answer(server, request, context, parse(request.query), route)
    return found
