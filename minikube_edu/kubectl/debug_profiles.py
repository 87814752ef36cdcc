"""What a debugger may do (`kubectl debug --profile`), and what a copy of a pod keeps of the one it is a copy of.

    apply(call, "copy", pod, container)      # "ephemeral", "copy" or "node": how the debugger comes to its target

`pod` is changed in place. `--custom` comes last: a partial container, merged over the debugger.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.failures import CommandError

Object = dict[str, Any]
PROFILES = ("legacy", "general", "baseline", "restricted", "netadmin", "sysadmin")
LEGACY = (
    "--profile=legacy is deprecated and planned to be removed in v1.39. It is recommended to specify other profile, "
    'for example "--profile=general".'
)
_HOST = {"hostNetwork": True, "hostPID": True, "hostIPC": True}
_FIXED = ("name", "command", "image", "lifecycle", "volumeDevices")


def apply(call: Call, style: str, pod: Object, name: str) -> None:
    profile = call.flags["profile"]
    container = named(pod, name)
    if style == "copy":
        _keep(call, pod, profile)
    if style == "node" and profile in ("legacy", "general", "netadmin", "sysadmin"):
        pod["spec"] |= _HOST
        if profile != "netadmin":
            pod["spec"].setdefault("volumes", []).append({"name": "host-root", "hostPath": {"path": "/"}})
            container.setdefault("volumeMounts", []).append({"mountPath": "/host", "name": "host-root"})
    _allow(container, profile, style)


def _allow(container: Object, profile: str, style: str) -> None:
    if profile in ("baseline", "restricted") or (profile == "general" and style == "node"):
        container.pop("securityContext", None)
    if profile == "general" and style != "node":
        _capabilities(container, "SYS_PTRACE")
    elif profile == "netadmin":
        _capabilities(container, "NET_ADMIN", "NET_RAW")
    elif profile == "sysadmin":
        container.setdefault("securityContext", {})["privileged"] = True
    elif profile == "restricted":
        container["securityContext"] = {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }


def _capabilities(container: Object, *names: str) -> None:
    capabilities = container.setdefault("securityContext", {}).setdefault("capabilities", {})
    capabilities["add"] = [*(capabilities.get("add") or ()), *names]


def _keep(call: Call, pod: Object, profile: str) -> None:
    """What --keep-… does not name goes, so that nothing takes the copy for the original."""
    flags, spec, metadata = call.flags, pod["spec"], pod["metadata"]
    if profile == "legacy":
        metadata.pop("labels", None)
        return
    for key in ("labels", "annotations"):
        if not flags[f"keep-{key}"]:
            metadata.pop(key, None)
    for container in spec["containers"]:
        for probe in ("liveness", "readiness", "startup"):
            if not flags[f"keep-{probe}"]:
                container.pop(f"{probe}Probe", None)
    if not flags["keep-init-containers"]:
        spec.pop("initContainers", None)
    spec.setdefault("shareProcessNamespace", True)


def named(pod: Object, name: str) -> Object:
    kinds = ("containers", "initContainers", "ephemeralContainers")
    found: Object = next(one for kind in kinds for one in pod["spec"].get(kind) or () if one["name"] == name)
    return found


def custom(call: Call) -> Object | None:
    """The file of --custom."""
    path = call.flags["custom"]
    if not path:
        return None
    from minikube_edu.api.wire import yaml_form

    try:
        with open(path, "rb") as file:
            found = yaml_form.parse(file.read())
    except OSError as error:
        why = f"open {path}: {(error.strerror or '').lower()}"
        raise CommandError(f"must pass a container spec json file for custom profile: {why}") from None
    except yaml_form.YamlError as error:
        raise CommandError(f"{path} does not contain a valid container spec: {error}") from None
    if not isinstance(found, dict):
        raise CommandError(f"{path} does not contain a valid container spec: not a mapping")
    if any(found.get(key) for key in _FIXED):
        raise CommandError("name, command, image, lifecycle and volume devices are not modifiable via custom profile")
    return found


def customize(pod: Object, name: str, changes: Object | None) -> None:
    if changes is None:
        return
    from minikube_edu.api import strategic_merge

    container = named(pod, name)
    merged = strategic_merge.apply(dict(container), changes, "core.v1.Container")
    container.clear()
    container.update(merged)
