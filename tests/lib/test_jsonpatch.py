"""Do patches do what the real server's do?"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.lib import jsonpatch
from minikube_edu.lib.jsonpatch import PatchDecodeError, PatchError, apply_json_patch, apply_merge_patch

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3)
)
OBJECTS = st.dictionaries(st.text("ab", max_size=2), JSON, max_size=4)


def patched(document: Any, **operation: Any) -> Any:
    return apply_json_patch(document, [{key.rstrip("_"): value for key, value in operation.items()}])


def refusal(document: Any, **operation: Any) -> str:
    with pytest.raises(PatchError) as caught:
        patched(document, **operation)
    return str(caught.value)


def test_what_does_each_operation_do() -> None:
    document = {"data": {"k": "v"}, "list": [1, 2]}
    assert patched(document, op="add", path="/data/m", value="n")["data"] == {"k": "v", "m": "n"}
    assert patched(document, op="replace", path="/data/zz", value="o")["data"] == {"k": "v", "zz": "o"}
    assert patched(document, op="remove", path="/data/k")["data"] == {}
    assert patched(document, op="move", from_="/data/k", path="/data/moved")["data"] == {"moved": "v"}
    assert patched(document, op="copy", from_="/data", path="/other")["other"] == {"k": "v"}
    assert patched(document, op="copy", from_="/data/none", path="/data/copied")["data"]["copied"] is None
    assert patched(document, op="add", path="/data/x")["data"]["x"] is None
    assert patched(document, op="test", path="/data/k", value="v") == document
    assert patched(document, op="replace", path="", value={"root": 1}) == {"root": 1}
    assert patched({"a/b~": 1}, op="remove", path="/a~1b~0") == {}


def test_what_do_indexes_mean() -> None:
    document = {"l": ["a", "b"]}
    assert patched(document, op="add", path="/l/0", value="x")["l"] == ["x", "a", "b"]
    assert patched(document, op="add", path="/l/2", value="x")["l"] == ["a", "b", "x"]
    assert patched(document, op="add", path="/l/-", value="x")["l"] == ["a", "b", "x"]
    assert patched(document, op="add", path="/l/-1", value="x")["l"] == ["a", "b", "x"]
    assert patched(document, op="remove", path="/l/-1")["l"] == ["a"]
    assert patched(document, op="replace", path="/l/1", value="x")["l"] == ["a", "x"]
    assert refusal(document, op="add", path="/l/9", value="x") == (
        "error in add for path: '/l/9': Unable to access invalid index: 9: invalid index referenced"
    )
    assert refusal(document, op="remove", path="/l/x") == (
        "error in remove for path: '/l/x': strconv.Atoi: parsing \"x\": invalid syntax"
    )
    assert refusal(document, op="replace", path="/l/-", value=1) == (
        "replace operation does not apply: doc is missing key: /l/-: missing value"
    )


def test_what_is_refused() -> None:
    document = {"data": {"k": 1}}
    assert refusal(document, op="frob", path="/data/k") == "Unexpected kind: frob"
    assert refusal(document, op="add", value=1) == "add operation failed to decode path: missing value"
    assert refusal(document, op="add", path="/no/q", value=1) == (
        'add operation does not apply: doc is missing path: "/no/q": missing value'
    )
    assert refusal(document, op="remove", path="/data/zz") == (
        "error in remove for path: '/data/zz': Unable to remove nonexistent key: zz: missing value"
    )
    assert refusal(document, op="move", from_="/data/zz", path="/x").startswith("error in move for path: 'zz'")
    assert refusal(document, op="add", path="/data/k/x", value=1).startswith("add operation does not apply")
    assert refusal(document, op="replace", path="", value=5).startswith("replace operation value must be object or")


@pytest.mark.parametrize(("found", "wanted"), [(1, 1.0), (True, 1), ("1", 1), ({"a": 1}, {"a": 2}), ([1], [1, 2])])
def test_does_test_compare_as_json_does(found: object, wanted: object) -> None:
    with pytest.raises(jsonpatch.TestFailed, match=r"^testing value /v failed: test failed$"):
        patched({"v": found}, op="test", path="/v", value=wanted)


def test_is_a_missing_member_null_to_test() -> None:
    assert patched({}, op="test", path="/a", value=None) == {}
    assert patched({"a": None}, op="test", path="/a") == {"a": None}


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"op": "add"}, "json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
        ([5], "json: cannot unmarshal number into Go value of type handlers.jsonPatchOp"),
        ([{"op": True}], "json: cannot unmarshal bool into Go struct field jsonPatchOp.op of type string"),
    ],
)
def test_is_something_else_than_a_json_patch_refused(patch: object, message: str) -> None:
    with pytest.raises(PatchDecodeError) as caught:
        jsonpatch.decode_operations(patch)
    assert str(caught.value) == message


def test_is_something_else_than_a_merge_patch_refused() -> None:
    with pytest.raises(PatchDecodeError, match=r"^json: cannot unmarshal array into Go value of type map"):
        jsonpatch.decode_merge_patch([])
    assert jsonpatch.decode_merge_patch({}) == {}


def test_are_unknown_fields_of_operations_reported() -> None:
    operations = jsonpatch.decode_operations([{"op": "test", "path": "", "foo": 1}])
    assert jsonpatch.unknown_operation_fields(operations) == ['json patch unknown field "[0].foo"']


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": "foo"}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({"e": None}, {"e": {"x": None}}, {"e": {}}),
        ([1], {"a": None, "b": 1}, {"b": 1}),
        ({}, {"l": [{"x": None}, None]}, {"l": [{}, None]}),
        ({"a": {"x": 1}}, {"a": [{"x": None}]}, {"a": [{"x": None}]}),
    ],
)
def test_what_does_a_merge_patch_make(document: object, patch: object, expected: object) -> None:
    assert apply_merge_patch(document, patch) == expected


@given(OBJECTS, OBJECTS)
def test_does_a_made_merge_patch_lead_to_the_new_document(old: dict[str, Any], new: dict[str, Any]) -> None:
    old, new = jsonpatch._pruned(old), jsonpatch._pruned(new)
    patch = jsonpatch.create_merge_patch(old, new)
    assert apply_merge_patch(old, patch) == new
    assert (patch == {}) == jsonpatch.same(old, new)


@given(
    OBJECTS,
    st.lists(
        st.fixed_dictionaries(
            {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"])},
            optional={
                "path": st.sampled_from(["/a", "/b", "/a/0", "/a/-", "/a/b", "/b/a", ""]),
                "from": st.sampled_from(["/a", "/b", "/a/0", ""]),
                "value": JSON,
            },
        ),
        max_size=4,
    ),
)
def test_is_nothing_changed_that_went_in(document: dict[str, Any], operations: list[dict[str, Any]]) -> None:
    document_before, operations_before = copy.deepcopy(document), copy.deepcopy(operations)
    try:
        result = apply_json_patch(document, operations)
    except PatchError:
        result = None
    if isinstance(result, dict):
        result.clear()
    merged = apply_merge_patch(document, operations[0] if operations else {})
    merged.clear()
    assert document == document_before
    assert operations == operations_before
