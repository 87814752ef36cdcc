"""ResourceQuotas: what is counted, and for whom."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from minikube_edu.api import quota
from tests.in_process import api_server, until

Object = dict[str, Any]
NS = "/api/v1/namespaces/default"


def pod(phase: str = "Running", **spec: Any) -> Object:
    return {"metadata": {"name": "p"}, "spec": {"containers": [], **spec}, "status": {"phase": phase}}


def shown(amounts: dict[str, Any]) -> dict[str, str]:
    return {name: str(amount) for name, amount in amounts.items()}


def test_a_pod_uses_what_its_containers_ask_for() -> None:
    resources = {"requests": {"cpu": "100m", "example.com/gpu": "1"}, "limits": {"memory": "1Gi"}}
    used = shown(quota.usage("pods", pod(containers=[{"name": "c", "resources": resources}], overhead={"cpu": "50m"})))
    assert used["requests.cpu"] == used["cpu"] == "150m"
    assert used["requests.example.com/gpu"] == "1"
    assert used["limits.memory"] == "1Gi"
    assert used["pods"] == "1"


def test_an_ended_pod_is_only_an_object() -> None:
    assert shown(quota.usage("pods", pod("Succeeded"))) == {"count/pods": "1"}


@pytest.mark.parametrize(
    ("spec", "node_ports", "balancers"),
    [
        ({"type": "ClusterIP", "ports": [{"port": 80}]}, "0", "0"),
        ({"type": "NodePort", "ports": [{"port": 80}, {"port": 81}]}, "2", "0"),
        ({"type": "LoadBalancer", "ports": [{"port": 80}]}, "1", "1"),
        ({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{"port": 80}]}, "0", "1"),
    ],
)
def test_what_a_service_uses(spec: Object, node_ports: str, balancers: str) -> None:
    used = shown(quota.usage("services", {"spec": spec}))
    assert (used["services.nodeports"], used["services.loadbalancers"]) == (node_ports, balancers)


def test_a_claim_uses_storage_altogether_and_of_its_class() -> None:
    spec = {"storageClassName": "fast", "resources": {"requests": {"storage": "5Gi"}}}
    used = shown(quota.usage("persistentvolumeclaims", {"metadata": {}, "spec": spec}))
    assert used["requests.storage"] == used["fast.storageclass.storage.k8s.io/requests.storage"] == "5Gi"


@pytest.mark.parametrize(
    ("scopes", "spec", "meant"),
    [
        (["Terminating"], {"activeDeadlineSeconds": 5}, True),
        (["NotTerminating"], {"activeDeadlineSeconds": 5}, False),
        (["BestEffort"], {}, True),
        (["BestEffort", "Terminating"], {}, False),
        (["PriorityClass"], {"priorityClassName": "high"}, True),
        (["PriorityClass"], {}, False),
    ],
)
def test_which_pods_a_scope_means(scopes: list[str], spec: Object, meant: bool) -> None:
    assert quota.in_scope({"scopes": scopes}, "pods", pod(**spec)) is meant


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("pods", "pods"),
        ("requests.nvidia.com/gpu", "pods"),
        ("count/deployments.apps", "deployments.apps"),
        ("services.nodeports", "services"),
        ("gold.storageclass.storage.k8s.io/requests.storage", "persistentvolumeclaims"),
        ("example.com/gpus", ""),
    ],
)
def test_what_a_line_of_a_quota_is_about(name: str, resource: str) -> None:
    assert quota.resource_of(name) == resource


async def test_what_was_there_before_the_quota_is_counted_and_what_goes_is_free_again() -> None:
    async with api_server(controllers=["resourcequota-controller"]) as api:
        for name in ("a", "b"):
            await api.create(f"{NS}/configmaps", name)
        hard = {"count/configmaps": "5", "count/deployments.apps": "1", "example.com/nobody": "1"}
        await api.create(f"{NS}/resourcequotas", "q", spec={"hard": hard})

        async def used(text: str) -> bool:
            status = (await api.get(f"{NS}/resourcequotas/q")).json.get("status", {})
            return bool(status.get("used") == {"count/configmaps": text, "count/deployments.apps": "0"})

        await until(lambda: used("2"))
        await api.delete(f"{NS}/configmaps/a")
        await until(lambda: used("1"))


async def test_nobody_gets_in_while_what_was_just_let_in_is_counted() -> None:
    """The count is behind: taken between a charge and the object that it is for, it would give the same place twice."""
    async with api_server(controllers=["resourcequota-controller"]) as api:
        await api.create(f"{NS}/resourcequotas", "q", spec={"hard": {"count/configmaps": "20"}})

        async def counted() -> bool:
            return "used" in (await api.get(f"{NS}/resourcequotas/q")).json.get("status", {})

        await until(counted)
        let_in = 0
        for number in range(40):
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{number}"}}
            let_in += (await api.post(f"{NS}/configmaps", body)).code == 201
            for _ in range(number % 4):  # the controller hears of it at one time or another
                await asyncio.sleep(0)
        assert let_in == 20
        assert (await api.get(f"{NS}/resourcequotas/q")).json["status"]["used"] == {"count/configmaps": "20"}


async def test_is_a_count_only_made_anew_when_it_may_be_another() -> None:
    """What admission charges is no news for the controller that would lower it again."""
    async with api_server(controllers=["resourcequota-controller"]) as api:
        await api.create(f"{NS}/resourcequotas", "q", spec={"hard": {"count/configmaps": "2"}})

        async def says(used: str) -> bool:
            status = (await api.get(f"{NS}/resourcequotas/q")).json.get("status", {})
            return bool(status.get("used") == {"count/configmaps": used})

        await until(lambda: says("0"))
        # As if one had been charged whose object is still on its way.
        await api.patch(f"{NS}/resourcequotas/q/status", {"status": {"used": {"count/configmaps": "1"}}})
        await api.create(f"{NS}/secrets", "s")  # something else goes on
        await asyncio.sleep(0.5)
        assert await says("1")
        await api.patch(f"{NS}/resourcequotas/q", {"spec": {"hard": {"count/configmaps": "3"}}})
        await until(lambda: says("0"))
