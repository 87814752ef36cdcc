"""Who may be bound where, and who may be evicted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.in_process import Api, Reply, api_server

Object = dict[str, Any]
PODS = "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
BUDGET_SPEC = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with api_server("--disable-admission-plugins=ServiceAccount") as running:
        yield running


async def pod(api: Api, name: str, **spec: Any) -> Object:
    containers = [{"name": "c", "image": "i"}]
    return await api.create(
        PODS,
        name,
        metadata={"labels": {"app": "web"}},
        spec={"terminationGracePeriodSeconds": 0, "containers": containers, **spec},
    )


async def running(api: Api, name: str, ready: bool = True) -> None:
    await pod(api, name, nodeName="n1")
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}
    assert (await api.patch(f"{PODS}/{name}/status", {"status": status})).code == 200


async def budget(api: Api, name: str = "b", **status: Any) -> None:
    await api.create(BUDGETS, name, spec=BUDGET_SPEC)
    full = {"observedGeneration": 1, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2, **status}
    reply = await api.patch(f"{BUDGETS}/{name}/status", {"status": full})
    assert reply.code == 200, reply


async def bind(api: Api, name: str, node: str, **metadata: Any) -> Reply:
    body = {"metadata": {"name": name, **metadata}, "target": {"kind": "Node", "name": node}}
    return await api.post(f"{PODS}/{name}/binding", body)


async def evict(api: Api, name: str, **fields: Any) -> Reply:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}, **fields}
    return await api.post(f"{PODS}/{name}/eviction", body)


async def test_does_a_binding_name_the_node_and_say_when(api: Api) -> None:
    await pod(api, "p")
    reply = await bind(api, "p", "n1", annotations={"a": "b"})
    assert (reply.code, reply.json["status"]) == (201, "Success")
    found = (await api.get(f"{PODS}/p")).json
    assert found["spec"]["nodeName"] == "n1"
    assert found["metadata"]["annotations"] == {"a": "b"}
    condition = found["status"]["conditions"][0]
    assert (condition["type"], condition["status"]) == ("PodScheduled", "True")
    assert condition["lastTransitionTime"]


async def test_is_a_pod_bound_only_once_even_by_two_at_a_time(api: Api) -> None:
    await pod(api, "p")
    replies = await asyncio.gather(*(bind(api, "p", node) for node in ("n1", "n2")))
    assert sorted(reply.code for reply in replies) == [201, 409]
    assert 'already assigned to node "n' in next(r.message for r in replies if r.code == 409)


async def test_does_a_binding_know_the_pod_that_it_means(api: Api) -> None:
    await pod(api, "p")
    reply = await bind(api, "p", "n1", uid="11111111-2222-4333-8444-555555555555")
    assert reply.code == 409
    assert "Precondition failed: UID in precondition: 11111111" in reply.message
    assert "nodeName" not in (await api.get(f"{PODS}/p")).json["spec"]


async def test_can_a_binding_be_posted_to_the_collection(api: Api) -> None:
    await pod(api, "p")
    body = {"metadata": {"name": "p"}, "target": {"name": "n1"}}
    assert (await api.post("/api/v1/namespaces/default/bindings", body)).code == 201
    assert (await api.get(f"{PODS}/p")).json["spec"]["nodeName"] == "n1"


async def test_does_a_bound_pod_know_its_zone(api: Api) -> None:
    labels = {"topology.kubernetes.io/zone": "z", "other": "o"}
    await api.create("/api/v1/nodes", "n1", metadata={"labels": labels})
    await pod(api, "p")
    assert (await bind(api, "p", "n1")).code == 201
    found = (await api.get(f"{PODS}/p")).json["metadata"]["labels"]
    assert found == {"app": "web", "topology.kubernetes.io/zone": "z"}


async def test_is_a_dry_binding_no_binding(api: Api) -> None:
    await pod(api, "p")
    body = {"metadata": {"name": "p"}, "target": {"name": "n1"}}
    assert (await api.post(f"{PODS}/p/binding?dryRun=All", body)).code == 201
    assert "nodeName" not in (await api.get(f"{PODS}/p")).json["spec"]


async def test_does_a_budget_with_room_pay_for_an_eviction(api: Api) -> None:
    await running(api, "p")
    await budget(api, disruptionsAllowed=1)
    assert (await evict(api, "p")).code == 201
    status = (await api.get(f"{BUDGETS}/b")).json["status"]
    assert status["disruptionsAllowed"] == 0
    assert list(status["disruptedPods"]) == ["p"]
    assert [one["reason"] for one in status["conditions"]] == ["InsufficientPods"]
    assert (await api.get(f"{PODS}/p")).code == 404


async def test_do_two_evictions_at_once_share_one_disruption(api: Api) -> None:
    await running(api, "p")
    await running(api, "q")
    await budget(api, disruptionsAllowed=1)
    replies = await asyncio.gather(evict(api, "p"), evict(api, "q"))
    assert sorted(reply.code for reply in replies) == [201, 429]


async def test_is_an_exhausted_budget_told_with_its_numbers(api: Api) -> None:
    await running(api, "p")
    await budget(api, disruptionsAllowed=0, currentHealthy=1)
    reply = await evict(api, "p")
    assert reply.code == 429
    assert reply.json["details"]["causes"][0]["message"] == (
        "The disruption budget b needs 1 healthy pods and has 1 currently"
    )
    assert "retry-after" not in {name.lower() for name in reply.headers}


async def test_is_one_told_to_wait_while_a_budget_is_not_yet_counted(api: Api) -> None:
    await running(api, "p")
    await api.create(BUDGETS, "b", spec=BUDGET_SPEC)
    reply = await evict(api, "p")
    assert reply.code == 429
    assert {name.lower(): value for name, value in reply.headers.items()}["retry-after"] == "10"


async def test_does_an_unready_pod_cost_nothing_while_others_are_healthy(api: Api) -> None:
    await running(api, "p", ready=False)
    await budget(api, disruptionsAllowed=0, currentHealthy=1)
    assert (await evict(api, "p")).code == 201
    assert (await api.get(f"{BUDGETS}/b")).json["status"]["disruptionsAllowed"] == 0


async def test_does_a_pending_pod_go_without_asking_any_budget(api: Api) -> None:
    await pod(api, "p")
    await budget(api, disruptionsAllowed=0, currentHealthy=0)
    assert (await evict(api, "p", apiVersion="policy/v1beta1")).code == 201


async def test_are_two_budgets_for_one_pod_too_many(api: Api) -> None:
    await running(api, "p")
    await budget(api, disruptionsAllowed=1)
    await budget(api, "b2", disruptionsAllowed=1)
    assert (await evict(api, "p")).code == 500


async def test_does_a_dry_eviction_charge_nothing(api: Api) -> None:
    await running(api, "p")
    await budget(api, disruptionsAllowed=1)
    assert (await evict(api, "p", deleteOptions={"dryRun": ["All"]})).code == 201
    assert (await api.get(f"{BUDGETS}/b")).json["status"]["disruptionsAllowed"] == 1
    assert (await api.get(f"{PODS}/p")).code == 200


async def test_does_an_evicted_pod_say_why_it_goes(api: Api) -> None:
    await pod(api, "p", nodeName="n1", terminationGracePeriodSeconds=30)
    await api.patch(f"{PODS}/p/status", {"status": {"phase": "Running"}})
    assert (await evict(api, "p")).code == 201
    found = (await api.get(f"{PODS}/p")).json
    assert found["metadata"]["deletionGracePeriodSeconds"] == 30
    assert [(c["type"], c["reason"]) for c in found["status"]["conditions"]] == [
        ("DisruptionTarget", "EvictionByEvictionAPI")
    ]
