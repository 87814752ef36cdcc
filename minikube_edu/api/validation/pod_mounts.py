"""Where containers mount the volumes of their pod, and which they use as block devices."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation.pod_paths import descending

Object = dict[str, Any]

_PROPAGATIONS = ["Bidirectional", "HostToContainer", "None"]


def validate_mounts(path: str, container: Object, volumes: dict[str, Object], errors: Errors) -> None:
    devices = {device.get("name", ""): device.get("devicePath", "") for device in container.get("volumeDevices", ())}
    taken: set[str] = set()
    for index, mount in enumerate(container["volumeMounts"]):
        at, name, where = f"{path}[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            errors.required(f"{at}.name")
        if name not in volumes:
            errors.not_found(f"{at}.name", name)
        if not where:
            errors.required(f"{at}.mountPath")
        if where in taken:
            errors.invalid(f"{at}.mountPath", where, "must be unique")
        taken.add(where)
        if devices:
            if name in devices:
                errors.invalid(f"{at}.name", name, "must not already exist in volumeDevices")
            if where in devices.values():
                errors.invalid(f"{at}.mountPath", where, "must not already exist as a path in volumeDevices")
        if len(mount) > 2:
            _validate_details(path, at, mount, container, errors)


def _validate_details(path: str, at: str, mount: Object, container: Object, errors: Errors) -> None:
    """The rarer fields. Most of their errors carry the path without the index: so does the real one's."""
    below, expression = mount.get("subPath", ""), mount.get("subPathExpr", "")
    if below:
        descending(f"{path}.subPath", below, errors)
    if expression:
        if below:
            errors.invalid(f"{at}.subPathExpr", expression, "subPathExpr and subPath are mutually exclusive")
        descending(f"{path}.subPathExpr", expression, errors)
    propagation = mount.get("mountPropagation")
    if propagation is not None:
        if propagation not in _PROPAGATIONS:
            errors.not_supported(f"{path}.mountPropagation", propagation, _PROPAGATIONS)
        if propagation == "Bidirectional" and not container.get("securityContext", {}).get("privileged"):
            problem = "Bidirectional mount propagation is available only to privileged containers"
            errors.forbidden(f"{path}.mountPropagation", problem)
    recursive = mount.get("recursiveReadOnly")
    if recursive in ("Enabled", "IfPossible"):
        if not mount.get("readOnly"):
            errors.forbidden(f"{path}.recursiveReadOnly", "may only be specified when readOnly is true")
        if propagation not in (None, "None"):
            problem = "may only be specified when mountPropagation is None or not specified"
            errors.forbidden(f"{path}.recursiveReadOnly", problem)
    elif recursive not in (None, "Disabled"):
        errors.not_supported(f"{path}.recursiveReadOnly", recursive, ["Disabled", "Enabled", "IfPossible"])


def validate_devices(path: str, container: Object, volumes: dict[str, Object], errors: Errors) -> None:
    mounts = {mount.get("name", ""): mount.get("mountPath", "") for mount in container.get("volumeMounts", ())}
    paths: set[str] = set()
    seen: set[str] = set()
    for index, device in enumerate(container["volumeDevices"]):
        at, name, where = f"{path}[{index}]", device.get("name", ""), device.get("devicePath", "")
        if not name:
            errors.required(f"{at}.name")
        if name in seen:
            errors.invalid(f"{at}.name", name, "must be unique")
        if name not in volumes:
            errors.not_found(f"{at}.name", name)
        elif not volumes[name].keys() & {"persistentVolumeClaim", "ephemeral"}:
            problem = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            errors.invalid(f"{at}.name", name, problem)
        if not where:
            errors.required(f"{at}.devicePath")
        if where in paths:
            errors.invalid(f"{at}.devicePath", where, "must be unique")
        if ".." in where.split("/"):
            errors.invalid(f"{at}.devicePath", where, "can not contain backsteps ('..')")
        else:
            paths.add(where)
        if name in mounts:
            errors.invalid(f"{at}.name", name, "must not already exist in volumeMounts")
        if where in mounts.values():
            errors.invalid(f"{at}.devicePath", where, "must not already exist as a path in volumeMounts")
        if name:
            seen.add(name)
