"""Resources of containers and pods: which names there are, that requests fit limits, that claims exist."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from minikube_edu.api import names, quantity
from minikube_edu.api.field_errors import Errors, FieldError, Kind
from minikube_edu.api.pod_resources import HUGE_PAGES, is_native, may_overcommit, supported_for_pods
from minikube_edu.api.validation import resource_names
from minikube_edu.api.validation.pod_options import Options

Object = dict[str, Any]

NEGATIVE = "must be greater than or equal to 0"


@lru_cache(maxsize=1024)
def name_problems(name: str) -> tuple[str, ...]:
    """What is wrong with the name of a resource anywhere."""
    problems = names.label_key(name)
    if not problems and "/" not in name and not resource_names.is_standard(name):
        problems = ["must be a standard resource type or fully qualified"]
    return tuple(problems)


@lru_cache(maxsize=1024)
def container_name_problems(name: str) -> tuple[str, ...]:
    problems = name_problems(name)
    if "/" not in name:
        if name not in resource_names.COMPUTE and not name.startswith(HUGE_PAGES):
            problems += ("must be a standard resource for containers",)
    elif not is_native(name) and not resource_names.is_extended(name):
        problems += ("doesn't follow extended resource name standard",)
    return problems


@lru_cache(maxsize=4096)
def amount_problems(name: str, text: str) -> tuple[str, ...]:
    """What is wrong with an amount of a resource."""
    amount = quantity.parse(text)
    problems: tuple[str, ...] = (NEGATIVE,) if amount.sign() < 0 else ()
    if resource_names.counts_whole(name) and amount.milli_value() % 1000:
        problems += ("must be an integer",)
    return problems


def validate_requirements(
    path: str, resources: Object, claim_names: Collection[str], options: Options, errors: Errors, of_pod: bool = False
) -> None:
    limits: dict[str, str] = resources.get("limits", {})
    requests: dict[str, str] = resources.get("requests", {})
    for field, amounts in (("limits", limits), ("requests", requests)):
        for name in sorted(amounts) if len(amounts) > 1 else amounts:
            text = amounts[name]
            _validate_name(path, field, name, errors, of_pod)
            if problems := amount_problems(name, text):
                errors.invalid_each(f"{path}.{field}[{name}]", text, problems)
            if field == "requests":
                _validate_against_limit(path, name, text, limits.get(name), errors)
            if name.startswith(HUGE_PAGES) and not options.any_page_multiple:
                _validate_pages(f"{path}.{field}[{name}]", name, text, errors)
    used = limits.keys() | requests.keys()
    if any(name.startswith(HUGE_PAGES) for name in used) and not used & {"cpu", "memory"}:
        errors.forbidden(path, "HugePages require cpu or memory")
    if "claims" in resources:
        _validate_claims(f"{path}.claims", resources["claims"], claim_names, errors)


def _validate_name(path: str, field: str, name: str, errors: Errors, of_pod: bool) -> None:
    if not of_pod:
        if problems := container_name_problems(name):
            errors.invalid_each(f"{path}.{field}[{name}]", name, problems)
    elif problems := name_problems(name):
        errors.invalid_each(f"{path}.{field}[{name}]", name, problems)
    elif not supported_for_pods(name):
        errors.not_supported(f"{path}.{field}[{name}]", name, ["cpu", HUGE_PAGES, "memory"])


def _validate_against_limit(path: str, name: str, text: str, limit: str | None, errors: Errors) -> None:
    if limit == text:
        return
    if limit is None:
        if not may_overcommit(name):
            errors.required(f"{path}.limits", "Limit must be set for non overcommitable resources")
        return
    difference = quantity.parse(text).cmp(quantity.parse(limit))
    if difference and not may_overcommit(name):
        errors.invalid(f"{path}.requests", text, f"must be equal to {name} limit of {limit}")
    elif difference > 0:
        errors.invalid(f"{path}.requests", text, f"must be less than or equal to {name} limit of {limit}")


def _validate_pages(path: str, name: str, text: str, errors: Errors) -> None:
    size = name.removeprefix(HUGE_PAGES)
    try:
        page = quantity.parse(size)
        whole = page.sign() > 0 and page.milli_value() % 1000 == 0
        whole = whole and quantity.parse(text).value() % page.value() == 0
    except ValueError:
        whole = False
    if not whole:
        errors.invalid(path, text, f"{text} is not positive integer multiple of {name}")


def _validate_claims(path: str, claims: list[Object], known: Collection[str], errors: Errors) -> None:
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        name, at = claim.get("name", ""), f"{path}[{index}]"
        if not name:
            errors.required(at)
            continue
        if name in seen:
            errors.duplicate(at, name)
        else:
            entry = name
            if request := claim.get("request"):
                errors.invalid_each(f"{at}.request", request, names.dns1123_label(request))
                entry = f"{name}/{request}"
            if entry in seen:
                errors.duplicate(at, entry)
            elif not request:
                for other in seen:
                    if other.startswith(name + "/"):
                        errors.duplicate(at, name)
            seen.add(entry)
        if name not in known:
            detail = "must be one of the names in pod.spec.resourceClaims"
            detail += ": " + ", ".join(sorted(known)) if known else " which is empty"
            errors.append(FieldError(Kind.NOT_FOUND, at, name, detail))
