"""The four kinds of patch, each as a function from the live object to the new one.

JSON patch, merge patch and strategic merge patch work on the object's JSON in the request's version, and what comes
out is decoded again like any body. An apply patch goes through the managed fields, which merge it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from minikube_edu.api import defaults, managed_fields, schema
from minikube_edu.api.errors import (
    ApiError,
    BadRequest,
    Conflict,
    GenericError,
    Invalid,
    NotFound,
    UnsupportedMediaType,
)
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.scheme import Kind
from minikube_edu.api.wire import json_form
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.handlers import body
from minikube_edu.kube_apiserver.query import Query, boolean, first
from minikube_edu.lib import clock, jsonpatch
from minikube_edu.lib.govalue import show as go_value
from minikube_edu.lib.web.messages import Request

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]
T = TypeVar("T")

JSON, MERGE = "application/json-patch+json", "application/merge-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"


class Change:
    """One parsed patch; calling it with the live object makes the new one."""

    is_apply = False

    def __init__(
        self, server: ApiServer, request: Request, context: Context, query: Query, view: Kind | None = None
    ) -> None:
        self.server = server
        self.expected = view or context.resource.gvk  # a Scale is patched as a Scale, not as what it is a view of
        self.custom = context.resource.custom if view is None else None
        self.type_name = context.resource.type_name if view is None else schema.type_of(*view)
        self.context = context
        self.mode = body.validation_mode(query)
        self.force = boolean(query, "force")
        self.raw = request.body
        self.parse()

    def parse(self) -> None:
        raise NotImplementedError

    def __call__(self, live: Object | None) -> Object:
        raise NotImplementedError

    def redecode(self, patched: Object, doubles: list[str]) -> Object:
        """What the patch made, judged like a body. Type errors of a patch are 422 in the real server."""
        context = self.context
        expected = self.expected
        try:
            patched = json_form.enveloped(patched)  # a patch may have made anything of it
        except json_form.JsonError as error:
            raise self.unfit(patched, str(error)) from None
        own = body.kind_of(patched, expected)
        if own != expected:
            raise self.other_kind(patched, own)
        patched["kind"], patched["apiVersion"] = expected.kind, expected.api_version  # a patch may have removed them
        if self.custom is not None:
            place = f'{own.kind} in version "{own.version}" cannot be handled as a {own.kind}'
            return body.decode_custom(self.server, patched, doubles, context, self.mode, own, expected, place)
        assert self.type_name is not None
        try:
            decoded = schema.decode(self.type_name, patched)
        except schema.DecodeError as error:
            raise self.unfit(patched, str(error)) from None
        if self.mode != "Ignore" and (doubles or decoded.unknown):
            problems = [*doubles, *(f'unknown field "{path}"' for path in decoded.unknown)]
            if self.mode == "Strict":
                raise self.unfit(patched, "strict decoding error: " + ", ".join(problems))
            for problem in problems:
                context.warn(problem)
        new = decoded.object
        defaults.defaulter(*expected)(new)
        return new

    def other_kind(self, patched: Object, own: Kind) -> ApiError:
        """The patch changed kind or apiVersion: the result is read as what it says that it is, and then it does not
        fit."""
        type_name = schema.type_of(*own)
        if type_name is None:
            text = f'no kind "{own.kind}" is registered for version "{own.api_version}" {body.SCHEME_PLACE}'
            return self.unfit(patched, text)
        try:
            schema.decode(type_name, patched)
        except schema.DecodeError as error:
            return self.unfit(patched, str(error))
        return _wrong_version(own, self.expected)

    def unfit(self, patched: Object, why: str) -> ApiError:
        errors = Errors()
        errors.invalid("patch", orjson.dumps(as_go_orders(patched)).decode(), why)
        return Invalid("", "", "", errors)


def _wrong_version(own: Any, expected: Any) -> ApiError:
    return BadRequest(
        f"the API version in the data ({own.api_version}) does not match the expected API version "
        f"({expected.api_version})"
    )


def decode_patch(raw: bytes, read: Callable[[Any], T], before: str = "error decoding patch: ") -> T:
    """The patch's JSON, judged by `read`."""
    try:
        return read(json_form.parse(raw))
    except (json_form.JsonError, jsonpatch.PatchDecodeError) as error:
        raise BadRequest(f"{before}{error}") from None


def _live(change: Change, live: Object | None) -> Object:
    if live is None:
        resource = change.context.resource
        raise NotFound(resource.group, resource.name, change.context.name)
    return live


class JsonPatch(Change):
    def parse(self) -> None:
        self.operations = decode_patch(self.raw, jsonpatch.decode_operations)

    def __call__(self, live: Object | None) -> Object:
        try:
            patched = jsonpatch.apply_json_patch(_live(self, live), self.operations)
        except jsonpatch.PatchError:
            raise PatchRefused() from None
        return self.redecode(patched, [])


class MergePatch(Change):
    def parse(self) -> None:
        self.patch = decode_patch(self.raw, jsonpatch.decode_merge_patch)

    def __call__(self, live: Object | None) -> Object:
        doubles = json_form.duplicates(self.raw, self.patch)
        patched = jsonpatch.apply_merge_patch(_live(self, live), self.patch)
        return self.redecode(patched, doubles)


class StrategicPatch(Change):
    def unfit(self, patched: Object, why: str) -> ApiError:
        """The real server prints the patch here, as Go prints a map."""
        errors = Errors()
        errors.invalid("patch", go_value(self.patch), reflect_kind(why))
        return Invalid("", "", "", errors)

    def parse(self) -> None:
        self.patch = decode_patch(self.raw, jsonpatch.decode_merge_patch, "")

    def __call__(self, live: Object | None) -> Object:
        from minikube_edu.api import strategic_merge

        doubles = json_form.duplicates(self.raw, self.patch)
        assert self.type_name is not None
        patched = strategic_merge.apply(_live(self, live), self.patch, self.type_name)
        return self.redecode(patched, doubles)


class ApplyPatch(Change):
    is_apply = True

    def parse(self) -> None:
        from minikube_edu.api.wire import yaml_form

        try:
            self.patch = yaml_form.parse(self.raw)
            if self.mode == "Warn":
                for double in yaml_form.duplicates(self.raw):
                    self.context.warn(double)
        except yaml_form.YamlError as error:
            raise BadRequest(f"error decoding YAML: error converting YAML to JSON: {error}") from None
        if self.patch is None:
            self.patch = {}
        if not isinstance(self.patch, dict):
            raise BadRequest(
                "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
                f"{json_form.kind_of(self.patch)} into Go value of type map[string]interface {{}}"
            )

    def check_absent(self) -> None:
        """An apply patch that creates names no uid, and no version counts."""
        metadata = self.patch.get("metadata") if isinstance(self.patch, dict) else None
        if not isinstance(metadata, dict):
            return
        resource = self.context.resource
        if uid := metadata.get("uid"):
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise Conflict(resource.group, resource.name, self.context.name, why)
        metadata.pop("resourceVersion", None)

    def __call__(self, live: Object | None) -> Object:
        from minikube_edu.kube_apiserver.handlers.writing import reset_of, shape_of, type_at

        context = self.context
        resource = context.resource
        if live is None:
            self.check_absent()
        try:
            merged = managed_fields.apply(
                live,
                self.patch,
                type_name=shape_of(resource) if self.expected == resource.gvk else self.type_name,
                api_version=self.expected.api_version,
                manager=context.manager,
                force=self.force,
                subresource=context.subresource,
                reset=reset_of(self.server, context),
                now=clock.rfc3339(),
                type_at=type_at(self.server, resource),
            )
            if self.custom is not None:
                return self.redecode(merged, [])
            assert self.type_name is not None
            new = schema.decode(self.type_name, merged).object
        except schema.DecodeError as error:
            raise GenericError(str(error)) from None
        defaults.defaulter(*self.expected)(new)
        return new


def reflect_kind(why: str) -> str:
    """A strategic patch's result is converted field by field in the real server, not decoded: its words are fewer."""
    found = re.fullmatch(r"json: cannot unmarshal .* of type (bool|string|u?int\d+|float\d+)", why)
    return f"unrecognized type: {found[1]}" if found else why


KINDS: dict[str, type[Change]] = {JSON: JsonPatch, MERGE: MergePatch, STRATEGIC: StrategicPatch, APPLY: ApplyPatch}


def parse(server: ApiServer, request: Request, context: Context, query: Query, view: Kind | None = None) -> Change:
    if request.too_large:
        raise body.too_large()
    media = body.media_type(request)
    kind = KINDS.get(media)
    if kind is None or (kind is StrategicPatch and view is None and context.resource.custom is not None):
        if view is None and context.resource.custom is not None:
            served = ", ".join(name for name in KINDS if name != STRATEGIC)
            raise UnsupportedMediaType(
                f"the body of the request was in an unknown format - accepted media types include: {served}"
            )
        raise UnsupportedPatch()
    if kind is ApplyPatch:
        if not first(query, "fieldManager"):
            errors = Errors()
            errors.required("fieldManager", "is required for apply patch")
            raise Invalid("meta.k8s.io", "PatchOptions", "", errors)
    elif "force" in query:
        errors = Errors()
        errors.forbidden("force", "may not be specified for non-apply patch")
        raise Invalid("meta.k8s.io", "PatchOptions", "", errors)
    return kind(server, request, context, query, view)


METADATA_ORDER = (
    "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
    "managedFields",
)  # fmt: skip
ENTRY_ORDER = ("manager", "operation", "apiVersion", "time", "fieldsType", "fieldsV1", "subresource")


def as_go_orders(obj: Any) -> Any:
    """The object with its fields in the order in which the real server prints a patched one."""
    if not isinstance(obj, dict):
        return obj

    def by(order: tuple[str, ...], part: Object) -> Object:
        return {key: part[key] for key in sorted(part, key=lambda k: (order.index(k) if k in order else 99, k))}

    out = {key: obj[key] for key in sorted(obj)}
    if isinstance(out.get("metadata"), dict):
        metadata = out["metadata"] = by(METADATA_ORDER, out["metadata"])
        entries = metadata.get("managedFields")
        if isinstance(entries, list):
            metadata["managedFields"] = [by(ENTRY_ORDER, e) if isinstance(e, dict) else e for e in entries]
    return out


class UnsupportedPatch(UnsupportedMediaType):
    """The router knows no such patch."""

    def __init__(self) -> None:
        super().__init__("415: Unsupported Media Type", {})


class PatchRefused(ApiError):
    """The patch does not fit the object; the real server says no more."""

    code, reason = 422, "Invalid"

    def __init__(self) -> None:
        super().__init__("the server rejected our request due to an error in our request", {})
