"""What makes the configuration of admission webhooks wrong. What was wrong with a stored one is tolerated on update."""

from __future__ import annotations

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object, Validator
from minikube_edu.api.validation.admission_rules import (
    FAILURE_POLICIES,
    MATCH_POLICIES,
    REINVOCATION_POLICIES,
    match_conditions,
    rule_with_operations,
)
from minikube_edu.api.validation.field_rules import label_selector, one_of, selector_is_valid
from minikube_edu.api.validation.webhook_clients import client_config

NO_SIDE_EFFECTS = ("None", "NoneOnDryRun")
SIDE_EFFECTS = ("None", "NoneOnDryRun", "Some", "Unknown")
REVIEW_VERSIONS = ("v1", "v1beta1")


def _hooks(obj: Object | None) -> list[Object]:
    found: list[Object] = (obj or {}).get("webhooks", [])
    return found


def validate(obj: Object, old: Object | None, errors: Errors) -> None:
    before = _hooks(old)
    no_side_effects = all(hook.get("sideEffects") in NO_SIDE_EFFECTS for hook in before)
    known_versions = all(set(hook["admissionReviewVersions"] or ["v1"]) & set(REVIEW_VERSIONS) for hook in before)
    unique = len({hook["name"] for hook in before}) == len(before)
    any_value = not all(
        selector_is_valid(hook.get(field)) for hook in before for field in ("namespaceSelector", "objectSelector")
    )
    conditions_kept = old is not None and [hook.get("matchConditions") for hook in _hooks(obj)] == [
        hook.get("matchConditions") for hook in before
    ]
    seen: set[str] = set()
    for index, hook in enumerate(_hooks(obj)):
        path = f"webhooks[{index}]"
        _hook(path, hook, errors, NO_SIDE_EFFECTS if no_side_effects else SIDE_EFFECTS, any_value)
        if not conditions_kept:
            _conditions(f"{path}.matchConditions", hook, errors)
        _review_versions(
            f"{path}.admissionReviewVersions", hook["admissionReviewVersions"] or [], errors, known_versions
        )
        if unique and hook["name"] in seen:
            errors.duplicate(f"{path}.name", hook["name"])
        seen.add(hook["name"])


def _hook(path: str, hook: Object, errors: Errors, side_effects: tuple[str, ...], any_value: bool) -> None:
    for problem in names.fully_qualified_name(hook["name"]):
        if problem.kind == "Required":
            errors.required(f"{path}.name", problem.detail)
        else:
            errors.invalid(f"{path}.name", problem.value, problem.detail)
    for index, rule in enumerate(hook.get("rules", ())):
        rule_with_operations(f"{path}.rules[{index}]", rule, errors)
    one_of(errors, f"{path}.failurePolicy", hook["failurePolicy"], FAILURE_POLICIES)
    one_of(errors, f"{path}.matchPolicy", hook["matchPolicy"], MATCH_POLICIES)
    effects = hook.get("sideEffects")
    if effects is None:
        errors.required(f"{path}.sideEffects", f"must specify one of {', '.join(side_effects)}")
    else:
        one_of(errors, f"{path}.sideEffects", effects, side_effects)
    if not 1 <= hook["timeoutSeconds"] <= 30:
        what = "the timeout value must be between 1 and 30 seconds"
        errors.invalid(f"{path}.timeoutSeconds", hook["timeoutSeconds"], what)
    label_selector(errors, f"{path}.namespaceSelector", hook["namespaceSelector"], any_value)
    label_selector(errors, f"{path}.objectSelector", hook["objectSelector"], any_value)
    if "reinvocationPolicy" in hook:
        one_of(errors, f"{path}.reinvocationPolicy", hook["reinvocationPolicy"], REINVOCATION_POLICIES)
    client_config(f"{path}.clientConfig", hook["clientConfig"], errors)


def _conditions(path: str, hook: Object, errors: Errors) -> None:
    if conditions := hook.get("matchConditions"):
        from minikube_edu.api.cel import environments

        match_conditions(path, conditions, environments.admission(params=False), errors)


def _review_versions(path: str, versions: list[str], errors: Errors, known: bool) -> None:
    if not versions:
        errors.required(path, f"must specify one of {', '.join(REVIEW_VERSIONS)}")
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            errors.invalid(f"{path}[{index}]", version, "duplicate version")
            continue
        errors.invalid_each(f"{path}[{index}]", version, names.dns1035_label(version))
    if known and not set(versions) & set(REVIEW_VERSIONS):
        errors.invalid(path, versions, f"must include at least one of {', '.join(REVIEW_VERSIONS)}")


WEBHOOKS = Validator(create=lambda obj, errors: validate(obj, None, errors), update=validate)
