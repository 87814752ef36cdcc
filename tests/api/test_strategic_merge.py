"""Are strategic merge patches applied and made as the real server and kubectl do it?"""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.api import strategic_diff, strategic_merge, unstructured
from minikube_edu.api.errors import ApiError

Object = dict[str, Any]
DEPLOYMENT = "apps.v1.Deployment"


def pods(*containers: Object, **more: Any) -> Object:
    return {"spec": {"template": {"spec": {"containers": list(containers), **more}}}}


def names(obj: Object, list_name: str = "containers") -> str:
    return "".join(item["name"] for item in obj["spec"]["template"]["spec"][list_name])


def patched(original: Object, patch: Object, of_type: str = DEPLOYMENT) -> Object:
    before = orjson.dumps([original, patch])
    result = strategic_merge.apply(original, patch, of_type)
    assert orjson.dumps([original, patch]) == before, "the arguments were changed"
    return result


LIVE = pods({"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b", "image": "1"})


def test_are_items_of_a_keyed_list_merged_by_their_key() -> None:
    result = patched(LIVE, pods({"name": "a", "image": "2", "env": [{"name": "Y", "value": "2"}]}))
    first, second = result["spec"]["template"]["spec"]["containers"]
    assert first == {"name": "a", "image": "2", "env": [{"name": "Y", "value": "2"}, {"name": "X", "value": "1"}]}
    assert second == {"name": "b", "image": "1"}


def test_do_new_items_come_before_those_that_only_the_server_has() -> None:
    assert names(patched(LIVE, pods({"name": "n"}))) == "nab"


@pytest.mark.parametrize(
    ("items", "left"),
    [
        ([{"name": "a", "$patch": "delete"}], "b"),
        ([{"name": "none", "$patch": "delete"}], "ab"),
        ([{"$patch": "replace"}, {"name": "z"}], "z"),
        ([{"$patch": "replace"}], ""),
    ],
)
def test_do_directives_in_items_delete_and_replace(items: list[Object], left: str) -> None:
    assert names(patched(LIVE, pods(*items))) == left


def test_does_the_patch_set_the_order_of_a_list() -> None:
    order = {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}
    assert names(patched(LIVE, pods({"name": "b", "image": "2"}, **order))) == "ba"
    alone: Object = {"spec": {"template": {"spec": order}}}
    assert names(patched(LIVE, alone)) == "ba"
    some = {"$setElementOrder/containers": [{"name": "n"}, {"name": "b"}]}
    assert names(patched(LIVE, pods({"name": "n"}, **some))) == "nab"


def test_do_maps_obey_replace_delete_and_retain_keys() -> None:
    live = {
        "metadata": {"labels": {"a": "1"}},
        "spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"x": 1}}},
    }
    assert patched(live, {"metadata": {"labels": {"$patch": "replace", "b": "2"}}})["metadata"]["labels"] == {"b": "2"}
    assert patched(live, {"metadata": {"labels": {"$patch": "delete"}}})["metadata"]["labels"] == {}
    strategy = {"$retainKeys": ["type"], "type": "Recreate"}
    assert patched(live, {"spec": {"strategy": strategy}})["spec"]["strategy"] == {"type": "Recreate"}


def test_are_directives_not_stored_where_there_is_nothing_to_merge_with() -> None:
    patch = {"metadata": {"labels": {"$patch": "delete"}, "annotations": {"a": None, "b": "c"}}}
    assert patched({"metadata": {}}, patch) == {"metadata": {"annotations": {"b": "c"}}}


def test_are_lists_of_scalars_merged_and_emptied_when_the_type_says_so() -> None:
    live: Object = {"metadata": {"finalizers": ["x", "y"]}}
    assert patched(live, {"metadata": {"finalizers": ["z", "y"]}})["metadata"]["finalizers"] == ["z", "x", "y"]
    gone = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x", "q"]}}
    assert patched(live, gone)["metadata"]["finalizers"] == ["y"]


def test_are_other_lists_replaced() -> None:
    live = pods(tolerations=[{"key": "a"}])
    result = patched(live, {"spec": {"template": {"spec": {"tolerations": [{"key": "b"}]}}}})
    assert result["spec"]["template"]["spec"]["tolerations"] == [{"key": "b"}]


def test_do_nulls_delete() -> None:
    assert patched(LIVE, {"spec": {"template": None, "paused": None}}) == {"spec": {}}


@pytest.mark.parametrize(
    ("patch", "code", "message"),
    [
        (pods({"image": "x"}), 500, "map: map[image:x] does not contain declared merge key: name"),
        (pods({"name": "a", "$patch": "odd"}), 500, "unknown patch type: odd in map: map[$patch:odd name:a]"),
        (pods({"$patch": "merge"}), 500, "merging lists cannot yet be specified in the patch"),
        (
            pods({"name": "b"}, **{"$setElementOrder/containers": [{"name": "a"}]}), 500,
            "The order in patch list:\n[map[name:b]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n",
        ),
        ({"spec": {"$retainKeys": "x"}}, 400, "invalid patch format of retainKeys"),
        ({"spec": {"$retainKeys": ["a"], "b": 1}}, 400, "invalid patch format of retainKeys"),
        ({"$deleteFromPrimitiveList": []}, 400, "invalid patch format of primitive list"),
        ({"$setElementOrder": []}, 400, "invalid patch format of setElementOrder list"),
        (
            {"$setElementOrder/containers": 5}, 500,
            "expected a []interface {}, but received a int64",
        ),
        (
            {"metadata": {"finalizers": ["x", 5]}}, 500,
            "list element types are not identical: [[y] [x 5]]",
        ),
    ],
)  # fmt: skip
def test_are_bad_patches_refused_in_the_real_words(patch: Object, code: int, message: str) -> None:
    with pytest.raises(ApiError) as refused:
        patched({**LIVE, "metadata": {"finalizers": ["y"]}}, patch)
    assert (refused.value.code, refused.value.message) == (code, message)


def test_are_fields_that_the_type_does_not_have_an_error_only_when_they_must_be_merged() -> None:
    live = {"spec": {"nope": {"a": 1}}}
    assert patched(live, {"spec": {"new": {"a": 1}}})["spec"]["new"] == {"a": 1}
    with pytest.raises(ApiError) as refused:
        patched(live, {"spec": {"nope": {"a": 2}}})
    assert refused.value.message == 'unable to find api field in struct DeploymentSpec for the json field "nope"'


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"spec": {"replicas": "many"}}, "unrecognized type: int32"),
        ({"spec": {"replicas": 1.5}}, "cannot convert float64 to int32"),
        ({"spec": {"replicas": 2.0}}, None),
        ({"spec": {"paused": 1}}, "unrecognized type: bool"),
        ({"metadata": {"name": 5}}, "cannot convert int64 to string"),
        ({"metadata": {"labels": []}}, "cannot restore map from slice"),
        ({"metadata": {"finalizers": "x"}}, "cannot restore slice from string"),
        ({"metadata": True}, "cannot restore struct from: bool"),
        ({"unknown": 1, "metadata": None}, None),
    ],
)
def test_is_what_does_not_fit_the_type_told_in_the_converters_words(value: Object, why: str | None) -> None:
    assert unstructured.misfit(DEPLOYMENT, value) == why


def test_is_a_patch_that_makes_no_object_refused_with_the_patch_in_the_message() -> None:
    error = strategic_merge.refused({"spec": {"replicas": "many"}}, "unrecognized type: int32")
    assert error.message == (
        ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:many]]": unrecognized type: int32'
    )


# ---------------------------------------------------------------- making patches


def by_name(item: Object) -> str:
    return str(item["name"])


VARIABLES: st.SearchStrategy[Object] = st.builds(
    lambda name, value: {"name": name, "value": value}, st.sampled_from("XY"), st.sampled_from("12")
)
ENV = st.lists(VARIABLES, max_size=2, unique_by=by_name)
MORE: list[st.SearchStrategy[Object]] = [
    st.just({}),
    st.builds(lambda image: {"image": image}, st.sampled_from("12")),
    st.builds(lambda env: {"env": env}, ENV),
    st.builds(lambda args: {"args": args}, st.lists(st.sampled_from("pq"), max_size=2)),
]
CONTAINERS = st.lists(
    st.builds(lambda n, a, b: {"name": n, **a, **b}, st.sampled_from("abcd"), st.one_of(MORE), st.one_of(MORE)),
    max_size=4, unique_by=by_name,
)  # fmt: skip
OBJECTS = st.builds(
    lambda containers, labels, finalizers, replicas: {
        **pods(*containers), "metadata": {"labels": labels, "finalizers": finalizers}, **replicas,
    },
    CONTAINERS,
    st.dictionaries(st.sampled_from("kl"), st.sampled_from("vw"), max_size=2),
    st.lists(st.sampled_from(["x", "y", "z"]), max_size=3, unique=True),
    st.sampled_from([{}, {"status": {"replicas": 1}}, {"status": {"replicas": 2}}]),
)  # fmt: skip


@given(OBJECTS, OBJECTS)
def test_does_a_two_way_patch_turn_one_object_into_the_other(original: Object, modified: Object) -> None:
    patch = strategic_diff.create_two_way_patch(original, modified, DEPLOYMENT)
    result = patched(original, patch)
    for obj in (result, modified):  # whose order real patches set only sometimes
        obj["metadata"]["finalizers"] = sorted(obj["metadata"]["finalizers"] or [])
    assert without_empty(result) == without_empty(modified)


@given(OBJECTS, OBJECTS, OBJECTS)
def test_does_a_three_way_patch_reach_all_that_is_wanted(original: Object, modified: Object, current: Object) -> None:
    patch = strategic_diff.create_three_way_patch(original, modified, current, DEPLOYMENT)
    result = patched(current, patch)
    assert labels_of(result).items() >= labels_of(modified).items()
    assert not labels_of(result).keys() & (labels_of(original).keys() - labels_of(modified).keys())
    wanted = {item["name"] for item in modified["spec"]["template"]["spec"]["containers"]}
    had = {item["name"] for item in original["spec"]["template"]["spec"]["containers"]}
    assert wanted <= set(names(result))
    assert not set(names(result)) & (had - wanted)


def labels_of(obj: Object) -> Object:
    return dict(obj["metadata"].get("labels") or {})


def without_empty(value: Any) -> Any:
    """Empty lists and maps count for nothing once an object is decoded."""
    if isinstance(value, dict):
        return {key: kept for key, item in value.items() if (kept := without_empty(item)) not in ({}, [])}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


def test_is_there_nothing_to_patch_between_equals() -> None:
    assert strategic_diff.create_two_way_patch(LIVE, LIVE, DEPLOYMENT) == {}


def test_does_a_patch_name_what_goes_and_the_order_of_what_stays() -> None:
    new = pods({"name": "b", "image": "1"}, {"name": "c"})
    assert strategic_diff.create_two_way_patch(LIVE, new, DEPLOYMENT) == pods(
        {"name": "c"}, {"name": "a", "$patch": "delete"},
        **{"$setElementOrder/containers": [{"name": "b"}, {"name": "c"}]},
    )  # fmt: skip


def test_do_fields_of_which_one_is_chosen_list_the_keys_to_retain() -> None:
    old = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    new = {"spec": {"strategy": {"type": "Recreate"}}}
    assert strategic_diff.create_two_way_patch(old, new, DEPLOYMENT) == {
        "spec": {"strategy": {"type": "Recreate", "rollingUpdate": None, "$retainKeys": ["type"]}}
    }


def test_does_apply_leave_what_others_have_added() -> None:
    last, new = {"metadata": {"labels": {"mine": "1", "old": "1"}}}, {"metadata": {"labels": {"mine": "2"}}}
    current = {"metadata": {"labels": {"mine": "1", "old": "1", "theirs": "1"}}}
    patch = strategic_diff.create_three_way_patch(last, new, current, DEPLOYMENT)
    assert patch == {"metadata": {"labels": {"mine": "2", "old": None}}}
    assert labels_of(patched(current, patch)) == {"mine": "2", "theirs": "1"}


def test_is_a_change_that_somebody_else_made_otherwise_a_conflict_when_asked_for() -> None:
    last, new = {"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}
    current = {"spec": {"replicas": 3}}
    strategic_diff.create_three_way_patch(last, new, current, DEPLOYMENT)
    with pytest.raises(strategic_diff.Conflict) as conflict:
        strategic_diff.create_three_way_patch(last, new, current, DEPLOYMENT, overwrite=False)
    assert conflict.value.changes == {"spec": {"replicas": 3}}
    patch = strategic_diff.create_three_way_patch(last, new, last, DEPLOYMENT, overwrite=False)
    assert patch == {"spec": {"replicas": 2}}
