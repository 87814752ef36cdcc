"""The addresses and address families of a Service: which go together, and which may change.

Used twice: by the allocators, before they take an address (`cluster_ips_and_families` keeps them from corner cases),
and by the validation of the finished object.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from minikube_edu.api import ip
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import field_rules

Object = dict[str, Any]

FAMILIES = ("IPv4", "IPv6")
POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
ONCE_SET = "may not change once set"


def is_headless(spec: Object) -> bool:
    return spec.get("clusterIPs") == ["None"]


def family_of(address: str) -> str:
    return "IPv6" if ip.is_ipv6(address) else "IPv4"


def cluster_ips_and_families(spec: Object, errors: Errors, stored: Collection[str] = ()) -> None:
    """Each field by itself, and whether they agree. `stored`: the addresses that the Service has had already."""
    if spec.get("type") == "ExternalName":
        return  # has none of these fields, which is another rule
    addresses, families = spec.get("clusterIPs", []), spec.get("ipFamilies", [])
    _in_step(spec, addresses, errors)
    seen: set[str] = set()
    for index, family in enumerate(families):
        field_rules.one_of(errors, f"spec.ipFamilies[{index}]", family, FAMILIES)
        if family in seen:
            errors.duplicate(f"spec.ipFamilies[{index}]", family)
        seen.add(family)
    if spec.get("ipFamilyPolicy") is not None:
        field_rules.one_of(errors, "spec.ipFamilyPolicy", spec["ipFamilyPolicy"], POLICIES)
    if not _addresses(addresses, errors, stored):
        return  # the rest would only confuse
    if len(addresses) > 1 and {family_of(one) for one in addresses} != set(FAMILIES):
        errors.invalid("spec.clusterIPs", addresses, "may specify no more than one IP for each IP family")
    if is_headless(spec):
        return
    for index, (address, family) in enumerate(zip(addresses, families, strict=False)):
        if family in FAMILIES and family != family_of(address):
            expected = "an IPv4" if family == "IPv4" else "an IPv6"
            detail = f"expected {expected} value as indicated by `ipFamilies[{index}]`"
            errors.invalid(f"spec.clusterIPs[{index}]", address, detail)


def _in_step(spec: Object, addresses: list[str], errors: Errors) -> None:
    """`clusterIP` is the first of `clusterIPs`."""
    first = spec.get("clusterIP", "")
    if first:
        if not addresses:
            errors.required("spec.clusterIPs")
        elif addresses[0] != first:
            errors.invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`")
    elif addresses:
        errors.invalid("spec.clusterIPs", addresses, "must be empty when `clusterIP` is not specified")


def _addresses(addresses: list[str], errors: Errors, stored: Collection[str]) -> bool:
    """True when all are addresses, or the one word None."""
    good = True
    for index, address in enumerate(addresses):
        if index == 0 and address == "None":
            if len(addresses) > 1:
                good = False
                errors.invalid("spec.clusterIPs", addresses, "'None' must be the first and only value")
        elif not field_rules.legacy_ip(errors, f"spec.clusterIPs[{index}]", address, stored):
            good = False
    if len(addresses) > 2:
        errors.invalid("spec.clusterIPs", addresses, "may only hold up to 2 values")
    return good


def _comparable(new: Object, old: Object) -> bool:
    return "ExternalName" not in (new.get("type"), old.get("type"))


def cluster_ips_update(new: Object, old: Object, errors: Errors) -> None:
    """Addresses stay; only the second may come and go."""
    if not _comparable(new, old) or (is_headless(new) and is_headless(old)):
        return
    addresses, before = new.get("clusterIPs", []), old.get("clusterIPs", [])
    if len(addresses) == len(before):
        for index, address in enumerate(before):
            if address != addresses[index]:
                errors.invalid(f"spec.clusterIPs[{index}]", addresses, ONCE_SET)
        return
    if len(addresses) < len(before) and not addresses:
        errors.invalid("spec.clusterIPs[0]", None, "primary clusterIP can not be unset")
    if addresses and before and addresses[0] != before[0]:
        errors.invalid("spec.clusterIPs[0]", addresses, ONCE_SET)
    if len(addresses) < len(before) and len(addresses) == 1 and new.get("ipFamilyPolicy") != "SingleStack":
        detail = "must be set to 'SingleStack' when releasing the secondary clusterIP"
        errors.invalid("spec.ipFamilyPolicy", new.get("ipFamilyPolicy"), detail)


def families_update(new: Object, old: Object, errors: Errors) -> None:
    """The same for families; a headless Service may change them."""
    if not _comparable(new, old) or is_headless(new) or is_headless(old):
        return
    families, before = new.get("ipFamilies", []), old.get("ipFamilies", [])
    addresses = new.get("clusterIPs")
    if len(families) == len(before):
        for index, family in enumerate(before):
            if family != families[index]:
                errors.invalid("spec.ipFamilies[0]", families, ONCE_SET)
        return
    if len(families) < len(before) and not addresses:
        errors.invalid("spec.ipFamilies[0]", families or None, "primary ipFamily can not be unset")
    if families and before and families[0] != before[0]:
        errors.invalid("spec.ipFamilies[0]", addresses, ONCE_SET)
    if len(families) < len(before) and len(families) == 1 and new.get("ipFamilyPolicy") != "SingleStack":
        detail = "must be set to 'SingleStack' when releasing the secondary ipFamily"
        errors.invalid("spec.ipFamilyPolicy", new.get("ipFamilyPolicy"), detail)
