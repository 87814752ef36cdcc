"""What can be learnt about the scheduler's decisions: steps, metrics, health, repeated events."""

from __future__ import annotations

import asyncio
from typing import Any

from minikube_edu.kube_scheduler.flags import parser
from minikube_edu.kube_scheduler.metrics import CONTENT_TYPE
from minikube_edu.kube_scheduler.recorder import Recorder
from minikube_edu.lib import steps
from minikube_edu.lib.health_port import Health
from minikube_edu.lib.web.messages import Peer, Request
from tests.kube_scheduler.world import World


def get(path: str) -> Request:
    return Request("GET", path, "", (), b"", Peer("", "", None))


async def test_every_verdict_and_score_is_told() -> None:
    with steps.Record(prefix="scheduler.") as record:
        async with World() as world:
            world.node("a", taints=[{"key": "k", "effect": "NoSchedule"}])
            world.node("b")
            world.node("c")
            world.pod("there", {"cpu": "1"}, nodeName="b")
            pod = world.pod("web", {"cpu": "1"})
            world.pod("huge", {"cpu": "99"}, tolerations=[{"operator": "Exists"}])
            await world.settle()
        filtered = next(step for step in record if step.name == "scheduler.filtered" and step["pod"] == "default/web")
        assert filtered["rejected"] == {"a": ("TaintToleration", "node(s) had untolerated taint(s)")}
        assert set(filtered["fits"]) == {"b", "c"}
        assert filtered.cause == int(pod["metadata"]["resourceVersion"])
        (scored,) = record.named("scheduler.scored")
        assert scored["chosen"] == "c"
        assert scored["scores"]["c"]["NodeResourcesFit"] > scored["scores"]["b"]["NodeResourcesFit"]
        assert scored["scores"]["c"]["TaintToleration"] == 300
        (bound,) = record.named("scheduler.bound")
        assert (bound["pod"], bound["node"]) == ("default/web", "c")
        (failed,) = record.named("scheduler.failed")
        assert failed["message"].startswith("0/3 nodes are available: 3 Insufficient cpu.")


async def test_nothing_is_collected_when_nobody_listens(monkeypatch: Any) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("nobody listens")

    from minikube_edu.kube_scheduler import ranking, story

    for name in ("filtered", "scored", "bound", "failed", "preempted"):
        monkeypatch.setattr(story, name, never)
    monkeypatch.setattr(ranking, "by_plugin", never)
    async with World() as world:
        world.node("a")
        world.node("b")
        world.pod("web")
        world.pod("huge", {"cpu": "99"})
        await world.settle()
        assert len(world.bindings) == 1


async def test_metrics_have_the_real_names() -> None:
    async with World() as world:
        world.node("a")
        world.pod("web")
        world.pod("huge", {"cpu": "99"})
        await world.settle()
        handler = Health(lambda: (world.scheduler.metrics.text(), CONTENT_TYPE)).answer
        body = handler(get("/metrics")).body
        assert isinstance(body, bytes)
        text = body.decode()
        assert 'scheduler_schedule_attempts_total{profile="default-scheduler",result="scheduled"} 1.0' in text
        assert 'scheduler_schedule_attempts_total{profile="default-scheduler",result="unschedulable"} 1.0' in text
        assert 'scheduler_pending_pods{queue="unschedulable"} 1.0' in text
        assert 'scheduler_unschedulable_pods{plugin="NodeResourcesFit",profile="default-scheduler"} 1.0' in text
        assert 'scheduler_cache_size{type="nodes"} 1.0' in text
        assert 'scheduler_scheduling_attempt_duration_seconds_bucket{le="+Inf",' in text
        assert handler(get("/healthz")).status == 200
        assert handler(get("/nothing")).status == 404


async def test_ready_only_when_the_informers_are() -> None:
    world = World()
    handler = Health(
        lambda: (world.scheduler.metrics.text(), CONTENT_TYPE), ready={"informer-sync": world.scheduler.has_synced}
    ).answer
    assert handler(get("/readyz")).status == 500
    assert handler(get("/livez")).status == 200


async def test_an_event_that_is_repeated_becomes_a_series() -> None:
    written: list[tuple[str, Any]] = []

    class Client:
        async def create(self, resource: Any, body: Any) -> None:
            written.append(("create", body))

        async def patch(self, resource: Any, name: str, patch: Any, namespace: str) -> None:
            written.append(("patch", patch))

    recorder = Recorder(Client())  # type: ignore[arg-type]  # the two verbs that are used
    pod = {"kind": "Pod", "metadata": {"name": "web", "namespace": "default", "uid": "u"}}
    for _ in range(3):
        recorder.event(pod, "Warning", "FailedScheduling", "Scheduling", "no")
        await recorder.flush()
    assert [verb for verb, _ in written] == ["create", "patch", "patch"]
    assert written[2][1]["series"]["count"] == 3
    await asyncio.sleep(400)
    recorder.event(pod, "Warning", "FailedScheduling", "Scheduling", "no")
    await recorder.flush()
    assert written[-1][0] == "create"


async def test_an_event_that_has_to_be_tried_again_keeps_no_other_one_waiting() -> None:
    written: list[str] = []

    class Client:
        async def create(self, resource: Any, body: Any) -> None:
            if body["regarding"]["name"] == "unlucky" and asyncio.get_running_loop().time() < over:
                raise ConnectionResetError("the server hung up")
            written.append(body["regarding"]["name"])

    over = asyncio.get_running_loop().time() + 60
    recorder = Recorder(Client())  # type: ignore[arg-type]  # the one verb that is used
    for name in ("unlucky", "lucky"):
        pod = {"kind": "Pod", "metadata": {"name": name, "namespace": "default", "uid": name}}
        recorder.event(pod, "Warning", "FailedScheduling", "Scheduling", "no")
        await asyncio.sleep(1)
    assert written == ["lucky"]
    await recorder.flush()
    assert written == ["lucky", "unlucky"]


def test_flags_are_the_real_ones() -> None:
    options = parser().parse_args(["--leader-elect=false", "--kubeconfig=/x", "--secure-port=0", "--profiling"])
    assert (options.leader_elect, options.kubeconfig, options.secure_port) == ("false", "/x", 0)
    assert parser().parse_args([]).secure_port == 10259
