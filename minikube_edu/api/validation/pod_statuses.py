"""What a pod's status may say: mostly what kubelet and scheduler report. A finished container may not come to life."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikube_edu.api import internal_pods, ip, names, quantity
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.pod_resources import is_native
from minikube_edu.api.validation.field_rules import legacy_ip
from minikube_edu.api.validation.meta import subdomain

Object = dict[str, Any]

_SYSTEM_CONDITIONS = ("PodScheduled", "Ready", "Initialized")
_KINDS = (
    ("containerStatuses", "containers"),
    ("initContainerStatuses", "initContainers"),
    ("ephemeralContainerStatuses", "ephemeralContainers"),
)


def validate_status(new: Object, old: Object, errors: Errors) -> None:
    status, before, spec = new.get("status", {}), old.get("status", {}), new["spec"]
    for index, condition in enumerate(status.get("conditions", ())):
        at, name = f"status.conditions[{index}]", condition.get("type", "")
        if condition.get("observedGeneration", 0) < 0:
            value = condition["observedGeneration"]
            errors.invalid(f"{at}.observedGeneration", value, "must be a non-negative integer")
        if name not in _SYSTEM_CONDITIONS and (problems := names.qualified_name(name)):
            errors.invalid_each(f"{at}.Type", name, problems)
    _validate_nomination(status, before, old["spec"], errors)
    if status.get("observedGeneration", 0) < 0:
        value = status["observedGeneration"]
        errors.invalid("status.observedGeneration", value, "must be a non-negative integer")
    if status.get("qosClass", "") != before.get("qosClass", ""):
        errors.invalid("status.qosClass", status.get("qosClass", ""), "field is immutable")
    for field, containers in _KINDS:
        _validate_transitions(field, containers, status, before, old["spec"], errors)
    _validate_claims(status, spec, errors)
    _validate_addresses(status, before, errors)
    for field, _ in _KINDS:
        _validate_users(field, status, spec, errors)
    for field, containers in _KINDS:
        _validate_allocated(field, containers, status, spec, errors)


def _validate_nomination(status: Object, before: Object, spec: Object, errors: Errors) -> None:
    path, name = "status.nominatedNodeName", status.get("nominatedNodeName", "")
    if not name or name == before.get("nominatedNodeName", ""):
        return
    errors.invalid_each(path, name, subdomain(name))
    if spec.get("nodeName"):
        errors.forbidden(path, "may not be set on pods that are already bound to a node")


# ---------------------------------------------------------------- containers


def _validate_transitions(field: str, kind: str, status: Object, before: Object, spec: Object, errors: Errors) -> None:
    finished = [
        (index, old["name"], old["state"]["terminated"])
        for index, old in enumerate(before.get(field, ()))
        if "terminated" in old.get("state", {})
    ]
    if not finished:
        return
    if kind != "ephemeralContainers" and _all_may_restart(spec):
        return
    for index, name, terminated in finished:
        now = next((one for one in status.get(field, ()) if one.get("name") == name), None)
        if now is None or "terminated" in now.get("state", {}):
            continue
        if kind == "ephemeralContainers" or not may_restart(spec, kind, name, terminated.get("exitCode", 0)):
            errors.forbidden(f"status.{field}[{index}].state", "may not be transitioned to non-terminated state")


def _all_may_restart(spec: Object) -> bool:
    """A rule of any container may restart them all."""
    return any(
        rule.get("action") == "RestartAllContainers"
        for field in ("containers", "initContainers")
        for container in spec.get(field) or ()
        for rule in container.get("restartPolicyRules", ())
    )


def may_restart(spec: Object, kind: str, name: str, exit_code: int) -> bool:
    """Whether a container that has ended with this code is started again."""
    container = next((one for one in spec.get(kind) or () if one.get("name") == name), None)
    if container is None:
        return False
    for rule in container.get("restartPolicyRules", ()):
        codes = rule.get("exitCodes", {})
        if codes and (exit_code in codes.get("values", ())) == (codes.get("operator") == "In"):
            return True
    policy = container.get("restartPolicy") or spec.get("restartPolicy", "Always")
    return bool(policy == "Always" or (policy == "OnFailure" and exit_code))


def _validate_users(field: str, status: Object, spec: Object, errors: Errors) -> None:
    system = spec.get("os", {}).get("name", "linux")
    for index, container in enumerate(status.get(field, ())):
        user = container.get("user", {}).get("linux")
        if user is None:
            continue
        path = f"status.{field}[{index}].user.linux"
        if system == "windows":
            errors.forbidden(path, "cannot be set for a windows pod")
            continue
        for part in ("uid", "gid"):
            errors.invalid_each(f"{path}.{part}", user.get(part, 0), names.user_id(user.get(part, 0)))
        for number, group in enumerate(user.get("supplementalGroups", ())):
            errors.invalid_each(f"{path}.supplementalGroups[{number}]", group, names.group_id(group))


def _validate_allocated(field: str, kind: str, status: Object, spec: Object, errors: Errors) -> None:
    """Devices of containers and their health."""
    for index, container in enumerate(status.get(field, ())):
        path = f"status.{field}[{index}].allocatedResourcesStatus"
        given = container.get("allocatedResourcesStatus", [])
        if kind == "ephemeralContainers":
            if given:
                errors.forbidden(path, "must not be specified in container status")
            continue
        for number, resource in enumerate(given):
            own = next((one for one in spec.get(kind) or () if one.get("name") == container.get("name")), None)
            if own is not None:
                _validate_resource_name(f"{path}[{number}].name", resource.get("name", ""), own, errors)
            _validate_health(f"{path}[{number}].resources", resource.get("resources", []), errors)


def _validate_resource_name(path: str, name: str, container: Object, errors: Errors) -> None:
    resources = container.get("resources", {})
    if not name.startswith("claim:"):
        if name not in resources.get("requests", {}):
            errors.invalid(path, name, "must match one of the container's resource requests")
        return
    claims = {"claim:" + "/".join(filter(None, (c.get("name"), c.get("request")))) for c in resources.get("claims", ())}
    if name not in claims:
        problem = "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or "
        errors.invalid(path, name, problem + "'claim:<claimName>' if request is empty")


def _validate_health(path: str, resources: list[Object], errors: Errors) -> None:
    seen: set[str] = set()
    for index, resource in enumerate(resources):
        at, name, health = f"{path}[{index}]", resource.get("resourceID", ""), resource.get("health", "")
        if health not in ("Healthy", "Unhealthy", "Unknown"):
            errors.not_supported(f"{at}.health", health, ["Healthy", "Unhealthy", "Unknown"])
        if resource.get("message") == "":
            errors.required(f"{at}.message", "must be non-empty if specified")
        if name in seen:
            errors.duplicate(f"{at}.resourceID", name)
        seen.add(name)


# ---------------------------------------------------------------- claims


def _validate_claims(status: Object, spec: Object, errors: Errors) -> None:
    path = "status.resourceClaimStatuses"
    known = {claim.get("name") for claim in spec.get("resourceClaims", ())}
    seen: set[str] = set()
    for index, claim in enumerate(status.get("resourceClaimStatuses", ())):
        at, name = f"{path}[{index}]", claim.get("name", "")
        if name not in known:
            errors.invalid(f"{at}.name", name, "must match the name of an entry in `spec.resourceClaims`")
        if name in seen:
            errors.duplicate(f"{at}.name", name)
        seen.add(name)
        if "resourceClaimName" in claim:
            own = claim["resourceClaimName"]
            errors.invalid_each(f"{at}.resourceClaimName", own, names.dns1123_subdomain(own))
    if "extendedResourceClaimStatus" in status:
        _validate_extended(status["extendedResourceClaimStatus"], spec, errors)
    for index, claim in enumerate(status.get("nodeAllocatableResourceClaimStatuses", ())):
        _validate_allocatable(f"status.nodeAllocatableResourceClaimStatuses[{index}]", claim, status, spec, errors)


def _validate_extended(claim: Object, spec: Object, errors: Errors) -> None:
    path = "status.extendedResourceClaimStatus"
    mappings = claim.get("requestMappings") or []
    if not mappings:
        errors.required(f"{path}.requestMappings", "at least one request mapping is required")
    containers = {c.get("name"): c for c in _containers(spec)}
    seen: set[tuple[str, str, str]] = set()
    fields = ("containerName", "resourceName", "requestName")
    for index, mapping in enumerate(mappings):
        at = f"{path}.requestMappings[{index}]"
        name, resource, request = key = tuple(mapping.get(field, "") for field in fields)
        if name not in containers:
            problem = "must match the name of an entry in spec.initContainers.name or spec.containers.name"
            errors.invalid(f"{at}.containerName", name, problem)
        elif resource not in containers[name].get("resources", {}).get("requests", {}):
            problem = "must match the extended resource name of an entry in spec.initContainers.resources.requests or "
            errors.invalid(f"{at}.resourceName", resource, problem + "spec.containers.resources.requests")
        errors.invalid_each(f"{path}.requestName", request, names.dns1123_label(request))
        if key in seen:
            for field, value in zip(fields, key, strict=True):
                errors.duplicate(f"{at}.{field}", value)
        seen.add(key)
    if own := claim.get("resourceClaimName"):
        errors.invalid_each(f"{path}.resourceClaimName", own, names.dns1123_subdomain(own))
    else:
        errors.required(f"{path}.resourceClaimName")


def _containers(spec: Object) -> Iterator[Object]:
    for field in ("initContainers", "containers"):
        yield from spec.get(field) or ()


def _validate_allocatable(path: str, claim: Object, status: Object, spec: Object, errors: Errors) -> None:
    name = claim.get("resourceClaimName", "")
    if not name:
        errors.required(f"{path}.resourceClaimName", "must not be empty")
    references = [*spec.get("resourceClaims", ()), *status.get("resourceClaimStatuses", ())]
    if not any(one.get("resourceClaimName") == name for one in references):
        errors.invalid(f"{path}.resourceClaimName", name, "no mapping found in pod reference")
    for field in ("containers", "resources"):
        if not claim.get(field):
            errors.required(f"{path}.{field}", "must not be empty")
    for resource, text in sorted(claim.get("resources", {}).items()):
        if not is_native(resource):
            errors.invalid(f"{path}.resources[{resource}]", resource, "must be a node allocatable resource name")
        if quantity.parse(text).sign() < 0:
            errors.invalid(f"{path}.resources[{resource}]", text, "must be non-negative")


# ---------------------------------------------------------------- addresses


def _validate_addresses(status: Object, before: Object, errors: Errors) -> None:
    hosts = status.get("hostIPs", [])
    _validate_family("podIPs", status, before, errors)
    if hosts and hosts[0].get("ip", "") != status.get("hostIP", ""):
        errors.invalid("status.hostIPs[0].ip", hosts[0].get("ip", ""), "must be equal to `hostIP`")
    _validate_family("hostIPs", status, before, errors)


def _validate_family(field: str, status: Object, before: Object, errors: Errors) -> None:
    """Addresses, at most one of each family."""
    path, entries = f"status.{field}", status.get(field, [])
    stored = [entry.get("ip", "") for entry in before.get(field, ())]
    addresses = [entry.get("ip", "") for entry in entries]
    for index, address in enumerate(addresses):
        legacy_ip(errors, f"{path}[{index}]", address, stored)
    if len(addresses) < 2:
        return
    bad = next((address for address in addresses if ip.parse_ip(address) is None), None)
    if bad is not None:
        errors.internal(path, f"failed to check for dual stack with error:invalid IP: {bad}")
    families = {ip.is_ipv6(address) for address in addresses}
    if bad is not None or len(families) < 2 or len(addresses) > 2:
        kind = "core.v1.PodIP" if field == "podIPs" else "core.v1.HostIP"
        shown = [internal_pods.internal(kind, entry) for entry in entries]
        errors.invalid(path, shown, "may specify no more than one IP for each IP family")
