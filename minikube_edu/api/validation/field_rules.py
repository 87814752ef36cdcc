"""Rules that the fields of many kinds share: names, enums, quantities, labels, selectors, addresses, immutability.

A rule takes the errors, the path of the field and its value, and appends what is wrong, in the real one's words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from minikube_edu.api import ip, names, quantity
from minikube_edu.api.field_errors import Errors
from minikube_edu.lib.node_addresses import is_node_address

Object = dict[str, Any]

IMMUTABLE = "field is immutable"
NEGATIVE = "must be greater than or equal to 0"
NOT_POSITIVE = "must be greater than zero"

_NEEDS_VALUES = "must be specified when `operator` is 'In' or 'NotIn'"
_NO_VALUES = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"


def named(errors: Errors, path: str, value: str, rule: Callable[[str], list[str]]) -> None:
    """`value` must be a name under one of the rules of `names`."""
    errors.invalid_each(path, value, rule(value))


def required_name(errors: Errors, path: str, value: str, rule: Callable[[str], list[str]]) -> None:
    """The same for a value that must not be empty."""
    if value:
        named(errors, path, value, rule)
    else:
        errors.required(path)


def one_of(errors: Errors, path: str, value: str, supported: Sequence[str]) -> None:
    """An enum; the order of `supported` is the message's."""
    if value not in supported:
        errors.not_supported(path, value, supported)


def required_one_of(errors: Errors, path: str, value: str, supported: Sequence[str]) -> None:
    if value:
        one_of(errors, path, value, supported)
    else:
        errors.required(path)


def immutable(errors: Errors, path: str, new: Any, old: Any) -> None:
    if new != old:
        errors.invalid(path, new, IMMUTABLE)


def nonnegative(errors: Errors, path: str, value: int) -> None:
    if value < 0:
        errors.invalid(path, value, NEGATIVE)


def nonnegative_quantity(errors: Errors, path: str, text: str) -> None:
    if quantity.parse(text).sign() < 0:
        errors.invalid(path, text, NEGATIVE)


def positive_quantity(errors: Errors, path: str, text: str) -> None:
    if quantity.parse(text).sign() <= 0:
        errors.invalid(path, text, NOT_POSITIVE)


def port(errors: Errors, path: str, number: int) -> None:
    errors.invalid_each(path, number, names.port_number(number))


def port_or_name(errors: Errors, path: str, value: int | str) -> None:
    if isinstance(value, int):
        port(errors, path, value)
    else:
        named(errors, path, value, names.port_name)


def legacy_ip(errors: Errors, path: str, text: str, stored: Collection[str] = ()) -> bool:
    """An address in a field of old; a spelling that is stored already stays allowed. False when it is refused."""
    problems = [] if text in stored else ip.problems_ip(text)
    errors.invalid_each(path, text, problems)
    return not problems


def legacy_cidr(errors: Errors, path: str, text: str, stored: Collection[str] = ()) -> bool:
    problems = [] if text in stored else ip.problems_cidr(text)
    errors.invalid_each(path, text, problems)
    return not problems


def endpoint_ip(errors: Errors, path: str, text: str) -> None:
    """Addresses that make no sense as an endpoint (nor, by history, as an external IP)."""
    address = ip.parse_ip(text)
    if address is None:
        errors.invalid(path, text, "must be a valid IP address")
        return
    if address.is_unspecified:
        errors.invalid(path, text, f"may not be unspecified ({text})")
    if address.is_loopback and not is_node_address(text):  # nodes of this project have such addresses
        errors.invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if address.is_link_local:
        errors.invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    multicast = address.packed[:3] == b"\xe0\x00\x00" if address.version == 4 else address.packed[:2] == b"\xff\x02"
    if multicast:
        errors.invalid(path, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")


def labels(errors: Errors, path: str, values: Mapping[str, str] | None) -> None:
    for key, value in sorted((values or {}).items()):
        named(errors, path, key, names.label_key)
        named(errors, path, value, names.label_value)


def label_selector(errors: Errors, path: str, selector: Object | None, any_value: bool = False) -> None:
    """metav1.LabelSelector. `any_value`: values that are no label values are let pass (they are stored already)."""
    if selector is None:
        return
    labels(errors, f"{path}.matchLabels", selector.get("matchLabels"))
    for index, requirement in enumerate(selector.get("matchExpressions", ())):
        _requirement(errors, f"{path}.matchExpressions[{index}]", requirement, any_value)


def _requirement(errors: Errors, path: str, requirement: Object, any_value: bool) -> None:
    operator, values = requirement.get("operator", ""), requirement.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            errors.required(f"{path}.values", _NEEDS_VALUES)
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            errors.forbidden(f"{path}.values", _NO_VALUES)
    else:
        errors.invalid(f"{path}.operator", operator, "not a valid selector operator")
    named(errors, f"{path}.key", requirement.get("key", ""), names.label_key)
    if not any_value:
        for index, value in enumerate(values):
            named(errors, f"{path}.values[{index}]", value, names.label_value)


def selector_is_valid(selector: Object | None) -> bool:
    """Asked of a stored selector: what was wrong before may stay wrong."""
    errors = Errors()
    label_selector(errors, "", selector)
    return not errors
