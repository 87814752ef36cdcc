"""What makes a Service wrong.

A Service is judged when its addresses and ports have been allocated: the real server does it in that order, so that an
address that cannot be had hides all other mistakes, and so that rules may ask for what allocation fills in. The
registry's strategy therefore calls `create`, `update` and `warnings` itself; the table has but the rule of names.

The rules about addresses and families are in `service_addresses`.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import ip, names
from minikube_edu.api.defaults.services import externally_accessible
from minikube_edu.api.field_errors import Errors, FieldError, Kind, key
from minikube_edu.api.internal_form import internal
from minikube_edu.api.validation import field_rules, service_addresses

Object = dict[str, Any]

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
PROTOCOLS = ("SCTP", "TCP", "UDP")
TRAFFIC_POLICIES = ("Cluster", "Local")
DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
MAX_AFFINITY_SECONDS = 86400

TOPOLOGY_HINTS = "service.kubernetes.io/topology-aware-hints"
TOPOLOGY_MODE = "service.kubernetes.io/topology-mode"
SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'"


def needs_health_check(spec: Object) -> bool:
    """A load balancer that keeps traffic on the node asks each node whether it has an endpoint."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def create(obj: Object, errors: Errors) -> None:
    _service(obj, None, errors)


def update(new: Object, old: Object, errors: Errors) -> None:
    service_addresses.cluster_ips_update(new["spec"], old["spec"], errors)
    service_addresses.families_update(new["spec"], old["spec"], errors)
    _load_balancer_class(new["spec"], old["spec"], errors)
    if needs_health_check(old["spec"]) and needs_health_check(new["spec"]):
        number = "healthCheckNodePort"
        if new["spec"].get(number, 0) != old["spec"].get(number, 0):
            errors.forbidden(f"spec.{number}", "field is immutable")
    _service(new, old, errors)


def _service(obj: Object, old: Object | None, errors: Errors) -> None:
    """The rules, in the real order."""
    spec = obj["spec"]
    stored: Object = old["spec"] if old else {}
    _topology(obj, errors)
    _by_type(spec, errors)
    _ports(spec, errors)
    field_rules.labels(errors, "spec.selector", spec.get("selector"))
    _affinity(spec, errors)
    service_addresses.cluster_ips_and_families(spec, errors, stored.get("clusterIPs", ()))
    for index, address in enumerate(spec.get("externalIPs", ())):
        path = f"spec.externalIPs[{index}]"
        if field_rules.legacy_ip(errors, path, address, stored.get("externalIPs", ())):
            field_rules.endpoint_ip(errors, path, address)
    field_rules.required_one_of(errors, "spec.type", spec.get("type", ""), TYPES)
    _node_ports(spec, errors)
    _unique_ports(spec, errors)
    _source_ranges(obj, old, errors)
    is_balancer, allocates = spec.get("type") == "LoadBalancer", spec.get("allocateLoadBalancerNodePorts")
    if allocates is not None and not is_balancer:
        errors.forbidden("spec.allocateLoadBalancerNodePorts", ONLY_LOAD_BALANCER)
    if allocates is None and is_balancer:
        errors.required("allocateLoadBalancerNodePorts")
    _load_balancer_class(spec, None, errors)
    _external_traffic(spec, errors)
    _internal_traffic(spec, errors)


def _topology(obj: Object, errors: Errors) -> None:
    annotations = obj["metadata"].get("annotations", {})
    hints, mode = annotations.get(TOPOLOGY_HINTS), annotations.get(TOPOLOGY_MODE)
    if hints is not None and mode is not None and hints != mode:
        path = key("metadata.annotations", TOPOLOGY_MODE)
        errors.invalid(path, mode, f"must match annotations[{TOPOLOGY_HINTS}] when both are specified")


def _by_type(spec: Object, errors: Errors) -> None:
    kind, headless = spec.get("type"), service_addresses.is_headless(spec)
    if not spec.get("ports") and not headless and kind != "ExternalName":
        errors.required("spec.ports")
    if kind in ("LoadBalancer", "NodePort") and headless:
        errors.invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services")
    if kind == "ExternalName":
        for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if spec.get(field):
                errors.forbidden(f"spec.{field}", "may not be set for ExternalName services")
        # a dot at the end says that the name is complete
        name = spec.get("externalName", "").removesuffix(".")
        field_rules.required_name(errors, "spec.externalName", name, names.dns1123_subdomain)


def _ports(spec: Object, errors: Errors) -> None:
    ports = spec.get("ports", ())
    seen: set[str] = set()
    for index, port in enumerate(ports):
        path, name = f"spec.ports[{index}]", port.get("name", "")
        if name:
            field_rules.named(errors, f"{path}.name", name, names.dns1123_label)
            if name in seen:
                errors.duplicate(f"{path}.name", name)
            seen.add(name)
        elif len(ports) > 1:
            errors.required(f"{path}.name")
        field_rules.port(errors, f"{path}.port", port.get("port", 0))
        field_rules.required_one_of(errors, f"{path}.protocol", port.get("protocol", ""), PROTOCOLS)
        field_rules.port_or_name(errors, f"{path}.targetPort", port.get("targetPort", 0))
        if port.get("appProtocol") is not None:
            field_rules.named(errors, f"{path}.appProtocol", port["appProtocol"], names.qualified_name)


def _affinity(spec: Object, errors: Errors) -> None:
    affinity, config = spec.get("sessionAffinity", ""), spec.get("sessionAffinityConfig")
    field_rules.required_one_of(errors, "spec.sessionAffinity", affinity, ("ClientIP", "None"))
    path, why = "spec.sessionAffinityConfig", "when session affinity type is ClientIP"
    if affinity == "None" and config is not None:
        errors.forbidden(path, "must not be set when session affinity is None")
    if affinity != "ClientIP":
        return
    if config is None:
        errors.required(path, why)
    elif config.get("clientIP") is None:
        errors.required(f"{path}.clientIP", why)
    else:
        seconds = config["clientIP"].get("timeoutSeconds")
        if seconds is None:
            errors.required(f"{path}.clientIP.timeoutSeconds", why)
        elif not 0 < seconds <= MAX_AFFINITY_SECONDS:
            limit = f"must be greater than 0 and less than {MAX_AFFINITY_SECONDS}"
            errors.invalid(f"{path}.clientIP.timeoutSeconds", seconds, limit)


def _node_ports(spec: Object, errors: Errors) -> None:
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(spec.get("ports", ())):
        if port.get("nodePort") and spec.get("type") == "ClusterIP":
            errors.forbidden(f"spec.ports[{index}].nodePort", "may not be used when `type` is 'ClusterIP'")
    for index, port in enumerate(spec.get("ports", ())):
        number = port.get("nodePort", 0)
        if number:
            if (port.get("protocol", ""), number) in seen:
                errors.duplicate(f"spec.ports[{index}].nodePort", number)
            seen.add((port.get("protocol", ""), number))


def _unique_ports(spec: Object, errors: Errors) -> None:
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(spec.get("ports", ())):
        pair = (port.get("protocol", ""), port.get("port", 0))
        if pair in seen:
            shown = internal("core.v1.ServicePort", {"protocol": pair[0], "port": pair[1]})
            errors.duplicate(f"spec.ports[{index}]", shown)
        seen.add(pair)


def _source_ranges(obj: Object, old: Object | None, errors: Errors) -> None:
    """The field, or else the annotation of old; values may be padded with blanks."""
    spec, is_balancer = obj["spec"], obj["spec"].get("type") == "LoadBalancer"
    ranges = spec.get("loadBalancerSourceRanges")
    text = obj["metadata"].get("annotations", {}).get(SOURCE_RANGES)
    if ranges:
        path = "spec.LoadBalancerSourceRanges"  # spelt so in the real message
        if not is_balancer:
            errors.forbidden(path, ONLY_LOAD_BALANCER)
        stored = [one.strip() for one in old["spec"].get("loadBalancerSourceRanges", ())] if old else []
        for index, cidr in enumerate(ranges):
            field_rules.legacy_cidr(errors, f"{path}[{index}]", cidr.strip(), stored)
    elif text is not None:
        path = key("metadata.annotations", SOURCE_RANGES)
        if not is_balancer:
            errors.forbidden(path, ONLY_LOAD_BALANCER)
        before = old["metadata"].get("annotations", {}).get(SOURCE_RANGES) if old else None
        if before != text and text.strip():
            for cidr in text.strip().split(","):
                field_rules.legacy_cidr(errors, path, cidr.strip())


def _load_balancer_class(spec: Object, old: Object | None, errors: Errors) -> None:
    path, name = "spec.loadBalancerClass", spec.get("loadBalancerClass")
    is_balancer = spec.get("type") == "LoadBalancer"
    if old is not None and is_balancer and old.get("type") == "LoadBalancer" and name != old.get("loadBalancerClass"):
        errors.invalid(path, name, "may not change once set")
    if name is not None and is_balancer:
        field_rules.named(errors, path, name, names.qualified_name)
    elif name is not None:
        errors.forbidden(path, ONLY_LOAD_BALANCER)


def _external_traffic(spec: Object, errors: Errors) -> None:
    path, policy = "spec.externalTrafficPolicy", spec.get("externalTrafficPolicy", "")
    if externally_accessible(spec):
        field_rules.required_one_of(errors, path, policy, TRAFFIC_POLICIES)
    elif policy:
        errors.invalid(path, policy, "may only be set for externally-accessible services")
    path, number = "spec.healthCheckNodePort", spec.get("healthCheckNodePort", 0)
    if not needs_health_check(spec):
        if number:
            when = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            errors.invalid(path, number, when)
    elif number:
        field_rules.port(errors, path, number)
    else:
        errors.required(path)


def _internal_traffic(spec: Object, errors: Errors) -> None:
    policy, distribution = spec.get("internalTrafficPolicy"), spec.get("trafficDistribution")
    if policy is not None:
        field_rules.one_of(errors, "spec.internalTrafficPolicy", policy, TRAFFIC_POLICIES)
    elif spec.get("type") in ("NodePort", "LoadBalancer", "ClusterIP"):
        errors.required("spec.internalTrafficPolicy")
    if distribution is not None:
        field_rules.one_of(errors, "spec.trafficDistribution", distribution, DISTRIBUTIONS)


def status_update(new: Object, old: Object, errors: Errors) -> None:
    path = "status.loadBalancer.ingress"
    ingresses = new.get("status", {}).get("loadBalancer", {}).get("ingress", ())
    if new["spec"].get("type") != "LoadBalancer" and ingresses:
        errors.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")
        return
    stored = [one.get("ip") for one in old.get("status", {}).get("loadBalancer", {}).get("ingress", ())]
    for index, ingress in enumerate(ingresses):
        _ingress(errors, f"{path}[{index}]", ingress, stored)


def _ingress(errors: Errors, path: str, ingress: Object, stored: list[str]) -> None:
    address, mode = ingress.get("ip", ""), ingress.get("ipMode")
    if address:
        field_rules.legacy_ip(errors, f"{path}.ip", address, stored)
    if mode is None:
        if address:
            errors.required(f"{path}.ipMode", "must be specified when `ip` is set")
    elif not address:
        errors.forbidden(f"{path}.ipMode", "may not be specified when `ip` is not set")
    else:
        field_rules.one_of(errors, f"{path}.ipMode", mode, ("Proxy", "VIP"))
    balancer_hostname(errors, f"{path}.hostname", ingress.get("hostname", ""))


def balancer_hostname(errors: Errors, path: str, hostname: str) -> None:
    """The name of a load balancer, in the status of a Service or an Ingress."""
    if hostname:
        field_rules.named(errors, path, hostname, names.dns1123_subdomain)
        if ip.parse_ip(hostname) is not None:
            errors.append(FieldError(Kind.INVALID, path, hostname, "must be a DNS name, not an IP address"))


def warnings(obj: Object, _: Object | None) -> list[str]:
    spec = obj["spec"]
    found: list[str] = []
    if TOPOLOGY_HINTS in obj["metadata"].get("annotations", {}):
        found.append(f"annotation {TOPOLOGY_HINTS} is deprecated, please use {TOPOLOGY_MODE} instead")
    if spec.get("clusterIP") not in (None, "", "None"):
        found += _ip_warnings("spec.clusterIPs", spec.get("clusterIPs", ()))
    headless, external = spec.get("type") == "ClusterIP" and spec.get("clusterIP") == "None", spec.get("externalIPs")
    if headless:
        if spec.get("loadBalancerIP"):
            found.append("spec.loadBalancerIP is ignored for headless services")
        if external:
            found.append("spec.externalIPs is ignored for headless services")
        if spec.get("sessionAffinity") != "None":
            found.append("spec.SessionAffinity is ignored for headless services")
    found += _ip_warnings("spec.externalIPs", external or ())
    if external and not headless and spec.get("type") != "ExternalName":
        found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.get("loadBalancerIP"):
        found += ip.warnings_ip("spec.loadBalancerIP", spec["loadBalancerIP"])
    for index, cidr in enumerate(spec.get("loadBalancerSourceRanges", ())):
        found += ip.warnings_cidr(f"spec.loadBalancerSourceRanges[{index}]", cidr)
    if spec.get("type") == "ExternalName" and external:
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if spec.get("type") != "ExternalName" and spec.get("externalName"):
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found


def _ip_warnings(path: str, addresses: Any) -> list[str]:
    return [text for index, one in enumerate(addresses) for text in ip.warnings_ip(f"{path}[{index}]", one)]
