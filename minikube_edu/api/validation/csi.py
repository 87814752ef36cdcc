"""What CSI drivers tell about themselves: CSIDriver, CSINode, CSIStorageCapacity."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.internal_form import internal
from minikube_edu.api.validation import Validator, field_rules
from minikube_edu.api.validation.node_selectors import DEPRECATED_LABELS
from minikube_edu.api.validation.volume_sources import csi_driver_name

Object = dict[str, Any]

LIFECYCLE_MODES = ("Persistent", "Ephemeral")
GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
MIN_TOKEN_SECONDS, MAX_TOKEN_SECONDS = 600, 1 << 32
MIN_UPDATE_SECONDS = 10
MAX_NODE_ID = 256

# field -> what the real message calls it
_REQUIRED_MARKS = {
    "attachRequired": "attachedRequired",
    "podInfoOnMount": "podInfoOnMount",
    "storageCapacity": "storageCapacity",
}


def _driver(obj: Object, errors: Errors) -> None:
    spec = obj["spec"]
    for field, shown in _REQUIRED_MARKS.items():
        if spec.get(field) is None:
            errors.required(f"spec.{shown}")
    if spec.get("fsGroupPolicy") is not None:
        field_rules.one_of(errors, "spec.fsGroupPolicy", spec["fsGroupPolicy"], GROUP_POLICIES)
    _tokens(spec.get("tokenRequests", ()), errors)
    for mode in spec.get("volumeLifecycleModes", ()):
        field_rules.one_of(errors, "spec.volumeLifecycleModes", mode, LIFECYCLE_MODES)
    if spec.get("seLinuxMount") is None:
        errors.required("spec.seLinuxMount")
    period, in_secrets = spec.get("nodeAllocatableUpdatePeriodSeconds"), spec.get("serviceAccountTokenInSecrets")
    if period is not None and period < MIN_UPDATE_SECONDS:
        detail = f"must be greater than or equal to {MIN_UPDATE_SECONDS} seconds"
        errors.invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, detail)
    if in_secrets is not None and not spec.get("tokenRequests"):
        detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        errors.invalid("spec.serviceAccountTokenInSecrets", in_secrets, detail)


def _tokens(requests: Any, errors: Errors) -> None:
    """Each audience once."""
    seen: set[str] = set()
    for index, request in enumerate(requests):
        path, audience = f"spec.tokenRequests[{index}]", request.get("audience", "")
        if audience in seen:
            errors.duplicate(f"{path}.audience", audience)
            continue
        seen.add(audience)
        seconds = request.get("expirationSeconds")
        if seconds is not None and seconds < MIN_TOKEN_SECONDS:
            errors.invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
        if seconds is not None and seconds > MAX_TOKEN_SECONDS:
            detail = "may not specify a duration larger than 2^32 seconds"
            errors.invalid(f"{path}.expirationSeconds", seconds, detail)


def _driver_update(new: Object, old: Object, errors: Errors) -> None:
    _driver(new, errors)
    for field, shown in (("attachRequired", "attachedRequired"), ("volumeLifecycleModes", "volumeLifecycleModes")):
        field_rules.immutable(errors, f"spec.{shown}", new["spec"].get(field), old["spec"].get(field))


def _driver_warnings(obj: Object, old: Object | None) -> list[str]:
    spec = obj["spec"]
    tokens = spec.get("tokenRequests")
    changed = old is None or tokens != old["spec"].get("tokenRequests")
    if not tokens or not changed or spec.get("serviceAccountTokenInSecrets") is not None:
        return []
    return [
        "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible "
        "logging of tokens in volume attributes"
    ]


def _node(obj: Object, errors: Errors) -> None:
    seen: set[str] = set()
    for index, driver in enumerate(obj["spec"].get("drivers") or ()):
        path, name, node_id = f"spec.drivers[{index}]", driver.get("name", ""), driver.get("nodeID", "")
        csi_driver_name(errors, f"{path}.name", name)
        if not node_id:
            errors.required(f"{path}.nodeID")
        if len(node_id) > MAX_NODE_ID:
            errors.invalid(f"{path}.nodeID", node_id, f"must be {MAX_NODE_ID} characters or less")
        count = (driver.get("allocatable") or {}).get("count")
        if count is not None:
            field_rules.nonnegative(errors, f"{path}.allocatable.count", count)
        if name in seen:
            errors.duplicate(f"{path}.name", name)
        seen.add(name)
        _topology_keys(driver.get("topologyKeys") or (), path, errors)


def _topology_keys(found: Any, path: str, errors: Errors) -> None:
    seen: set[str] = set()
    for name in found:
        if not name:
            errors.required(path)
        if name in seen:
            errors.duplicate(path, name)
        seen.add(name)
        field_rules.named(errors, path, name, names.qualified_name)


def _node_update(new: Object, old: Object, errors: Errors) -> None:
    """A driver that is listed keeps its facts, but for how many volumes it takes."""
    _node(new, errors)
    for before in old["spec"].get("drivers") or ():
        for driver in new["spec"].get("drivers") or ():
            if driver.get("name") == before.get("name"):
                kept, kept_before = (
                    {field: value for field, value in one.items() if field != "allocatable"} for one in (driver, before)
                )
                if kept != kept_before:
                    shown = internal("storage.v1.CSINodeDriver", kept)
                    errors.invalid("spec.drivers", shown, field_rules.IMMUTABLE)


def _capacity(obj: Object, errors: Errors, any_value: bool = False) -> None:
    field_rules.label_selector(errors, "nodeTopology", obj.get("nodeTopology"), any_value)
    field_rules.named(errors, "storageClassName", obj.get("storageClassName", ""), names.dns1123_subdomain)
    if obj.get("capacity") is not None:
        field_rules.nonnegative_quantity(errors, "capacity", obj["capacity"])


def _capacity_update(new: Object, old: Object, errors: Errors) -> None:
    _capacity(new, errors, not field_rules.selector_is_valid(old.get("nodeTopology")))
    field_rules.immutable(errors, "nodeTopology", new.get("nodeTopology"), old.get("nodeTopology"))
    names_ = (one.get("storageClassName", "") for one in (new, old))
    field_rules.immutable(errors, "storageClassName", *names_)


def _capacity_warnings(obj: Object, _: Object | None) -> list[str]:
    topology = obj.get("nodeTopology") or {}
    found = [
        f"nodeTopology.matchExpressions[{index}].key: {name} is {DEPRECATED_LABELS[name]}"
        for index, requirement in enumerate(topology.get("matchExpressions", ()))
        if (name := requirement.get("key", "")) in DEPRECATED_LABELS
    ]
    labels = sorted(topology.get("matchLabels", {}))
    found += [
        f"nodeTopology.matchLabels.{name}: {DEPRECATED_LABELS[name]}" for name in labels if name in DEPRECATED_LABELS
    ]
    return found


DRIVER = Validator(create=_driver, update=_driver_update, warnings=_driver_warnings)
NODE = Validator(create=_node, update=_node_update)
CAPACITY = Validator(create=_capacity, update=_capacity_update, warnings=_capacity_warnings)
