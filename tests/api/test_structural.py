"""What does a structural schema do to an object: what does it take away, fill in, and complain of?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.api.field_errors import Errors
from minikube_edu.api.structural import defaulting, embedded, formats, lists, pruning, values

Object = dict[str, Any]
TEXT: Object = {"type": "string"}


def spec(**properties: Any) -> Object:
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}


def complaints(schema: Object, value: Any) -> list[str]:
    errors = Errors()
    values.report(values.check(value, schema), errors)
    return [str(error) for error in errors]


def test_unknown_fields_go_and_are_told_in_order() -> None:
    value = {"kind": "W", "metadata": {"x": 1}, "z": 1, "spec": {"a": "x", "b": 1, "free": {"c": {"d": 1}}}}
    schema = spec(a=TEXT, free={"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    assert pruning.prune(value, schema, root=True) == ["spec.b", "z"]
    assert value == {"kind": "W", "metadata": {"x": 1}, "spec": {"a": "x", "free": {"c": {"d": 1}}}}


def test_defaults_are_filled_in_from_the_outside_to_the_inside() -> None:
    value: Object = {"spec": {"list": [{}, {"w": 5}]}}
    inner = {"type": "object", "properties": {"w": {"type": "integer", "default": 1}}}
    schema = spec(
        size={"type": "integer", "default": 3},
        nested={
            "type": "object",
            "default": {"lit": True},
            "properties": {"dim": {"type": "boolean", "default": True}},
        },
        list={"type": "array", "items": inner},
    )
    defaulting.default(value, schema)
    assert value["spec"] == {"size": 3, "nested": {"lit": True, "dim": True}, "list": [{"w": 1}, {"w": 5}]}


def test_a_null_stays_only_where_it_is_allowed() -> None:
    value: Object = {"spec": {"a": None, "b": None, "c": None}}
    schema = spec(a=TEXT, b={**TEXT, "nullable": True}, c={**TEXT, "default": "d"})
    defaulting.drop_nulls(value, schema)
    defaulting.default(value, schema)
    assert value["spec"] == {"b": None, "c": "d"}


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "integer"}, "x", 'spec.f: Invalid value: "string": spec.f in body must be of type integer: "string"'),
        ({"type": "integer"}, 1.5, 'spec.f: Invalid value: "number": spec.f in body must be of type integer: "number"'),
        (
            {"x-kubernetes-int-or-string": True},
            True,
            'spec.f: Invalid value: "boolean": spec.f in body must be of type integer,string: "boolean"',
        ),
        ({**TEXT, "maxLength": 2}, "abc", "spec.f: Too long: may not be more than 2 bytes"),
        ({**TEXT, "minLength": 2}, "a", 'spec.f: Invalid value: "a": spec.f in body should be at least 2 chars long'),
        ({**TEXT, "pattern": "^[a-z]+$"}, "A", "spec.f: Invalid value: \"A\": spec.f in body should match '^[a-z]+$'"),
        ({**TEXT, "enum": ["a", "b"]}, "c", 'spec.f: Unsupported value: "c": supported values: "a", "b"'),
        (
            {**TEXT, "format": "date-time"},
            "tomorrow",
            'spec.f: Invalid value: "tomorrow": spec.f in body must be of type date-time: "tomorrow"',
        ),
        (
            {"type": "integer", "maximum": 10},
            11,
            "spec.f: Invalid value: 11: spec.f in body should be less than or equal to 10",
        ),
        (
            {"type": "array", "items": TEXT, "maxItems": 1},
            ["a", "b"],
            "spec.f: Too many: 2: must have at most 1 item",
        ),
        ({"type": "object", "required": ["k"]}, {}, "spec.f.k: Required value"),
        (
            {"type": "object", "not": {"required": ["x"]}},
            {"x": 1},
            '<nil>: Invalid value: "": "spec.f" must not validate the schema (not)',
        ),
    ],
)
def test_a_value_that_does_not_fit_is_told_as_the_real_validator_does(
    schema: Object, value: Any, expected: str
) -> None:
    assert complaints(spec(f=schema), {"spec": {"f": value}}) == [expected]


def test_of_several_alternatives_the_nearest_one_is_explained() -> None:
    schema = spec(f={"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]})
    assert complaints(schema, {"spec": {"f": {}}}) == [
        '<nil>: Invalid value: "": "spec.f" must validate one and only one schema (oneOf). Found none valid',
        "spec.f.a: Required value",
    ]
    assert complaints(schema, {"spec": {"f": {"a": 1}}}) == []


def test_sets_and_maps_hold_nothing_twice() -> None:
    errors = Errors()
    schema = spec(
        s={"type": "array", "x-kubernetes-list-type": "set", "items": TEXT},
        m={"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]},
    )
    lists.check({"spec": {"s": ["a", "a", "a"], "m": [{"k": "x", "v": 1}, {"k": "x"}]}}, schema, errors)
    assert sorted(map(str, errors)) == [
        'spec.m[1]: Duplicate value: {"k":"x"}',
        'spec.s[1]: Duplicate value: "a"',
    ]


def test_an_embedded_object_must_say_what_it_is() -> None:
    errors = Errors()
    schema = spec(raw={"type": "object", "x-kubernetes-embedded-resource": True})
    embedded.check({"spec": {"raw": {"a": 1}}}, schema, errors)
    assert [str(error) for error in errors] == [
        "spec.raw.apiVersion: Required value",
        "spec.raw.kind: Required value",
    ]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("email", "a@b.c", "nope"),
        ("ipv4", "1.2.3.4", "1.2.3"),
        ("ipv6", "::1", "1.2.3.4"),
        ("cidr", "10.0.0.0/8", "10.0.0.0"),
        ("byte", "eA==", "***"),
        ("date", "2026-01-31", "2026-02-31"),
        ("date-time", "2026-01-31T10:00:00Z", "2026-01-31"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123"),
        ("duration", "1h30m", "soon"),
        ("hostname", "a.b", "a b"),
    ],
)
def test_formats_know_good_from_bad(name: str, good: str, bad: str) -> None:
    assert formats.fits(good, name)
    assert not formats.fits(bad, name)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_pruning_and_defaulting_twice_changes_nothing_more(value: Any) -> None:
    schema = spec(a={"type": "integer", "default": 1}, b={"type": "array", "items": spec(c=TEXT)})
    obj = {"spec": value}
    pruning.prune(obj, schema, root=True)
    defaulting.drop_nulls(obj, schema)
    defaulting.default(obj, schema)
    before = repr(obj)
    assert pruning.prune(obj, schema, root=True) == []
    defaulting.drop_nulls(obj, schema)
    defaulting.default(obj, schema)
    assert repr(obj) == before
