"""Validation of networking.k8s.io: the table, and the two kinds that services' addresses are kept in."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import ip, names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.internal_form import internal
from minikube_edu.api.validation import Validator, field_rules, ingresses, network_policies

Object = dict[str, Any]


def _address(obj: Object, errors: Errors) -> None:
    parent = obj["spec"].get("parentRef")
    if parent is None:
        errors.required("spec.parentRef")
        return
    path = "spec.parentRef"
    if parent.get("group"):
        field_rules.named(errors, f"{path}.group", parent["group"], names.dns1123_subdomain)
    for field in ("resource", "name"):
        field_rules.required_name(errors, f"{path}.{field}", parent.get(field, ""), names.path_segment)
    if parent.get("namespace"):
        field_rules.named(errors, f"{path}.namespace", parent["namespace"], names.path_segment)


def _address_update(new: Object, old: Object, errors: Errors) -> None:
    _address(new, errors)
    parent = new["spec"].get("parentRef")
    if parent != old["spec"].get("parentRef"):
        shown = internal("networking.v1.ParentReference", parent)
        errors.invalid("spec.parentRef", shown, field_rules.IMMUTABLE)


def _cidrs(obj: Object, errors: Errors) -> None:
    path, cidrs = "spec.cidrs", obj["spec"].get("cidrs", [])
    if not cidrs:
        errors.required(path, "at least one CIDR required")
        return
    if len(cidrs) > 2:
        errors.invalid(path, internal("networking.v1.ServiceCIDRSpec", obj["spec"]), "may only hold up to 2 values")
        return
    for index, cidr in enumerate(cidrs):
        errors.invalid_each(f"{path}[{index}]", cidr, ip.problems_canonical_cidr(cidr))
    parsed = [ip.parse_cidr(cidr) for cidr in cidrs]
    if len(parsed) == 2 and parsed[0] and parsed[1] and parsed[0][1].version == parsed[1][1].version:
        detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        errors.invalid(path, cidrs, detail)


def _cidrs_update(new: Object, old: Object, errors: Errors) -> None:
    """A second family may be added; nothing else changes."""
    cidrs, before = new["spec"].get("cidrs", []), old["spec"].get("cidrs", [])
    if len(cidrs) == len(before) or (len(before) == 1 and len(cidrs) == 2):
        for index, cidr in enumerate(before):
            field_rules.immutable(errors, f"spec.cidrs[{index}]", cidrs[index], cidr)
        if len(cidrs) > len(before):
            _cidrs(new, errors)
    else:
        errors.invalid("spec.cidrs", cidrs or None, field_rules.IMMUTABLE)


def _nothing(_: Object, __: Object, ___: Errors) -> None:
    """The status of a ServiceCIDR is its controller's."""


VALIDATORS: dict[str, Validator] = {
    "NetworkPolicy": network_policies.VALIDATOR,
    "Ingress": ingresses.VALIDATOR,
    "IngressClass": ingresses.CLASS_VALIDATOR,
    "IPAddress": Validator(name=ip.problems_canonical_ip, create=_address, update=_address_update),
    "ServiceCIDR": Validator(create=_cidrs, update=_cidrs_update, subresources=(("status", _nothing),)),
}
