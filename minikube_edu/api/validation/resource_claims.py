"""What makes claims of devices, their templates and device classes wrong. What was asked for does not change
afterwards.
"""

from __future__ import annotations

from minikube_edu.api import ip, names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object, Validator, device_names
from minikube_edu.api.validation.device_names import each
from minikube_edu.api.validation.field_rules import immutable, one_of, required_name, required_one_of
from minikube_edu.api.validation.meta import check_annotations, check_labels
from minikube_edu.api.validation.node_selectors import node_selector
from minikube_edu.api.validation.resource_names import is_extended

MOST, MOST_ALTERNATIVES, MOST_RESERVED = 32, 8, 256
_MODES = ("All", "ExactCount")
_EITHER = "exactly one of `exactly` or `firstAvailable` is required"
_NAMES = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"


def _spec(path: str, spec: Object, errors: Errors) -> None:
    devices, path = spec["devices"], f"{path}.devices"
    known = _request_names(devices)

    def constraint(at: str, wanted: Object, found: Errors) -> None:
        _constraint(at, wanted, known, found)

    def config(at: str, wanted: Object, found: Errors) -> None:
        _requests_named(at, wanted, known, found)
        device_names.configuration(at, wanted, found)

    each(f"{path}.requests", devices.get("requests") or [], MOST, _request, errors, key=lambda item: item["name"])
    each(f"{path}.constraints", devices.get("constraints", []), MOST, constraint, errors)
    each(f"{path}.config", devices.get("config", []), MOST, config, errors)


def _request_names(devices: Object) -> set[str]:
    known: set[str] = set()
    for request in devices.get("requests") or ():
        known.add(request["name"])
        known.update(f"{request['name']}/{each['name']}" for each in request.get("firstAvailable", ()))
    return known


def _request(path: str, request: Object, errors: Errors) -> None:
    device_names.label(f"{path}.name", request["name"], errors)
    exactly, alternatives = request.get("exactly"), request.get("firstAvailable", [])
    if exactly is None and not alternatives:
        errors.required(path, _EITHER)
    elif exactly is not None and alternatives:
        errors.invalid(path, None, f"{_EITHER}, but multiple fields are set")
    elif exactly is not None:
        _exact(f"{path}.exactly", exactly, errors)
    else:
        each(
            f"{path}.firstAvailable",
            alternatives,
            MOST_ALTERNATIVES,
            _alternative,
            errors,
            key=lambda item: item["name"],
        )


def _alternative(path: str, request: Object, errors: Errors) -> None:
    device_names.label(f"{path}.name", request["name"], errors)
    _exact(path, request, errors)


def _exact(path: str, request: Object, errors: Errors) -> None:
    required_name(errors, f"{path}.deviceClassName", request["deviceClassName"], names.dns1123_subdomain)
    each(f"{path}.selectors", request.get("selectors", []), MOST, device_names.selector, errors)
    mode, count = request["allocationMode"], request.get("count", 0)
    if mode == "All":
        if count:
            errors.invalid(f"{path}.count", count, "must not be specified when allocationMode is 'All'")
    elif mode == "ExactCount":
        if count <= 0:
            errors.invalid(f"{path}.count", count, "must be greater than zero")
    else:
        one_of(errors, f"{path}.allocationMode", mode, _MODES)
    for index, toleration in enumerate(request.get("tolerations", ())):
        device_names.toleration(f"{path}.tolerations[{index}]", toleration, errors)


def _requests_named(path: str, item: Object, known: set[str], errors: Errors) -> None:
    def name(at: str, text: str, found: Errors) -> None:
        _request_name(at, text, known, found)

    each(f"{path}.requests", item.get("requests", []), MOST, name, errors, key=str)


def _request_name(path: str, text: str, known: set[str], errors: Errors) -> None:
    parts = text.split("/")
    if len(parts) <= 2:
        for part in parts:
            device_names.label(path, part, errors)
    if text not in known:
        errors.invalid(path, text, _NAMES)


def _constraint(path: str, constraint: Object, known: set[str], errors: Errors) -> None:
    _requests_named(path, constraint, known, errors)
    for field in ("matchAttribute", "distinctAttribute"):
        if (name := constraint.get(field)) is not None:
            device_names.fully_qualified(f"{path}.{field}", name, errors)
            return
    either = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
    errors.required(path, either)


def claim(obj: Object, errors: Errors) -> None:
    _spec("spec", obj["spec"], errors)


def unchanged(new: Object, old: Object, errors: Errors) -> None:
    immutable(errors, "spec", new["spec"], old["spec"])


def template(obj: Object, errors: Errors) -> None:
    metadata = obj["spec"].get("metadata", {})
    check_labels("spec.metadata.labels", metadata.get("labels", {}), errors)
    check_annotations("spec.metadata.annotations", metadata.get("annotations", {}), errors)
    _spec("spec.spec", obj["spec"]["spec"], errors)


def device_class(obj: Object, errors: Errors) -> None:
    _class(obj["spec"], {}, errors)


def _class(spec: Object, before: Object, errors: Errors) -> None:
    if not spec.get("selectors") or spec.get("selectors") != before.get("selectors"):
        each("spec.selectors", spec.get("selectors", []), MOST, device_names.selector, errors)
    each("spec.config", spec.get("config", []), MOST, device_names.configuration, errors)
    extended = spec.get("extendedResourceName")
    if extended is not None and not is_extended(extended):
        errors.invalid("spec.extendedResourceName", extended, "must be a valid extended resource name")


def claim_status(new: Object, old: Object, errors: Errors) -> None:
    status, before = new.get("status", {}), old.get("status", {})
    reserved, allocation = status.get("reservedFor", []), status.get("allocation")
    each("status.reservedFor", reserved, MOST_RESERVED, _consumer, errors, key=lambda item: item["uid"])
    allocated = {_device_id(each) for each in (allocation or {}).get("devices", {}).get("results", ())}

    def device(at: str, item: Object, found: Errors) -> None:
        _device_status(at, item, allocated, found)

    each("status.devices", status.get("devices", []), -1, device, errors, key=_device_id)
    added = [consumer for consumer in reserved if consumer not in before.get("reservedFor", [])]
    if reserved and allocation is None:
        errors.forbidden("status.reservedFor", "may not be specified when `allocated` is not set")
    elif added and "deletionTimestamp" in new["metadata"]:
        what = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
        errors.forbidden("status.reservedFor", what)
    if allocation is not None:
        if before.get("allocation") is not None:
            immutable(errors, "status.allocation", allocation, before["allocation"])
        else:
            _allocation("status.allocation", allocation, _request_names(new["spec"]["devices"]), errors)


def _device_id(item: Object) -> str:
    parts = [item["driver"], item["pool"], item["device"]]
    return "/".join(parts + ([item["shareID"]] if item.get("shareID") else []))


def _consumer(path: str, consumer: Object, errors: Errors) -> None:
    for field in ("resource", "name", "uid"):
        if not consumer.get(field):
            errors.required(f"{path}.{field}")


def _device_status(path: str, item: Object, allocated: set[str], errors: Errors) -> None:
    device_names.driver(f"{path}.driver", item["driver"], errors)
    device_names.pool(f"{path}.pool", item["pool"], errors)
    device_names.label(f"{path}.device", item["device"], errors)
    if item.get("shareID"):
        device_names.unique_id(f"{path}.shareID", item["shareID"], errors)
    if _device_id(item) not in allocated:
        errors.invalid(path, _device_id(item), "must be an allocated device in the claim")
    if len(item.get("conditions") or ()) > 8:
        errors.too_many(f"{path}.conditions", len(item["conditions"]), 8)
    if item.get("data") is not None:
        device_names.json_object(f"{path}.data", item["data"], errors)
    network = item.get("networkData") or {}
    for field, longest in (("interfaceName", 256), ("hardwareAddress", 128)):
        if len(network.get(field, "")) > longest:
            errors.too_long(f"{path}.networkData.{field}", longest)
    for index, address in enumerate(network.get("ips", ())):
        errors.invalid_each(f"{path}.networkData.ips[{index}]", address, ip.problems_interface_address(address))


def _allocation(path: str, allocation: Object, known: set[str], errors: Errors) -> None:
    def result(at: str, item: Object, found: Errors) -> None:
        _request_name(f"{at}.request", item["request"], known, found)
        device_names.driver(f"{at}.driver", item["driver"], found)
        device_names.pool(f"{at}.pool", item["pool"], found)
        device_names.label(f"{at}.device", item["device"], found)
        device_names.bindings(at, item, found)
        for index, toleration in enumerate(item.get("tolerations", ())):
            device_names.toleration(f"{at}.tolerations[{index}]", toleration, found)
        if item.get("shareID"):
            device_names.unique_id(f"{at}.shareID", item["shareID"], found)

    def config(at: str, item: Object, found: Errors) -> None:
        required_one_of(found, f"{at}.source", item["source"], ["FromClaim", "FromClass"])
        _requests_named(at, item, known, found)
        device_names.configuration(at, item, found)

    devices = allocation["devices"]
    each(f"{path}.devices.results", devices.get("results", []), MOST, result, errors)
    each(f"{path}.devices.config", devices.get("config", []), 2 * MOST, config, errors)
    if (selector := allocation.get("nodeSelector")) is not None:
        node_selector(errors, f"{path}.nodeSelector", selector)


CLAIM = Validator(create=claim, update=unchanged, subresources=(("status", claim_status),))
TEMPLATE = Validator(create=template, update=unchanged)
CLASS = Validator(create=device_class, update=lambda new, old, errors: _class(new["spec"], old["spec"], errors))
