"""What makes a question about rights wrong. Such reviews are never stored; their handler asks `create` alone."""

from __future__ import annotations

from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object, Validator
from minikube_edu.api.validation.field_rules import label_selector

_ONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


def any_name(_: str) -> list[str]:
    return []


def _attributes(spec: Object, errors: Errors) -> None:
    resource, url = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and url is not None:
        shown = {"Path": url.get("path", ""), "Verb": url.get("verb", "")}
        errors.invalid(
            "spec.nonResourceAttributes", shown, "cannot be specified in combination with resourceAttributes"
        )
    if resource is None and url is None:
        errors.invalid("spec.resourceAttributes", None, _ONE)
    if resource is not None:
        _selectors(resource, errors)


def _selectors(resource: Object, errors: Errors) -> None:
    """Field and label selectors of the question: parsed requirements or the text as a client sent it, not both."""
    for field, operators in (("fieldSelector", ("In", "NotIn")), ("labelSelector", ())):
        selector, path = resource.get(field), f"spec.resourceAttributes.{field}"
        if selector is None:
            continue
        raw, requirements = selector.get("rawSelector", ""), selector.get("requirements", [])
        if raw and requirements:
            errors.invalid(f"{path}.rawSelector", raw, "may not specified at the same time as requirements")
        if not raw and not requirements:
            errors.required(
                f"{path}.requirements", "when " + path + " is specified, requirements or rawSelector is required"
            )
        if field == "labelSelector":
            known = len(errors)
            label_selector(errors, path, {"matchExpressions": requirements})
            for error in errors[known:]:
                error.field = error.field.replace(".matchExpressions[", ".requirements[")
            continue
        for index, requirement in enumerate(requirements):
            _field_requirement(f"{path}.requirements[{index}]", requirement, errors, operators)


def _field_requirement(path: str, requirement: Object, errors: Errors, operators: tuple[str, ...]) -> None:
    key, operator, values = requirement["key"], requirement["operator"], requirement.get("values", [])
    if not key:
        errors.required(f"{path}.key", "must be specified")
    if operator in operators:
        if not values:
            errors.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            errors.forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    else:
        errors.invalid(f"{path}.operator", operator, "not a valid selector operator")


def _subject(spec: Object, errors: Errors) -> None:
    if not spec.get("user") and not spec.get("groups"):
        errors.invalid("spec.user", "", "at least one of user or group must be specified")


def _no_metadata(obj: Object, errors: Errors, *, but_namespace: bool = False) -> None:
    ignored = {"managedFields", "creationTimestamp", "namespace" if but_namespace else ""}  # the server's own
    metadata = obj.get("metadata") or {}
    if set(metadata) - ignored:
        errors.invalid("metadata", metadata, "must be empty except for namespace" if but_namespace else "must be empty")


def subject_access(obj: Object, errors: Errors) -> None:
    _attributes(obj["spec"], errors)
    _subject(obj["spec"], errors)
    _no_metadata(obj, errors)


def self_subject_access(obj: Object, errors: Errors) -> None:
    _attributes(obj["spec"], errors)
    _no_metadata(obj, errors)


def local_subject_access(obj: Object, errors: Errors) -> None:
    spec = obj["spec"]
    _attributes(spec, errors)
    _subject(spec, errors)
    _no_metadata(obj, errors, but_namespace=True)
    resource, url = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    namespace = obj.get("metadata", {}).get("namespace", "")
    if resource is not None and resource.get("namespace", "") != namespace:
        asked = resource.get("namespace", "")
        errors.invalid("spec.resourceAttributes.namespace", asked, "must match metadata.namespace")
    if url is not None:
        shown = {"Path": url.get("path", ""), "Verb": url.get("verb", "")}
        errors.invalid("spec.nonResourceAttributes", shown, "disallowed on this kind of request")


VALIDATORS = {
    "SubjectAccessReview": Validator(any_name, subject_access),
    "SelfSubjectAccessReview": Validator(any_name, self_subject_access),
    "LocalSubjectAccessReview": Validator(any_name, local_subject_access),
    "SelfSubjectRulesReview": Validator(any_name),
}
