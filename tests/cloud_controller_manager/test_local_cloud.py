"""The local cloud: addresses for services, machines behind nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from minikube_edu.cloud_controller_manager.local_cloud import CloudError, LocalCloud
from minikube_edu.cloud_controller_manager.running import manage
from tests.in_process import Api, api_server, until

SERVICES = "/api/v1/namespaces/default/services"
NODES = "/api/v1/nodes"
FINALIZER = "service.kubernetes.io/load-balancer-cleanup"


@asynccontextmanager
async def clouded(cloud: LocalCloud, **more: Any) -> AsyncIterator[Api]:
    async with api_server() as api:
        task = asyncio.create_task(manage(api.client(field_manager="cloud"), cloud, **more))
        try:
            yield api
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def address_of(api: Api, name: str) -> str:
    ingress = (await api.get(f"{SERVICES}/{name}")).json.get("status", {}).get("loadBalancer", {}).get("ingress") or [
        {}
    ]
    return str(ingress[0].get("ip", ""))


def balancer(**more: Any) -> dict[str, Any]:
    return {"type": "LoadBalancer", "ports": [{"port": 80}], **more}


async def test_a_load_balancer_has_an_address_until_its_service_goes() -> None:
    cloud = LocalCloud("198.51.100.0/30")
    async with clouded(cloud) as api:
        await api.create(SERVICES, "a", spec=balancer())
        assert await until(lambda: address_of(api, "a")) == "198.51.100.1"
        assert FINALIZER in (await api.get(f"{SERVICES}/a")).json["metadata"]["finalizers"]
        await api.delete(f"{SERVICES}/a")

        async def gone() -> bool:
            return (await api.get(f"{SERVICES}/a")).code == 404

        await until(gone)
        assert not cloud.balancers


async def test_a_service_that_becomes_internal_loses_its_address() -> None:
    async with clouded(LocalCloud("198.51.100.0/30")) as api:
        await api.create(SERVICES, "a", spec=balancer())
        await until(lambda: address_of(api, "a"))
        await api.patch(f"{SERVICES}/a", {"spec": {"type": "ClusterIP"}})

        async def plain() -> bool:
            found = (await api.get(f"{SERVICES}/a")).json
            return not found["metadata"].get("finalizers") and not found["status"].get("loadBalancer")

        await until(plain)


async def test_somebody_elses_class_is_left_alone_and_wishes_are_heard() -> None:
    async with clouded(LocalCloud("198.51.100.0/29")) as api:
        await api.create(SERVICES, "other", spec=balancer(loadBalancerClass="example.com/other"))
        await api.create(SERVICES, "wish", spec=balancer(loadBalancerIP="198.51.100.5"))
        assert await until(lambda: address_of(api, "wish")) == "198.51.100.5"
        assert await address_of(api, "other") == ""


def test_what_the_cloud_says_when_it_cannot() -> None:
    cloud = LocalCloud("198.51.100.0/31")
    cloud.ensure_balancer("a")
    cloud.ensure_balancer("b")
    with pytest.raises(CloudError, match="no address is free"):
        cloud.ensure_balancer("c")
    with pytest.raises(CloudError, match="is in use"):
        cloud.ensure_balancer("c", "198.51.100.0")


async def test_a_node_is_told_where_it_is_and_goes_with_its_machine() -> None:
    cloud = LocalCloud(instances={"a", "b"})
    async with clouded(cloud, node_monitor_period=0.02) as api:
        taint = {"key": "node.cloudprovider.kubernetes.io/uninitialized", "effect": "NoSchedule", "value": "true"}
        for name in ("a", "b"):
            await api.create(NODES, name, spec={"taints": [taint]})

        async def known(name: str) -> bool:
            found = (await api.get(f"{NODES}/{name}")).json
            return bool(found["spec"].get("providerID") == f"local://{name}")

        await until(lambda: known("a"))
        assert (await api.get(f"{NODES}/a")).json["metadata"]["labels"]["topology.kubernetes.io/zone"] == "local-a"
        cloud.instances = {"b"}

        async def gone() -> bool:
            return (await api.get(f"{NODES}/a")).code == 404

        await until(gone)
        assert (await api.get(f"{NODES}/b")).code == 200
