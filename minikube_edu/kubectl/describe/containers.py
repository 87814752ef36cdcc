"""Containers, of pods and of templates: image, ports, commands, states, resources, probes, environment, mounts."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import quantity
from minikube_edu.kubectl.describe.page import NONE, Object, Page, moment
from minikube_edu.lib.gotext import quote


def containers(
    page: Page,
    title: str,
    found: list[Object] | None,
    statuses: list[Object] | None,
    pod: Object | None,
    space: str = "",
) -> None:
    """`pod` resolves field references of the environment; a template has none, and no statuses."""
    known = {status["name"]: status for status in statuses or ()}
    page.line(0, f"{space}{title}:{'' if found else ' <none>'}")
    for container in found or ():
        status = known.get(container["name"])
        _basics(page, container, status, space)
        _command(page, container)
        if status is not None:
            _state(page, status)
        resources(page, container.get("resources") or {}, 2)
        for label, name in (
            ("Liveness", "livenessProbe"),
            ("Readiness", "readinessProbe"),
            ("Startup", "startupProbe"),
        ):
            if name in container:
                page.field(2, label, probe(container[name]))
        _environment_sources(page, container)
        _environment(page, container, pod)
        _mounts(page, container)


def _basics(page: Page, container: Object, status: Object | None, space: str) -> None:
    page.line(1, f"{' ' if space else ''}{container['name']}:")
    if status is not None:
        page.field(2, "Container ID", status.get("containerID") or "")
    page.field(2, "Image", container.get("image") or "")
    if status is not None:
        page.field(2, "Image ID", status.get("imageID") or "")
    for label, name in (("Port", "containerPort"), ("Host Port", "hostPort")):
        ports = ", ".join(_port(port, name) for port in container.get("ports") or ())
        page.field(2, label + ("s" if "," in ports else ""), ports or NONE)
    seccomp = (container.get("securityContext") or {}).get("seccompProfile")
    if seccomp:
        page.field(2, "SeccompProfile", seccomp.get("type") or "")
        if seccomp.get("type") == "Localhost":
            page.field(3, "LocalhostProfile", seccomp.get("localhostProfile") or "")


def _port(port: Object, name: str) -> str:
    text = f"{port.get(name) or 0}/{port.get('protocol') or ''}"
    return f"{text} ({port['name']})" if port.get("name") else text


def _command(page: Page, container: Object) -> None:
    for label, name in (("Command", "command"), ("Args", "args")):
        if container.get(name):
            page.line(2, f"{label}:")
            for word in container[name]:
                for line in word.split("\n"):
                    page.line(3, line)


def resources(page: Page, found: Object, level: int) -> None:
    for label, name in (("Limits", "limits"), ("Requests", "requests")):
        amounts = found.get(name) or {}
        if amounts:
            page.line(level, f"{label}:")
        for key in sorted(amounts):
            page.field(level + 1, key, str(amounts[key]))


def _state(page: Page, status: Object) -> None:
    _one_state(page, "State", status.get("state") or {})
    if "terminated" in (status.get("lastState") or {}):
        _one_state(page, "Last State", status["lastState"])
    page.field(2, "Ready", "True" if status.get("ready") else "False")
    page.field(2, "Restart Count", status.get("restartCount") or 0)


def _one_state(page: Page, label: str, state: Object) -> None:
    if (running := state.get("running")) is not None:
        page.field(2, label, "Running")
        page.field(3, "Started", moment(running.get("startedAt")))
    elif (ended := state.get("terminated")) is not None:
        page.field(2, label, "Terminated")
        for name in ("reason", "message"):
            if ended.get(name):
                page.field(3, name.capitalize(), ended[name])
        page.field(3, "Exit Code", ended.get("exitCode") or 0)
        if ended.get("signal"):
            page.field(3, "Signal", ended["signal"])
        page.field(3, "Started", moment(ended.get("startedAt")))
        page.field(3, "Finished", moment(ended.get("finishedAt")))
    else:
        page.field(2, label, "Waiting")
        if reason := (state.get("waiting") or {}).get("reason"):
            page.field(3, "Reason", reason)


def probe(found: Object) -> str:
    limits = (
        f"delay={found.get('initialDelaySeconds') or 0}s timeout={found.get('timeoutSeconds') or 0}s "
        f"period={found.get('periodSeconds') or 0}s #success={found.get('successThreshold') or 0} "
        f"#failure={found.get('failureThreshold') or 0}"
    )
    if "exec" in found:
        return f"exec [{' '.join(found['exec'].get('command') or ())}] {limits}"
    if get := found.get("httpGet"):
        host = get.get("host") or ""
        address = f"[{host}]:{get.get('port')}" if ":" in host else f"{host}:{get.get('port')}"
        path = get.get("path") or ""
        path = path if not path or path.startswith("/") else "/" + path
        return f"http-get {str(get.get('scheme') or '').lower()}://{address}{_escaped(path)} {limits}"
    if tcp := found.get("tcpSocket"):
        return f"tcp-socket {tcp.get('host') or ''}:{tcp.get('port')} {limits}"
    if grpc := found.get("grpc"):
        return f"grpc <pod>:{grpc.get('port')} {grpc.get('service') or ''} {limits}"
    return f"unknown {limits}"


def _escaped(path: str) -> str:
    from urllib.parse import quote as percent

    return percent(path, safe="/$&+,:;=@!'()*~-._")


def _environment_sources(page: Page, container: Object) -> None:
    if not container.get("envFrom"):
        return
    page.line(2, "Environment Variables from:")
    for entry in container["envFrom"]:
        kind = "ConfigMap" if entry.get("configMapRef") else "Secret" if entry.get("secretRef") else ""
        reference = entry.get("configMapRef") or entry.get("secretRef") or {}
        prefix = f" with prefix '{entry['prefix']}'" if entry.get("prefix") else ""
        optional = f"Optional: {_bool(reference.get('optional'))}"
        page.columns(3, reference.get("name") or "", kind + prefix, optional)


def _bool(value: Any) -> str:
    return "true" if value else "false"


def _environment(page: Page, container: Object, pod: Object | None) -> None:
    variables = container.get("env") or ()
    page.line(2, "Environment:" + ("" if variables else "\t<none>"))
    for variable in variables:
        name, where = variable["name"], variable.get("valueFrom")
        if not where:
            first, *rest = str(variable.get("value") or "").split("\n")
            page.field(3, name, first)
            for line in rest:
                page.line(3, f"\t{line}")
        elif field := where.get("fieldRef"):
            path = field.get("fieldPath") or ""
            page.field(3, name, f"{_field_of(pod, path)} ({field.get('apiVersion') or ''}:{path})")
        elif amount := where.get("resourceFieldRef"):
            page.field(3, name, f"{_amount(container, amount)} ({amount.get('resource')})")
        elif secret := where.get("secretKeyRef"):
            page.field(
                3,
                name,
                f"<set to the key '{secret.get('key')}' in secret '{secret.get('name')}'>"
                f"\tOptional: {_bool(secret.get('optional'))}",
            )
        elif config := where.get("configMapKeyRef"):
            page.field(
                3,
                name,
                f"<set to the key '{config.get('key')}' of config map '{config.get('name')}'>"
                f"\tOptional: {_bool(config.get('optional'))}",
            )


def _field_of(pod: Object | None, path: str) -> str:
    """The value of a field of the pod that the environment may name."""
    if pod is None:
        return ""
    start, bracket, key = path.partition("['")
    value: Any = pod
    for part in start.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if path == "spec.serviceAccountName":
        value = (pod.get("spec") or {}).get("serviceAccountName")
    if path == "status.hostIPs" or path == "status.podIPs":
        return ",".join(entry.get("ip", "") for entry in value or ())
    if bracket:
        return str((value or {}).get(key.removesuffix("']")) or "")
    if isinstance(value, dict):
        return "\n".join(f"{name}={quote(value[name])}" for name in sorted(value))
    return str(value or "")


def _amount(container: Object, reference: Object) -> str:
    """A resource of the container in the unit that is asked for."""
    kind, _, name = str(reference.get("resource") or "").partition(".")
    text = ((container.get("resources") or {}).get(kind) or {}).get(name) or "0"
    unit = quantity.parse(str(reference.get("divisor") or "0"))
    amount = quantity.parse(str(text))
    if unit.is_zero():
        unit = quantity.parse("1")
    if name == "cpu":
        count = -(-amount.milli_value() // unit.milli_value())
    else:
        count = -(-amount.value() // unit.value())
    if count == 0 and reference.get("resource") in ("limits.cpu", "limits.memory"):
        return "node allocatable"
    return str(count)


def _mounts(page: Page, container: Object) -> None:
    mounts = container.get("volumeMounts") or ()
    page.line(2, "Mounts:" + ("" if mounts else "\t<none>"))
    for mount in sorted(mounts, key=lambda mount: str(mount.get("mountPath"))):
        flags = ["ro" if mount.get("readOnly") else "rw"]
        flags += [f"path={quote(mount['subPath'])}"] if mount.get("subPath") else []
        page.line(3, f"{mount.get('mountPath')} from {mount.get('name')} ({','.join(flags)})")
    if devices := container.get("volumeDevices"):
        page.line(2, "Devices:" + ("" if mounts else "\t<none>"))
        for device in sorted(devices, key=lambda device: str(device.get("devicePath"))):
            page.line(3, f"{device.get('devicePath')} from {device.get('name')}")
