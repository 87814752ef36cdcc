"""Paths that are not a resource's: discovery, OpenAPI, health, version, metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from minikube_edu.api.errors import PathNotFound
from minikube_edu.kube_apiserver.context import User
from minikube_edu.kube_apiserver.query import Query
from minikube_edu.kube_apiserver.request_info import Route
from minikube_edu.lib.web.messages import Answer, Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer


def page_not_found() -> Response:
    """What Go's mux says where nobody listens."""
    return Response(
        404, b"404 page not found\n", b"text/plain; charset=utf-8", [(b"X-Content-Type-Options", b"nosniff")]
    )


class Endpoints:
    def __init__(self, server: ApiServer) -> None:
        self.server = server

    def answer(self, request: Request, route: Route, user: User, query: Query) -> Answer | Awaitable[Answer]:
        if route.group is not None:
            return self._unknown_resource(route)
        from minikube_edu.kube_apiserver import discovery, health, metrics, openapi, openid

        path = request.path
        answerers: tuple[tuple[str, Callable[[ApiServer, Request], Answer | Awaitable[Answer] | None]], ...] = (
            ("/openapi/", openapi.answer),
            ("/healthz", health.answer),
            ("/livez", health.answer),
            ("/readyz", health.answer),
            ("/metrics", metrics.answer),
            ("/openid/", openid.answer),
            ("/.well-known/", openid.answer),
            ("/", discovery.answer),
        )
        for prefix, answerer in answerers:
            if path.startswith(prefix):
                found = answerer(self.server, request)
                if found is not None:
                    return found
        return page_not_found()

    def _unknown_resource(self, route: Route) -> Response:
        """Unknown group: the mux's plain page; unknown version or resource of a known group: a Status."""
        scheme = self.server.scheme
        if route.group is not None and route.group in scheme.groups:
            versions = scheme.groups[route.group]
            custom = all(r.custom is not None for r in scheme.resources.values() if r.group == route.group)
            if route.version in versions or not custom:
                raise PathNotFound()
        return page_not_found()
