"""Names of resources (`cpu`, `requests.storage`, `example.com/gpu`): where each may appear, and in what amounts."""

from __future__ import annotations

from minikube_edu.api import names, quantity
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import field_rules

COMPUTE = ("cpu", "memory", "ephemeral-storage")
OBJECT_COUNTS = frozenset([
    "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims",
    "services.nodeports", "services.loadbalancers",
])  # fmt: skip
QUOTA = OBJECT_COUNTS.union(COMPUTE, ["requests.storage"], *([f"requests.{x}", f"limits.{x}"] for x in COMPUTE))
STANDARD = QUOTA | {"storage"}

REQUESTS = "requests."
HUGE_PAGES = "hugepages-"


def is_huge_page(name: str) -> bool:
    return name.startswith(HUGE_PAGES)


def is_native(name: str) -> bool:
    """Kubernetes' own: without a prefix, or with one of kubernetes.io."""
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """A device plugin's: `example.com/gpu`, which must still be a name with `requests.` before it."""
    return not is_native(name) and not name.startswith(REQUESTS) and not names.qualified_name(REQUESTS + name)


def is_standard(name: str) -> bool:
    return name in STANDARD or is_huge_page(name) or name.startswith(REQUESTS + HUGE_PAGES)


def is_quota(name: str) -> bool:
    """Known to the quota system."""
    return name in QUOTA or is_huge_page(name) or name.startswith(REQUESTS + HUGE_PAGES)


def counts_whole(name: str) -> bool:
    return name in OBJECT_COUNTS or is_extended(name)


def may_overcommit(name: str) -> bool:
    return is_native(name) and not is_huge_page(name)


def resource_name(errors: Errors, path: str, name: str) -> bool:
    """Any resource. False when the name is refused."""
    problems = names.qualified_name(name)
    if not problems and "/" not in name and not is_standard(name):
        problems = ["must be a standard resource type or fully qualified"]
    errors.invalid_each(path, name, problems)
    return not problems


def container_resource_name(errors: Errors, path: str, name: str) -> None:
    """What a container may ask for."""
    resource_name(errors, path, name)
    if "/" not in name:
        if name not in COMPUTE and not is_huge_page(name):
            errors.invalid(path, name, "must be a standard resource for containers")
    elif not is_native(name) and not is_extended(name):
        errors.invalid(path, name, "doesn't follow extended resource name standard")


def quota_resource_name(errors: Errors, path: str, name: str) -> None:
    resource_name(errors, path, name)
    if "/" not in name and not is_quota(name):
        errors.invalid(path, name, "must be a standard resource for quota")


def amount(errors: Errors, path: str, name: str, text: str) -> None:
    """Not negative; whole where things are counted."""
    field_rules.nonnegative_quantity(errors, path, text)
    if counts_whole(name) and quantity.parse(text).milli_value() % 1000:
        errors.invalid(path, text, "must be an integer")
