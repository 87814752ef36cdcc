"""Status errors: one class a reason, raised anywhere, made into an answer in one place.

Every error that a client of the API server sees is a `Status` object: code, reason, message, details. Here each reason
is an exception class; `ApiError.status()` is the object. Reasons, codes and words are those of the real server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikube_edu.api.field_errors import FieldError

Object = dict[str, Any]


class ApiError(Exception):
    """An answer that is not a success. Subclasses fix `code` and `reason`."""

    code = 500
    reason = "InternalError"

    def __init__(
        self, message: str, details: Object | None = None, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.headers = headers

    def status(self) -> Object:
        body: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


def _of(group: str, resource: str) -> str:
    return f"{resource}.{group}" if group else resource


def _details(name: str = "", group: str = "", kind: str = "", **more: Any) -> Object:
    details: Object = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    if kind:
        details["kind"] = kind
    return details | more


class BadRequest(ApiError):
    """The request makes no sense."""

    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    """Nobody knows who is asking."""

    code, reason = 401, "Unauthorized"

    def __init__(self, message: str = "Unauthorized") -> None:
        super().__init__(message)


class Forbidden(ApiError):
    """`configmaps "a" is forbidden: …`"""

    code, reason = 403, "Forbidden"

    def __init__(self, group: str, resource: str, name: str, why: object) -> None:
        if not resource:
            message = f"forbidden: {why}"
        elif not name:
            message = f"{_of(group, resource)} is forbidden: {why}"
        else:
            message = f'{_of(group, resource)} "{name}" is forbidden: {why}'
        super().__init__(message, _details(name, group, resource))


class NotFound(ApiError):
    """`configmaps "a" not found`"""

    code, reason = 404, "NotFound"

    def __init__(self, group: str, resource: str, name: str) -> None:
        super().__init__(f'{_of(group, resource)} "{name}" not found', _details(name, group, resource))


class PathNotFound(ApiError):
    """`the server could not find the requested resource`"""

    code, reason = 404, "NotFound"

    def __init__(self) -> None:
        super().__init__("the server could not find the requested resource", {})


class MethodNotAllowed(ApiError):
    """`the server does not allow this method on the requested resource`"""

    code, reason = 405, "MethodNotAllowed"

    def __init__(self, message: str = "the server does not allow this method on the requested resource") -> None:
        super().__init__(message, {})


class NotAcceptable(ApiError):
    """None of the media types that the client accepts is served."""

    code, reason = 406, "NotAcceptable"

    def __init__(self, accepted: str) -> None:
        super().__init__(f"only the following media types are accepted: {accepted}")


class AlreadyExists(ApiError):
    """`configmaps "a" already exists`"""

    code, reason = 409, "AlreadyExists"

    def __init__(self, group: str, resource: str, name: str) -> None:
        super().__init__(f'{_of(group, resource)} "{name}" already exists', _details(name, group, resource))


class Conflict(ApiError):
    """`Operation cannot be fulfilled on configmaps "a": …`"""

    code, reason = 409, "Conflict"

    def __init__(self, group: str, resource: str, name: str, why: object) -> None:
        super().__init__(
            f'Operation cannot be fulfilled on {_of(group, resource)} "{name}": {why}', _details(name, group, resource)
        )


class ApplyConflict(ApiError):
    """Server-side apply: other managers own what this one sets differently."""

    code, reason = 409, "Conflict"

    def __init__(self, message: str, causes: Sequence[Object]) -> None:
        super().__init__(message, {"causes": list(causes)})


class Gone(ApiError):
    """`The provided continue parameter is too old …`, or a resource version that has been compacted away."""

    code, reason = 410, "Expired"


class RequestTooLarge(ApiError):
    """The body is over the limit."""

    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(ApiError):
    """The body is in a form that is not understood."""

    code, reason = 415, "UnsupportedMediaType"


class Invalid(ApiError):
    """`Pod "a" is invalid: spec.containers: Required value`; one cause a field."""

    code, reason = 422, "Invalid"

    def __init__(self, group: str, kind: str, name: str, errors: Sequence[FieldError]) -> None:
        texts = list(dict.fromkeys(str(error) for error in errors))  # equal messages once, as ToAggregate has it
        message = f'{_of(group, kind)} "{name}" is invalid'
        if len(texts) == 1:
            message += f": {texts[0]}"
        elif texts:
            message += f": [{', '.join(texts)}]"
        causes = [{"reason": error.kind.value[0], "message": error.body(), "field": error.field} for error in errors]
        details = _details(name, group, kind)
        if causes:
            details["causes"] = causes
        super().__init__(message, details)
        self.errors = list(errors)


class TooManyRequests(ApiError):
    """Try again in a while; Retry-After says when."""

    code, reason = 429, "TooManyRequests"

    def __init__(self, message: str, retry_after: int = 1, details: Object | None = None) -> None:
        merged = dict(details or {})
        if retry_after:
            merged["retryAfterSeconds"] = retry_after
        headers = [(b"Retry-After", str(retry_after).encode())] if retry_after else []
        super().__init__(message, merged, headers)


class InternalError(ApiError):
    """`Internal error occurred: …`"""

    code, reason = 500, "InternalError"

    def __init__(self, why: object) -> None:
        super().__init__(f"Internal error occurred: {why}", {"causes": [{"message": str(why)}]})


class GenericError(ApiError):
    """An error that the real server did not give a reason: code 500, the bare message."""

    code, reason = 500, ""


class ServiceUnavailable(ApiError):
    """Not now."""

    code, reason = 503, "ServiceUnavailable"


class ServerTimeout(ApiError):
    """The operation could not be completed in time; try again."""

    code, reason = 504, "Timeout"
