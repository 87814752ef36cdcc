"""ResourceQuota admission: what may still be written in a namespace, and what is charged for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from minikube_edu.api.quota_judging import Refused, Write, charge
from tests.in_process import Api, api_server

Object = dict[str, Any]
NS = "/api/v1/namespaces/default"
QUOTA = f"{NS}/resourcequotas/q"


def quota(hard: dict[str, str], used: dict[str, str] | None = None, name: str = "q", **spec: Any) -> Object:
    used = dict.fromkeys(hard, "0") if used is None else used
    status = {"hard": hard, "used": used}
    return {"metadata": {"name": name}, "spec": {"hard": hard, **spec}, "status": status}


def pod(name: str = "p", **resources: dict[str, str]) -> Object:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "web", "image": "i", "resources": resources}]}}


def creation(resource: str, obj: Object) -> Write:
    return Write(resource, "CREATE", "", obj, None)


def why(quotas: list[Object], write: Write) -> str:
    with pytest.raises(Refused) as refused:
        charge(quotas, write)
    return str(refused.value)


def test_what_is_exceeded_is_said_with_what_was_asked_for_used_and_allowed() -> None:
    full = quota({"pods": "2"}, {"pods": "2"})
    assert why([full], creation("pods", pod())) == "exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"


def test_only_the_lines_that_do_not_fit_are_named() -> None:
    found = quota({"requests.cpu": "1", "requests.memory": "1Gi", "pods": "9"})
    text = why([found], creation("pods", pod(requests={"cpu": "2", "memory": "2Gi"})))
    assert text == (
        "exceeded quota: q, requested: requests.cpu=2,requests.memory=2Gi, used: requests.cpu=0,requests.memory=0, "
        "limited: requests.cpu=1,requests.memory=1Gi"
    )


def test_a_pod_must_say_what_it_asks_for_where_processors_or_memory_are_limited() -> None:
    found = quota({"limits.cpu": "1", "requests.memory": "1Gi", "requests.ephemeral-storage": "1Gi"})
    expected = "failed quota: q: must specify limits.cpu for: web; requests.memory for: web"
    assert why([found], creation("pods", pod())) == expected


def test_a_pod_may_say_it_for_all_its_containers_together() -> None:
    whole = pod()
    whole["spec"]["resources"] = {"limits": {"cpu": "500m"}, "requests": {"cpu": "500m"}}
    charged = charge([quota({"limits.cpu": "1"})], creation("pods", whole))
    assert charged[0]["status"]["used"] == {"limits.cpu": "500m"}


def test_nothing_is_let_in_before_the_controller_has_counted() -> None:
    found = quota({"pods": "5", "count/pods": "5"}, {})
    assert why([found], creation("pods", pod())) == "status unknown for quota: q, resources: count/pods,pods"


def test_an_update_pays_the_difference() -> None:
    def service(kind: str) -> Object:
        return {"metadata": {"name": "s"}, "spec": {"type": kind, "ports": [{"port": 80}, {"port": 81}]}}

    found = quota({"services": "1", "services.nodeports": "2"}, {"services": "1", "services.nodeports": "0"})
    write = Write("services", "UPDATE", "", service("NodePort"), service("ClusterIP"))
    assert charge([found], write)[0]["status"]["used"] == {"services": "1", "services.nodeports": "2"}
    back = Write("services", "UPDATE", "", service("ClusterIP"), service("NodePort"))
    assert charge([found], back) == [found]  # what becomes free is for the controller to count


def test_a_claim_may_not_grow_beyond_the_storage_of_its_class() -> None:
    def claim(size: str) -> Object:
        spec = {"storageClassName": "fast", "resources": {"requests": {"storage": size}}}
        return {"metadata": {"name": "c"}, "spec": spec}

    line = "fast.storageclass.storage.k8s.io/requests.storage"
    found = quota({line: "5Gi"}, {line: "2Gi"})
    text = why([found], Write("persistentvolumeclaims", "UPDATE", "", claim("6Gi"), claim("2Gi")))
    assert text == f"exceeded quota: q, requested: {line}=4Gi, used: {line}=2Gi, limited: {line}=5Gi"


def test_quotas_of_other_scopes_do_not_care() -> None:
    found = quota({"pods": "0"}, scopes=["NotBestEffort"])
    assert charge([found], creation("pods", pod())) == [found]
    assert "exceeded" in why([found], creation("pods", pod(requests={"cpu": "1"})))


def test_everything_can_be_counted_but_events() -> None:
    full = quota({"count/deployments.apps": "0", "count/events": "0"})
    assert "count/deployments.apps=1" in why([full], creation("deployments.apps", {"metadata": {"name": "d"}}))


async def with_quota(api: Api, hard: dict[str, str]) -> None:
    await api.create(f"{NS}/resourcequotas", "q", spec={"hard": hard})
    await api.patch(QUOTA + "/status", {"status": {"hard": hard, "used": dict.fromkeys(hard, "0")}})


async def test_can_twenty_writers_at_once_take_more_than_there_is() -> None:
    async with api_server() as api:
        await with_quota(api, {"count/configmaps": "7"})
        replies = await asyncio.gather(
            *(api.post(f"{NS}/configmaps", {"metadata": {"name": f"c{number}"}}) for number in range(20))
        )
        assert sorted(reply.code for reply in replies) == [201] * 7 + [403] * 13
        refused = next(reply for reply in replies if reply.code == 403)
        assert "exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=7" in refused.json["message"]
        assert (await api.get(QUOTA)).json["status"]["used"] == {"count/configmaps": "7"}


async def test_are_writers_that_come_together_paid_for_together() -> None:
    """One write of the status for all, not one each: a quota must not slow down a rollout."""
    async with api_server() as api:
        await with_quota(api, {"count/configmaps": "100"})
        before = int((await api.get(QUOTA)).json["metadata"]["resourceVersion"])
        bodies = [{"metadata": {"name": f"c{number}"}} for number in range(50)]
        await asyncio.gather(*(api.post(f"{NS}/configmaps", body) for body in bodies))
        after = (await api.get(QUOTA)).json
        assert after["status"]["used"] == {"count/configmaps": "50"}
        assert int(after["metadata"]["resourceVersion"]) - before < 60  # fifty objects and a few statuses


async def test_is_a_dry_run_judged_and_not_charged() -> None:
    async with api_server() as api:
        await with_quota(api, {"count/configmaps": "1"})
        body: Object = {"metadata": {"name": "a"}}
        assert (await api.post(f"{NS}/configmaps?dryRun=All", body)).code == 201
        assert (await api.get(QUOTA)).json["status"]["used"] == {"count/configmaps": "0"}
        assert (await api.post(f"{NS}/configmaps", body)).code == 201
        assert (await api.post(f"{NS}/configmaps?dryRun=All", {"metadata": {"name": "b"}})).code == 403


async def test_does_the_charge_survive_somebody_who_writes_the_quota_at_the_same_time() -> None:
    async with api_server() as api:
        await with_quota(api, {"count/configmaps": "30"})

        async def labels_it() -> None:
            for number in range(10):
                await api.patch(QUOTA, {"metadata": {"labels": {"number": str(number)}}})

        bodies = [{"metadata": {"name": f"c{number}"}} for number in range(40)]
        replies = await asyncio.gather(*(api.post(f"{NS}/configmaps", body) for body in bodies), labels_it())
        assert sorted(reply.code for reply in replies if reply is not None) == [201] * 30 + [403] * 10
        assert (await api.get(QUOTA)).json["status"]["used"] == {"count/configmaps": "30"}
