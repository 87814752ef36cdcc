"""`pods/NAME/proxy/…`, `services/…`, `nodes/…`: HTTP to what runs in the cluster, for those outside.

NAME may be `name`, `name:port` or `https:name:port`. What follows `/proxy` is the path there. Links in the answers are
rewritten to lead through the proxy again. Only pods' own addresses are reached: a service's endpoints count when they
are those of pods, so that nobody uses the API server to look around in its network.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from minikube_edu.api.errors import BadRequest, NotFound, ServiceUnavailable
from minikube_edu.kube_apiserver.backends import dial_error
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.handlers.subresources import forwarding
from minikube_edu.kube_apiserver.query import Query
from minikube_edu.kube_apiserver.request_info import Route
from minikube_edu.lib import ids
from minikube_edu.lib.web.incoming import Caller, IncomingBody
from minikube_edu.lib.web.messages import Answer, Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]


class Place(NamedTuple):
    """Where a proxied request goes."""

    caller: Caller
    host: str
    port: int


def answer(
    server: ApiServer, request: Request, context: Context, query: Query, route: Route
) -> Answer | Awaitable[Answer]:
    return proxied(server, request, context, route)


async def proxied(server: ApiServer, request: Request, context: Context, route: Route) -> Answer:
    locate = {"pods": pod_place, "services": service_place, "nodes": node_place}[context.resource.name]
    place = locate(server, context)
    path = path_below(request, route)
    target = (path or "/") + (f"?{request.query}" if request.query else "")
    try:
        if forwarding.wants_upgrade(request):
            return await forwarding.upgraded(place.caller, request, target)
        if not path and request.method in ("GET", "HEAD"):
            asked = f"?{request.query}" if request.query else ""
            return Response(301, content_type=b"", headers=[(b"Location", f"{request.path}/{asked}".encode())])
        headers = [*forwarding.passed_on(request, upgrade=False), *forwarded(request, path)]
        body = await place.caller.stream(request.method, target, headers, request.body)
    except OSError as error:
        why = dial_error(place.host, place.port, error)
        raise ServiceUnavailable(f"error trying to reach service: {why}") from None
    return await rewritten(request, prefix_of(request, path), place, body)


def path_below(request: Request, route: Route) -> str:
    """What follows `/proxy`, with its slash; "" when nothing does."""
    if route.rest:
        return f"/{route.rest}"
    return "/" if request.path.endswith("/") else ""


def prefix_of(request: Request, path: str) -> str:
    return request.path[: len(request.path) - len(path)] if path else request.path


def forwarded(request: Request, path: str) -> list[tuple[bytes, bytes]]:
    host = request.header(b"host") or b""
    return [
        (b"X-Forwarded-Uri", request.path.encode()),
        (b"X-Forwarded-Host", host),
        (b"X-Forwarded-Proto", b"https"),
    ]


# ---------------------------------------------------------------- whom


def split_name(text: str, what: str) -> tuple[str, str, str]:
    """`scheme:name:port` -> (scheme, name, port)"""
    parts = text.split(":")
    if len(parts) == 1:
        return "http", text, ""
    if len(parts) == 2 and parts[0]:
        return "http", parts[0], parts[1]
    if len(parts) == 3 and parts[0] in ("", "http", "https") and parts[1]:
        return parts[0] or "http", parts[1], parts[2]
    raise BadRequest(f'invalid {what} request "{text}"')


def pod_place(server: ApiServer, context: Context) -> Place:
    scheme, name, port = split_name(context.name, "pod")
    pod = server.registry.get_object("", "pods", context.namespace, name)
    if pod is None:
        raise NotFound("", "pods", name)
    if not port:
        declared = [one["containerPort"] for c in pod["spec"]["containers"] for one in c.get("ports") or ()]
        port = str(declared[0]) if declared else ""
    addresses = pod.get("status", {}).get("podIPs") or []
    host = addresses[0].get("ip", "") if addresses else ""
    if not is_global(host):
        raise BadRequest("address not allowed")
    number = port_number(port or ("443" if scheme == "https" else "80"), host)
    return Place(server.backends.address(scheme, host, number), host, number)


def is_global(text: str) -> bool:
    """An address of one machine that is not this one."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified)


def port_number(text: str, host: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise ServiceUnavailable(f"error trying to reach service: dial tcp: lookup tcp/{text}: unknown port")
    return int(text)


def service_place(server: ApiServer, context: Context) -> Place:
    scheme, name, port = split_name(context.name, "service")
    service = server.registry.get_object("", "services", context.namespace, name)
    if service is None:
        raise NotFound("", "services", name)
    if port.isdigit():
        declared = [one for one in service["spec"].get("ports") or () if one["port"] == int(port)]
        if not declared:
            raise ServiceUnavailable(f'no service port {port} found for service "{name}"')
        port = declared[0].get("name", "")
    host, number = endpoint_of(server, context, service, port)
    return Place(server.backends.address(scheme, host, number), host, number)


def endpoint_of(server: ApiServer, context: Context, service: Object, port: str) -> tuple[str, int]:
    """One of the service's ready pods, by chance; those of its first address family before others."""
    name = service["metadata"]["name"]
    family = (service["spec"].get("ipFamilies") or [""])[0]
    slices = [
        one
        for one in server.registry.list_objects("discovery.k8s.io", "endpointslices", context.namespace)
        if one["metadata"].get("labels", {}).get("kubernetes.io/service-name") == name
    ]
    slices.sort(key=lambda one: one["addressType"] != family)
    for one in slices:
        numbers = [p["port"] for p in one.get("ports") or () if (p.get("name") or "") == port and p.get("port")]
        found = [e for e in one.get("endpoints") or () if numbers and usable(server, context, e)]
        if found:
            return found[ids.integer(0, len(found) - 1)]["addresses"][0], numbers[0]
    raise ServiceUnavailable(f'no endpoints available for service "{name}"')


def usable(server: ApiServer, context: Context, endpoint: Object) -> bool:
    """Ready, and the address of a pod of this namespace."""
    if (endpoint.get("conditions") or {}).get("ready") is False:
        return False
    reference = endpoint.get("targetRef") or {}
    if reference.get("kind") != "Pod" or reference.get("namespace") != context.namespace:
        return False
    pod = server.registry.get_object("", "pods", context.namespace, reference.get("name", ""))
    addresses = [one.get("ip") for one in (pod or {}).get("status", {}).get("podIPs") or ()]
    return endpoint["addresses"][0] in addresses


def node_place(server: ApiServer, context: Context) -> Place:
    """The kubelet, or another port of its node. The real server refuses nodes with loopback addresses; ours live on
    this machine, so they are let through."""
    scheme, name, port = split_name(context.name, "node")
    caller, host, kubelet_port = server.backends.kubelet(name)
    if not port or port == str(kubelet_port):
        return Place(caller, host, kubelet_port)
    number = port_number(port, host)
    return Place(server.backends.address(scheme, host, number), host, number)


# ---------------------------------------------------------------- what comes back


async def rewritten(request: Request, prefix: str, place: Place, body: IncomingBody) -> Answer:
    """The answer, with links and redirects that lead through the proxy again."""

    def link(url: str) -> str:
        return through_proxy(url, prefix, request, place)

    headers = [
        (name, link(value.decode("latin-1")).encode("latin-1") if name == b"location" else value)
        for name, value in forwarding.answer_headers(body.headers, (b"date",))
    ]
    kind = (body.header(b"content-type") or b"").split(b";", 1)[0].strip()
    plain = not body.header(b"content-encoding")
    if kind != b"text/html" or not plain or body.header(b"location") or request.method == "HEAD":
        return forwarding.streamed(body, headers=headers)
    from minikube_edu.kube_apiserver.handlers.subresources.html_links import rewrite

    page = rewrite((await body.read()).decode("utf-8", "surrogateescape"), link)
    content_type = body.header(b"content-type") or b"text/html"
    return Response(body.status, page.encode("utf-8", "surrogateescape"), content_type, headers)


def through_proxy(url: str, prefix: str, request: Request, place: Place) -> str:
    """A URL of the page's own host, moved below the proxy's path; others stay."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    ours = (request.header(b"host") or b"").decode("latin-1")
    own = (f"{place.host}:{place.port}", place.host, ours)
    if (parts.netloc and parts.netloc not in own) or not parts.path.startswith("/"):
        return url
    path = parts.path if parts.path.startswith(prefix) else prefix + parts.path
    return urlunsplit(("https", ours, path, parts.query, parts.fragment)) if ours else path
