"""Do shapes divide values as structured-merge-diff does?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.api import fieldset, typed, typed_custom
from minikube_edu.api.fieldset import path_text, paths

POD = typed.of_type("core.v1.PodSpec")
SERVICE = typed.of_type("core.v1.ServiceSpec")
META = typed.of_type("meta.v1.ObjectMeta")

JSON = st.recursive(
    st.none() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


def texts(fields: fieldset.Set | None) -> set[str]:
    return {path_text(path) for path in paths(fields or {})}


def container(**more: Any) -> dict[str, Any]:
    return {"containers": [{"name": "c", **more}]}


def test_does_an_applier_own_leaves_and_items_but_not_the_structs_above_them() -> None:
    owned = POD.leaves(container(image="i", ports=[{"containerPort": 80}]))
    assert texts(owned) == {
        '.containers[name="c"]', '.containers[name="c"].name', '.containers[name="c"].image',
        '.containers[name="c"].ports[containerPort=80,protocol="TCP"]',
        '.containers[name="c"].ports[containerPort=80,protocol="TCP"].containerPort',
    }  # fmt: skip


def test_does_what_is_new_include_every_map_on_the_way() -> None:
    changed, removed = META.compare({"name": "a"}, {"name": "a", "labels": {"x": "y"}, "finalizers": ["e.io/f"]})
    assert removed is None
    assert texts(changed) == {".labels", ".labels.x", ".finalizers", '.finalizers[="e.io/f"]'}


def test_are_atomic_lists_and_maps_one_field() -> None:
    changed, _ = POD.compare(
        {"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}], "nodeSelector": {"a": "b"}}
    )
    assert texts(changed) == {".tolerations", ".nodeSelector"}


def test_are_items_told_apart_by_all_their_keys() -> None:
    ports = [{"port": 53, "protocol": "UDP"}, {"port": 53}]
    changed, _ = SERVICE.compare({}, {"ports": ports})
    assert {'.ports[port=53,protocol="UDP"]', '.ports[port=53,protocol="TCP"]'} <= texts(changed)


def test_is_a_reordered_list_no_change() -> None:
    a = {"containers": [{"name": "a"}, {"name": "b"}]}
    b = {"containers": [{"name": "b"}, {"name": "a"}]}
    assert POD.compare(a, b) == (None, None)


def test_are_twins_owned_together() -> None:
    one, two = {"name": "A", "value": "1"}, {"name": "A", "value": "2"}
    changed, removed = POD.compare(container(env=[one]), container(env=[one, two]))
    assert '.containers[name="c"].env[name="A"]' in texts(changed)
    assert '.containers[name="c"].env[name="A"].value' in texts(removed)
    assert texts(POD.leaves(container(env=[one, two]))) >= {'.containers[name="c"].env[name="A"]'}


@pytest.mark.parametrize(
    ("live", "applied", "merged"),
    [
        ("abc", "bd", "abcd"),  # live items stay where they are as long as no applied item must come first
        ("abc", "ca", "bca"),  # the applied order wins
        ("abc", "x", "abcx"),
        ("", "ab", "ab"),
        ("abc", "abc", "abc"),
        ("abcd", "dxb", "acdxb"),
    ],
)
def test_do_lists_merge_in_the_real_order(live: str, applied: str, merged: str) -> None:
    def items(names: str) -> Any:
        return {"containers": [{"name": name} for name in names]}

    result = POD.merge(items(live), items(applied))
    assert "".join(item["name"] for item in result["containers"]) == merged


@given(OBJECTS, OBJECTS)
def test_does_a_merge_hold_all_that_was_applied(live: dict[str, Any], applied: dict[str, Any]) -> None:
    shape = typed.DEDUCED
    merged = shape.merge(live, applied)
    assert shape.merge(merged, applied) == merged
    wanted = shape.leaves(applied) or {}
    have = shape.leaves(merged) or {}
    assert all(path[-1] == "." or any(p[: len(path)] == path for p in paths(have)) for path in paths(wanted))


@given(OBJECTS, OBJECTS)
def test_does_compare_find_every_difference_and_only_those(old: dict[str, Any], new: dict[str, Any]) -> None:
    changed, removed = typed.DEDUCED.compare(old, new) if old != new else (None, None)
    assert (old == new) == (changed is None and removed is None)
    back_changed, back_removed = typed.DEDUCED.compare(new, old) if old != new else (None, None)
    assert texts(removed) <= texts(back_changed)
    assert texts(back_removed) <= texts(changed)


@given(OBJECTS)
def test_does_removing_what_is_there_leave_nothing_of_it(obj: dict[str, Any]) -> None:
    fields = typed.DEDUCED.leaves(obj) or {}
    rest = typed.DEDUCED.remove(obj, fields) or {}
    assert not set(paths(typed.DEDUCED.leaves(rest) or {})) & {p for p in paths(fields) if len(p) == 1}


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"hostNetwork": "yes"}, ".hostNetwork: expected boolean, got &{yes}"),
        ({"priority": "high"}, ".priority: expected numeric (int or float), got string"),
        ({"nodeName": 5}, ".nodeName: expected string, got &value.valueUnstructured{Value:5}"),
        ({"containers": {"name": "c"}}, ".containers: expected list, got &{map[name:c]}"),
        ({"securityContext": []}, ".securityContext: expected map, got &{[]}"),
        ({"colour": "red"}, ".colour: field not declared in schema"),
        ({"containers": [None]}, ".containers: element 0: associative list with keys may not have a null element"),
        ({"containers": [{"name": "c"}, {"name": "c"}]}, '.containers: duplicate entries for key [name="c"]'),
        ({"tolerations": [{"key": 5}]}, ".tolerations[0].key: expected string, got &value.valueUnstructured{Value:5}"),
    ],
)
def test_are_wrong_values_described_in_the_real_words(value: Any, complaint: str) -> None:
    problems: list[str] = []
    POD.check(value, (), problems)
    assert problems == [complaint]


def test_is_null_right_for_every_type() -> None:
    problems: list[str] = []
    POD.check({"hostNetwork": None, "containers": None, "nodeSelector": None, "priority": None}, (), problems)
    assert problems == []


CUSTOM = typed_custom.of_schema(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "size": {"x-kubernetes-int-or-string": True},
                    "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                    "plain": {"type": "array", "items": {"type": "string"}},
                    "whole": {
                        "type": "object",
                        "x-kubernetes-map-type": "atomic",
                        "properties": {"a": {"type": "string"}},
                    },
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    "ports": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["port", "protocol"],
                        "items": {
                            "type": "object",
                            "properties": {
                                "port": {"type": "integer"},
                                "protocol": {"type": "string", "default": "TCP"},
                            },
                        },
                    },
                },
            }
        },
    }
)


def test_do_custom_resources_divide_as_their_schema_says() -> None:
    spec = {
        "size": "10%", "tags": ["a"], "plain": ["b"], "whole": {"a": "b"}, "free": {"x": {"y": [1]}},
        "ports": [{"port": 1}],
    }  # fmt: skip
    changed, _ = CUSTOM.compare({"metadata": {}}, {"metadata": {"labels": {"a": "b"}}, "spec": spec})
    assert texts(changed) == {
        ".metadata.labels", ".metadata.labels.a", ".spec", ".spec.size", ".spec.tags", '.spec.tags[="a"]',
        ".spec.plain", ".spec.whole", ".spec.free", ".spec.free.x", ".spec.free.x.y", ".spec.ports",
        '.spec.ports[port=1,protocol="TCP"]', '.spec.ports[port=1,protocol="TCP"].port',
    }  # fmt: skip
    problems: list[str] = []
    CUSTOM.check({"spec": {"other": 1}}, (), problems)
    assert problems == [".spec.other: field not declared in schema"]


def test_is_true_not_one_where_the_schema_leaves_the_type_open() -> None:
    assert typed.same({"a": [1]}, {"a": [1.0]})
    assert not typed.same({"a": [1]}, {"a": [True]})
    assert texts(typed.DEDUCED.compare({"a": {"b": 1}}, {"a": {"b": True}})[0]) == {".a.b"}
    assert texts(CUSTOM.compare({"spec": {"free": {"x": 0}}}, {"spec": {"free": {"x": False}}})[0]) == {".spec.free.x"}
