"""Claims and volumes: where can a pod run that needs them?"""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_scheduler import kinds
from minikube_edu.kube_scheduler.volumes import BIND_COMPLETED, SELECTED_NODE
from tests.kube_scheduler.world import World

DATA = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]


def claim(world: World, name: str = "data", size: str = "1Gi", storage_class: str = "local", **spec: Any) -> None:
    annotations = {BIND_COMPLETED: "yes"} if spec.get("volumeName") else {}
    world.put(
        kinds.PERSISTENT_VOLUME_CLAIMS,
        {
            "metadata": {"name": name, "annotations": annotations},
            "spec": {
                "accessModes": spec.pop("accessModes", ["ReadWriteOnce"]),
                "resources": {"requests": {"storage": size}},
                "storageClassName": storage_class,
                **spec,
            },
        },
    )


def volume(world: World, name: str, node: str = "", size: str = "1Gi", labels: Any = None, **spec: Any) -> None:
    if node:
        expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
    world.put(
        kinds.PERSISTENT_VOLUMES,
        {
            "metadata": {"name": name, "labels": labels or {}},
            "spec": {
                "capacity": {"storage": size},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "local",
                **spec,
            },
            "status": {"phase": "Available"},
        },
    )


def storage_class(
    world: World, mode: str = "WaitForFirstConsumer", provisioner: str = "example.com/p", **more: Any
) -> None:
    world.put(
        kinds.STORAGE_CLASSES,
        {"metadata": {"name": "local"}, "provisioner": provisioner, "volumeBindingMode": mode, **more},
    )


async def test_a_claim_that_binds_immediately_must_be_bound_first() -> None:
    async with World() as world:
        world.node("a")
        storage_class(world, "Immediate")
        claim(world)
        world.pod("web", volumes=DATA)
        await world.settle()
        expected = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
        assert world.why_not("web") == expected
        volume(world, "v")
        claim(world, volumeName="v")
        await world.settle(2)
        assert world.where("web") == "a"


async def test_a_pod_follows_its_volume() -> None:
    async with World() as world:
        for name in "abc":
            world.node(name)
        volume(world, "v", "b")
        claim(world, volumeName="v")
        world.pod("web", volumes=DATA)
        world.pod("elsewhere", volumes=DATA, nodeSelector={"kubernetes.io/hostname": "a"})
        await world.settle()
        assert world.where("web") == "b"
        assert "1 node(s) had volume node affinity conflict" in world.why_not("elsewhere")


async def test_the_smallest_volume_that_suits_is_taken_on_the_node_that_has_one() -> None:
    async with World() as world:
        for name in "abc":
            world.node(name)
        storage_class(world, provisioner="kubernetes.io/no-provisioner")
        volume(world, "small", "a", "1Gi")
        volume(world, "large", "b", "20Gi")
        volume(world, "medium", "b", "10Gi")
        claim(world, size="5Gi")
        world.pod("web", volumes=DATA)
        await world.settle()
        assert world.where("web") == ""
        bound = world.objects["persistentvolumes", "medium"]
        assert bound["spec"]["claimRef"]["name"] == "data"
        claim(world, size="5Gi", volumeName="medium")  # what the volume controller does
        await world.settle()
        assert world.where("web") == "b"


async def test_a_claim_is_provisioned_on_the_chosen_node() -> None:
    async with World() as world:
        world.node("a", labels={"zone": "left"})
        world.node("b", labels={"zone": "right"})
        allowed = [{"matchLabelExpressions": [{"key": "zone", "values": ["right"]}]}]
        storage_class(world, allowedTopologies=allowed)
        claim(world)
        world.pod("web", volumes=DATA)
        await world.settle()
        written = world.objects["persistentvolumeclaims", "default/data"]
        assert written["metadata"]["annotations"][SELECTED_NODE] == "b"
        assert world.where("web") == ""
        volume(world, "made", "b")
        bound = {**written, "spec": {**written["spec"], "volumeName": "made"}}
        bound["metadata"] = {
            **written["metadata"],
            "annotations": {**written["metadata"]["annotations"], BIND_COMPLETED: "yes"},
        }
        world.put(kinds.PERSISTENT_VOLUME_CLAIMS, bound)
        await world.settle()
        assert world.where("web") == "b"


async def test_a_provisioner_that_gives_up_sends_the_pod_back() -> None:
    async with World() as world:
        world.node("a")
        storage_class(world)
        claim(world)
        world.pod("web", volumes=DATA)
        await world.settle()
        claim(world)  # without the annotation: the provisioner cannot
        await world.settle(0.5)
        assert world.why_not("web") == 'binding volumes: provisioning failed for PVC "data"'


async def test_what_is_said_when_there_is_nothing_to_bind() -> None:
    async with World() as world:
        world.node("a")
        storage_class(world, provisioner="kubernetes.io/no-provisioner")
        claim(world)
        world.pod("web", volumes=DATA)
        await world.settle()
        assert "1 node(s) didn't find available persistent volumes to bind" in world.why_not("web")


async def test_a_driver_without_enough_space_is_not_asked() -> None:
    async with World() as world:
        world.node("a")
        storage_class(world)
        world.put(kinds.CSI_DRIVERS, {"metadata": {"name": "example.com/p"}, "spec": {"storageCapacity": True}})
        capacity = {"metadata": {"name": "c"}, "storageClassName": "local", "capacity": "1Gi", "nodeTopology": {}}
        world.put(kinds.CSI_STORAGE_CAPACITIES, capacity)
        claim(world, size="2Gi")
        world.pod("web", volumes=DATA)
        await world.settle()
        assert "1 node(s) did not have enough free storage" in world.why_not("web")
        world.put(kinds.CSI_STORAGE_CAPACITIES, {**capacity, "capacity": "3Gi"})
        await world.settle()
        assert SELECTED_NODE in world.objects["persistentvolumeclaims", "default/data"]["metadata"]["annotations"]


async def test_a_volume_of_a_zone_is_used_there() -> None:
    zone = "topology.kubernetes.io/zone"
    async with World() as world:
        world.node("a", labels={zone: "left"})
        volume(world, "v", labels={zone: "right"})
        claim(world, volumeName="v")
        world.pod("web", volumes=DATA)
        await world.settle()
        assert "1 node(s) had no available volume zone" in world.why_not("web")


async def test_read_write_once_pod_means_one_pod() -> None:
    async with World() as world:
        world.node("a")
        world.node("b")
        volume(world, "v")
        claim(world, volumeName="v", accessModes=["ReadWriteOncePod"])
        world.pod("one", volumes=DATA)
        world.pod("two", volumes=DATA)
        await world.settle()
        assert world.where("one")
        assert world.why_not("two").startswith(
            "0/2 nodes are available: 2 node has pod using PersistentVolumeClaim with the same name and "
            "ReadWriteOncePod access mode. "
        )
        world.remove(kinds.PODS, "one")
        await world.settle(2)
        assert world.where("two")


async def test_a_node_attaches_only_so_many_volumes() -> None:
    async with World() as world:
        world.node("a")
        drivers = [{"name": "example.com/p", "nodeID": "a", "allocatable": {"count": 1}}]
        world.put(kinds.CSI_NODES, {"metadata": {"name": "a"}, "spec": {"drivers": drivers}})
        for name in ("one", "two"):
            volume(world, name, csi={"driver": "example.com/p", "volumeHandle": name})
            claim(world, name, volumeName=name)
            world.pod(name, volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": name}}])
        await world.settle()
        assert world.where("one") == "a"
        assert "1 node(s) exceed max volume count" in world.why_not("two")


async def test_the_same_disk_in_two_pods() -> None:
    disk = [{"name": "d", "iscsi": {"targetPortal": "1.2.3.4", "iqn": "iqn.2026", "lun": 0}}]
    async with World() as world:
        world.node("a")
        world.pod("one", volumes=disk)
        world.pod("two", volumes=disk)
        await world.settle()
        assert "1 node(s) had no available disk" in world.why_not("two")


async def test_the_claim_of_an_ephemeral_volume_must_be_the_pods_own() -> None:
    scratch = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}]
    async with World() as world:
        world.node("a")
        storage_class(world)
        world.pod("web", volumes=scratch)
        await world.settle()
        waiting = 'waiting for ephemeral volume controller to create the persistentvolumeclaim "web-scratch"'
        assert waiting in world.why_not("web")
        claim(world, "web-scratch")
        await world.settle(2)
        expected = "PVC default/web-scratch was not created for pod default/web (pod is not owner)"
        assert expected in world.why_not("web")
        owner = {"apiVersion": "v1", "kind": "Pod", "name": "web", "uid": "uid-web", "controller": True}
        owned = world.objects["persistentvolumeclaims", "default/web-scratch"]
        owned = {**owned, "metadata": {**owned["metadata"], "ownerReferences": [owner]}}
        world.put(kinds.PERSISTENT_VOLUME_CLAIMS, owned)
        await world.settle(5)
        written = world.objects["persistentvolumeclaims", "default/web-scratch"]
        assert written["metadata"]["annotations"][SELECTED_NODE] == "a"
