"""ListOptions: the query of a list or watch, judged with the real server's words."""

from __future__ import annotations

import base64
import binascii
import json
from typing import NamedTuple

from minikube_edu.api.errors import ApiError, BadRequest, Invalid
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.wire import json_form
from minikube_edu.kube_apiserver.query import Query, boolean, first, integer, optional_boolean


class ListOptions(NamedTuple):
    limit: int
    resume: str  # the raw continue token
    version: str  # resourceVersion as it was given
    match: str
    watch: bool
    timeout: int | None
    bookmarks: bool
    send_initial: bool | None


def parse(query: Query, watch: bool) -> ListOptions:
    options = ListOptions(
        integer(query, "limit") or 0,
        first(query, "continue"),
        first(query, "resourceVersion"),
        first(query, "resourceVersionMatch"),
        watch,
        integer(query, "timeoutSeconds"),
        boolean(query, "allowWatchBookmarks"),
        optional_boolean(query, "sendInitialEvents"),
    )
    errors = _judge(options)
    if errors:
        raise Invalid("meta.k8s.io", "ListOptions", "", errors)
    return options


def _judge(options: ListOptions) -> Errors:
    errors = Errors()
    match, field = options.match, "resourceVersionMatch"
    if options.watch:
        if options.send_initial is not None and match != "NotOlderThan":
            errors.forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
        if match and options.send_initial is None:
            errors.forbidden(field, f"{field} is forbidden for watch unless sendInitialEvents is provided")
        if match and options.send_initial is not None:
            if match != "NotOlderThan":
                errors.not_supported(field, match, ["NotOlderThan"])
            if options.resume:
                errors.forbidden(field, f"{field} is forbidden when continue is provided")
        return errors
    if options.send_initial is not None:
        errors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
    if match:
        if options.resume:
            errors.forbidden(field, f"{field} is forbidden when continue is provided")
        if not options.version:
            errors.forbidden(field, f"{field} is forbidden unless resourceVersion is provided")
        if match not in ("Exact", "NotOlderThan"):
            errors.not_supported(field, match, ["Exact", "NotOlderThan", ""])
        elif match == "Exact" and options.version == "0":
            errors.forbidden(field, f'{field} "exact" is forbidden for resourceVersion "0"')
    return errors


def revision_of(text: str) -> int:
    """A resourceVersion as a number; ValueError with Go's words."""
    if text in ("", "0"):
        return 0
    if not (text.isascii() and text.isdigit()):
        quoted = json.dumps(text, ensure_ascii=False)
        raise ValueError(
            f"resourceVersion: Invalid value: {quoted}: strconv.ParseUint: parsing {quoted}: invalid syntax"
        )
    return int(text)


class TooLargeVersion(ApiError):
    """The client has seen a newer revision than this server has, and it did not come in time."""

    code, reason = 504, "Timeout"

    def __init__(self, wanted: int, current: int) -> None:
        super().__init__(
            f"Timeout: Too large resource version: {wanted}, current: {current}",
            {
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            },
            [(b"Retry-After", b"1")],
        )


# ---------------------------------------------------------------- continue tokens


class Resume(NamedTuple):
    revision: int  # the list's; -1: an inconsistent continuation, from the newest
    start: str  # the first key, below the resource's prefix


def encode_token(start: str, revision: int) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str) -> Resume:
    def invalid(why: str) -> BadRequest:
        return BadRequest(f"invalid continue token: continue key is not valid: {why}")

    if any(letter not in _URL_SAFE for letter in token):
        fault = next(i for i, letter in enumerate(token) if letter not in _URL_SAFE)
        raise invalid(f"illegal base64 data at input byte {fault}")
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (ValueError, binascii.Error):
        raise invalid(f"illegal base64 data at input byte {len(token)}") from None
    try:
        fields = json_form.parse(raw)
    except json_form.JsonError as error:
        raise invalid(str(error)) from None
    if not isinstance(fields, dict) or fields.get("v") != "meta.k8s.io/v1":
        version = fields.get("v", "") if isinstance(fields, dict) else ""
        raise invalid(f"server does not recognize this encoded version {version}")
    revision, start = fields.get("rv", 0), fields.get("start", "")
    if not revision:
        raise invalid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not start:
        raise invalid("encoded start key empty (version meta.k8s.io/v1)")
    if ".." in start.split("/"):
        raise invalid(start)
    return Resume(int(revision), str(start))


_URL_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
