"""What makes an API service wrong: a group and version, served here or by a service elsewhere."""

from __future__ import annotations

import base64

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object, Validator
from minikube_edu.api.validation.field_rules import named
from minikube_edu.lib.gotext import quote


def create(obj: Object, errors: Errors) -> None:
    spec, name = obj["spec"], obj["metadata"].get("name", "")
    group, version = spec.get("group", ""), spec.get("version", "")
    if name != f"{version}.{group}" and not names.path_segment(name):
        needed = quote(f"{version}.{group}")
        errors.invalid("metadata.name", name, f'must be `spec.version+"."+spec.group`: {needed}')
    if group:
        named(errors, "spec.group", group, names.dns1123_subdomain)
    elif version != "v1":
        errors.required("spec.group", "only v1 may have an empty group and it better be legacy kube")
    named(errors, "spec.version", version, names.dns1035_label)
    if not 0 < spec["groupPriorityMinimum"] <= 20_000:
        value = spec["groupPriorityMinimum"]
        errors.invalid("spec.groupPriorityMinimum", value, "must be positive and less than 20000")
    if not 0 < spec["versionPriority"] <= 1000:
        errors.invalid("spec.versionPriority", spec["versionPriority"], "must be positive and less than 1000")
    _server(spec, errors)


def _server(spec: Object, errors: Errors) -> None:
    service, bundle, insecure = spec.get("service"), spec.get("caBundle"), spec.get("insecureSkipTLSVerify", False)
    if service is None:
        if bundle:
            size = f"{len(base64.b64decode(bundle))} bytes"
            errors.invalid("spec.caBundle", size, "local APIServices may not have a caBundle")
        if insecure:
            what = "local APIServices may not have insecureSkipTLSVerify"
            errors.invalid("spec.insecureSkipTLSVerify", True, what)
        return
    for field in ("namespace", "name"):
        if not service.get(field):
            errors.required(f"spec.service.{field}")
    if problems := names.port_number(service["port"]):
        errors.invalid("spec.service.port", service["port"], "port is not valid: " + ", ".join(problems))
    if insecure and bundle:
        errors.invalid("spec.insecureSkipTLSVerify", True, "may not be true if caBundle is present")


def status(new: Object, _: Object, errors: Errors) -> None:
    for index, condition in enumerate(new.get("status", {}).get("conditions", ())):
        if condition["status"] not in ("True", "False", "Unknown"):
            path = f"status.conditions[{index}].status"
            errors.not_supported(path, condition["status"], ["True", "False", "Unknown"])


VALIDATORS = {
    "APIService": Validator(
        name=names.path_segment,
        create=create,
        update=lambda new, _, errors: create(new, errors),
        subresources=(("status", status),),
    )
}
