"""When probes ask, and what follows from their answers: a container's life in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from minikube_edu.container_runtime.cri import Container, ContainerConfig, ContainerState, SandboxConfig
from minikube_edu.kubelet.contract import ProbeKind, ProbeResult
from minikube_edu.kubelet.probes.checks import Outcome
from minikube_edu.kubelet.probes.prober import Prober
from minikube_edu.lib import clock
from tests.client.conftest import virtual_time
from tests.kubelet.fake_objects import FakeRecorder, Object, pod_of
from tests.kubelet.fake_runtime import FakeRuntime

__all__ = ["virtual_time"]  # autouse: minutes pass at once
IP = "10.244.0.5"


class Bench:
    """A pod with one container, its prober, and a clock of the loop."""

    def __init__(self, runtime: FakeRuntime) -> None:
        self.runtime, self.recorder = runtime, FakeRecorder()
        self.prober = Prober(runtime, self.recorder)
        self.results: list[tuple[str, bool]] = []
        self.asked: list[tuple[str, float]] = []  # which probe, seconds since the start
        self.answers: dict[str, bool] = {}
        self.prober.listen(self._heard)
        self.prober.checks = self  # type: ignore[assignment] # the questions are not the point here
        self.start = clock.now()
        self.pod: Object = {}

    def _heard(self, result: ProbeResult) -> None:
        self.results.append((result.kind.value, result.passed))

    async def check(self, probe: Object, *_: Any) -> Outcome:
        name = probe["exec"]["command"][0]
        self.asked.append((name, int(clock.now() - self.start + 0.01)))
        passed = self.answers.get(name, True)
        return Outcome(passed, "" if passed else "no")

    async def run(self, **probes: Object) -> None:
        """The pod's container begins to run."""
        container: Object = {"name": "c"}
        for name, fields in probes.items():
            container[f"{name}Probe"] = {"exec": {"command": [name]}, **fields}
        self.pod = pod_of(container)
        self.prober.follow(self.pod, {})
        sandbox = await self.runtime.run_sandbox(SandboxConfig("web", "default", "u1"))
        self.sandbox = sandbox
        self.start = clock.now()
        self.follow("one")

    def follow(self, identity: str, **more: Any) -> None:
        self.runtime.containers[identity] = Container(
            identity, self.sandbox, ContainerConfig("c", "i"), ContainerState.RUNNING, 0.0
        )
        state = {"running": {"startedAt": clock.rfc3339(self.start)}}
        one = {"name": "c", "containerID": f"containerd://{identity}", "state": state, **more}
        self.prober.follow(self.pod, {"containerStatuses": [one], "podIP": IP})

    def times(self, name: str) -> list[float]:
        return [at for who, at in self.asked if who == name]

    def ready(self, identity: str = "one") -> bool:
        return self.prober.ready("u1", "c", identity)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench(FakeRuntime())
    yield made
    await made.prober.close()


async def test_when_is_a_container_ready(bench: Bench) -> None:
    await bench.run(readiness={"initialDelaySeconds": 5, "periodSeconds": 10, "successThreshold": 2})
    assert not bench.ready()
    await asyncio.sleep(10)
    assert not bench.ready(), "it must answer twice"
    await asyncio.sleep(10)
    assert bench.ready()
    assert bench.times("readiness") == [5, 15]
    bench.answers["readiness"] = False
    await asyncio.sleep(20)
    assert bench.ready(), "it may fail twice"
    await asyncio.sleep(10)
    assert not bench.ready()
    assert bench.results == [("Readiness", True), ("Readiness", False)]
    assert bench.recorder.events == [("Warning", "Unhealthy", "Readiness probe failed: no")] * 3
    assert bench.recorder.containers == ["c"] * 3


async def test_does_a_failed_liveness_probe_rest_until_the_next_container(bench: Bench) -> None:
    bench.answers["liveness"] = False
    await bench.run(liveness={"periodSeconds": 1, "failureThreshold": 2})
    await asyncio.sleep(30)
    assert bench.times("liveness") == [0, 1]
    assert bench.results == [("Liveness", False)]
    bench.start = clock.now()
    bench.follow("two")
    await asyncio.sleep(0.5)
    assert bench.times("liveness")[2:] == [0]


async def test_do_the_others_wait_for_the_startup_probe(bench: Bench) -> None:
    bench.answers["startup"] = False
    await bench.run(
        startup={"periodSeconds": 3, "failureThreshold": 30}, liveness={"initialDelaySeconds": 1}, readiness={}
    )
    await asyncio.sleep(7)
    assert not bench.prober.started("u1", "c", "one")
    bench.answers["startup"] = True
    await asyncio.sleep(2.5)
    assert bench.prober.started("u1", "c", "one")
    assert bench.ready()
    assert bench.asked == [("startup", 0), ("startup", 3), ("startup", 6), ("startup", 9),
                           ("liveness", 9), ("readiness", 9)]  # fmt: skip
    await asyncio.sleep(30)
    assert bench.times("startup")[-1] == 9


async def test_are_probes_of_a_deleted_pod_ended_but_for_readiness(bench: Bench) -> None:
    await bench.run(liveness={}, readiness={})
    await asyncio.sleep(1)
    bench.pod["metadata"]["deletionTimestamp"] = clock.rfc3339()
    bench.follow("one")
    bench.asked.clear()
    await asyncio.sleep(25)
    assert {name for name, _ in bench.asked} == {"readiness"}
    bench.prober.forget("u1")
    bench.asked.clear()
    await asyncio.sleep(25)
    assert bench.asked == []


async def test_does_a_new_kubelet_believe_the_one_before(bench: Bench) -> None:
    bench.answers["readiness"] = False
    await bench.run(readiness={})
    bench.prober.forget("u1")
    one = {"name": "c", "containerID": "containerd://one", "ready": True, "started": True}
    bench.pod["status"] = {"containerStatuses": [one]}
    bench.follow("one", ready=True, started=True)
    assert bench.ready()
    await asyncio.sleep(25)
    assert not bench.ready()


async def test_is_it_said_when_a_status_was_too_hopeful(bench: Bench) -> None:
    """A new kubelet reports its first status before it follows the pod."""
    bench.answers["readiness"] = False
    await bench.run(readiness={})
    bench.prober.forget("u1")
    bench.follow("one", ready=True, started=True)
    assert not bench.ready()
    await asyncio.sleep(0)
    assert bench.results == [("Readiness", False)]


async def test_is_a_container_without_probes_ready_and_without_timers(bench: Bench) -> None:
    await bench.run()
    assert bench.ready()
    assert bench.prober.started("u1", "c", "one")
    assert list(bench.prober.counts()) == []


async def test_are_thousands_of_waiting_probes_no_tasks(bench: Bench) -> None:
    await bench.run()
    before = len(asyncio.all_tasks())
    for number in range(2000):
        pod = pod_of(
            {"name": "c", "livenessProbe": {"exec": {"command": ["x"]}, "initialDelaySeconds": 60}}, uid=str(number)
        )
        state = {"running": {"startedAt": clock.rfc3339()}}
        bench.prober.follow(pod, {"containerStatuses": [{"name": "c", "containerID": "one", "state": state}]})
    await asyncio.sleep(1)
    assert len(asyncio.all_tasks()) == before
    assert [kind for _, _, kind, _ in bench.prober.counts()] == [ProbeKind.LIVENESS] * 2000
