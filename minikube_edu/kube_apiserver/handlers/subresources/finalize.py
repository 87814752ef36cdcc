"""`namespaces/NAME/finalize`: the only way to change a namespace's own finalizers. The last one gone, the namespace
goes."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from minikube_edu.api.errors import MethodNotAllowed
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.handlers import writing
from minikube_edu.kube_apiserver.query import Query
from minikube_edu.kube_apiserver.request_info import Route
from minikube_edu.lib.web.messages import Answer, Request

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer


def answer(
    server: ApiServer, request: Request, context: Context, query: Query, route: Route
) -> Answer | Awaitable[Answer]:
    if context.verb != "update":
        raise MethodNotAllowed()
    return server.finish(writing.update(server, request, context, query))
