"""How a webhook is reached: by URL or by service; for admission and for the conversion of custom resources."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object

_FORM = "; desired format: https://host[/path]"


def client_config(path: str, config: Object, errors: Errors) -> None:
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        errors.required(path, "exactly one of url or service is required")
    elif url is not None:
        _url(f"{path}.url", url, errors)
    elif service is not None:
        _service(f"{path}.service", service, errors)


def _url(path: str, text: str, errors: Errors) -> None:
    try:
        url: SplitResult = urlsplit(text)
    except ValueError as error:
        errors.required(path, f"url must be a valid URL: {error}{_FORM}")
        return
    user, at, host = url.netloc.rpartition("@")
    if url.scheme != "https":
        errors.invalid(path, url.scheme, f"'https' is the only allowed URL scheme{_FORM}")
    if not host:
        errors.invalid(path, host, f"host must be specified{_FORM}")
    if at:
        errors.invalid(path, user, "user information is not permitted in the URL")
    if url.fragment:
        errors.invalid(path, url.fragment, "fragments are not permitted in the URL")
    if url.query:
        errors.invalid(path, url.query, "query parameters are not permitted in the URL")


def _service(path: str, service: Object, errors: Errors) -> None:
    for field in ("name", "namespace"):
        if not service[field]:
            errors.required(f"{path}.{field}")
    port = service.get("port", 0)
    if problems := names.port_number(port):
        errors.invalid(f"{path}.port", port, "port is not valid: " + ", ".join(problems))
    where = service.get("path") or "/"
    if where == "/":
        return
    path = f"{path}.path"
    if where == "//":
        errors.invalid(path, where, "segment[0] may not be empty")
        return
    if not where.startswith("/"):
        errors.invalid(path, where, "must start with a '/'")
    for index, segment in enumerate(where[1:].removesuffix("/").split("/")):
        if not segment:
            errors.invalid(path, where, f"segment[{index}] may not be empty")
        for problem in names.dns1123_subdomain(segment) if segment else ():
            errors.invalid(path, where, f"segment[{index}]: {problem}")
