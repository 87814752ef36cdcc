"""What goes out: the form that the client asked for, made from served bytes.

JSON in the version in which the object is stored is the common case, and costs nothing: the bytes go out as they are.
Other versions are converted; Tables, metadata alone, YAML and protobuf are made from the decoded object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from minikube_edu.api import tables
from minikube_edu.api.conversion import convert
from minikube_edu.api.errors import ApiError, BadRequest
from minikube_edu.api.scheme import Resource
from minikube_edu.api.wire import negotiation
from minikube_edu.kube_apiserver.encoding import load, ordered
from minikube_edu.kube_apiserver.query import Query, first
from minikube_edu.lib.web.messages import Headers, Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.context import Context

Object = dict[str, Any]
META = "meta.k8s.io/v1"
PLAIN_JSON = (None, b"application/json", b"*/*")


def accept_of(request: Request) -> str:
    return (request.header(b"accept") or b"").decode("latin-1")


def form_of(
    request: Request, resource: Resource | None = None, *, collection: bool = False, stream: bool = False
) -> negotiation.Form:
    """How the client wants its answer; NotAcceptable when we cannot."""
    offer = negotiation.PLAIN if resource is None else negotiation.CUSTOM if resource.custom else negotiation.RESOURCE
    accept = accept_of(request)
    if resource is not None:
        negotiation.check_route(accept, collection=collection or stream, offer=offer)
    return negotiation.negotiate_stream(accept, offer) if stream else negotiation.negotiate(accept, offer)


def wants_pretty(request: Request, query: Query) -> bool:
    """People at a terminal or a browser get it indented, unless they say otherwise."""
    if "pretty" in query:
        return first(query, "pretty") not in ("0", "false")
    agent = request.header(b"user-agent") or b""
    return agent.startswith((b"curl", b"Wget", b"Mozilla/5.0"))


def in_version(served: bytes, resource: Resource) -> bytes:
    """Served bytes in the version that the request's path names."""
    if resource.stored_version == (resource.group, resource.version):
        return served
    return orjson.dumps(ordered(convert(load(served), resource.api_version)))


def warning_headers(warnings: Sequence[str]) -> Headers:
    return [(b"Warning", b'299 - "' + _quoted(text) + b'"') for text in warnings]


def _quoted(text: str) -> bytes:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").encode()


def encoded(obj: Object | bytes, form: negotiation.Form, pretty: bool = False) -> tuple[bytes | Sequence[bytes], bytes]:
    """(body, content type) of an object that is not a Table."""
    content_type = form.media_type.encode()
    if form.media_type == negotiation.JSON:
        if pretty:
            obj = load(obj) if isinstance(obj, bytes) else obj
            return orjson.dumps(obj, option=orjson.OPT_INDENT_2) + b"\n", content_type
        if isinstance(obj, bytes):
            return (obj, b"\n"), content_type
        return orjson.dumps(obj) + b"\n", content_type
    obj = load(obj) if isinstance(obj, bytes) else obj
    if form.media_type == negotiation.YAML:
        from minikube_edu.api.wire import yaml_form

        return yaml_form.encode(obj), content_type
    from minikube_edu.api.wire import protobuf

    return protobuf.encode(obj), content_type


def respond(
    request: Request, query: Query, context: Context | None, served: bytes, resource: Resource, status: int = 200
) -> Response:
    """One object, in the form asked for."""
    headers = warning_headers(context.warnings) if context and context.warnings else ()
    accept = request.header(b"accept")
    if accept in PLAIN_JSON and not query and not wants_pretty(request, query):
        return Response(status, (in_version(served, resource), b"\n"), b"application/json", headers)
    form = form_of(request, resource)
    if form.is_table:
        from minikube_edu.kube_apiserver.handlers.tabular import table_of_object

        table = table_of_object(resource, load(served), include_object(query), form.api_version)
        body, content_type = encoded(table, form, wants_pretty(request, query))
        return Response(status, body, content_type, headers)
    obj: bytes | Object = in_version(served, resource)
    if form.is_partial:
        obj = partial(load(served), form.api_version)
    body, content_type = encoded(obj, form, wants_pretty(request, query))
    return Response(status, body, content_type, headers)


def respond_object(
    request: Request, query: Query, obj: Object, status: int = 200, context: Context | None = None
) -> Response:
    """An object that is not stored: a Scale, a review, a Status."""
    form = form_of(request)
    body, content_type = encoded(obj, form, wants_pretty(request, query))
    headers = warning_headers(context.warnings) if context and context.warnings else ()
    return Response(status, body, content_type, headers)


def include_object(query: Query) -> str:
    """What of the object a Table's row carries."""
    text = first(query, "includeObject") or "Metadata"
    if text not in ("Metadata", "Object", "None"):
        raise BadRequest(
            "Unable to convert to Table as requested: includeObject: Invalid value: "
            f"\"{text}\": must be 'Metadata', 'Object', 'None', or empty"
        )
    return text


def partial(obj: Object, api_version: str = META) -> Object:
    """The metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": api_version, "metadata": tables.shown_metadata(obj)}


def failure(request: Request, error: ApiError, query: Query | None = None) -> Response:
    """The one place where an error becomes an answer."""
    status = error.status()
    try:
        form = form_of(request)
        body, content_type = encoded(status, form, wants_pretty(request, query or {}))
    except ApiError:
        body, content_type = orjson.dumps(status) + b"\n", b"application/json"
    context: Context | None = request.memo
    headers = error.headers if context is None else [*error.headers, *warning_headers(context.warnings)]
    return Response(error.code, body, content_type, headers)
