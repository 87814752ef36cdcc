"""Does a value have the shape that its schema asks for? OpenAPI v3, with the messages of the real validator.

Findings name the field as the real validator does, from the value's own root (`spec.list[0]`, "" for the value
itself); `report` turns them into errors of the API. What belongs to no field (the verdict of `oneOf`) is told of
`<nil>`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from minikube_edu.api.field_errors import OMIT, Errors, FieldError, Kind
from minikube_edu.api.structural import INT_OR_STRING, Object, additional, formats

NOWHERE = "<nil>"
_RANGES = {"int32": (-(1 << 31), (1 << 31) - 1), "int64": (-(1 << 63), (1 << 63) - 1)}


class Finding(NamedTuple):
    kind: Kind
    name: str | None  # None: of no field
    value: Any
    detail: str


def report(findings: list[Finding], errors: Errors, path: str = "") -> None:
    for kind, name, value, detail in findings:
        at = path or NOWHERE
        if name:
            at = f"{path}.{name}" if path else name
        errors.append(FieldError(kind, at, value, detail))


def check(value: Any, schema: Object, name: str = "") -> list[Finding]:
    """All that is wrong with the value."""
    found = _type(value, schema, name)
    if value is None and schema.get("nullable"):
        return []
    found += _junctors(value, schema, name)
    if isinstance(value, str):
        found += _string(value, schema, name)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found += _number(value, schema, name)
    elif isinstance(value, list):
        found += _array(value, schema, name)
    if (enum := schema.get("enum")) and not any(_same(value, allowed) for allowed in enum):
        found.append(Finding(Kind.NOT_SUPPORTED, name, value, _supported(enum)))
    if isinstance(value, dict):
        found += _object(value, schema, name)
    return found


def _invalid(name: str, value: Any, words: str) -> Finding:
    return Finding(Kind.INVALID, name, value, f"{name} in body {words}")


def _same(left: Any, right: Any) -> bool:
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _supported(enum: list[Any]) -> str:
    from minikube_edu.api.field_errors import go_quote, shown

    return "supported values: " + ", ".join(go_quote(each if isinstance(each, str) else shown(each)) for each in enum)


def type_name(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    names = {float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _type(value: Any, schema: Object, name: str) -> list[Finding]:
    wanted = ["integer", "string"] if schema.get(INT_OR_STRING) else [schema["type"]] if schema.get("type") else []
    kind = type_name(value)
    if value is None and (schema.get("nullable") or not wanted):
        return []
    if wanted and kind not in wanted and not (kind == "integer" and "number" in wanted):
        words = f'{name} in body must be of type {",".join(wanted)}: "{kind}"'
        return [Finding(Kind.TYPE_INVALID, name, kind, words)]
    return []


def _string(value: str, schema: Object, name: str) -> list[Finding]:
    found = []
    longest, shortest, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    length = len(value)
    if longest is not None and length > longest:
        found.append(Finding(Kind.TOO_LONG, name, OMIT, f"may not be more than {longest} bytes"))
    if shortest is not None and length < shortest:
        found.append(_invalid(name, value, f"should be at least {shortest} chars long"))
    if pattern and (compiled := _regex(pattern)) is not None and not compiled.search(value):
        found.append(_invalid(name, value, f"should match '{pattern}'"))
    wanted = schema.get("format", "")
    if wanted and formats.is_known(schema.get("type", ""), wanted) and not formats.fits(value, wanted):
        from minikube_edu.api.field_errors import go_quote

        words = f"{name} in body must be of type {wanted}: {go_quote(value)}"
        found.append(Finding(Kind.TYPE_INVALID, name, value, words))
    return found


@lru_cache(maxsize=512)
def _regex(pattern: str) -> re.Pattern[str] | None:
    """Go's syntax and Python's are the same for what people write; `\\z` and POSIX classes are put into Python's."""
    text = pattern.replace("\\z", "\\Z")
    for posix, plain in (
        ("alnum", "a-zA-Z0-9"),
        ("alpha", "a-zA-Z"),
        ("digit", "0-9"),
        ("lower", "a-z"),
        ("upper", "A-Z"),
    ):
        text = text.replace(f"[:{posix}:]", plain)
    try:
        return re.compile(re.sub(r"(?<!\\)\$\Z", r"\\Z", text))
    except re.error:
        return None


def _number(value: float, schema: Object, name: str) -> list[Finding]:
    found = []
    low, high = _RANGES.get(schema.get("format", ""), (value, value))
    if not low <= value <= high:
        words = f"Checked value must be of type {schema.get('type', '')} with format {schema['format']} in {name}"
        found.append(Finding(Kind.INVALID, None, "", words))
    factor, highest, lowest = schema.get("multipleOf"), schema.get("maximum"), schema.get("minimum")
    if factor is not None and factor > 0 and not (value / factor).is_integer():
        found.append(_invalid(name, value, f"should be a multiple of {_plain(factor)}"))
    if highest is not None:
        if schema.get("exclusiveMaximum"):
            if value >= highest:
                found.append(_invalid(name, value, f"should be less than {_plain(highest)}"))
        elif value > highest:
            found.append(_invalid(name, value, f"should be less than or equal to {_plain(highest)}"))
    if lowest is not None:
        if schema.get("exclusiveMinimum"):
            if value <= lowest:
                found.append(_invalid(name, value, f"should be greater than {_plain(lowest)}"))
        elif value < lowest:
            found.append(_invalid(name, value, f"should be greater than or equal to {_plain(lowest)}"))
    return found


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _array(value: list[Any], schema: Object, name: str) -> list[Finding]:
    found: list[Finding] = []
    inner = schema.get("items")
    if isinstance(inner, dict):
        for index, item in enumerate(value):
            found += check(item, inner, f"{name}[{index}]")
    fewest, most = schema.get("minItems"), schema.get("maxItems")
    if fewest is not None and len(value) < fewest:
        found.append(_invalid(name, len(value), f"should have at least {fewest} items"))
    if most is not None and len(value) > most:
        items = f"must have at most {most} item{'s' if most != 1 else ''}"
        found.append(Finding(Kind.TOO_MANY, name, len(value), items))
    return found


def _object(value: Object, schema: Object, name: str) -> list[Finding]:
    found: list[Finding] = []
    fewest, most = schema.get("minProperties"), schema.get("maxProperties")
    if fewest is not None and len(value) < fewest:
        found.append(_invalid(name, len(value), f"should have at least {fewest} properties"))
    if most is not None and len(value) > most:
        items = f"must have at most {most} item{'s' if most != 1 else ''}"
        found.append(Finding(Kind.TOO_MANY, name, len(value), items))
    properties, more = schema.get("properties", {}), additional(schema)
    for key in sorted(value):
        field = properties.get(key, more)
        if field is not None:
            found += check(value[key], field, f"{name}.{key}" if name else key)
    for key in schema.get("required", ()):
        if key not in value:
            found.append(Finding(Kind.REQUIRED, f"{name}.{key}" if name else key, OMIT, ""))
    return found


def _junctors(value: Any, schema: Object, name: str) -> list[Finding]:
    found: list[Finding] = []
    if any_of := schema.get("anyOf"):
        results = [check(value, each, name) for each in any_of]
        if all(results):
            found += [_verdict(name, "must validate at least one schema (anyOf)"), *_best(results)]
    if one_of := schema.get("oneOf"):
        results = [check(value, each, name) for each in one_of]
        valid = sum(not result for result in results)
        words = "must validate one and only one schema (oneOf). Found"
        if valid == 0:
            found += [_verdict(name, f"{words} none valid"), *_best(results)]
        elif valid > 1:
            found.append(_verdict(name, f"{words} {valid} valid alternatives"))
    if all_of := schema.get("allOf"):
        results = [check(value, each, name) for each in all_of]
        valid = sum(not result for result in results)
        for result in results:
            found += result
        if valid < len(results):
            found.append(
                _verdict(name, "must validate all the schemas (allOf)" + ("" if valid else ". None validated"))
            )
    if (negated := schema.get("not")) is not None and not check(value, negated, name):
        found.append(_verdict(name, "must not validate the schema (not)"))
    return found


def _verdict(name: str, words: str) -> Finding:
    return Finding(Kind.INVALID, None, "", f'"{name}" {words}')


def _best(results: list[list[Finding]]) -> list[Finding]:
    return min(results, key=len)
