"""delete and deletecollection: when does an object go, who is asked before, and what does the client hear?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.in_process import Api, api_server, until

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
NAMESPACES = "/api/v1/namespaces"
SETS = "/apis/apps/v1/namespaces/default/replicasets"
Object = dict[str, Any]


async def test_what_is_gone_is_reported_with_its_uid(api: Api) -> None:
    made = await api.create(MAPS, "a")
    gone = await api.delete(f"{MAPS}/a")
    assert gone.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]},
    }
    assert (await api.get(f"{MAPS}/a")).code == 404
    assert (await api.delete(f"{MAPS}/a")).code == 404


@pytest.mark.parametrize(("field", "word"), [("uid", "UID"), ("resourceVersion", "ResourceVersion")])
async def test_preconditions_protect_against_deleting_another(api: Api, field: str, word: str) -> None:
    made = await api.create(MAPS, "a")
    refused = await api.delete(f"{MAPS}/a", {"preconditions": {field: "1234"}})
    assert (refused.code, refused.reason) == (409, "Conflict")
    words = f"the {word} in the precondition (1234) does not match the {word} in record ({made['metadata'][field]})."
    assert words in refused.message
    assert (await api.delete(f"{MAPS}/a", {"preconditions": {field: made["metadata"][field]}})).code == 200


async def test_finalizers_are_waited_for(api: Api) -> None:
    await api.create(MAPS, "a", metadata={"finalizers": ["x.io/a", "x.io/b"]})
    marked = await api.delete(f"{MAPS}/a")
    assert marked.json["kind"] == "ConfigMap"
    assert marked.json["metadata"]["deletionTimestamp"]
    assert (await api.patch(f"{MAPS}/a", {"metadata": {"finalizers": ["x.io/b"]}})).code == 200
    assert (await api.get(f"{MAPS}/a")).code == 200
    last = await api.patch(f"{MAPS}/a", {"metadata": {"finalizers": None}})
    assert last.code == 200
    assert (await api.get(f"{MAPS}/a")).code == 404


async def test_a_marked_object_gets_no_new_finalizers_and_no_successor(api: Api) -> None:
    await api.create(MAPS, "a", metadata={"finalizers": ["x.io/a"]})
    await api.delete(f"{MAPS}/a")
    refused = await api.patch(f"{MAPS}/a", {"metadata": {"finalizers": ["x.io/a", "x.io/new"]}})
    assert refused.code == 422
    assert "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted" in (
        refused.message
    )
    again = await api.post(MAPS, {"metadata": {"name": "a"}})
    assert again.message == 'object is being deleted: configmaps "a" already exists'


async def test_deleting_twice_does_not_mark_twice(api: Api) -> None:
    await api.create(MAPS, "a", metadata={"finalizers": ["x.io/a"]})
    first = await api.delete(f"{MAPS}/a")
    second = await api.delete(f"{MAPS}/a")
    assert second.json["metadata"]["deletionTimestamp"] == first.json["metadata"]["deletionTimestamp"]
    assert second.version == first.version


@pytest.mark.parametrize(
    ("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan"), ("Background", None)]
)
async def test_a_propagation_policy_is_a_finalizer_for_the_collector(
    api: Api, policy: str, finalizer: str | None
) -> None:
    await api.create(MAPS, "a")
    reply = await api.delete(f"{MAPS}/a", {"propagationPolicy": policy})
    if finalizer is None:
        assert (await api.get(f"{MAPS}/a")).code == 404
    else:
        assert reply.json["metadata"]["finalizers"] == [finalizer]
        assert reply.json["metadata"]["deletionTimestamp"]


async def test_two_ways_to_say_it_exclude_each_other(api: Api) -> None:
    await api.create(MAPS, "a")
    refused = await api.delete(f"{MAPS}/a", {"propagationPolicy": "Orphan", "orphanDependents": True})
    assert refused.code == 422
    assert "orphanDependents and deletionPropagation cannot be both set" in refused.message


async def test_a_pod_without_a_node_goes_at_once_one_with_a_node_has_grace() -> None:
    async with api_server("--disable-admission-plugins=ServiceAccount") as api:
        spec = {"containers": [{"name": "c", "image": "nginx"}], "terminationGracePeriodSeconds": 7}
        await api.create(PODS, "nowhere", spec=spec)
        await api.create(PODS, "somewhere", spec={**spec, "nodeName": "n1"})
        await api.delete(f"{PODS}/nowhere")
        assert (await api.get(f"{PODS}/nowhere")).code == 404
        marked = (await api.delete(f"{PODS}/somewhere")).json["metadata"]
        assert marked["deletionGracePeriodSeconds"] == 7
        shorter = await api.delete(f"{PODS}/somewhere", {"gracePeriodSeconds": 2})
        assert shorter.json["metadata"]["deletionGracePeriodSeconds"] == 2
        longer = await api.delete(f"{PODS}/somewhere", {"gracePeriodSeconds": 60})
        assert longer.json["metadata"]["deletionGracePeriodSeconds"] == 2
        await api.delete(f"{PODS}/somewhere", {"gracePeriodSeconds": 0})  # what the kubelet says at the end
        assert (await api.get(f"{PODS}/somewhere")).code == 404


async def test_a_whole_collection_goes_and_is_shown_as_it_was(api: Api) -> None:
    for name, label in (("a", "x"), ("b", "y"), ("c", "x")):
        await api.create(MAPS, name, metadata={"labels": {"l": label}})
    gone = await api.delete(f"{MAPS}?labelSelector=l=x")
    assert gone.json["kind"] == "ConfigMapList"
    assert gone.names == ["a", "c"]
    assert (await api.get(MAPS)).names == ["b"]
    assert (await api.delete(MAPS)).names == ["b"]
    assert (await api.get(MAPS)).names == []


async def test_a_collection_of_finalized_objects_is_marked(api: Api) -> None:
    await api.create(MAPS, "a", metadata={"finalizers": ["x.io/a"]})
    await api.create(MAPS, "b")
    await api.delete(MAPS)
    left = await api.get(MAPS)
    assert left.names == ["a"]
    assert left.json["items"][0]["metadata"]["deletionTimestamp"]


async def test_all_namespaces_at_once_cannot_be_emptied(api: Api) -> None:
    assert (await api.delete("/api/v1/configmaps")).code == 405


# ---------------------------------------------------------------- with the controllers at work


async def test_a_namespace_goes_with_what_is_in_it() -> None:
    async with api_server(controllers=["*"]) as api:
        await api.create(NAMESPACES, "x")
        inside = f"{NAMESPACES}/x/configmaps"
        await until(lambda: _there(api, f"{NAMESPACES}/x/serviceaccounts/default"))
        await api.create(inside, "a", metadata={"finalizers": ["x.io/a"]})
        going = await api.delete(f"{NAMESPACES}/x")
        assert going.json["status"]["phase"] == "Terminating"
        refused = await api.post(inside, {"metadata": {"name": "late"}})
        assert (refused.code, refused.reason) == (403, "Forbidden")
        assert "unable to create new content in namespace x because it is being terminated" in refused.message
        await until(lambda: _marked(api, f"{inside}/a"))
        await api.patch(f"{inside}/a", {"metadata": {"finalizers": None}})
        await until(lambda: _absent(api, f"{NAMESPACES}/x"), timeout=15)


async def test_dependents_go_after_their_owner_or_before_it_or_stay() -> None:
    async with api_server(controllers=["garbage-collector-controller"]) as api:
        for policy in ("Background", "Foreground", "Orphan"):
            owner = (await api.create(MAPS, "owner"))["metadata"]
            reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"]}
            if policy == "Foreground":
                reference["blockOwnerDeletion"] = True
            await api.create(MAPS, "dependent", metadata={"ownerReferences": [reference]})
            await api.delete(f"{MAPS}/owner", {"propagationPolicy": policy})
            await until(lambda: _absent(api, f"{MAPS}/owner"))
            if policy != "Orphan":
                await until(lambda: _absent(api, f"{MAPS}/dependent"))
                continue
            left = (await api.get(f"{MAPS}/dependent")).json
            assert "ownerReferences" not in left["metadata"]


async def _there(api: Api, path: str) -> bool:
    return (await api.get(path)).code == 200


async def _absent(api: Api, path: str) -> bool:
    return (await api.get(path)).code == 404


async def _marked(api: Api, path: str) -> bool:
    return "deletionTimestamp" in (await api.get(path)).json["metadata"]
