"""The specification of a pod, alone or in a template: what each field may be and which go together.

`validate_pod_spec(path, spec, errors, options)` is for both; `validate_template` adds a template's metadata. The order
of the rules is that of the real ones' messages.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import names, pod_resources, quantity
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import meta
from minikube_edu.api.validation.container_resources import validate_requirements
from minikube_edu.api.validation.field_rules import legacy_ip
from minikube_edu.api.validation.pod_containers import (
    Surroundings,
    validate_containers,
    validate_ephemeral_containers,
    validate_init_containers,
)
from minikube_edu.api.validation.pod_options import STRICT, Options
from minikube_edu.api.validation.pod_scheduling import (
    validate_affinity,
    validate_gates,
    validate_spread,
    validate_tolerations,
)
from minikube_edu.api.validation.pod_security import (
    all_containers,
    validate_host_process,
    validate_pod_security,
    validate_profile_annotations,
    validate_system,
)
from minikube_edu.api.validation.pod_volumes import validate_volumes

Object = dict[str, Any]

RESTART_POLICIES = ["Always", "OnFailure", "Never"]
DNS_POLICIES = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]
NOWHERE = "[]"  # how the path of an error about the whole object is printed
MIRROR = "kubernetes.io/config.mirror"
TOLERATIONS = "scheduler.alpha.kubernetes.io/tolerations"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_NOT_IN_USER_NAMESPACE = "when `hostUsers` is false"


def validate_pod_spec(
    path: str, spec: Object, errors: Errors, options: Options = STRICT, pod: Object | None = None
) -> None:
    """`pod` is the metadata of a real pod."""
    metadata = pod or {}
    sound: dict[str, Object] = {}
    if "terminationGracePeriodSeconds" not in spec:
        errors.required(f"{path}.terminationGracePeriodSeconds")
    if "volumes" in spec:
        sound = validate_volumes(f"{path}.volumes", spec["volumes"], metadata.get("name", ""), options, errors)
    claims: set[str] = set()
    if "resourceClaims" in spec:
        claims = {claim["name"] for claim in spec["resourceClaims"] if claim.get("name")}
        _validate_claims(f"{path}.resourceClaims", spec["resourceClaims"], metadata, errors)
    around = Surroundings(
        sound,
        claims,
        spec.get("terminationGracePeriodSeconds"),
        spec["os"].get("name", "") if "os" in spec else None,
        spec.get("restartPolicy", ""),
        spec.get("hostUsers") is not False,
        options,
    )
    containers = spec.get("containers") or []
    validate_containers(f"{path}.containers", containers, around, errors)
    if "initContainers" in spec:
        validate_init_containers(f"{path}.initContainers", spec["initContainers"], containers, around, errors)
    if "ephemeralContainers" in spec:
        validate_ephemeral_containers(f"{path}.ephemeralContainers", spec, around, errors)
    if "resources" in spec:
        _validate_pod_resources(path, spec, claims, options, errors)
    _validate_policies(path, spec, options, errors)
    _validate_placement(path, spec, options, errors)
    _validate_names(path, spec, options, errors)
    if "os" in spec:
        validate_system(path, spec, errors)
    if "schedulingGroup" in spec:
        _validate_group(f"{path}.schedulingGroup.podGroupName", spec["schedulingGroup"], errors)
    _validate_file_variables(path, spec, errors)


def validate_template(path: str, template: Object, errors: Errors, options: Options = STRICT) -> None:
    """A PodTemplateSpec. (The paths of its metadata lack the word: so do the real ones.)"""
    metadata, spec = template["metadata"], template["spec"]
    meta.check_labels(f"{path}.labels", metadata.get("labels", {}), errors)
    notes = metadata.get("annotations", {})
    meta.check_annotations(f"{path}.annotations", notes, errors)
    validate_pod_annotations(f"{path}.annotations", notes, spec, options, errors)
    validate_pod_spec(f"{path}.spec", spec, errors, options)
    if spec.get("ephemeralContainers"):
        errors.forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")


def validate_pod_annotations(path: str, notes: dict[str, str], spec: Object, options: Options, errors: Errors) -> None:
    """Annotations that mean something to pods."""
    if not notes:
        return
    if MIRROR in notes and not spec.get("nodeName"):
        errors.invalid(f"{path}[{MIRROR}]", notes[MIRROR], "must set spec.nodeName if mirror pod annotation is set")
    if notes.get(TOLERATIONS):
        _validate_old_tolerations(path, notes[TOLERATIONS], options, errors)
    cost = notes.get(DELETION_COST)
    if cost is not None and not options.any_deletion_cost and not _is_cost(cost):
        errors.invalid(f"{path}[{DELETION_COST}]", cost, "must be a 32bit integer")
    validate_profile_annotations(path, spec, notes, errors)


def _is_cost(text: str) -> bool:
    """A canonical number: no plus sign, no leading zeros."""
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or (digits[0] == "0" and text != "0"):
        return False
    return -0x80000000 <= int(text) <= 0x7FFFFFFF


def _validate_old_tolerations(path: str, text: str, options: Options, errors: Errors) -> None:
    import json

    try:
        tolerations = json.loads(text)
        if not isinstance(tolerations, list):
            raise ValueError("not a list")
    except ValueError as error:
        errors.invalid(path, TOLERATIONS, str(error))
        return
    validate_tolerations(f"{path}.{TOLERATIONS}", tolerations, errors, options.number_tolerations)


# ---------------------------------------------------------------- groups of fields, in the real one's order


def _validate_policies(path: str, spec: Object, options: Options, errors: Errors) -> None:
    if spec.get("hostNetwork"):
        _validate_host_ports(path, spec, options, errors)
    policy = spec.get("restartPolicy", "")
    if policy not in RESTART_POLICIES:
        _enum(f"{path}.restartPolicy", policy, RESTART_POLICIES, errors)
    dns = spec.get("dnsPolicy", "")
    if dns not in DNS_POLICIES:
        _enum(f"{path}.dnsPolicy", dns, DNS_POLICIES, errors)
    if "nodeSelector" in spec:
        meta.check_labels(f"{path}.nodeSelector", spec["nodeSelector"], errors)
    validate_pod_security(path, spec, options, errors)


def _enum(path: str, value: str, supported: list[str], errors: Errors) -> None:
    if value:
        errors.not_supported(path, value, supported)
    else:
        errors.required(path)


def _validate_host_ports(path: str, spec: Object, options: Options, errors: Errors) -> None:
    for index, container in enumerate(spec.get("containers") or ()):
        for number, port in enumerate(container.get("ports", ())):
            host = port.get("hostPort", 0)
            if (options.is_pod or host) and host != port.get("containerPort", 0):
                problem = "must match `containerPort` when `hostNetwork` is true"
                errors.invalid(f"{path}.containers[{index}].ports[{number}].hostPort", host, problem)


def _validate_placement(path: str, spec: Object, options: Options, errors: Errors) -> None:
    if "affinity" in spec:
        validate_affinity(f"{path}.affinity", spec["affinity"], options, errors)
    if "dnsConfig" in spec or spec.get("dnsPolicy") == "None":
        _validate_dns(f"{path}.dnsConfig", spec.get("dnsConfig"), spec.get("dnsPolicy", ""), errors)
    for index, gate in enumerate(spec.get("readinessGates", ())):
        name = gate.get("conditionType", "")
        errors.invalid_each(f"{path}.readinessGates[{index}].conditionType", name, names.qualified_name(name))
    if "schedulingGates" in spec:
        validate_gates(f"{path}.schedulingGates", spec["schedulingGates"], errors)
    if "topologySpreadConstraints" in spec:
        at = f"{path}.topologySpreadConstraints"
        validate_spread(at, spec["topologySpreadConstraints"], options, errors)
    validate_host_process(path, spec, errors)
    if spec.get("hostUsers") is False:
        _validate_user_namespace(path, spec, options, errors)
    if "hostnameOverride" in spec:
        _validate_hostname_override(f"{path}.hostnameOverride", spec, errors)


def _validate_names(path: str, spec: Object, options: Options, errors: Errors) -> None:
    for field, rule in (("serviceAccountName", meta.subdomain), ("nodeName", meta.subdomain)):
        if (name := spec.get(field)) and (problems := rule(name)):
            errors.invalid_each(f"{path}.{field}", name, problems)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 0x7FFFFFFF:
        errors.invalid(f"{path}.activeDeadlineSeconds", deadline, names.between(1, 0x7FFFFFFF))
    for field in ("hostname", "subdomain"):
        if name := spec.get(field):
            errors.invalid_each(f"{path}.{field}", name, names.dns1123_label(name))
    if "tolerations" in spec:
        validate_tolerations(f"{path}.tolerations", spec["tolerations"], errors, options.number_tolerations)
    for index, alias in enumerate(spec.get("hostAliases", ())):
        at = f"{path}.hostAliases[{index}]"
        legacy_ip(errors, f"{at}.ip", alias.get("ip", ""))
        for number, name in enumerate(alias.get("hostnames", ())):
            errors.invalid_each(f"{at}.hostnames[{number}]", name, names.dns1123_subdomain(name))
    if name := spec.get("priorityClassName"):
        errors.invalid_each(f"{path}.priorityClassName", name, meta.subdomain(name))
    if "runtimeClassName" in spec:
        name = spec["runtimeClassName"]
        errors.invalid_each(f"{path}.runtimeClassName", name, meta.subdomain(name))
    if "preemptionPolicy" in spec and spec["preemptionPolicy"] not in ("PreemptLowerPriority", "Never"):
        _enum(f"{path}.preemptionPolicy", spec["preemptionPolicy"], ["PreemptLowerPriority", "Never"], errors)
    if "overhead" in spec:
        validate_requirements(f"{path}.overhead", {"limits": spec["overhead"]}, (), options, errors)


def _validate_dns(path: str, config: Object | None, policy: str, errors: Errors) -> None:
    if policy == "None":
        if config is None:
            errors.required(path, "must provide `dnsConfig` when `dnsPolicy` is None")
            return
        if not config.get("nameservers"):
            problem = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            errors.required(f"{path}.nameservers", problem)
            return
    config = config or {}
    servers, searches = config.get("nameservers", []), config.get("searches", [])
    if len(servers) > 3:
        errors.invalid(f"{path}.nameservers", servers, "must not have more than 3 nameservers")
    for index, server in enumerate(servers):
        legacy_ip(errors, f"{path}.nameservers[{index}]", server)
    if len(searches) > 32:
        errors.invalid(f"{path}.searches", searches, "must not have more than 32 search paths")
    if len(" ".join(searches)) > 2048:
        problem = "must not have more than 2048 characters (including spaces) in the search list"
        errors.invalid(f"{path}.searches", searches, problem)
    for index, search in enumerate(searches):
        if search != ".":
            search = search.removesuffix(".")
            problems = names.dns1123_subdomain_with_underscore(search)
            errors.invalid_each(f"{path}.searches[{index}]", search, problems)
    for index, option in enumerate(config.get("options", ())):
        if not option.get("name"):
            errors.required(f"{path}.options[{index}]", "must not be empty")


def _validate_user_namespace(path: str, spec: Object, options: Options, errors: Errors) -> None:
    if spec.get("hostNetwork") and not options.host_network_in_user_namespace:
        errors.forbidden(f"{path}.hostNetwork", _NOT_IN_USER_NAMESPACE)
    for field, shown in (("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if spec.get(field):
            errors.forbidden(f"{path}.{shown}", _NOT_IN_USER_NAMESPACE)
    if not options.block_in_user_namespace:
        for at, container in all_containers(spec, path):
            if container.get("volumeDevices"):
                errors.forbidden(f"{at}.volumeDevices", _NOT_IN_USER_NAMESPACE)


def _validate_hostname_override(path: str, spec: Object, errors: Errors) -> None:
    name: str = spec["hostnameOverride"]
    if spec.get("setHostnameAsFQDN"):
        errors.forbidden(path, "may not be specified when setHostnameAsFQDN is true")
    if spec.get("hostNetwork"):
        errors.forbidden(path, "may not be specified when hostNetwork is true")
    if len(name.encode()) > 64:
        errors.too_long(path, 64)
    errors.invalid_each(path, name, names.dns1123_subdomain(name))


def _validate_claims(path: str, claims: list[Object], metadata: Object, errors: Errors) -> None:
    from minikube_edu.api.internal_pods import internal

    seen: set[str] = set()
    for index, claim in enumerate(claims):
        if MIRROR in metadata.get("annotations", {}):
            errors.forbidden(NOWHERE, "static pods do not support resource claims")
            continue
        at, name = f"{path}[{index}]", claim.get("name", "")
        if not name:
            errors.required(f"{at}.name")
        elif name in seen:
            errors.duplicate(f"{at}.name", name)
        else:
            errors.invalid_each(f"{at}.name", name, names.dns1123_label(name))
            seen.add(name)
        given = [field for field in ("resourceClaimName", "resourceClaimTemplateName") if field in claim]
        if len(given) == 2:
            problem = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            errors.invalid(at, internal("core.v1.PodResourceClaim", claim), problem)
        if not given:
            problem = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            errors.invalid(at, internal("core.v1.PodResourceClaim", claim), problem)
        for field in given:
            errors.invalid_each(f"{at}.{field}", claim[field], names.dns1123_subdomain(claim[field]))


def _validate_pod_resources(path: str, spec: Object, claims: set[str], options: Options, errors: Errors) -> None:
    """Resources of the pod as a whole; its containers must fit in."""
    at, resources = f"{path}.resources", spec["resources"]
    if spec.get("os", {}).get("name") == "windows":
        errors.forbidden(at, "may not be set for a windows pod")
        return
    if "claims" in resources:
        errors.forbidden(f"{at}.claims", "claims may not be set for Resources at pod-level")
    validate_requirements(at, resources, claims, options, errors, of_pod=True)
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    for name, amount in sorted(pod_resources.of_containers(spec, "requests").items()):
        if name in requests and quantity.parse(requests[name]) < amount:
            problem = f"must be greater than or equal to aggregate container requests of {amount}"
            errors.invalid(f"{at}.requests[{name}]", requests[name], problem)
    for name, amount in sorted(pod_resources.of_containers(spec, "limits").items()):
        if name.startswith(pod_resources.HUGE_PAGES) and name in limits and quantity.parse(limits[name]) < amount:
            problem = f"must be greater than or equal to aggregate container limits of {amount}"
            errors.invalid(f"{at}.limits[{name}]", limits[name], problem)
    for index, container in enumerate(spec.get("containers") or ()):
        for name, text in sorted(container.get("resources", {}).get("limits", {}).items()):
            if name in limits and quantity.parse(limits[name]) < quantity.parse(text):
                problem = f"must be less than or equal to pod limits of {limits[name]}"
                errors.invalid(f"{at}.containers[{index}][{name}].limits", text, problem)


def _validate_group(path: str, group: Object, errors: Errors) -> None:
    name = group.get("podGroupName")
    if name is None:
        errors.invalid(path, None, "must specify one of: `podGroupName`")
    else:
        errors.invalid_each(path, name, names.dns1123_subdomain(name))


def _validate_file_variables(path: str, spec: Object, errors: Errors) -> None:
    """Variables read from files: the file must lie in an emptyDir."""
    for at, container in all_containers(spec, path):
        for index, variable in enumerate(container.get("env", ())):
            reference = variable.get("valueFrom", {}).get("fileKeyRef")
            if reference is None:
                continue
            name, where = reference.get("volumeName", ""), f"{at}.env[{index}].valueFrom.fileKeyRef.volumeName"
            volume = next((one for one in spec.get("volumes", ()) if one.get("name") == name), None)
            if volume is None:
                errors.not_found(where, name)
            elif "emptyDir" not in volume:
                errors.invalid(where, name, "referenced volume must be of type emptyDir")
