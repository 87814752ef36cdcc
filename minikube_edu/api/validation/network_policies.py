"""NetworkPolicies: who may talk to whom, by labels, blocks of addresses and ports."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from minikube_edu.api import ip, names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Validator, field_rules

Object = dict[str, Any]

PROTOCOLS = ("TCP", "UDP", "SCTP")
TYPES = ("Ingress", "Egress")
DIRECTIONS = (("ingress", "from"), ("egress", "to"))


def _spec(spec: Object, errors: Errors, stored: Collection[str] = (), any_value: bool = False) -> None:
    """`stored`: CIDRs that the policy had before, whatever they are; `any_value`: the same of its selector's values."""
    field_rules.label_selector(errors, "spec.podSelector", spec.get("podSelector", {}), any_value)
    for field, peers in DIRECTIONS:
        for index, rule in enumerate(spec.get(field, ())):
            path = f"spec.{field}[{index}]"
            for number, port in enumerate(rule.get("ports", ())):
                _port(errors, f"{path}.ports[{number}]", port)
            for number, peer in enumerate(rule.get(peers, ())):
                _peer(errors, f"{path}.{peers}[{number}]", peer, stored, any_value)
    types = spec.get("policyTypes", [])
    if len(types) > len(TYPES):
        errors.invalid("spec.policyTypes", types, "may not specify more than two policyTypes")
        return
    for index, name in enumerate(types):
        field_rules.one_of(errors, f"spec.policyTypes[{index}]", name, TYPES)


def _port(errors: Errors, path: str, port: Object) -> None:
    number, end = port.get("port"), port.get("endPort")
    if port.get("protocol") is not None:
        field_rules.one_of(errors, f"{path}.protocol", port["protocol"], PROTOCOLS)
    if number is None:
        if end is not None:
            errors.invalid(f"{path}.endPort", end, "may not be specified when `port` is not specified")
    elif isinstance(number, int):
        field_rules.port(errors, f"{path}.port", number)
        if end is not None:
            if end < number:
                errors.invalid(f"{path}.endPort", number, "must be greater than or equal to `port`")
            field_rules.port(errors, f"{path}.endPort", end)
    else:
        if end is not None:
            errors.invalid(f"{path}.endPort", end, "may not be specified when `port` is non-numeric")
        field_rules.named(errors, f"{path}.port", number, names.port_name)


def _peer(errors: Errors, path: str, peer: Object, stored: Collection[str], any_value: bool) -> None:
    block, selectors = peer.get("ipBlock"), [name for name in ("podSelector", "namespaceSelector") if name in peer]
    for name in selectors:
        field_rules.label_selector(errors, f"{path}.{name}", peer[name], any_value)
    if block is not None:
        _block(errors, f"{path}.ipBlock", block, stored)
        if selectors:
            errors.forbidden(path, "may not specify both ipBlock and another peer")
    elif not selectors:
        errors.required(path, "must specify a peer")


def _block(errors: Errors, path: str, block: Object, stored: Collection[str]) -> None:
    if not block.get("cidr"):
        errors.required(f"{path}.cidr")
        return
    field_rules.legacy_cidr(errors, f"{path}.cidr", block["cidr"], stored)
    parsed = ip.parse_cidr(block["cidr"])
    if parsed is None:
        return
    network = parsed[1]
    for index, text in enumerate(block.get("except", ())):
        place = f"{path}.except[{index}]"
        field_rules.legacy_cidr(errors, place, text, stored)
        hole = ip.parse_cidr(text)
        if hole is None:
            continue
        inside = hole[1].version == network.version and hole[1].network_address in network
        if not inside or network.prefixlen >= hole[1].prefixlen:
            errors.invalid(place, text, "must be a strict subset of `cidr`")


def _blocks(spec: Object) -> Iterator[tuple[str, Object]]:
    for field, peers in DIRECTIONS:
        for index, rule in enumerate(spec.get(field, ())):
            for number, peer in enumerate(rule.get(peers, ())):
                if peer.get("ipBlock") is not None:
                    yield f"spec.{field}[{index}].{peers}[{number}].ipBlock", peer["ipBlock"]


def create(obj: Object, errors: Errors) -> None:
    _spec(obj["spec"], errors)


def update(new: Object, old: Object, errors: Errors) -> None:
    stored = {cidr for _, block in _blocks(old["spec"]) for cidr in (block.get("cidr"), *block.get("except", ()))}
    _spec(new["spec"], errors, stored, not field_rules.selector_is_valid(old["spec"].get("podSelector")))


def warnings(obj: Object, _: Object | None) -> list[str]:
    found: list[str] = []
    for path, block in _blocks(obj["spec"]):
        found += ip.warnings_cidr(f"{path}.cidr", block.get("cidr", ""))
        for index, text in enumerate(block.get("except", ())):
            found += ip.warnings_cidr(f"{path}.except[{index}]", text)
    return found


VALIDATOR = Validator(create=create, update=update, warnings=warnings)
