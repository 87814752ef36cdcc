"""What goes with its owner, and what stays?"""

from __future__ import annotations

from typing import Any

from tests.in_process import until
from tests.kube_controller_manager.cluster import CORE, Cluster, cluster

CONTROLLERS = ["garbage-collector-controller"]
MAPS = f"{CORE}/configmaps"


async def owned(it: Cluster, name: str, *owners: dict[str, Any], **more: Any) -> dict[str, Any]:
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": o["metadata"]["name"], "uid": o["metadata"]["uid"],
         "blockOwnerDeletion": True}
        for o in owners
    ]  # fmt: skip
    return await it.api.create(MAPS, name, metadata={"ownerReferences": references, **more})


async def test_do_dependents_go_after_their_owner_and_those_with_another_owner_stay() -> None:
    async with cluster(CONTROLLERS, nodes=0, scheduler=False) as it:
        first, second = await it.api.create(MAPS, "first"), await it.api.create(MAPS, "second")
        await owned(it, "child", first)
        await owned(it, "shared", first, second)
        await it.api.delete(f"{MAPS}/first")
        await it.gone(f"{MAPS}/child")

        async def one_owner() -> bool:
            return len((await it.get(f"{MAPS}/shared"))["metadata"]["ownerReferences"]) == 1

        await until(one_owner)


async def test_does_foreground_deletion_keep_the_owner_until_the_last_dependent_is_gone() -> None:
    async with cluster(CONTROLLERS, nodes=0, scheduler=False) as it:
        owner = await it.api.create(MAPS, "owner")
        await owned(it, "held", owner, finalizers=["e.io/f"])
        await it.api.delete(f"{MAPS}/owner?propagationPolicy=Foreground")

        async def deleting() -> bool:
            return "deletionTimestamp" in (await it.get(f"{MAPS}/held"))["metadata"]

        await until(deleting)
        assert (await it.get(f"{MAPS}/owner"))["metadata"]["finalizers"] == ["foregroundDeletion"]
        await it.api.patch(f"{MAPS}/held", {"metadata": {"finalizers": None}})
        await it.gone(f"{MAPS}/owner")


async def test_are_orphans_left_behind_without_references() -> None:
    async with cluster(CONTROLLERS, nodes=0, scheduler=False) as it:
        await owned(it, "child", await it.api.create(MAPS, "owner"))
        await it.api.delete(f"{MAPS}/owner?propagationPolicy=Orphan")
        await it.gone(f"{MAPS}/owner")
        assert "ownerReferences" not in (await it.get(f"{MAPS}/child"))["metadata"]


async def test_is_an_object_collected_whose_owner_never_was() -> None:
    async with cluster(CONTROLLERS, nodes=0, scheduler=False) as it:
        ghost = {"metadata": {"name": "ghost", "uid": "11111111-2222-4333-8444-555555555555"}}
        await owned(it, "lost", ghost)
        await it.gone(f"{MAPS}/lost")


async def test_does_an_owner_in_another_namespace_not_count_and_is_that_said() -> None:
    async with cluster(CONTROLLERS, nodes=0, scheduler=False) as it:
        owner = await it.api.create("/api/v1/namespaces/kube-system/configmaps", "owner")
        await owned(it, "child", owner)
        await it.gone(f"{MAPS}/child")
        assert (await it.api.get("/api/v1/namespaces/kube-system/configmaps/owner")).code == 200

        async def told() -> list[str]:
            events = (await it.get(f"{CORE}/events"))["items"]
            return [e["message"] for e in events if e["reason"] == "OwnerRefInvalidNamespace"]

        message = (await until(told))[0]
        uid = owner["metadata"]["uid"]
        wanted = f"[v1/ConfigMap, namespace: default, name: owner, uid: {uid}]"
        assert message == f'ownerRef {wanted} does not exist in namespace "default"'


async def test_does_a_circle_of_owners_end() -> None:
    async with cluster(CONTROLLERS, nodes=0, scheduler=False) as it:
        top = await it.api.create(MAPS, "top")
        middle = await owned(it, "middle", top)
        bottom = await owned(it, "bottom", middle)
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "bottom", "uid": bottom["metadata"]["uid"]}
        await it.api.patch(
            f"{MAPS}/top", {"metadata": {"ownerReferences": [{**reference, "blockOwnerDeletion": True}]}}
        )
        await it.api.delete(f"{MAPS}/top?propagationPolicy=Foreground")
        for name in ("top", "middle", "bottom"):
            await it.gone(f"{MAPS}/{name}")
