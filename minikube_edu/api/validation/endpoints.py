"""Endpoints: the older of the two lists of a Service's backends."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import ip, names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Validator, field_rules
from minikube_edu.api.validation.services import PROTOCOLS

Object = dict[str, Any]

MANAGED_BY = "endpoints.kubernetes.io/managed-by"
CONTROLLER = "endpoint-controller"


def create(obj: Object, errors: Errors) -> None:
    for index, subset in enumerate(obj.get("subsets", ())):
        _subset(errors, f"subsets[{index}]", subset)


def _subset(errors: Errors, path: str, subset: Object) -> None:
    if not subset.get("addresses") and not subset.get("notReadyAddresses"):
        errors.required(path, "must specify `addresses` or `notReadyAddresses`")
    for field in ("addresses", "notReadyAddresses"):
        for index, address in enumerate(subset.get(field, ())):
            _address(errors, f"{path}.{field}[{index}]", address)
    ports = subset.get("ports", ())
    for index, port in enumerate(ports):
        _port(errors, f"{path}.ports[{index}]", port, len(ports) > 1)


def _address(errors: Errors, path: str, address: Object) -> None:
    text = address.get("ip", "")
    field_rules.legacy_ip(errors, f"{path}.ip", text)
    if address.get("hostname"):
        field_rules.named(errors, f"{path}.hostname", address["hostname"], names.dns1123_label)
    if address.get("nodeName") is not None:
        field_rules.named(errors, f"{path}.nodeName", address["nodeName"], names.dns1123_subdomain)
    field_rules.endpoint_ip(errors, f"{path}.ip", text)


def _port(errors: Errors, path: str, port: Object, needs_name: bool) -> None:
    name = port.get("name", "")
    if name:
        field_rules.named(errors, f"{path}.name", name, names.dns1123_label)
    elif needs_name:
        errors.required(f"{path}.name")
    field_rules.port(errors, f"{path}.port", port.get("port", 0))
    field_rules.required_one_of(errors, f"{path}.protocol", port.get("protocol", ""), PROTOCOLS)
    if port.get("appProtocol") is not None:
        field_rules.named(errors, f"{path}.appProtocol", port["appProtocol"], names.qualified_name)


def update(new: Object, old: Object, errors: Errors) -> None:
    """What is stored already may stay as wrong as it is."""
    if new.get("subsets") != old.get("subsets"):
        create(new, errors)


def warnings(obj: Object, _: Object | None) -> list[str]:
    if obj["metadata"].get("labels", {}).get(MANAGED_BY) == CONTROLLER:
        return []
    found: list[str] = []
    for index, subset in enumerate(obj.get("subsets", ())):
        for field in ("addresses", "notReadyAddresses"):
            for number, address in enumerate(subset.get(field, ())):
                found += ip.warnings_ip(f"subsets[{index}].{field}[{number}].ip", address.get("ip", ""))
    return found


VALIDATOR = Validator(create=create, update=update, warnings=warnings)
