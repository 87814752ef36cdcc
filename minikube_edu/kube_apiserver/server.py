"""The request's way through the API server, on one screen.

    handle:  authenticate -> impersonate -> authorize -> dispatch -> answer

Each station may refuse by raising an api error, which becomes an answer in one place (`answers.failure`). A station
that needs to wait makes the rest of the way a coroutine; a GET that the cache can answer never does: it is a plain
call from the socket's bytes to the answer's bytes.

The real server has more stations on the way: audit, priority and fairness, timeouts, panics; they wrap these.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Coroutine
from typing import Any

from minikube_edu.api.durations import parse as parse_duration
from minikube_edu.api.errors import ApiError, BadRequest, Forbidden, InternalError, MethodNotAllowed, PathNotFound
from minikube_edu.api.scheme import Resource, Scheme
from minikube_edu.kube_apiserver import metrics
from minikube_edu.kube_apiserver.authn import impersonation
from minikube_edu.kube_apiserver.authn.chain import AuthenticationChain
from minikube_edu.kube_apiserver.authn.issuer import Issuer
from minikube_edu.kube_apiserver.authz.chain import Attributes, AuthorizationChain, denial
from minikube_edu.kube_apiserver.backends import Backends
from minikube_edu.kube_apiserver.context import Context, User
from minikube_edu.kube_apiserver.endpoints import Endpoints, page_not_found
from minikube_edu.kube_apiserver.handlers import answers, reading, subresources, watching, writing
from minikube_edu.kube_apiserver.handlers.watching import Watcher
from minikube_edu.kube_apiserver.query import Query, boolean, first
from minikube_edu.kube_apiserver.query import parse as parse_query
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.kube_apiserver.request_info import Route
from minikube_edu.kube_apiserver.request_info import parse as parse_path
from minikube_edu.lib.web.messages import Answer, Request, Response

log = logging.getLogger(__name__)

# Versions of resources that are on their way out; whoever asks for one is told.
DEPRECATED = {
    "endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    "componentstatuses": "v1 ComponentStatus is deprecated in v1.19+",
}
BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


class ApiServer:
    """One API server: `handle` is its handler, for a socket or an in-process call alike."""

    def __init__(
        self,
        registry: Registry,
        authentication: AuthenticationChain,
        authorization: AuthorizationChain,
        issuer: Issuer | None = None,
        backends: Backends | None = None,
    ) -> None:
        self.registry = registry
        self.scheme: Scheme = registry.scheme
        self.authentication = authentication
        self.authorization = authorization
        self.issuer = issuer  # of service account tokens
        self.backends = backends or Backends(registry)  # kubelets, pods
        self.endpoints = Endpoints(self)
        self.watchers: set[Watcher] = set()
        self.writes: set[asyncio.Task[Answer]] = set()
        self.requests: dict[tuple[Any, ...], int] = {}  # as `metrics.answered` counts them -> how many

    # ------------------------------------------------------------ the pipeline

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        if "%" in request.path and BAD_ESCAPE.search(request.path):
            return Response(400, b"400 Bad Request", b"text/plain; charset=utf-8", close=True)
        try:
            user = self.authentication.authenticate(request)
            if not isinstance(user, User):
                return self.guard(request, self._handle_later(request, user))
            answer = self.proceed(request, user)
        except Exception as error:
            answer = self.failed(request, error)
        if isinstance(answer, Coroutine):
            return self.guard(request, answer)
        if not isinstance(answer, Awaitable):
            metrics.answered(self.requests, request, answer)
        return answer

    async def _handle_later(self, request: Request, pending: Awaitable[User]) -> Answer:
        answer = self.proceed(request, await pending)
        return await answer if isinstance(answer, Awaitable) else answer

    def proceed(self, request: Request, user: User) -> Answer | Awaitable[Answer]:
        """From a known user to an answer."""
        route = parse_path(request.path)
        resource = self.scheme.find(route.group, route.version, route.resource) if route.group is not None else None
        query = parse_query(request.query) if request.query else {}
        verb = self.verb_of(request, route, query) if route.group is not None else request.method.lower()
        if impersonation.requested(request):
            user = self.impersonate(request, self.attributes(user, request, route, query, verb))
        if not self.authorization.allows_all:
            self.authorize(self.attributes(user, request, route, query, verb))
        if resource is None:
            return self.endpoints.answer(request, route, user, query)
        return self.dispatch(request, user, resource, route, query, verb)

    def dispatch(
        self, request: Request, user: User, resource: Resource, route: Route, query: Query, verb: str
    ) -> Answer | Awaitable[Answer]:
        if route.namespace and not resource.namespaced and resource.name != "namespaces":
            if resource.custom is not None:
                return page_not_found()
            raise PathNotFound()
        if "timeout" in query:
            check_timeout(query)
        agent = request.header(b"user-agent") or b""
        context = Context(
            user, verb, resource, route.namespace, route.name, route.subresource, user_agent=agent.decode("latin-1")
        )
        request.memo = context
        if not resource.namespaced and resource.name == "namespaces":
            context.namespace = route.name
        elif resource.name in DEPRECATED and not resource.group:
            context.warn(DEPRECATED[resource.name])
        elif resource.custom is not None and resource.custom.deprecation:
            context.warn(resource.custom.deprecation)
        if route.subresource:
            return subresources.answer(self, request, context, query, route)
        if (resource.group, resource.name) in subresources.VIRTUAL:
            return subresources.virtual(self, request, context, route)
        if (
            verb not in resource.verbs
            or (verb == "create" and route.name)
            or (verb in ("update", "patch") and not route.name)
            or (not route.namespace and resource.namespaced and (route.name or verb in WRITES))
        ):
            raise MethodNotAllowed()
        if verb == "get":
            return reading.get(self, request, context, query)
        if verb == "list":
            return reading.list_objects(self, request, context, query)
        if verb == "watch":
            return watching.watch(self, request, context, query)
        return self.finish(HANDLERS[verb](self, request, context, query))

    # ------------------------------------------------------------ stations

    def verb_of(self, request: Request, route: Route, query: Query) -> str:
        method = request.method
        if method == "GET":
            if route.watch or (query and not route.name and boolean(query, "watch")):
                return "watch"
            return "get" if route.name else "list"
        if route.subresource == "proxy" and method in ("HEAD", "OPTIONS"):
            return "get"
        if method == "DELETE":
            return "delete" if route.name else "deletecollection"
        verb = VERBS.get(method)
        if verb is None:
            raise MethodNotAllowed()
        return verb

    def attributes(self, user: User, request: Request, route: Route, query: Query, verb: str) -> Attributes:
        if route.group is None:
            return Attributes(user, verb, path=request.path or "/")
        name, selector = route.name, first(query, "fieldSelector")
        if selector and not name:
            name = named_by(selector)  # who may see one object may list it alone
        return Attributes(
            user, verb, route.group, route.version, route.resource, route.subresource, route.namespace, name,
            field_selector=selector, label_selector=first(query, "labelSelector"),
        )  # fmt: skip

    def authorize(self, attributes: Attributes) -> None:
        decision = self.authorization.decide(attributes)
        if not decision.allowed:
            text = denial(attributes, decision.reason)
            raise Forbidden(attributes.group, attributes.resource, attributes.name, text)

    def impersonate(self, request: Request, asked: Attributes) -> User:
        wanted = impersonation.wanted_user(request)
        return impersonation.impersonated(self.authorize, asked, wanted) if wanted.name else asked.user

    # ------------------------------------------------------------ the end

    def finish(self, write: Coroutine[Any, Any, Answer]) -> Awaitable[Answer]:
        """A write goes on to its end even when its client goes: half of one leaves addresses without an owner."""
        return self._shielded(write)

    async def _shielded(self, write: Coroutine[Any, Any, Answer]) -> Answer:
        task = asyncio.ensure_future(write)
        self.writes.add(task)
        task.add_done_callback(self.writes.discard)
        return await asyncio.shield(task)

    async def guard(self, request: Request, answer: Awaitable[Answer]) -> Answer:
        try:
            answered = await answer
        except Exception as error:
            answered = self.failed(request, error)
        metrics.answered(self.requests, request, answered)
        return answered

    def failed(self, request: Request, error: Exception) -> Response:
        if isinstance(error, ApiError):
            return answers.failure(request, error, parse_query(request.query))
        log.error("a request failed: %s %s", request.method, request.path, exc_info=error)
        return answers.failure(request, InternalError(f"{type(error).__name__}: {error}"))

    async def drain(self) -> None:
        """End all watches and let writes finish: the server goes down."""
        for watcher in list(self.watchers):
            watcher.end()
        if self.writes:
            await asyncio.wait(set(self.writes), timeout=10)
        await self.backends.close()


def named_by(selector: str) -> str:
    """The one name that a field selector lets through; "" when it is not that sort of selector."""
    for term in selector.split(","):
        field, _, value = term.partition("=")
        if field.strip() == "metadata.name":
            return value.removeprefix("=").strip()
    return ""


def check_timeout(query: Query) -> None:
    """`?timeout=`: how long the client is going to wait."""
    text = first(query, "timeout")
    try:
        parse_duration(text or "0")
    except ValueError as error:
        raise BadRequest(f"invalid timeout specified in the request URL - {error}") from None


HANDLERS = {
    "create": writing.create,
    "update": writing.update,
    "patch": writing.patch,
    "delete": writing.delete,
    "deletecollection": writing.delete_collection,
}
