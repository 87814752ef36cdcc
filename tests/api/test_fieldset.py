"""Do sets of fields behave like sets, and look like fieldsV1?"""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.api import fieldset
from minikube_edu.api.fieldset import Path, Set

STEPS = st.sampled_from(
    ["f:a", "f:b", "f:z", 'k:{"name":"c"}', 'k:{"port":80}', 'k:{"port":443}', 'v:"x"', "v:5", "i:0"]
)
PATHS = st.lists(STEPS, min_size=1, max_size=4).map(tuple)
MEMBERS = st.frozensets(PATHS, max_size=8)


def members(fields: Set) -> set[Path]:
    return set(fieldset.paths(fields))


def below(path: Path, others: frozenset[Path]) -> bool:
    return any(path[: len(other)] == other for other in others)


@given(MEMBERS)
def test_does_a_set_hold_exactly_what_was_put_in(wanted: frozenset[Path]) -> None:
    fields = fieldset.of(*wanted)
    assert members(fields) == wanted
    assert all(fieldset.has(fields, path) for path in wanted)


@given(MEMBERS, MEMBERS)
def test_do_union_difference_and_intersection_obey_the_laws(a: frozenset[Path], b: frozenset[Path]) -> None:
    left, right = fieldset.of(*a), fieldset.of(*b)
    assert members(fieldset.union(left, right)) == a | b
    assert members(fieldset.difference(left, right)) == a - b
    assert members(fieldset.intersection(left, right)) == a & b
    assert fieldset.union(left, right) == fieldset.union(right, left)


@given(MEMBERS, MEMBERS)
def test_does_the_recursive_difference_take_what_is_below(a: frozenset[Path], b: frozenset[Path]) -> None:
    rest = fieldset.recursive_difference(fieldset.of(*a), fieldset.of(*b))
    assert members(rest) == {path for path in a if not below(path, b)}


@given(MEMBERS, MEMBERS)
def test_are_the_arguments_left_alone_and_results_canonical(a: frozenset[Path], b: frozenset[Path]) -> None:
    left, right = fieldset.of(*a), fieldset.of(*b)
    before = orjson.dumps([left, right])
    for operation in (fieldset.union, fieldset.difference, fieldset.intersection, fieldset.recursive_difference):
        result = operation(left, right)
        assert orjson.dumps(fieldset.parse(result)) == orjson.dumps(result)
    assert orjson.dumps([left, right]) == before


@given(MEMBERS)
def test_is_the_very_set_returned_when_nothing_goes(a: frozenset[Path]) -> None:
    fields = fieldset.of(*a)
    assert fieldset.difference(fields, fieldset.of(("f:absent",))) is fields


def test_does_a_branch_say_whether_its_root_is_a_member() -> None:
    fields: Set = {"f:data": {".": {}, "f:k": {}}, "f:spec": {"f:a": {}}}
    assert members(fields) == {("f:data",), ("f:data", "f:k"), ("f:spec", "f:a")}
    assert fieldset.has(fields, ("f:data",))
    assert not fieldset.has(fields, ("f:spec",))
    assert not fieldset.has(fields, ())
    assert fieldset.difference(fields, {"f:data": {}}) == {"f:data": {"f:k": {}}, "f:spec": {"f:a": {}}}
    assert fieldset.difference(fields, {"f:data": {"f:k": {}}})["f:data"] == {}


def test_do_numbers_sort_by_value_in_keys() -> None:
    fields = fieldset.parse({'k:{"port":443}': {}, 'k:{"port":80}': {}, "f:z": {}, "f:a": {}})
    assert list(fields) == ["f:a", "f:z", 'k:{"port":80}', 'k:{"port":443}']


def test_are_steps_brought_into_canonical_form_and_unknown_ones_dropped() -> None:
    sent: dict[str, Any] = {'k:{"b": 1, "a":"<"}': {"f:x": {}}, "x:future": {}, "v: 5": {".": {}}, "f:n": {"y:no": {}}}
    assert fieldset.parse(sent) == {"f:n": {}, 'k:{"a":"\\u003c","b":1}': {"f:x": {}}, "v:5": {}}


@pytest.mark.parametrize("step", ["f", "data", "k:{", "v:", "i:one", "k:5"])
def test_is_a_step_that_cannot_be_read_refused(step: str) -> None:
    with pytest.raises(fieldset.InvalidSet):
        fieldset.parse({step: {}})


def test_is_something_that_is_no_object_refused() -> None:
    with pytest.raises(fieldset.InvalidSet):
        fieldset.parse({"f:a": 5})


def test_are_paths_written_as_messages_have_them() -> None:
    path = ("f:spec", 'k:{"containerPort":80,"protocol":"TCP"}', 'v:"a\\"b"', "v:true", "i:3")
    assert fieldset.path_text(path) == '.spec[containerPort=80,protocol="TCP"][="a\\"b"][=true][3]'


def test_do_patterns_keep_only_what_lies_on_their_way() -> None:
    fields = fieldset.of(
        ("f:spec", 'k:{"name":"c"}', "f:resources", "f:limits"),
        ("f:spec", 'k:{"name":"c"}', "f:image"),
        ("f:status",),
    )
    kept = fieldset.matching(fields, [("f:spec", "*", "f:resources")])
    assert members(kept) == {("f:spec", 'k:{"name":"c"}', "f:resources", "f:limits")}
