"""What a client is told when a request fails.

`ApiError` carries the Status object of the server; code and reason are its own. A server (or something between) that
answers without a Status gets one made for it, in the words of client-go. Errors of the network stay OSErrors.
"""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.lib.gotext import quote

_REASONS = {
    400: ("BadRequest", "the server rejected our request for an unknown reason"),
    401: ("Unauthorized", "the server has asked for the client to provide credentials"),
    403: ("Forbidden", ""),
    404: ("NotFound", "the server could not find the requested resource"),
    405: ("MethodNotAllowed", "the server does not allow this method on the requested resource"),
    406: ("NotAcceptable", ""),
    409: ("Conflict", "the server reported a conflict"),
    415: ("UnsupportedMediaType", ""),
    422: ("Invalid", "the server rejected our request due to an error in our request"),
    429: ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: (
        "Timeout",
        "the server was unable to return a response in the time allotted, but may still be processing the request",
    ),
}
_NO_CONTENT_TYPE = "the server was unable to respond with a content type that the client supports"


class ApiError(Exception):
    """The server said no."""

    def __init__(self, status: dict[str, Any]) -> None:
        self.status = status
        super().__init__(self.message or self.reason or str(self.code))

    @property
    def code(self) -> int:
        return int(self.status.get("code") or 0)

    @property
    def reason(self) -> str:
        return str(self.status.get("reason") or "")

    @property
    def message(self) -> str:
        return str(self.status.get("message") or "")

    @property
    def details(self) -> dict[str, Any]:
        return self.status.get("details") or {}

    @property
    def retry_after(self) -> int:
        """Seconds that the server asks to wait; 0 when it does not."""
        return int(self.details.get("retryAfterSeconds") or 0)

    def has_cause(self, kind: str) -> bool:
        return any(cause.get("reason") == kind for cause in self.details.get("causes") or ())

    @property
    def not_found(self) -> bool:
        return self.reason == "NotFound"

    @property
    def already_exists(self) -> bool:
        return self.reason == "AlreadyExists"

    @property
    def conflict(self) -> bool:
        return self.reason == "Conflict"

    @property
    def expired(self) -> bool:
        """The resource version is too old to go on from: list again."""
        return self.reason in ("Expired", "Gone") or self.code == 410

    @property
    def resource_version_too_large(self) -> bool:
        """The server has not seen this resource version yet."""
        return self.code == 504 and self.has_cause("ResourceVersionTooLarge")


def from_answer(
    method: str, code: int, body: bytes, *, resource: str = "", name: str = "", retry_after: int = 0
) -> ApiError:
    """The error of an answer; `resource` as `deployments.apps`."""
    try:
        status = orjson.loads(body)
    except orjson.JSONDecodeError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        status.setdefault("code", code)
        return ApiError(status)
    text = body.decode("utf-8", "replace").strip()[:2048] or "unknown"
    reason, message = _REASONS.get(code, ("", ""))
    if code == 409 and method == "POST":
        reason = "AlreadyExists"
    if not reason and code >= 500:
        reason = "InternalError"
        message = f"an error on the server ({quote(text)}) has prevented the request from succeeding"
    elif not reason:
        message = f"the server responded with the status code {code} but did not return more information"
    elif not message:
        message = _NO_CONTENT_TYPE if code == 406 and text == "unknown" else text
    if resource:
        message += f" ({method.lower()} {resource} {name})" if name else f" ({method.lower()} {resource})"
    kind, _, group = resource.partition(".")
    details: dict[str, Any] = {"causes": [{"reason": "UnexpectedServerResponse", "message": text}]}
    details |= {key: value for key, value in (("name", name), ("group", group), ("kind", kind)) if value}
    if retry_after:
        details["retryAfterSeconds"] = retry_after
    return ApiError(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "details": details,
            "code": code,
        }
    )
