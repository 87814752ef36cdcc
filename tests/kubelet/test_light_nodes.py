"""What does a light node do?"""

from __future__ import annotations

import ipaddress

from minikube_edu.kubelet.light_nodes import NodeShape
from tests.in_process import until
from tests.kube_controller_manager.cluster import CORE, cluster, template


async def test_are_registered_nodes_ready_with_a_lease_and_without_taints() -> None:
    async with cluster([], nodes=2, scheduler=False) as it:
        node = await it.get("/api/v1/nodes/worker-2")
        assert {c["type"]: c["status"] for c in node["status"]["conditions"]}["Ready"] == "True"
        assert node["spec"]["podCIDR"] == "10.244.2.0/24"
        assert node["status"]["allocatable"] == {"cpu": "32", "memory": "256Gi", "pods": "1100"}

        async def lease() -> bool:
            found = await it.api.get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/worker-2")
            return found.code == 200

        await until(lease)
        found = await it.get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/worker-2")
        assert found["spec"]["leaseDurationSeconds"] == 40
        assert found["metadata"]["ownerReferences"][0]["uid"] == node["metadata"]["uid"]


async def test_does_a_node_that_a_user_makes_come_alive_when_it_is_annotated() -> None:
    async with cluster([], nodes=1, scheduler=False) as it:
        await it.api.create("/api/v1/nodes", "mine", metadata={"annotations": {"kwok.x-k8s.io/node": "fake"}})
        await it.api.create("/api/v1/nodes", "plain")
        await it.condition("/api/v1/nodes/mine", "Ready")
        assert "conditions" not in (await it.get("/api/v1/nodes/plain"))["status"]


async def test_is_a_bound_pod_running_and_ready_with_an_address_of_its_node() -> None:
    async with cluster([]) as it:
        await it.api.create(f"{CORE}/pods", "p", spec={**template()["spec"], "nodeName": "worker-1"})
        pod = await it.status(f"{CORE}/pods/p", phase="Running")
        assert ipaddress.ip_address(pod["status"]["podIP"]) in ipaddress.ip_network("10.244.1.0/24")
        assert pod["status"]["podIPs"] == [{"ip": pod["status"]["podIP"]}]
        assert {c["type"]: c["status"] for c in pod["status"]["conditions"]}["Ready"] == "True"
        assert pod["status"]["containerStatuses"][0]["state"]["running"]


async def test_does_a_deleted_pod_wait_for_its_finalizers_and_then_go_at_once() -> None:
    async with cluster([]) as it:
        path = f"{CORE}/pods/p"
        await it.api.create(f"{CORE}/pods", "p", metadata={"finalizers": ["e.io/f"]}, spec=template()["spec"])
        await it.status(path, phase="Running")
        await it.api.delete(path + "?gracePeriodSeconds=30")
        assert "deletionTimestamp" in (await it.get(path))["metadata"]
        await it.api.patch(path, {"metadata": {"finalizers": None}})
        await it.gone(path)


def test_do_the_nodes_have_different_networks_however_many_there_are() -> None:
    shape = NodeShape()
    assert len({shape.cidr(number) for number in range(1, 6000)}) == 5999
