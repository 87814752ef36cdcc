"""The rules of a schema (`x-kubernetes-validations`): do they compile, and may their cost be borne?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from minikube_edu.api.field_errors import Errors
from minikube_edu.api.structural import RULES, Object, additional, items
from minikube_edu.api.validation.crd_internal import shown_rule

if TYPE_CHECKING:
    from minikube_edu.api.cel.checker import Checked
    from minikube_edu.api.cel.schema_types import Declared

REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
RULE_BUDGET, TOTAL_BUDGET = 10_000_000, 100_000_000
NOT_A_FIELD = "does not refer to a valid field"


class Budget(Struct):
    """The cost of all rules of one schema."""

    total: int = 0
    most_expensive: list[tuple[int, str]] = field(default_factory=list)

    def observe(self, path: str, cost: int) -> None:
        self.total = min(self.total + cost, (1 << 64) - 1)
        if cost >= TOTAL_BUDGET // 100:
            self.most_expensive.append((cost, path))
            self.most_expensive.sort(key=lambda each: -each[0])
            del self.most_expensive[4:]

    def judge(self, path: str, errors: Errors) -> None:
        if self.total > TOTAL_BUDGET:
            what = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
            for _, at in self.most_expensive:
                errors.forbidden(at, what)
            name = f"{RULES} estimated rule cost total for entire OpenAPIv3 schema"
            errors.forbidden(path, over_budget(name, self.total, TOTAL_BUDGET))


def over_budget(name: str, cost: int, limit: int) -> str:
    factor = cost / limit
    shown = "more than 100x" if factor > 100 else f"{factor:f}x" if factor < 1.5 else f"{factor:.1f}x"
    return (
        f"{name} exceeds budget by factor of {shown} (try simplifying the rule, or adding maxItems, maxProperties, and "
        "maxLength where arrays, maps, and strings are declared)"
    )


def check_form(path: str, schema: Object, errors: Errors) -> None:
    """What can be said of rules without compiling them."""
    for index, rule in enumerate(schema.get(RULES, ())):
        at = f"{path}.{RULES}[{index}]"
        text, message = rule.get("rule", ""), rule.get("message", "")
        if not text.strip():
            errors.required(f"{at}.rule", "rule is not specified")
        elif message and not message.strip():
            errors.invalid(f"{at}.message", message, "must be non-empty if specified")
        elif _broken(message.strip()):
            errors.invalid(f"{at}.message", message, "must not contain line breaks")
        elif _broken(text.strip()) and not message.strip():
            errors.required(f"{at}.message", "message must be specified if rule contains line breaks")
        if rule.get("messageExpression") and not rule["messageExpression"].strip():
            errors.required(f"{at}.messageExpression", "messageExpression must be non-empty if specified")
        if (reason := rule.get("reason")) is not None and reason not in REASONS:
            errors.not_supported(f"{at}.reason", reason, REASONS)
        if where := rule.get("fieldPath"):
            if not where.strip():
                errors.invalid(f"{at}.fieldPath", where, "must be non-empty if specified")
            if _broken(where):
                errors.invalid(f"{at}.fieldPath", where, "must not contain line breaks")
            if find_field(where, schema)[1]:
                errors.invalid(f"{at}.fieldPath", where, "must be a valid path")


def _broken(text: str) -> bool:
    return "\n" in text or "\r" in text


def find_field(path: str, schema: Object) -> tuple[Object | None, str]:
    """The schema at a path like `.a.b['c']`, and why there is none."""
    rest, found = path, schema
    while rest:
        if rest.startswith("['"):
            name, closing, rest = rest[2:].partition("']")
            if not closing:
                return None, "unbalanced quotes or brackets"
        elif rest.startswith("."):
            end = min((place for place in (rest.find(".", 1), rest.find("[", 1)) if place > 0), default=len(rest))
            name, rest = rest[1:end], rest[end:]
        else:
            return None, "expected [ or . but got: " + rest[:1]
        inner = found.get("properties", {}).get(name)
        if inner is None:
            inner = additional(found)
        if not name or inner is None:
            return None, NOT_A_FIELD
        found = inner
    return found, ""


def uses_old(checked: Checked) -> bool:
    """Whether a rule compares with what was there before."""
    return _mentions(checked.tree, "oldSelf")


def _mentions(tree: object, name: str) -> bool:
    from msgspec.structs import astuple

    from minikube_edu.api.cel.syntax import Expr, Ident

    if isinstance(tree, Ident):
        return tree.name == name
    if isinstance(tree, list | tuple):
        return any(_mentions(each, name) for each in tree)
    return isinstance(tree, Expr) and any(_mentions(part, name) for part in astuple(tree))


def compile_rules(
    path: str,
    schema: Object,
    kind: Declared | None,
    cardinality: int | None,
    budget: Budget,
    uncorrelated: str,
    errors: Errors,
) -> None:
    """`cardinality`: of how many values at most the schema speaks, None when nobody limits it; `uncorrelated`: the path
    within which old and new values cannot be told apart, "" when they can."""
    from minikube_edu.api.cel import CompileError, Environment, compile_expression, cost
    from minikube_edu.api.cel.schema_types import MAX_REQUEST
    from minikube_edu.api.cel.types import optional_of

    if kind is None:
        errors.internal(f"{path}.{RULES}", f"internal error: failed to retrieve type information for {RULES}")
        return
    times = MAX_REQUEST // (kind.smallest + 1) if cardinality is None else cardinality
    for index, rule in enumerate(schema[RULES]):
        at = f"{path}.{RULES}[{index}]"
        old = optional_of(kind.type) if rule.get("optionalOldSelf") else kind.type
        environment = Environment({"self": kind.type, "oldSelf": old})
        try:
            checked = compile_expression(rule["rule"], environment)
        except CompileError as error:
            errors.invalid(f"{at}.rule", shown_rule(rule), f"compilation failed: {error}")
            continue
        if str(checked.type) != "bool":
            errors.invalid(f"{at}.rule", shown_rule(rule), "cel expression must evaluate to a bool")
            continue
        spent = cost.times(cost.worst(checked.tree, kind), times)
        if spent > RULE_BUDGET:
            errors.forbidden(f"{at}.rule", over_budget("estimated rule cost", spent, RULE_BUDGET))
        budget.observe(f"{at}.rule", spent)
        if expression := rule.get("messageExpression"):
            _message(f"{at}.messageExpression", expression, rule, kind, environment, budget, errors)
        if uses_old(checked):
            if uncorrelated:
                what = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {uncorrelated}"
                errors.invalid(f"{at}.rule", rule["rule"], what)
        elif (optional := rule.get("optionalOldSelf")) is not None:
            errors.invalid(f"{at}.optionalOldSelf", optional, "may not be set if oldSelf is not used in rule")


def _message(
    path: str, expression: str, rule: Object, kind: Declared, environment: object, budget: Budget, errors: Errors
) -> None:
    from minikube_edu.api.cel import CompileError, Environment, compile_expression, cost

    assert isinstance(environment, Environment)
    try:
        checked = compile_expression(expression, environment)
    except CompileError as error:
        errors.invalid(path, shown_rule(rule), f"messageExpression compilation failed: {error}")
        return
    if str(checked.type) != "string":
        errors.invalid(path, shown_rule(rule), "messageExpression must evaluate to a string")
        return
    spent = cost.worst(checked.tree, kind)
    if spent > RULE_BUDGET:
        errors.forbidden(path, over_budget("estimated messageExpression cost", spent, RULE_BUDGET))
    budget.observe(path, spent)


def most_elements(schema: Object) -> int | None:
    """How many values the schemas within speak of, for each value of this one."""
    if schema.get("type") == "array":
        most: int | None = schema.get("maxItems")
    elif schema.get("type") == "object" and schema.get("additionalProperties") is not None:
        most = schema.get("maxProperties")
    else:
        return 1
    return None if most is None else max(most, 0)


__all__ = ["Budget", "check_form", "compile_rules", "find_field", "items", "most_elements"]
