"""Probes and lifecycle hooks of containers: what is done, how often, how long."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation.field_rules import port_or_name

Object = dict[str, Any]

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")
_COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_SIGNALS = (
    "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT RTMAX RTMAX-1 RTMAX-10 RTMAX-11 "
    "RTMAX-12 RTMAX-13 RTMAX-14 RTMAX-2 RTMAX-3 RTMAX-4 RTMAX-5 RTMAX-6 RTMAX-7 RTMAX-8 RTMAX-9 RTMIN RTMIN+1 RTMIN+10 "
    "RTMIN+11 RTMIN+12 RTMIN+13 RTMIN+14 RTMIN+15 RTMIN+2 RTMIN+3 RTMIN+4 RTMIN+5 RTMIN+6 RTMIN+7 RTMIN+8 RTMIN+9 SEGV "
    "STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ"
)
LINUX_SIGNALS = tuple("SIG" + name for name in _SIGNALS.split())
WINDOWS_SIGNALS = ("SIGKILL", "SIGTERM")


def has_probes(container: Object) -> bool:
    return "livenessProbe" in container or "readinessProbe" in container or "startupProbe" in container


def validate_probes(path: str, container: Object, grace: int | None, errors: Errors) -> None:
    for field in _PROBES:
        if field in container:
            at, probe = f"{path}.{field}", container[field]
            _validate_probe(at, probe, grace, errors)
            if field == "readinessProbe":
                if "terminationGracePeriodSeconds" in probe:
                    problem = "must not be set for readinessProbes"
                    value = probe["terminationGracePeriodSeconds"]
                    errors.invalid(f"{at}.terminationGracePeriodSeconds", value, problem)
            elif probe.get("successThreshold", 0) != 1:
                errors.invalid(f"{at}.successThreshold", probe.get("successThreshold", 0), "must be 1")


def _validate_probe(path: str, probe: Object, grace: int | None, errors: Errors) -> None:
    _validate_handler(path, probe, _PROBE_HANDLERS, grace, errors)
    for field in _COUNTS:
        if probe.get(field, 0) < 0:
            errors.invalid(f"{path}.{field}", probe[field], "must be greater than or equal to 0")
    if probe.get("terminationGracePeriodSeconds", 1) <= 0:
        value = probe["terminationGracePeriodSeconds"]
        errors.invalid(f"{path}.terminationGracePeriodSeconds", value, "must be greater than 0")


def validate_lifecycle(path: str, lifecycle: Object, grace: int | None, system: str | None, errors: Errors) -> None:
    for field in ("postStart", "preStop"):
        if field in lifecycle:
            _validate_handler(f"{path}.{field}", lifecycle[field], _HOOK_HANDLERS, grace, errors)
    if "stopSignal" in lifecycle:
        _validate_signal(f"{path}.stopSignal", lifecycle["stopSignal"], system, errors)


def _validate_signal(path: str, signal: str, system: str | None, errors: Errors) -> None:
    if system is None:
        errors.forbidden(path, "may not be set for containers with empty `spec.os.name`")
        return
    supported = {"linux": LINUX_SIGNALS, "windows": WINDOWS_SIGNALS}.get(system)
    if supported and signal not in supported:
        errors.not_supported(path, signal, supported)


def _validate_handler(path: str, handler: Object, kinds: tuple[str, ...], grace: int | None, errors: Errors) -> None:
    first = True
    for kind in kinds:
        if kind not in handler:
            continue
        if first:
            first = False
            _validate_action(f"{path}.{kind}", kind, handler[kind], grace, errors)
        else:
            errors.forbidden(f"{path}.{kind}", "may not specify more than 1 handler type")
    if first:
        errors.required(path, "must specify a handler type")


def _validate_action(path: str, kind: str, action: Object, grace: int | None, errors: Errors) -> None:
    match kind:
        case "exec":
            if not action.get("command"):
                errors.required(f"{path}.command")
        case "httpGet":
            _validate_http_get(path, action, errors)
        case "tcpSocket" | "grpc":
            port_or_name(errors, f"{path}.port", action.get("port", 0))
        case "sleep":
            seconds = action.get("seconds", 0)
            if grace is not None and not 0 <= seconds <= grace:
                problem = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
                errors.invalid(path, seconds, problem)


def _validate_http_get(path: str, action: Object, errors: Errors) -> None:
    if not action.get("path"):
        errors.required(f"{path}.path")
    port_or_name(errors, f"{path}.port", action.get("port", 0))
    if action.get("scheme") not in ("HTTP", "HTTPS"):
        errors.not_supported(f"{path}.scheme", action.get("scheme", ""), ["HTTP", "HTTPS"])
    for header in action.get("httpHeaders", ()):
        name = header.get("name", "")
        errors.invalid_each(f"{path}.httpHeaders", name, names.http_header_name(name))
