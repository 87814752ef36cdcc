"""Which address families a Service has: what it asks for, what it had, and what the cluster has.

Done before anything is taken, and on dry runs too: the answer shows it. `settle` fills in `ipFamilyPolicy` and
`ipFamilies` or raises Invalid. The first family of the cluster's ranges is the default.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikube_edu.api.errors import Invalid
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import service_addresses
from minikube_edu.api.validation.service_addresses import family_of

Object = dict[str, Any]

POLICY = "spec.ipFamilyPolicy"


def other(family: str) -> str:
    return "IPv6" if family == "IPv4" else "IPv4"


def selectorless_headless(spec: Object) -> bool:
    """Its endpoints are somebody else's, and may be of any family."""
    return spec.get("clusterIP") == "None" and not spec.get("selector")


def stays_preferred(spec: Object, old: Object | None) -> bool:
    """A PreferDualStack service whose addresses and families are left alone is neither upgraded nor downgraded, even if
    the cluster has changed meanwhile."""
    return (
        old is not None
        and spec.get("type") == old.get("type") != "ExternalName"
        and spec.get("ipFamilyPolicy") == "PreferDualStack"
        and old.get("ipFamilyPolicy") in (None, "PreferDualStack")
        and spec.get("clusterIPs", []) == old.get("clusterIPs", [])
        and spec.get("ipFamilies", []) == old.get("ipFamilies", [])
    )


def settle(service: Object, old: Object | None, configured: Sequence[str]) -> None:
    spec = service["spec"]
    before = old["spec"] if old else None
    if spec.get("type") == "ExternalName" or stays_preferred(spec, before):
        return
    _policy(spec, before)
    errors = Errors()
    service_addresses.cluster_ips_and_families(spec, errors, (before or {}).get("clusterIPs", ()))
    _refuse(service, errors)
    if before is not None:
        _reduce(spec, before, errors)
    _single_stack(spec, errors)
    _infer(spec, configured, errors)
    _refuse(service, errors)
    families = spec.setdefault("ipFamilies", [])
    if selectorless_headless(spec):
        if not families:
            families.append(configured[0])
        if len(families) == 1 and spec["ipFamilyPolicy"] != "SingleStack":
            families.append(other(families[0]))
        return
    if spec["ipFamilyPolicy"] == "RequireDualStack" and len(configured) < 2:
        errors.invalid(POLICY, "RequireDualStack", "this cluster is not configured for dual-stack services")
    for index, family in enumerate(families):
        if family not in configured:
            errors.invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")
    _refuse(service, errors)
    if not families:
        families.append(configured[0])
    if spec["ipFamilyPolicy"] != "SingleStack" and len(families) == 1 and len(configured) == 2:
        families.append(other(families[0]))


def _refuse(service: Object, errors: Errors) -> None:
    if errors:
        raise Invalid("", "Service", service["metadata"].get("name", ""), errors)


def _policy(spec: Object, before: Object | None) -> None:
    """A service never changes between one stack and two unless somebody says so."""
    if spec.get("ipFamilyPolicy") is not None:
        return
    if before is not None and before.get("ipFamilyPolicy") is not None:
        spec["ipFamilyPolicy"] = before["ipFamilyPolicy"]
    else:
        spec["ipFamilyPolicy"] = "RequireDualStack" if selectorless_headless(spec) else "SingleStack"


def _reduce(spec: Object, before: Object, errors: Errors) -> None:
    """To one stack: the policy alone is enough to say it. The other way round, the policy must say it."""
    for field, what in (("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")):
        values, values_before = spec.get(field, []), before.get(field, [])
        if spec["ipFamilyPolicy"] == "SingleStack":
            if values == values_before and len(values) > 1:
                spec[field] = values[:1]
        elif values and len(values) < len(values_before):
            errors.invalid(POLICY, spec["ipFamilyPolicy"], f"must be 'SingleStack' to release the secondary {what}")


def _single_stack(spec: Object, errors: Errors) -> None:
    for field, what in (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")):
        if spec["ipFamilyPolicy"] == "SingleStack" and len(spec.get(field, ())) == 2:
            detail = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
            errors.invalid(POLICY, "SingleStack", detail)


def _infer(spec: Object, configured: Sequence[str], errors: Errors) -> None:
    """Addresses that the user names tell their families."""
    addresses = spec.get("clusterIPs", [])
    if addresses == ["None"]:
        return
    families = spec.setdefault("ipFamilies", [])
    for index, address in enumerate(addresses):
        if index < len(families):
            continue
        family = family_of(address)
        if family in configured:
            families.append(family)
        else:
            errors.invalid(f"spec.clusterIPs[{index}]", addresses, f"{family} is not configured on this cluster")
