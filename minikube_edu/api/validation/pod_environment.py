"""Environment variables of containers and the fields of a pod that they, and downward API volumes, may name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikube_edu.api import names, quantity
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation.pod_paths import no_backsteps

Object = dict[str, Any]

ENV_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
    "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
_READABLE_FIELDS = {
    *ENV_FIELDS, "metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase",
}  # fmt: skip
_RESOURCES = (
    "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage",
    "requests.memory",
)  # fmt: skip
_PAGES = ("limits.hugepages-", "requests.hugepages-")
_SIZES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")


def validate_env(path: str, variables: list[Object], errors: Errors) -> None:
    for index, variable in enumerate(variables):
        name = variable.get("name", "")
        if not name:
            errors.required(f"{path}[{index}].name")
        elif problems := names.relaxed_env_var_name(name):
            errors.invalid_each(f"{path}[{index}].name", name, problems)
        if "valueFrom" in variable:
            _validate_source(f"{path}[{index}].valueFrom", variable, errors)


def _validate_source(path: str, variable: Object, errors: Errors) -> None:
    source = variable["valueFrom"]
    given = [name for name in _SOURCES if name in source]
    for name in given:
        part, at = source[name], f"{path}.{name}"
        if name == "fieldRef":
            validate_field_ref(at, part, ENV_FIELDS, errors)
        elif name == "resourceFieldRef":
            validate_resource_ref(at, part, False, errors)
        elif name == "fileKeyRef":
            _validate_file_key(at, part, errors)
        else:
            _validate_key(at, part, errors)
    if not given:
        choices = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        errors.invalid(path, "", f"must specify one of: {choices}")
    elif variable.get("value"):
        errors.invalid(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        errors.invalid(path, "", "may not have more than one field specified at a time")


def validate_field_ref(path: str, ref: Object, allowed: Sequence[str], errors: Errors) -> None:
    """`fieldRef: {fieldPath: metadata.labels['app']}`"""
    version, field = ref.get("apiVersion", ""), ref.get("fieldPath", "")
    if not version or not field:
        errors.required(f"{path}.{'fieldPath' if version else 'apiVersion'}")
        return
    name, bracket, rest = field.partition("['")
    subscript = rest.removesuffix("']") if bracket and rest.endswith("']") and name else None
    if problem := _field_problem(version, field, name, subscript):
        errors.invalid(f"{path}.fieldPath", field, f"error converting fieldPath: {problem}")
    elif subscript is None:
        field = "spec.nodeName" if field == "spec.host" else field
        if field not in allowed:
            errors.not_supported(f"{path}.fieldPath", field, sorted(allowed))
    elif name == "metadata.annotations":
        errors.invalid_each(path, subscript.lower(), names.qualified_name(subscript.lower()))
    else:
        errors.invalid_each(path, subscript, names.qualified_name(subscript))


def _field_problem(version: str, field: str, name: str, subscript: str | None) -> str:
    if version != "v1":
        return f"unsupported pod version: {version}"
    if subscript is not None:
        if name not in ("metadata.annotations", "metadata.labels"):
            return f"field label does not support subscript: {field}"
    elif field not in _READABLE_FIELDS and field != "spec.host":
        return f"field label not supported: {field}"
    return ""


def validate_resource_ref(path: str, ref: Object, in_volume: bool, errors: Errors) -> None:
    resource = ref.get("resource", "")
    if in_volume and not ref.get("containerName"):
        errors.required(f"{path}.containerName")
    elif not resource:
        errors.required(f"{path}.resource")
    elif resource not in _RESOURCES and not resource.startswith(_PAGES):
        errors.not_supported(f"{path}.resource", resource, _RESOURCES)
    divisor = ref.get("divisor", "0")
    if divisor == "0" or quantity.parse(divisor).is_zero():
        return
    kind = resource.partition(".")[2]
    if kind == "cpu" and resource in _RESOURCES:
        if divisor not in ("1m", "1"):
            problem = "only divisor's values 1m and 1 are supported with the cpu resource"
            errors.invalid(f"{path}.divisor", resource, problem)
    elif (resource in _RESOURCES or resource.startswith(_PAGES)) and divisor not in _SIZES:
        what = {"memory": "memory", "ephemeral-storage": "local ephemeral storage"}.get(kind, "hugepages")
        problem = f"only divisor's values {', '.join(_SIZES)} are supported with the {what} resource"
        errors.invalid(f"{path}.divisor", resource, problem)


def _validate_key(path: str, selector: Object, errors: Errors) -> None:
    """A key of a ConfigMap or a Secret."""
    name = selector.get("name", "")
    errors.invalid_each(f"{path}.name", name, names.dns1123_subdomain(name))
    if key := selector.get("key"):
        errors.invalid_each(f"{path}.key", key, names.config_map_key(key))
    else:
        errors.required(f"{path}.key")


def _validate_file_key(path: str, selector: Object, errors: Errors) -> None:
    if key := selector.get("key"):
        errors.invalid_each(f"{path}.key", key, names.relaxed_env_var_name(key))
    else:
        errors.required(f"{path}.key")
    if volume := selector.get("volumeName"):
        errors.invalid_each(f"{path}.volumeName", volume, names.dns1123_label(volume))
    else:
        errors.required(f"{path}.volumeName")
    if file := selector.get("path"):
        no_backsteps(f"{path}.path", file, errors)
    else:
        errors.required(f"{path}.path")


def validate_env_from(path: str, sources: list[Object], errors: Errors) -> None:
    for index, source in enumerate(sources):
        if prefix := source.get("prefix"):
            errors.invalid_each(f"{path}[{index}].prefix", prefix, names.relaxed_env_var_name(prefix))
        given = [field for field in ("configMapRef", "secretRef") if field in source]
        for field in given:
            name = source[field].get("name", "")
            if name:
                at = f"{path}[{index}].{field}.name"
                errors.invalid_each(at, name, names.for_generate(names.dns1123_subdomain, name))
            else:
                errors.required(f"{path}[{index}].{field}.name")
        if not given:
            errors.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            errors.invalid(path, "", "may not have more than one field specified at a time")
