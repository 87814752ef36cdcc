"""What goes wrong, and the words in which kubectl says so.

Raise anywhere; `explain` writes it down, once, in `app`. An answer of the server is `client.errors.ApiError`; no answer
is `Unreachable`. Everything else is one of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from minikube_edu.client.errors import ApiError
from minikube_edu.lib.gotext import quote


class CommandError(Exception):
    """`error: MESSAGE`; with `code`, another exit code than 1."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class UsageError(CommandError):
    """The arguments are not what the command takes: the next thing to type is its help."""


class PlainError(CommandError):
    """Printed as it is, without `error: `."""


class ConfigurationInvalid(CommandError):
    """`Error in configuration: …`"""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Exit(Exception):
    """All has been said; end with this code."""

    def __init__(self, code: int = 1) -> None:
        super().__init__(f"exit {code}")
        self.code = code


class Many(Exception):
    """Several failures, each on a line of its own."""

    def __init__(self, errors: Sequence[Exception]) -> None:
        flat = [one for error in errors for one in (error.errors if isinstance(error, Many) else (error,))]
        super().__init__("[" + ", ".join(map(str, flat)) + "]")
        self.errors: Sequence[Exception] = flat


class Unreachable(Exception):
    """No answer: `Get "https://…": dial tcp …`."""

    def __init__(self, method: str, url: str, why: str) -> None:
        super().__init__(f"{method.capitalize()} {quote(url)}: {why}")
        self.method, self.url, self.why = method, url, why


def raise_all(errors: Sequence[Exception]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Many(errors)


def with_source(error: Exception, verb: str, source: str) -> Exception:
    """`error when creating "x.yaml": …`"""
    if not source:
        return error
    if isinstance(error, ApiError):
        return ApiError({**error.status, "message": f"error when {verb} {quote(source)}: {error.message}"})
    return error if isinstance(error, Unreachable) else CommandError(f"error when {verb} {quote(source)}: {error}")


def wrapped(prefix: str, error: Exception) -> CommandError:
    """`failed to create deployment: …`"""
    return CommandError(f"{prefix}: {error}" if prefix.endswith(("secret", ":")) is False else f"{prefix} {error}")


def explain(error: Exception) -> tuple[str, int]:
    """What to print on stderr, and the exit code."""
    if isinstance(error, Exit):
        return "", error.code
    if isinstance(error, ApiError) and error.reason == "Invalid":
        return _invalid(error), 1
    if isinstance(error, ConfigurationInvalid):
        return _listed("Error in configuration: ", error.problems), error.code
    if isinstance(error, PlainError):
        return str(error), error.code
    if isinstance(error, Many):
        return "".join(f"{one_line(each)}\n" for each in error.errors), 1
    text = standard(error)
    if text is None:
        text = str(error)
        text = text if text.startswith("error: ") else f"error: {text}"
    return text, error.code if isinstance(error, CommandError) else 1


def one_line(error: Exception) -> str:
    return standard(error) or str(error)


def standard(error: Exception) -> str | None:
    """The words for answers of the server and for none; None for other failures."""
    if isinstance(error, ApiError):
        if error.reason == "Unauthorized":
            return f"error: You must be logged in to the server ({error.message})"
        return f"Error from server{f' ({error.reason})' if error.reason else ''}: {error.message}"
    if isinstance(error, Unreachable):
        if "connection refused" in error.why:
            where = urlsplit(error.url).netloc
            return f"The connection to the server {where} was refused - did you specify the right host or port?"
        return f"Unable to connect to the server: {error.why}"
    return None


def _invalid(error: ApiError) -> str:
    details: dict[str, Any] = error.status.get("details") or {}
    causes = details.get("causes") or []
    text = "The request is invalid"
    if not details:
        return f"{text}: {error.message}"
    if details.get("kind") or details.get("name"):
        text = f"The {details.get('kind') or ''} {quote(details.get('name') or '')} is invalid"
    elif error.message and not causes:
        text = f"{text}: {error.message}"
    if not causes:
        return text
    problems = [f"{cause.get('field') or ''}: {cause.get('message') or ''}" for cause in causes]
    return _listed(f"{text}: ", list(dict.fromkeys(problems)))


def _listed(prefix: str, problems: Sequence[str]) -> str:
    if len(problems) == 1:
        return f"{prefix}{problems[0]}\n"
    return prefix + "\n" + "".join(f"* {problem}\n" for problem in problems)
