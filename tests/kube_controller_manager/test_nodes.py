"""Nodes: what happens when one goes silent, and to whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest

from minikube_edu.kube_controller_manager.controller import Settings
from minikube_edu.kube_controller_manager.controllers.node_ipam import Pool
from minikube_edu.kube_controller_manager.controllers.node_lifecycle.conditions import no_schedule_keys, swapped
from minikube_edu.kube_controller_manager.controllers.node_lifecycle.health import Health, silenced
from minikube_edu.kube_controller_manager.controllers.node_lifecycle.zones import FULL, NORMAL, PARTIAL, Zones
from minikube_edu.kube_controller_manager.controllers.taint_eviction import patience
from minikube_edu.kube_controller_manager.manager import Manager
from minikube_edu.lib import clock
from tests.in_process import Api, api_server, until

Object = dict[str, Any]
NODES = "/api/v1/nodes"


@pytest.fixture
def time() -> Any:
    manual = clock.ManualClock()
    before = clock.install(manual)
    yield manual
    clock.install(before)


def node(name: str, ready: str = "True", zone: str = "z", **spec: Any) -> Object:
    return {
        "metadata": {
            "name": name,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"topology.kubernetes.io/zone": zone},
        },
        "spec": spec,
        "status": {"conditions": [{"type": "Ready", "status": ready, "lastHeartbeatTime": "x"}]},
    }


def test_a_node_is_silent_after_the_grace_period_and_a_renewed_lease_is_a_sign_of_life(time: clock.ManualClock) -> None:
    health, it = Health(grace=50), node("a")
    health.notice(it, "lease 1")
    time.advance(51)
    assert health.is_silent(it)
    health.notice(it, "lease 1")
    assert health.is_silent(it)
    health.notice(it, "lease 2")
    assert not health.is_silent(it)


def test_what_is_said_in_a_silent_nodes_place(time: clock.ManualClock) -> None:
    made = silenced(node("a"))
    assert made is not None
    found = {c["type"]: (c["status"], c["reason"]) for c in made["status"]["conditions"]}
    assert found["Ready"] == ("Unknown", "NodeStatusUnknown")
    assert found["DiskPressure"] == ("Unknown", "NodeStatusNeverUpdated")
    assert silenced(made) is None


def test_conditions_become_taints() -> None:
    it = node("a", "Unknown", unschedulable=True)
    it["status"]["conditions"].append({"type": "DiskPressure", "status": "True"})
    assert [key.partition("/")[2] for key in no_schedule_keys(it)] == ["unreachable", "disk-pressure", "unschedulable"]


def test_taints_of_others_are_left_alone() -> None:
    mine, other = {"key": "m", "effect": "NoSchedule"}, {"key": "o", "effect": "NoSchedule"}
    assert swapped(node("a", taints=[mine, other]), "NoSchedule", [], {"m"}) == [other]
    assert swapped(node("a", taints=[other]), "NoSchedule", [], {"m"}) is None


def sick(zone: str, ill: int, of: int) -> list[Object]:
    return [node(f"{zone}{i}", "Unknown" if i < ill else "True", zone) for i in range(of)]


@pytest.mark.parametrize(
    ("nodes", "states"),
    [
        (sick("a", 0, 3), [NORMAL]),
        (sick("a", 2, 3), [NORMAL]),  # two may always fail
        (sick("a", 3, 4), [PARTIAL]),
        (sick("a", 3, 3) + sick("b", 0, 3), [FULL, NORMAL]),
    ],
)
def test_how_sick_a_zone_is(nodes: list[Object], states: list[str]) -> None:
    zones = Zones()
    zones.look(nodes)
    assert [zone.state for zone in zones.by_name.values()] == states
    assert not zones.all_down


def test_one_node_in_ten_seconds_is_emptied(time: clock.ManualClock) -> None:
    zones, nodes = Zones(), sick("a", 2, 9)
    zones.look(nodes)
    for it in nodes[:2]:
        zones.add(it)
    assert zones.due() == ["a0"]
    assert zones.due() == []
    time.advance(10.1)
    assert zones.due() == ["a1"]


def test_when_every_zone_is_down_nobody_is_moved(time: clock.ManualClock) -> None:
    zones, nodes = Zones(), sick("a", 3, 3)
    zones.look(nodes)
    zones.add(nodes[0])
    time.advance(1000)
    assert zones.all_down
    assert zones.due() == []


TAINTS = [{"key": "k", "value": "v", "effect": "NoExecute"}]


@pytest.mark.parametrize(
    ("tolerations", "seconds"),
    [
        ([], 0),
        ([{"operator": "Exists"}], None),
        ([{"key": "k", "value": "v", "effect": "NoExecute"}], None),
        ([{"key": "k", "value": "other"}], 0),
        ([{"key": "k", "operator": "Exists", "tolerationSeconds": 30}], 30),
        ([{"key": "k", "operator": "Exists", "effect": "NoSchedule"}], 0),
        ([{"operator": "Exists", "tolerationSeconds": 9}, {"key": "k", "value": "v", "tolerationSeconds": 5}], 5),
    ],
)
def test_how_long_a_pod_bears_a_taint(tolerations: list[Object], seconds: float | None) -> None:
    assert patience({"spec": {"tolerations": tolerations}}, TAINTS) == seconds


def test_nodes_get_different_parts_of_the_pods_addresses_until_there_are_none() -> None:
    pool = Pool(ip_network("10.244.0.0/22"), 24)
    pool.take("10.244.1.0/24")
    assert [pool.allocate() for _ in range(4)] == ["10.244.0.0/24", "10.244.2.0/24", "10.244.3.0/24", None]
    pool.give_back("10.244.2.0/24")
    assert pool.allocate() == "10.244.2.0/24"


@asynccontextmanager
async def managed(*controllers: str, **more: Any) -> AsyncIterator[Api]:
    async with api_server(controllers=["serviceaccount-controller"]) as api:
        manager = Manager(lambda name: api.client(field_manager=name), Settings(**more), controllers)
        task = asyncio.create_task(manager.run())
        try:
            yield api
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_what_happens_to_the_pods_of_a_node_that_goes_silent() -> None:
    """The node is Unknown, its taint evicts; on the other, living node nothing happens."""
    names = ("node-lifecycle-controller", "taint-eviction-controller")
    async with managed(*names, node_monitor_period=0.02, node_monitor_grace_period=0.5) as api:
        conditions = [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}]
        for name in ("alive", "silent"):
            await api.create(NODES, name)
            await api.patch(f"{NODES}/{name}/status", {"status": {"conditions": conditions}}, "strategic")
        lease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        await api.create(lease, "alive", spec={"holderIdentity": "alive"})

        async def account() -> bool:
            return (await api.get("/api/v1/namespaces/default/serviceaccounts/default")).code == 200

        await until(account)
        toleration: Object = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}
        toleration["tolerationSeconds"] = 0
        for name in ("alive", "silent"):
            spec = {"nodeName": name, "containers": [{"name": "c", "image": "i"}], "tolerations": [toleration]}
            await api.create("/api/v1/namespaces/default/pods", name, spec=spec)

        async def evicted() -> bool:
            await api.patch(f"{lease}/alive", {"spec": {"renewTime": clock.rfc3339_micro()}})
            reply = await api.get("/api/v1/namespaces/default/pods/silent")
            return reply.code == 404 or "deletionTimestamp" in reply.json["metadata"]

        await until(evicted, 8)
        silent = (await api.get(f"{NODES}/silent")).json
        assert {(t["key"], t["effect"]) for t in silent["spec"]["taints"]} == {
            ("node.kubernetes.io/unreachable", "NoSchedule"),
            ("node.kubernetes.io/unreachable", "NoExecute"),
        }
        alive = (await api.get("/api/v1/namespaces/default/pods/alive")).json
        assert "deletionTimestamp" not in alive["metadata"]


async def test_a_cordoned_node_has_a_taint_until_it_is_uncordoned() -> None:
    async with managed("node-lifecycle-controller", "ttl-controller") as api:
        conditions = [{"type": "Ready", "status": "True"}]
        await api.create(NODES, "a")
        await api.patch(f"{NODES}/a/status", {"status": {"conditions": conditions}}, "strategic")

        async def tainted(*keys: str) -> bool:
            found = (await api.get(f"{NODES}/a")).json
            return [t["key"].partition("/")[2] for t in found["spec"].get("taints", [])] == list(keys)

        await until(lambda: tainted())
        await api.patch(f"{NODES}/a", {"spec": {"unschedulable": True}})
        await until(lambda: tainted("unschedulable"))
        await api.patch(f"{NODES}/a", {"spec": {"unschedulable": None}})
        await until(lambda: tainted())


async def test_every_node_gets_its_part() -> None:
    settings = {"allocate_node_cidrs": True, "cluster_cidr": "10.244.0.0/16,fd00::/48", "node_cidr_mask_size": 24}
    async with managed("node-ipam-controller", **settings) as api:
        for name in ("a", "b", "c"):
            await api.create(NODES, name)

        async def parts() -> list[Any]:
            found = [one["spec"].get("podCIDRs") for one in (await api.get(NODES)).json["items"]]
            return found if all(found) else []

        found = await until(parts)
        assert len({pair[0] for pair in found}) == len({pair[1] for pair in found}) == 3
