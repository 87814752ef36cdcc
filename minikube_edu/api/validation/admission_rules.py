"""What webhooks and policies have in common: which requests they match, and expressions that must compile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object
from minikube_edu.api.validation.field_rules import label_selector, named, one_of

if TYPE_CHECKING:
    from minikube_edu.api.cel import Environment

OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
SCOPES = ("*", "Cluster", "Namespaced")
FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Equivalent", "Exact")
REINVOCATION_POLICIES = ("IfNeeded", "Never")
MOST_CONDITIONS = 64


def rule_with_operations(path: str, rule: Object, errors: Errors) -> None:
    operations = rule.get("operations") or []
    if not operations:
        errors.required(f"{path}.operations")
    if len(operations) > 1 and "*" in operations:
        errors.invalid(f"{path}.operations", operations, "if '*' is present, must not specify other operations")
    for index, operation in enumerate(operations):
        one_of(errors, f"{path}.operations[{index}]", operation, OPERATIONS)
    for field, what in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        values = rule.get(field) or []
        if not values:
            errors.required(f"{path}.{field}")
        if len(values) > 1 and "*" in values:
            errors.invalid(f"{path}.{field}", values, f"if '*' is present, must not specify other {what}")
        if field == "apiVersions":
            for index, value in enumerate(values):
                if not value:
                    errors.required(f"{path}.{field}[{index}]")
    _resources(f"{path}.resources", rule.get("resources") or [], errors)
    if (scope := rule.get("scope")) is not None:
        one_of(errors, f"{path}.scope", scope, SCOPES)


def _resources(path: str, resources: list[str], errors: Errors) -> None:
    if not resources:
        errors.required(path)
    all_of: set[str] = set()  # x of x/*
    everywhere: set[str] = set()  # x of */x
    whole = False
    for index, text in enumerate(resources):
        if not text:
            errors.required(f"{path}[{index}]")
            continue
        resource, slash, sub = text.partition("/")
        if not slash:
            whole = text != "*"
            continue
        if resource in all_of:
            what = f"if '{resource}/*' is present, must not specify {text}"
            errors.invalid(f"{path}[{index}]", text, what)
        if sub in everywhere:
            errors.invalid(f"{path}[{index}]", text, f"if '*/{sub}' is present, must not specify {text}")
        if sub == "*":
            all_of.add(resource)
        if resource == "*":
            everywhere.add(sub)
    if len(resources) > 1 and "*/*" in resources:
        errors.invalid(path, resources, "if '*/*' is present, must not specify other resources")
    if "*" in resources and whole:
        what = "if '*' is present, must not specify other resources without subresources"
        errors.invalid(path, resources, what)


def match_resources(path: str, match: Object, errors: Errors) -> None:
    one_of(errors, f"{path}.matchPolicy", match["matchPolicy"], MATCH_POLICIES)
    label_selector(errors, f"{path}.namespaceSelector", match["namespaceSelector"])
    label_selector(errors, f"{path}.objectSelector", match["objectSelector"])
    for field in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(match.get(field, ())):
            at, seen = f"{path}.{field}[{index}]", set[str]()
            for position, name in enumerate(rule.get("resourceNames", ())):
                named(errors, f"{at}.resourceNames[{position}]", name, names.path_segment)
                if name in seen:
                    errors.duplicate(f"{at}.resourceNames[{position}]", name)
                seen.add(name)
            rule_with_operations(at, rule, errors)


def match_conditions(path: str, conditions: Sequence[Object], environment: Environment, errors: Errors) -> None:
    if len(conditions) > MOST_CONDITIONS:
        errors.too_many(path, len(conditions), MOST_CONDITIONS)
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        at, expression, name = f"{path}[{index}]", condition["expression"].strip(), condition["name"]
        if not expression:
            errors.required(f"{at}.expression")
        else:
            compiles(f"{at}.expression", expression, environment, ("bool",), errors)
        if not name:
            errors.required(f"{at}.name")
            continue
        named(errors, f"{at}.name", name, names.label_key)
        if name in seen:
            errors.duplicate(f"{at}.name", name)
        seen.add(name)


def compiles(
    path: str, expression: str, environment: Environment, results: Sequence[str], errors: Errors, shown: str = ""
) -> Any:
    """The expression must compile, to one of the `results` (none: to anything). Returns its type, or None."""
    from minikube_edu.api.cel import CompileError, compile_expression

    try:
        found = compile_expression(expression, environment).type
    except CompileError as error:
        errors.invalid(path, shown or expression, f"compilation failed: {error}")
        return None
    if results and str(found) not in results:
        wanted = results[0] if len(results) == 1 else f"one of [{' '.join(results)}]"
        errors.invalid(path, shown or expression, f"must evaluate to {wanted} but got {found}")
        return None
    return found
