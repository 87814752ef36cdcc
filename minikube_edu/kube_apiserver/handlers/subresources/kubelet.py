"""`pods/NAME/log`, `/exec`, `/attach`, `/portforward`: the kubelet of the pod's node does it, the API server passes on.

Here it is only found out which container is meant and where it runs. Logs flow through; the three others are upgraded
connections, joined with one to the kubelet.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from minikube_edu.api.errors import ApiError, BadRequest, GenericError, InternalError, Invalid, NotFound
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.pod_references import CONTAINERS
from minikube_edu.kube_apiserver.admission.chain import CONNECT
from minikube_edu.kube_apiserver.admission.chain import Attributes as Admitted
from minikube_edu.kube_apiserver.authz.chain import Attributes
from minikube_edu.kube_apiserver.backends import dial_error
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.handlers.subresources import forwarding
from minikube_edu.kube_apiserver.query import Query, boolean, first, integer
from minikube_edu.kube_apiserver.request_info import Route
from minikube_edu.lib import clock
from minikube_edu.lib.web.messages import Answer, Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]
Parameters = list[tuple[str, str]]

OPTIONS = {"exec": "PodExecOptions", "attach": "PodAttachOptions", "portforward": "PodPortForwardOptions"}
# of exec and attach: our parameter -> the kubelet's
STREAMS = (("stderr", "error"), ("stdin", "input"), ("stdout", "output"), ("tty", "tty"))
LONGEST_COMPLAINT = 50_000


def answer(
    server: ApiServer, request: Request, context: Context, query: Query, route: Route
) -> Answer | Awaitable[Answer]:
    if context.subresource == "log":
        return log(server, request, context, query)
    return connect(server, request, context, query)


def pod_of(server: ApiServer, context: Context) -> Object:
    pod = server.registry.get_object("", "pods", context.namespace, context.name)
    if pod is None:
        raise NotFound("", "pods", context.name)
    return pod


def choose_container(pod: Object, wanted: str) -> str:
    """The container that is meant: the one that is named, or the only one."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    names = [container["name"] for field in CONTAINERS for container in spec.get(field) or ()]
    if wanted:
        if wanted not in names:
            raise BadRequest(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(spec["containers"]) == 1:
        return str(spec["containers"][0]["name"])
    raise BadRequest(f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]")


# ---------------------------------------------------------------- logs


async def log(server: ApiServer, request: Request, context: Context, query: Query) -> Answer:
    parameters = log_parameters(context, query)
    pod = pod_of(server, context)
    container = choose_container(pod, first(query, "container"))
    node = pod["spec"].get("nodeName")
    if not node:
        return Response(204, content_type=b"")
    caller, host, port = server.backends.kubelet(node, verify=not boolean(query, "insecureSkipTLSVerifyBackend"))
    target = f"/containerLogs/{context.namespace}/{context.name}/{container}"
    if parameters:
        target += f"?{urlencode(sorted(parameters))}"
    try:
        body = await caller.stream("GET", target)
    except OSError as error:
        raise GenericError(f'Get "https://{host}:{port}{target}": {dial_error(host, port, error)}') from None
    if not 200 <= body.status <= 206:
        text = (await body.read())[:LONGEST_COMPLAINT].decode(errors="replace")
        raise complaint(body.status, text, context)
    return forwarding.streamed(body, b"text/plain", ())


def log_parameters(context: Context, query: Query) -> Parameters:
    numbers = {name: integer(query, name) for name in ("tailLines", "limitBytes", "sinceSeconds")}
    since = first(query, "sinceTime")
    errors = Errors()
    tail, limit, seconds = numbers["tailLines"], numbers["limitBytes"], numbers["sinceSeconds"]
    if tail is not None and tail < 0:
        errors.invalid("tailLines", tail, "must be greater than or equal to 0")
    if limit is not None and limit < 1:
        errors.invalid("limitBytes", limit, "must be greater than 0")
    if seconds is not None and since:
        errors.forbidden("[]", "at most one of `sinceTime` or `sinceSeconds` may be specified")
    elif seconds is not None and seconds < 1:
        errors.invalid("sinceSeconds", seconds, "must be greater than 0")
    if errors:
        raise Invalid("", "PodLogOptions", context.name, errors)
    found = [(name, "true") for name in ("follow", "previous", "timestamps") if boolean(query, name)]
    found += [(name, str(value)) for name, value in numbers.items() if value is not None]
    if since:
        found.append(("sinceTime", since_time(since)))
    return found


def since_time(text: str) -> str:
    try:
        return clock.rfc3339(clock.parse_rfc3339(text))
    except ValueError:
        raise BadRequest(
            f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"'
        ) from None


class Odd(ApiError):
    """The kubelet answered something else."""

    def __init__(self, code: int, reason: str, message: str, details: Object) -> None:
        super().__init__(message, details)
        self.code, self.reason = code, reason


def complaint(status: int, text: str, context: Context) -> ApiError:
    """What the kubelet said, as the API server's own error."""
    if status == 500:
        return InternalError(text)
    if status == 400:
        return BadRequest(text)
    reason, words = {
        401: ("Unauthorized", "the server has asked for the client to provide credentials"),
        403: ("Forbidden", text or "the server does not allow access to the requested resource"),
        404: ("NotFound", "the server could not find the requested resource"),
        503: ("ServiceUnavailable", text or "the server is currently unable to handle the request"),
    }.get(status, ("", f"the server responded with the status code {status} but did not return more information"))
    details = {"name": context.name, "kind": "pods/log"}
    return Odd(status, reason, f"{words} ( pods/log {context.name})", details)


# ---------------------------------------------------------------- exec, attach, port-forward


async def connect(server: ApiServer, request: Request, context: Context, query: Query) -> Answer:
    if context.verb == "get":  # a WebSocket begins with a GET; what follows is not reading
        server.authorize(
            Attributes(context.user, "create", "", "v1", "pods", context.subresource, context.namespace, context.name)
        )
    await admit(server, context)
    pod = pod_of(server, context)
    target = target_of(pod, context, query)
    node = pod["spec"].get("nodeName")
    if not node:
        raise BadRequest(f"pod {context.name} does not have a host assigned")
    caller, host, port = server.backends.kubelet(node)
    if not forwarding.wants_upgrade(request):
        raise BadRequest("Upgrade request required")
    try:
        return await forwarding.upgraded(caller, request, target)
    except OSError as error:
        raise GenericError(f"error dialing backend: {dial_error(host, port, error)}") from None


async def admit(server: ApiServer, context: Context) -> None:
    options = {"kind": OPTIONS[context.subresource], "apiVersion": "v1", "metadata": {}}
    attributes = Admitted(context, CONNECT, options, None)
    await server.registry.admission.admit(attributes)
    await server.registry.admission.validate(attributes)


def target_of(pod: Object, context: Context, query: Query) -> str:
    """Path and query at the kubelet."""
    place = f"{context.namespace}/{context.name}"
    if context.subresource == "portforward":
        ports = [port for text in query.get("ports", ()) for port in text.split(",") if port]
        return f"/portForward/{place}" + (f"?{urlencode({'port': ','.join(ports)})}" if ports else "")
    container = choose_container(pod, first(query, "container"))
    parameters: Parameters = []
    if context.subresource == "exec":
        parameters = [("command", part) for part in query.get("command", ())]
    parameters += [(theirs, "1") for ours, theirs in STREAMS if boolean(query, ours)]
    return f"/{context.subresource}/{place}/{container}" + (f"?{urlencode(parameters)}" if parameters else "")
