"""When is a Job done, when has it failed, and when does a CronJob start one?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.api import cron
from minikube_edu.kube_controller_manager.controllers.cron_job import timing
from minikube_edu.kube_controller_manager.controllers.job import backoff, indexes, policies
from minikube_edu.lib import clock
from tests.in_process import until
from tests.kube_controller_manager.cluster import BATCH, CORE, Cluster, Object, cluster, job

CONTROLLERS = ["job-controller", "garbage-collector-controller", "ttl-after-finished-controller"]
J = f"{BATCH}/jobs/j"


async def finish(it: Cluster, name: str, phase: str, code: int = 0) -> None:
    """As a kubelet would report it."""
    status = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 0}
    ended = {**status, "state": {"terminated": {"exitCode": code}}}
    reply = await it.api.patch(f"{CORE}/pods/{name}/status", {"status": {"phase": phase, "containerStatuses": [ended]}})
    assert reply.code == 200, reply


async def first_pod(it: Cluster, without: str = "") -> Object:
    async def there() -> Object | None:
        return next((p for p in await it.pods() if p["metadata"]["name"] != without), None)

    found: Object = await until(there)
    return found


async def test_is_a_job_complete_when_enough_pods_have_succeeded_and_are_their_finalizers_gone() -> None:
    async with cluster(CONTROLLERS) as it:
        await it.api.create(f"{BATCH}/jobs", "j", spec=job(completions=5, parallelism=2))
        assert (await it.condition(J, "Complete"))["reason"] == "CompletionsReached"
        found = await it.status(J, succeeded=5, active=0)
        assert found["status"]["uncountedTerminatedPods"] == {}
        assert all("finalizers" not in pod["metadata"] for pod in await it.pods())


async def test_does_an_indexed_job_have_one_pod_for_every_index() -> None:
    async with cluster(CONTROLLERS) as it:
        await it.api.create(
            f"{BATCH}/jobs", "j", spec=job(completions=4, parallelism=4, completionMode="Indexed", suspend=True)
        )
        await it.condition(J, "Suspended")
        assert not await it.pods()
        await it.api.patch(J, {"spec": {"suspend": False}})
        await it.condition(J, "Complete")
        assert (await it.get(J))["status"]["completedIndexes"] == "0-3"
        assert sorted(pod["spec"]["hostname"] for pod in await it.pods()) == ["j-0", "j-1", "j-2", "j-3"]


async def test_has_a_job_failed_after_too_many_failures_and_are_its_other_pods_ended() -> None:
    async with cluster(CONTROLLERS, nodes=0, scheduler=False) as it:
        await it.api.create(f"{BATCH}/jobs", "j", spec=job(backoffLimit=0, parallelism=2, completions=2))
        pod = await first_pod(it)
        await finish(it, pod["metadata"]["name"], "Failed", 1)
        assert (await it.condition(J, "Failed"))["reason"] == "BackoffLimitExceeded"
        await it.status(J, failed=2, active=0)


async def test_does_a_failure_policy_end_a_job_or_overlook_a_failure() -> None:
    rules = [
        {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [7]}},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
    ]
    async with cluster(CONTROLLERS, nodes=0, scheduler=False) as it:
        spec = job(backoffLimit=0, podFailurePolicy={"rules": rules})
        await it.api.create(f"{BATCH}/jobs", "j", spec=spec)
        pod = (await first_pod(it))["metadata"]["name"]
        await finish(it, pod, "Failed", 42)
        condition = await it.condition(J, "Failed")
        assert condition["reason"] == "PodFailurePolicy"
        text = f"Container c for pod default/{pod} failed with exit code 42 matching FailJob rule at index 1"
        assert condition["message"] == text


async def test_does_an_index_fail_alone_when_it_has_a_limit_of_its_own() -> None:
    async with cluster(CONTROLLERS, nodes=0, scheduler=False) as it:
        spec = job(completions=2, parallelism=2, completionMode="Indexed", backoffLimitPerIndex=0)
        await it.api.create(f"{BATCH}/jobs", "j", spec=spec)

        async def both() -> list[Object] | None:
            pods = await it.pods()
            return pods if len(pods) == 2 else None

        for pod in await until(both):
            index = pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]
            await finish(it, pod["metadata"]["name"], "Failed" if index == "1" else "Succeeded")
        assert (await it.condition(J, "Failed"))["reason"] == "FailedIndexes"
        status = (await it.get(J))["status"]
        assert (status["completedIndexes"], status["failedIndexes"]) == ("0", "1")


async def test_does_a_success_policy_make_do_with_one_index() -> None:
    async with cluster(CONTROLLERS, nodes=0, scheduler=False) as it:
        policy = {"rules": [{"succeededIndexes": "0"}]}
        spec = job(completions=2, parallelism=2, completionMode="Indexed", successPolicy=policy)
        await it.api.create(f"{BATCH}/jobs", "j", spec=spec)
        pod = await first_pod(it)
        if pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"] != "0":
            pod = await first_pod(it, without=pod["metadata"]["name"])
        await finish(it, pod["metadata"]["name"], "Succeeded")
        assert (await it.condition(J, "Complete"))["reason"] == "SuccessPolicy"


async def test_does_a_finished_job_go_when_its_time_is_over() -> None:
    async with cluster(CONTROLLERS) as it:
        await it.api.create(f"{BATCH}/jobs", "j", spec=job(ttlSecondsAfterFinished=0))
        await it.gone(J)


async def test_are_pods_set_free_when_their_job_is_deleted_in_the_middle() -> None:
    async with cluster(CONTROLLERS, nodes=0, scheduler=False) as it:
        await it.api.create(f"{BATCH}/jobs", "j", spec=job())
        await first_pod(it)
        await it.api.delete(J + "?propagationPolicy=Background")

        async def empty() -> bool:
            return not await it.pods(everything=True)

        await until(empty)


@given(st.sets(st.integers(0, 60)))
def test_are_indexes_read_as_they_are_written(numbers: set[int]) -> None:
    assert indexes.parse(indexes.write(numbers), 61) == numbers


@pytest.mark.parametrize(("numbers", "text"), [([], ""), ([1], "1"), ([0, 1], "0,1"), ([1, 3, 4, 5, 7], "1,3-5,7")])
def test_how_are_indexes_written(numbers: list[int], text: str) -> None:
    assert indexes.write(numbers) == text


def test_does_every_failure_double_the_wait_up_to_ten_minutes() -> None:
    assert [backoff.wait(n, 100.0, 100.0) for n in (0, 1, 2, 3, 7, 30)] == [0, 10, 20, 40, 600, 600]


def test_do_pod_conditions_decide_too() -> None:
    rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    pod = {
        "metadata": {"namespace": "n", "name": "p"},
        "status": {"conditions": [{"type": "DisruptionTarget", "status": "True"}]},
    }
    assert policies.judge({"spec": {"podFailurePolicy": {"rules": [rule]}}}, pod).action == "Ignore"
    assert policies.judge({"spec": {}}, pod).action == ""


def a_cron_job(last: str | None = None, **spec: Any) -> Object:
    status = {"lastScheduleTime": last} if last else {}
    return {"metadata": {"creationTimestamp": "2026-01-01T00:00:30Z"}, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("now", "more", "due", "many"),
    [
        ("2026-01-01T00:00:59Z", {}, None, False),
        ("2026-01-01T00:01:00Z", {}, "2026-01-01T00:01:00Z", False),
        ("2026-01-01T00:05:30Z", {}, "2026-01-01T00:05:00Z", False),
        ("2026-01-01T09:00:10Z", {}, "2026-01-01T09:00:00Z", True),
        ("2026-01-01T09:00:10Z", {"startingDeadlineSeconds": 5}, None, False),
        ("2026-01-01T09:00:10Z", {"startingDeadlineSeconds": 20}, "2026-01-01T09:00:00Z", False),
    ],
)
def test_which_time_is_due(now: str, more: Object, due: str | None, many: bool) -> None:
    schedule = cron.parse("* * * * *")
    found = timing.due(a_cron_job(**more), schedule, clock.parse_rfc3339(now), deadline=True)
    assert (found.time, found.many) == (clock.parse_rfc3339(due) if due else None, many)


async def test_does_a_cron_job_start_one_job_for_all_the_times_that_it_missed() -> None:
    async with cluster(["cronjob-controller"], nodes=0, scheduler=False) as it:
        path = f"{BATCH}/cronjobs/cj"
        spec = {
            "schedule": "* * * * *",
            "suspend": True,
            "jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": job()},
        }
        await it.api.create(f"{BATCH}/cronjobs", "cj", spec=spec)
        past = clock.rfc3339(clock.now() - 600)
        await it.api.patch(path + "/status", {"status": {"lastScheduleTime": past}})
        await it.api.patch(path, {"spec": {"suspend": False}})

        async def started() -> list[Object]:
            found: list[Object] = (await it.get(f"{BATCH}/jobs"))["items"]
            return found

        jobs = await until(started)
        assert len(jobs) == 1
        minute = int(clock.now()) // 60
        assert jobs[0]["metadata"]["name"] in (f"cj-{minute}", f"cj-{minute - 1}")
        assert jobs[0]["metadata"]["labels"]["a"] == "b"

        async def listed() -> bool:
            return len((await it.get(path))["status"].get("active") or ()) == 1

        await until(listed)
