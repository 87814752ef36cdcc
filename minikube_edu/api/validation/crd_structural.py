"""Is a schema structural? Every field has one type, said outside of `allOf`, `anyOf`, `oneOf` and `not`; and are its
defaults sound?
"""

from __future__ import annotations

import copy
import re
from typing import Any

from minikube_edu.api.field_errors import Errors
from minikube_edu.api.structural import (
    EMBEDDED,
    INT_OR_STRING,
    LIST_KEYS,
    LIST_TYPE,
    MAP_TYPE,
    PRESERVE,
    RULES,
    Object,
    embedded,
    values,
)
from minikube_edu.api.structural.pruning import prune

ROOT, ITEM, FIELD = "at the root", "for specified array items", "for specified object fields"
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_UNSUPPORTED = {
    "id": "id", "$schema": "schema", "$ref": "$ref", "patternProperties": "patternProperties",
    "dependencies": "dependencies", "additionalItems": "additionalItems", "definitions": "definitions",
}  # fmt: skip


def unsupported(schema: Any) -> str:
    """Why the schema cannot even be read as structural; "" when it can."""
    if not isinstance(schema, dict):
        return ""
    for field, name in _UNSUPPORTED.items():
        if schema.get(field):
            return f"OpenAPIV3Schema '{name}' is not supported"
    if schema.get(PRESERVE) is False:
        return f"internal error: '{PRESERVE}' must be true or undefined"
    if isinstance(schema.get("items"), list):
        return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    inner = [schema.get("not"), schema.get("items"), schema.get("additionalProperties")]
    for junctor in ("allOf", "anyOf", "oneOf"):
        inner += schema.get(junctor, [])
    inner += schema.get("properties", {}).values()
    return next((problem for each in inner if (problem := unsupported(each))), "")


def check(path: str, schema: Object, errors: Errors) -> None:
    """The errors are sorted, as the real one sorts them."""
    found = Errors()
    _invariants(path, schema, ROOT, found)
    _complete(path, path, schema, schema, found)
    found.sort(key=str)
    errors.extend(found)


def _invariants(path: str, schema: Object, level: str, errors: Errors) -> None:
    kind, items = schema.get("type", ""), schema.get("items")
    if kind == "array" and items is None:
        errors.required(f"{path}.items", "must be specified")
    if isinstance(items, dict):
        _invariants(f"{path}.items", items, ITEM, errors)
    properties = schema.get("properties", {})
    for name, field in properties.items():
        _invariants(f"{path}.properties[{name}]", field, FIELD, errors)
    more = schema.get("additionalProperties")
    if more is not None:
        if level == ROOT:
            errors.forbidden(f"{path}.additionalProperties", "must not be used at the root")
        if isinstance(more, dict):
            _invariants(f"{path}.additionalProperties", more, FIELD, errors)
    for extension in (PRESERVE, EMBEDDED):
        if schema.get(INT_OR_STRING) and schema.get(extension):
            errors.invalid(f"{path}.{extension}", True, f"must be false if {INT_OR_STRING} is true")
    any_of_pattern = schema.get("anyOf") == _INT_OR_STRING
    all_of = schema.get("allOf", [])
    first_pattern = bool(all_of) and all_of[0].get("anyOf") == _INT_OR_STRING
    _value_validation(path, schema, errors, skip_any=any_of_pattern, skip_first=first_pattern)
    _type(path, schema, kind, level, errors)
    _metadata(path, schema, properties, level, errors)


def _type(path: str, schema: Object, kind: str, level: str, errors: Errors) -> None:
    if schema.get(EMBEDDED) and kind != "object":
        what = f"must be object if {EMBEDDED} is true"
        if kind:
            errors.invalid(f"{path}.type", kind, what)
        else:
            errors.required(f"{path}.type", what)
    elif not kind and not schema.get(INT_OR_STRING) and not schema.get(PRESERVE):
        errors.required(f"{path}.type", f"must not be empty {level}")
    if schema.get(EMBEDDED) and schema.get("additionalProperties") is not None:
        errors.forbidden(f"{path}.additionalProperties", f"must not be used if {EMBEDDED} is set")
    if level == ROOT and kind and kind != "object":
        errors.invalid(f"{path}.type", kind, "must be object at the root")


def _metadata(path: str, schema: Object, properties: Object, level: str, errors: Errors) -> None:
    whole = level == ROOT or bool(schema.get(EMBEDDED))
    for name in ("kind", "apiVersion"):
        if whole and name in properties and properties[name].get("type", "") != "string":
            errors.invalid(f"{path}.properties[{name}].type", properties[name].get("type", ""), "must be string")
    metadata = properties.get("metadata")
    if metadata is not None:
        at = f"{path}.properties[metadata]"
        if whole and metadata.get("type", "") != "object":
            errors.invalid(f"{at}.type", metadata.get("type", ""), "must be object")
        if level == ROOT:
            rest = {field: value for field, value in metadata.items() if field not in ("type", "default")}
            if set(rest.get("properties", {})) <= {"name", "generateName"}:
                rest.pop("properties", None)
            if rest:
                what = (
                    "must not specify anything other than name and generateName, but metadata is implicitly specified"
                )
                errors.forbidden(at, what)
    if schema.get(EMBEDDED) and not schema.get(PRESERVE) and not properties:
        errors.required(f"{path}.properties", f"must not be empty if {EMBEDDED} is true without {PRESERVE}")


def _value_validation(
    path: str, schema: Object, errors: Errors, *, skip_any: bool = False, skip_first: bool = False
) -> None:
    if not skip_any:
        for index, inner in enumerate(schema.get("anyOf", ())):
            _nested(f"{path}.anyOf[{index}]", inner, errors)
    for index, inner in enumerate(schema.get("allOf", ())):
        _nested(f"{path}.allOf[{index}]", inner, errors, skip_any=skip_first and index == 0)
    for index, inner in enumerate(schema.get("oneOf", ())):
        _nested(f"{path}.oneOf[{index}]", inner, errors)
    if schema.get("not") is not None:
        _nested(f"{path}.not", schema["not"], errors)
    if (pattern := schema.get("pattern")) and (problem := regex_problem(pattern)):
        what = f"must be a valid regular expression, but isn't: {problem}"
        errors.invalid(f"{path}.pattern", pattern, what)


_FORBIDDEN = (
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (PRESERVE, "must be false to be structural"),
    (EMBEDDED, "must be false to be structural"),
    (INT_OR_STRING, "must be false to be structural"),
    (LIST_KEYS, "must be empty to be structural"),
    (LIST_TYPE, "must be undefined to be structural"),
    (MAP_TYPE, "must be undefined to be structural"),
    (RULES, "must be empty to be structural"),
)


def _nested(path: str, schema: Object, errors: Errors, *, skip_any: bool = False) -> None:
    """A schema within a junctor may judge values, and say nothing else."""
    _value_validation(path, schema, errors, skip_any=skip_any)
    if isinstance(schema.get("items"), dict):
        _nested(f"{path}.items", schema["items"], errors)
    for name, field in schema.get("properties", {}).items():
        _nested(f"{path}.properties[{name}]", field, errors)
    for field, what in _FORBIDDEN:
        value = schema.get(field)
        if value or (value is not None and "undefined" in what):
            errors.forbidden(f"{path}.{field}", what)
    if "metadata" in schema.get("properties", {}):
        errors.forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context")


def _complete(path: str, nested_path: str, schema: Object, nested: Object, errors: Errors) -> None:
    """What a junctor judges must be specified outside of it as well."""
    junctors = [(f"{nested_path}.not", nested["not"])] if nested.get("not") is not None else []
    for junctor in ("allOf", "anyOf", "oneOf"):
        junctors += [(f"{nested_path}.{junctor}[{index}]", each) for index, each in enumerate(nested.get(junctor, ()))]
    for at, inner in junctors:
        _complete_nested(path, at, schema, inner, errors)


def _complete_nested(path: str, at: str, schema: Object | None, nested: Object, errors: Errors) -> None:
    if schema is None:
        errors.required(path, f"because it is defined in {at}")
        return
    _complete(path, at, schema, nested, errors)
    if isinstance(nested.get("items"), dict):
        inner = schema.get("items")
        items = inner if isinstance(inner, dict) else None
        _complete_nested(f"{path}.items", f"{at}.items", items, nested["items"], errors)
    for name, field in nested.get("properties", {}).items():
        where = f".properties[{name}]"
        _complete_nested(path + where, at + where, schema.get("properties", {}).get(name), field, errors)


def regex_problem(pattern: str) -> str:
    """Go's complaint about a regular expression; "" when it is one."""
    if ahead := re.search(r"\(\?(?:[=!]|<[=!])", pattern):
        return f"error parsing regexp: invalid or unsupported Perl syntax: `{ahead[0]}`"
    try:
        re.compile(re.sub(r"\[:\w+:\]", "a", pattern).replace("\\z", "\\Z").replace("\\C", "."))
    except re.error as error:
        return "error parsing regexp: " + _in_go(error, pattern)
    return ""


def _in_go(error: re.error, pattern: str) -> str:
    words, position = error.msg, error.pos or 0
    if words.startswith("unterminated character set"):
        return f"missing closing ]: `{pattern[position:]}`"
    if words.startswith("missing )"):
        return f"missing closing ): `{pattern}`"
    if words.startswith("unbalanced parenthesis"):
        return f"unexpected ): `{pattern}`"
    if words.startswith("nothing to repeat"):
        return f"missing argument to repetition operator: `{pattern[position : position + 1]}`"
    if words.startswith("multiple repeat"):
        return f"invalid nested repetition operator: `{pattern[position - 1 : position + 1]}`"
    if words.startswith("bad character range"):
        return f"invalid character class range: `{words.removeprefix('bad character range ')}`"
    if words.startswith("bad escape (end"):
        return "trailing backslash at end of expression: ``"
    if words.startswith("bad escape"):
        return f"invalid escape sequence: `{words.removeprefix('bad escape ').split(' ')[0]}`"
    return f"invalid or unsupported Perl syntax: `{pattern[position:]}`"


def check_defaults(path: str, schema: Object, errors: Errors) -> None:
    _defaults(path, {**schema, EMBEDDED: True}, errors, in_metadata=False)


def _defaults(path: str, schema: Object, errors: Errors, *, in_metadata: bool) -> None:
    whole = bool(schema.get(EMBEDDED))
    in_metadata = in_metadata and not whole
    value = schema.get("default")
    if value is not None:
        at, found = f"{path}.default", Errors()
        if not in_metadata:
            pruned = copy.deepcopy(value)
            if prune(pruned, schema, root=whole):
                errors.invalid(at, value, "must not have unknown fields")
            embedded.check(value, schema, found, at)
        if not found:
            values.report(values.check(value, schema), found, at)
        errors.extend(found)
    if isinstance(schema.get("items"), dict):
        _defaults(f"{path}.items", schema["items"], errors, in_metadata=in_metadata)
    for name, field in schema.get("properties", {}).items():
        inside = in_metadata or (whole and name in ("metadata", "apiVersion", "kind"))
        _defaults(f"{path}.properties[{name}]", field, errors, in_metadata=inside)
