"""What comes in: a request's body as an object of the kind that is expected.

JSON, YAML and protobuf are understood. The body's own kind decides how it is decoded; only then is it held against the
kind that the path expects, as in the real server. Unknown and duplicate fields are refused, warned of or ignored, as
`fieldValidation` says; the default is to warn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikube_edu.api import defaults, schema
from minikube_edu.api.errors import BadRequest, Invalid, RequestTooLarge, UnsupportedMediaType
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.scheme import Kind, split_api_version
from minikube_edu.api.wire import json_form
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.query import Query, first
from minikube_edu.lib.web.messages import Request

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]

SCHEME_PLACE = 'in scheme "pkg/runtime/scheme.go:111"'
MEDIA_TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")


def media_type(request: Request) -> str:
    return (request.header(b"content-type") or b"").split(b";", 1)[0].strip().lower().decode("latin-1")


def too_large(limit: int = 3145728) -> RequestTooLarge:
    return RequestTooLarge(f"Request entity too large: limit is {limit}")


def parse_body(request: Request, expected: Kind) -> tuple[Object, list[str]]:
    """The body as a dict, and its duplicate fields."""
    if request.too_large:
        raise too_large()
    media = media_type(request) if request.header(b"content-type") else "application/json"
    raw = request.body
    try:
        if media == "application/json":
            obj = json_form.decode(raw)
            return obj, json_form.duplicates(raw, obj)
        if media == "application/yaml":
            return _from_yaml(raw)
        if media == "application/vnd.kubernetes.protobuf":
            return _from_protobuf(raw, expected), []
    except json_form.JsonError as error:
        raise unreadable(raw, expected, error) from None
    raise UnsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: " + ", ".join(MEDIA_TYPES)
    )


def unreadable(raw: bytes, expected: Kind, error: object) -> BadRequest:
    return BadRequest(
        f"the object provided is unrecognized (must be of type {expected.kind}): {error} ({json_form.summary(raw)})"
    )


def _from_yaml(raw: bytes) -> tuple[Object, list[str]]:
    from minikube_edu.api.wire import yaml_form

    try:
        return yaml_form.decode(raw), yaml_form.duplicates(raw)
    except yaml_form.YamlError as error:
        raise json_form.JsonError(str(error)) from None


def _from_protobuf(raw: bytes, expected: Kind) -> Object:
    from minikube_edu.api.wire import protobuf

    try:
        return protobuf.decode(raw, expected.api_version, expected.kind)
    except protobuf.WireError as error:
        raise json_form.JsonError(str(error)) from None


def kind_of(obj: Object, expected: Kind) -> Kind:
    """The body's own group, version and kind; what it does not say is as expected."""
    api_version, kind = json_form.type_meta(obj)
    if api_version:
        try:
            group, version = split_api_version(api_version)
        except ValueError as error:
            raise BadRequest(str(error)) from None
    else:
        group, version = expected.group, expected.version
    return Kind(group, version, kind or expected.kind)


def read_object(server: ApiServer, request: Request, context: Context, query: Query, expected: Kind) -> Object:
    """The body decoded, normalised and with its defaults, in the version `expected`."""
    obj, doubles = parse_body(request, expected)
    mode = validation_mode(query)
    return decode_object(server, obj, doubles, context, mode, expected)


def validation_mode(query: Query) -> str:
    mode = first(query, "fieldValidation") or "Warn"
    if mode not in ("Strict", "Warn", "Ignore"):
        errors = Errors()
        errors.not_supported("fieldValidation", mode, ["Ignore", "Strict", "Warn"])
        raise Invalid("meta.k8s.io", "CreateOptions", "", errors)
    return mode


def decode_object(
    server: ApiServer, obj: Object, doubles: list[str], context: Context, mode: str, expected: Kind
) -> Object:
    own = kind_of(obj, expected)
    place = f'{own.kind} in version "{own.version}" cannot be handled as a {expected.kind}'
    type_name = schema.type_of(*own) or server.scheme.virtual.get(own)
    if context.resource.custom is not None and own != expected:
        refuse_other_custom_kind(obj, own, expected)
    if type_name is None and server.scheme.kinds.get(own) is None:
        raise BadRequest(f'{place}: no kind "{own.kind}" is registered for version "{own.api_version}" {SCHEME_PLACE}')
    if type_name is None:
        return decode_custom(server, obj, doubles, context, mode, own, expected, place)
    try:
        decoded = schema.decode(type_name, obj)
    except schema.DecodeError as error:
        raise BadRequest(f"{place}: {error}") from None
    report(context, mode, place, doubles, decoded.unknown)
    if own != expected:
        refuse_other_kind(own, expected)
    new = decoded.object
    new["kind"], new["apiVersion"] = own.kind, own.api_version
    defaults.defaulter(*own)(new)
    return new


def decode_custom(
    server: ApiServer,
    obj: Object,
    doubles: list[str],
    context: Context,
    mode: str,
    own: Kind,
    expected: Kind,
    place: str,
) -> Object:
    """A custom resource: its definition's schema decides."""
    resource = server.scheme.kinds[own]
    if own != expected:
        refuse_other_kind(own, expected)
    try:
        new, unknown = resource.custom.decode(obj, resource)
    except schema.DecodeError as error:
        raise BadRequest(f"{place}: {error}") from None
    report(context, mode, place, doubles, unknown)
    new["kind"], new["apiVersion"] = own.kind, own.api_version
    return dict(new)


def refuse_other_kind(own: Kind, expected: Kind) -> None:
    """A body of a kind that exists, but not the one that the path takes."""
    if own.kind == expected.kind:
        raise BadRequest(
            f"the API version in the data ({own.api_version}) does not match the expected API version "
            f"({expected.api_version})"
        )
    raise BadRequest(
        f'{own.kind} in version "{own.version}" cannot be handled as a {expected.kind}: converting '
        f"({go_package(own)}.{own.kind}) to ({go_group(expected)}.{expected.kind}): unknown conversion"
    )


def refuse_other_custom_kind(obj: Object, own: Kind, expected: Kind) -> None:
    """Custom resources are judged without a registry of types: the words differ."""
    if own.kind != expected.kind:
        errors = Errors()
        errors.invalid("kind", own.kind, f"must be {expected.kind}")
        name = (obj.get("metadata") or {}).get("name", "")
        raise Invalid(own.group, own.kind, name if isinstance(name, str) else "", errors)
    raise BadRequest(
        f"the API version in the data ({own.api_version}) does not match the expected API version "
        f"({expected.api_version})"
    )


def go_package(kind: Kind) -> str:
    return kind.version


def go_group(kind: Kind) -> str:
    """The internal package of a kind."""
    return kind.group.split(".", 1)[0] or "core"


def report(context: Context, mode: str, place: str, doubles: list[str], unknown: list[str]) -> None:
    """Duplicate and unknown fields: refused, warned of, or ignored."""
    if mode == "Ignore" or not (doubles or unknown):
        return
    problems = [*doubles, *(f'unknown field "{path}"' for path in unknown)]
    if mode == "Strict":
        raise BadRequest(f"{place}: strict decoding error: {', '.join(problems)}")
    for problem in problems:
        context.warn(problem)


def delete_options(server: ApiServer, request: Request, query: Query) -> Object:
    """DeleteOptions: from the body, or from the query when there is no body; a body hides the query."""
    if request.body:
        expected = Kind("", "v1", "DeleteOptions")
        obj, _ = parse_body(request, expected)
        if (obj.get("kind") or "DeleteOptions") != "DeleteOptions":
            own = kind_of(obj, expected)
            raise BadRequest(f'no kind "{own.kind}" is registered for version "{own.api_version}" {SCHEME_PLACE}')
        try:
            options = schema.decode("meta.v1.DeleteOptions", obj).object
        except schema.DecodeError as error:
            raise BadRequest(f'DeleteOptions in version "v1" cannot be handled as a DeleteOptions: {error}') from None
    else:
        from minikube_edu.kube_apiserver.query import boolean, integer

        options = {}
        if (grace := integer(query, "gracePeriodSeconds")) is not None:
            options["gracePeriodSeconds"] = grace
        if policy := first(query, "propagationPolicy"):
            options["propagationPolicy"] = policy
        if "orphanDependents" in query:
            options["orphanDependents"] = boolean(query, "orphanDependents")
        if "dryRun" in query:
            options["dryRun"] = query["dryRun"]
    return judge_delete_options(options)


def judge_delete_options(options: Object) -> Object:
    errors = Errors()
    policy = options.get("propagationPolicy")
    if policy is not None and options.get("orphanDependents") is not None:
        errors.invalid("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set")
    if policy is not None and policy not in ("Foreground", "Background", "Orphan"):
        errors.not_supported("propagationPolicy", policy, ["Foreground", "Background", "Orphan", "nil"])
    judge_dry_run(options.get("dryRun") or [], errors)
    if errors:
        raise Invalid("meta.k8s.io", "DeleteOptions", "", errors)
    return options


def judge_dry_run(values: list[str], errors: Errors) -> None:
    for value in values:
        if value != "All":
            errors.not_supported("dryRun", values, ["All"])
            return
