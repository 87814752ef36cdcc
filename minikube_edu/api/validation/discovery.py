"""Validation of discovery.k8s.io: EndpointSlices, the list of a Service's backends in pieces."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import ip, names
from minikube_edu.api.field_errors import Errors, FieldError, Kind, key
from minikube_edu.api.validation import Validator, field_rules

Object = dict[str, Any]

ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
PROTOCOLS = ("SCTP", "TCP", "UDP")
MAX_ADDRESSES, MAX_PORTS, MAX_ENDPOINTS, MAX_HINTS, MAX_TOPOLOGY = 100, 20000, 1000, 8, 16

MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLERS = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")
ZONE = "topology.kubernetes.io/zone"


def _create(obj: Object, errors: Errors) -> None:
    _head(obj, errors)
    _endpoints(obj, errors)


def _update(new: Object, old: Object, errors: Errors) -> None:
    """Endpoints that are stored already may stay as wrong as they are."""
    _head(new, errors)
    if new.get("endpoints") != old.get("endpoints"):
        _endpoints(new, errors)
    field_rules.immutable(errors, "addressType", new.get("addressType", ""), old.get("addressType", ""))


def _head(obj: Object, errors: Errors) -> None:
    field_rules.required_one_of(errors, "addressType", obj.get("addressType", ""), ADDRESS_TYPES)
    ports = obj.get("ports") or []
    if len(ports) > MAX_PORTS:
        errors.too_many("ports", len(ports), MAX_PORTS)
        return
    seen: set[str] = set()
    for index, port in enumerate(ports):
        path, name = f"ports[{index}]", port.get("name", "")
        if name:
            field_rules.named(errors, f"{path}.name", name, names.dns1123_label)
        if name in seen:
            errors.duplicate(f"{path}.name", name)
        seen.add(name)
        if port.get("protocol") is None:
            errors.required(f"{path}.protocol")
        else:
            field_rules.one_of(errors, f"{path}.protocol", port["protocol"], PROTOCOLS)
        if port.get("appProtocol") is not None:
            field_rules.named(errors, f"{path}.appProtocol", port["appProtocol"], names.qualified_name)


def _endpoints(obj: Object, errors: Errors) -> None:
    endpoints = obj.get("endpoints") or []
    if len(endpoints) > MAX_ENDPOINTS:
        errors.too_many("endpoints", len(endpoints), MAX_ENDPOINTS)
        return
    for index, endpoint in enumerate(endpoints):
        path = f"endpoints[{index}]"
        _addresses(errors, f"{path}.addresses", endpoint.get("addresses") or [], obj.get("addressType", ""))
        if endpoint.get("nodeName") is not None:
            field_rules.named(errors, f"{path}.nodeName", endpoint["nodeName"], names.dns1123_subdomain)
        _topology(errors, f"{path}.deprecatedTopology", endpoint.get("deprecatedTopology", {}))
        if endpoint.get("hostname") is not None:
            field_rules.named(errors, f"{path}.hostname", endpoint["hostname"], names.dns1123_label)
        if endpoint.get("hints") is not None:
            _hints(errors, f"{path}.hints", endpoint["hints"])


def _addresses(errors: Errors, path: str, addresses: list[str], kind: str) -> None:
    if not addresses:
        errors.required(path, "must contain at least 1 address")
    elif len(addresses) > MAX_ADDRESSES:
        errors.too_many(path, len(addresses), MAX_ADDRESSES)
    for index, address in enumerate(addresses):
        place = f"{path}[{index}]"
        if kind == "FQDN":
            for problem in names.fully_qualified_domain_name(address):
                if problem.kind == "Required":
                    errors.required(place)
                else:
                    errors.append(FieldError(Kind.INVALID, place, problem.value, problem.detail))
        elif kind in ADDRESS_TYPES:
            problems = ip.problems_ip(address) if kind == "IPv4" else ip.problems_canonical_ip(address)
            errors.invalid_each(place, address, problems)
            if not problems:
                if ip.is_ipv6(address) != (kind == "IPv6"):
                    errors.invalid(path, address, f"must be an {kind} address")
                field_rules.endpoint_ip(errors, place, address)


def _topology(errors: Errors, path: str, topology: Object) -> None:
    if len(topology) > MAX_TOPOLOGY:
        errors.too_many(path, len(topology), MAX_TOPOLOGY)
    field_rules.labels(errors, path, topology)
    if ZONE in topology:
        errors.internal(key(path, ZONE), "reserved key was not removed in conversion")


def _hints(errors: Errors, path: str, hints: Object) -> None:
    for field, rule in (("forZones", names.label_value), ("forNodes", names.dns1123_subdomain)):
        entries = hints.get(field, [])
        if len(entries) > MAX_HINTS:
            errors.too_many(f"{path}.{field}", len(entries), MAX_HINTS)
            return
        seen: set[str] = set()
        for index, entry in enumerate(entries):
            place, name = f"{path}.{field}[{index}].name", entry.get("name", "")
            if name in seen:
                errors.duplicate(place, name)
            seen.add(name)
            field_rules.named(errors, place, name, rule)


def _warnings(obj: Object, old: Object | None) -> list[str]:
    found = []
    if old is None and obj.get("addressType") == "FQDN":
        found.append("spec.addressType: FQDN endpoints are deprecated")
    if obj["metadata"].get("labels", {}).get(MANAGED_BY) in CONTROLLERS:
        return found
    for index, endpoint in enumerate(obj.get("endpoints") or ()):
        for number, address in enumerate(endpoint.get("addresses") or ()):
            found += ip.warnings_ip(f"endpoints[{index}].addresses[{number}]", address)
    return found


VALIDATORS: dict[str, Validator] = {
    "EndpointSlice": Validator(create=_create, update=_update, warnings=_warnings),
}
