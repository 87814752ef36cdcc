"""Containers of a pod: plain ones, those that run before them, and those that are added for a look (ephemeral).

`Surroundings` is what a container's rules need to know of its pod. The common case, one plain container without mounts,
passes through a dozen look-ups; everything else is in functions of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any, NamedTuple

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation.container_resources import validate_requirements
from minikube_edu.api.validation.pod_environment import validate_env, validate_env_from
from minikube_edu.api.validation.pod_mounts import validate_devices, validate_mounts
from minikube_edu.api.validation.pod_options import Options
from minikube_edu.api.validation.pod_probes import has_probes, validate_lifecycle, validate_probes
from minikube_edu.api.validation.pod_security import validate_security_context

Object = dict[str, Any]

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_NOT_FOR_INIT = "may not be set for init containers without restartPolicy=Always"
# In the order of Go's struct, which is the order of the errors.
_EPHEMERAL_ORDER = (
    "ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe", "readinessProbe",
    "startupProbe", "lifecycle",
)  # fmt: skip


class Surroundings(NamedTuple):
    volumes: dict[str, Object]  # the sound ones, by name
    claims: Collection[str]  # names of spec.resourceClaims
    grace: int | None  # terminationGracePeriodSeconds
    system: str | None  # spec.os.name; None without spec.os
    restart_policy: str
    host_users: bool
    options: Options


_container_name = lru_cache(maxsize=4096)(names.dns1123_label)


def validate_containers(path: str, containers: list[Object], pod: Surroundings, errors: Errors) -> None:
    if not containers:
        errors.required(path)
        return
    seen: set[str] = set()
    ports: set[str] = set()
    conflicts = Errors()
    for index, container in enumerate(containers):
        at = f"{path}[{index}]"
        validate_common(at, container, pod, errors)
        name = container.get("name", "")
        if name in seen:
            errors.duplicate(f"{at}.name", name)
        seen.add(name)
        if "lifecycle" in container:
            validate_lifecycle(f"{at}.lifecycle", container["lifecycle"], pod.grace, pod.system, errors)
        if has_probes(container):
            validate_probes(at, container, pod.grace, errors)
        if "restartPolicy" in container or "restartPolicyRules" in container:
            _validate_restart(at, container, errors)
        if "ports" in container:
            _host_ports(f"{at}.ports", container["ports"], ports, conflicts)
    errors.extend(conflicts)


def validate_init_containers(
    path: str, containers: list[Object], others: list[Object], pod: Surroundings, errors: Errors
) -> None:
    seen = {container.get("name", "") for container in others}
    for index, container in enumerate(containers):
        at = f"{path}[{index}]"
        validate_common(at, container, pod, errors)
        if "restartPolicy" in container or "restartPolicyRules" in container:
            _validate_restart(at, container, errors)
        name = container.get("name", "")
        if name in seen:
            errors.duplicate(f"{at}.name", name)
        elif name:
            seen.add(name)
        _host_ports(f"{path}[0].ports", container.get("ports", []), set(), errors)
        if container.get("restartPolicy") == "Always":
            if "lifecycle" in container:
                validate_lifecycle(f"{at}.lifecycle", container["lifecycle"], pod.grace, pod.system, errors)
            validate_probes(at, container, pod.grace, errors)
            continue
        for field in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
            if field in container:
                errors.forbidden(f"{at}.{field}", _NOT_FOR_INIT)
        if not pod.options.any_init_resize:
            for number, policy in enumerate(container.get("resizePolicy", ())):
                if policy.get("restartPolicy") == "RestartContainer":
                    problem = "must not be set to 'RestartContainer' for non-sidecar initContainers"
                    where = f"{at}.resizePolicy[{number}].restartPolicy"
                    errors.invalid(where, policy["restartPolicy"], problem)


def validate_ephemeral_containers(path: str, spec: Object, pod: Surroundings, errors: Errors) -> None:
    others = {
        container.get("name", "") for field in ("containers", "initContainers") for container in spec.get(field) or ()
    }
    seen = set(others)
    for index, container in enumerate(spec["ephemeralContainers"]):
        at, name = f"{path}[{index}]", container.get("name", "")
        validate_common(at, container, pod, errors)
        validate_image_blanks(at, container, errors)
        if name in seen:
            errors.duplicate(f"{at}.name", name)
        seen.add(name)
        target = container.get("targetContainerName", "")
        if target and target not in others:
            errors.not_found(f"{at}.targetContainerName", target)
        for field in _EPHEMERAL_ORDER:
            if container.get(field):
                errors.forbidden(f"{at}.{field}", "cannot be set for an Ephemeral Container")
        for number, mount in enumerate(container.get("volumeMounts", ())):
            for field in ("subPath", "subPathExpr"):
                if mount.get(field):
                    where = f"{at}.volumeMounts[{number}].{field}"
                    errors.forbidden(where, "cannot be set for an Ephemeral Container")


def validate_common(path: str, container: Object, pod: Surroundings, errors: Errors) -> None:
    """What holds for containers of every sort."""
    if name := container.get("name"):
        if problems := _container_name(name):
            errors.invalid_each(f"{path}.name", name, problems)
    else:
        errors.required(f"{path}.name")
    if not container.get("image"):
        errors.required(f"{path}.image")
    policy = container.get("terminationMessagePolicy")
    if policy not in ("File", "FallbackToLogsOnError"):
        if policy:
            errors.not_supported(f"{path}.terminationMessagePolicy", policy, ["File", "FallbackToLogsOnError"])
        else:
            errors.required(f"{path}.terminationMessagePolicy")
    if "ports" in container:
        _validate_ports(f"{path}.ports", container["ports"], errors)
    if "env" in container:
        validate_env(f"{path}.env", container["env"], errors)
    if "envFrom" in container:
        validate_env_from(f"{path}.envFrom", container["envFrom"], errors)
    if "volumeMounts" in container:
        validate_mounts(f"{path}.volumeMounts", container, pod.volumes, errors)
    if "volumeDevices" in container:
        validate_devices(f"{path}.volumeDevices", container, pod.volumes, errors)
    validate_pull_policy(f"{path}.imagePullPolicy", container.get("imagePullPolicy", ""), errors)
    if resources := container.get("resources"):
        validate_requirements(f"{path}.resources", resources, pod.claims, pod.options, errors)
    if "resizePolicy" in container:
        _validate_resize_policy(f"{path}.resizePolicy", container["resizePolicy"], pod.restart_policy, errors)
    if context := container.get("securityContext"):
        validate_security_context(f"{path}.securityContext", context, pod.host_users, errors)


def validate_pull_policy(path: str, policy: str, errors: Errors) -> None:
    if policy not in PULL_POLICIES:
        if policy:
            errors.not_supported(path, policy, PULL_POLICIES)
        else:
            errors.required(path)


def validate_image_blanks(path: str, container: Object, errors: Errors) -> None:
    """Templates may hold blanks around an image's name, for those who fill them in; pods may not."""
    image = container.get("image", "")
    if image != image.strip():
        errors.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")


# ---------------------------------------------------------------- ports


def _validate_ports(path: str, ports: list[Object], errors: Errors) -> None:
    seen: set[str] = set()
    for index, port in enumerate(ports):
        at = f"{path}[{index}]"
        if name := port.get("name"):
            if problems := names.port_name(name):
                errors.invalid_each(f"{at}.name", name, problems)
            elif name in seen:
                errors.duplicate(f"{at}.name", name)
            else:
                seen.add(name)
        number = port.get("containerPort", 0)
        if not number:
            errors.required(f"{at}.containerPort")
        else:
            errors.invalid_each(f"{at}.containerPort", number, names.port_number(number))
        if host_port := port.get("hostPort"):
            errors.invalid_each(f"{at}.hostPort", host_port, names.port_number(host_port))
        protocol = port.get("protocol")
        if not protocol:
            errors.required(f"{at}.protocol")
        elif protocol not in ("TCP", "UDP", "SCTP"):
            errors.not_supported(f"{at}.protocol", protocol, ["SCTP", "TCP", "UDP"])


def _host_ports(path: str, ports: list[Object], seen: set[str], errors: Errors) -> None:
    """No port of the host is taken twice."""
    for index, port in enumerate(ports):
        if number := port.get("hostPort"):
            key = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{number}"
            if key in seen:
                errors.duplicate(f"{path}[{index}].hostPort", key)
            seen.add(key)


# ---------------------------------------------------------------- restarts


def _validate_restart(path: str, container: Object, errors: Errors) -> None:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules", [])
    if policy is None:
        if rules:
            errors.required(f"{path}.restartPolicy", "must specify restartPolicy when restart rules are used")
    elif policy not in ("Always", "Never", "OnFailure"):
        errors.not_supported(f"{path}.restartPolicy", policy, ["Always", "Never", "OnFailure"])
    if len(rules) > 20:
        errors.too_many(f"{path}.restartPolicyRules", len(rules), 20)
    for index, rule in enumerate(rules):
        _validate_restart_rule(f"{path}.restartPolicyRules[{index}]", rule, errors)


def _validate_restart_rule(path: str, rule: Object, errors: Errors) -> None:
    action = rule.get("action", "")
    if action not in ("Restart", "RestartAllContainers"):
        errors.not_supported(f"{path}.action", action, ["Restart", "RestartAllContainers"])
    codes = rule.get("exitCodes")
    if codes is None:
        errors.required(f"{path}.exitCodes", "must be specified")
        return
    if codes.get("operator") not in ("In", "NotIn"):
        errors.not_supported(f"{path}.exitCodes.operator", codes.get("operator", ""), ["In", "NotIn"])
    if len(codes.get("values", ())) > 255:
        errors.too_many(f"{path}.exitCodes.values", len(codes["values"]), 255)


def _validate_resize_policy(path: str, policies: list[Object], restart_policy: str, errors: Errors) -> None:
    seen: set[str] = set()
    for index, entry in enumerate(policies):
        resource, policy = entry.get("resourceName", ""), entry.get("restartPolicy", "")
        if resource in seen:
            errors.duplicate(f"{path}[{index}]", resource)
        seen.add(resource)
        for value, supported in ((resource, ["cpu", "memory"]), (policy, ["NotRequired", "RestartContainer"])):
            if not value:
                errors.required(path)
            elif value not in supported:
                errors.not_supported(path, value, supported)
        if restart_policy == "Never" and policy != "NotRequired":
            errors.invalid(path, policy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")
