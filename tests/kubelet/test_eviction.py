"""When a node runs short: who goes, what is said, and what is tried first."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from minikube_edu.kubelet.configuration import with_defaults
from minikube_edu.kubelet.eviction.eviction import Eviction
from minikube_edu.kubelet.image_cleaning import ImageCleaning
from minikube_edu.kubelet.log_rotation import LogRotation
from minikube_edu.kubelet.node.described_machine import described_machine
from minikube_edu.kubelet.node_shutdown import shut_down
from tests.client.conftest import virtual_time
from tests.kubelet.doubles import Here, Object, manifest, node
from tests.kubelet.fake_runtime import Program

__all__ = ["virtual_time"]

MI = 1 << 20


def asking(name: str, memory: str, **spec: Any) -> Object:
    return manifest(name, {"name": name, "resources": {"requests": {"memory": memory}}}, **spec)


def running(here: Here, pod: Object) -> bool:
    return here.phase(pod) == "Running"


def eviction(here: Here, **told: Any) -> Eviction:
    configured = with_defaults(told)
    machine = described_machine(Path("/nowhere"), "node-1", {"cpu": "4", "memory": "1Gi", "ephemeral-storage": "100Gi"})
    cleaning = ImageCleaning(here.kubelet, configured, lambda *_: None)
    return Eviction(
        here.kubelet,
        configured,
        machine,
        cleaning.remove_all_unused,
        lambda kind, reason, message: here.recorder.event({}, kind, reason, message),
        lambda: None,
    )


async def test_under_memory_pressure_the_pod_that_exceeds_its_requests_most_goes_first() -> None:
    async with node() as here:
        modest = here.run(asking("modest", "512Mi"))
        greedy = here.run(asking("greedy", "100Mi"))
        critical = here.run(asking("critical", "1Mi", priority=2_000_000_000))
        for pod in (modest, greedy, critical):
            await here.until(functools.partial(running, here, pod))
        here.runtime.memory = {"modest": 400 * MI, "greedy": 450 * MI, "critical": 100 * MI}
        manager = eviction(here)
        await manager.look()
        await here.until(lambda: here.phase(greedy) == "Failed")
        assert here.phase(modest) == "Running"
        status = here.status(greedy)
        assert status["reason"] == "Evicted"
        assert status["message"] == (
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 74Mi. "
            "Container greedy was using 450Mi, request is 100Mi, has larger consumption of memory. "
        )
        assert here.condition(greedy, "DisruptionTarget")["reason"] == "TerminationByKubelet"
        assert here.recorder.message("EvictionThresholdMet") == "Attempting to reclaim memory"
        assert here.kubelet.gate.pressures == ["MemoryPressure"]
        late = here.run(manifest("late"))  # BestEffort
        await here.until(lambda: here.phase(late) == "Failed")
        assert here.status(late)["message"] == "Pod was rejected: The node had condition: [MemoryPressure]. "
        await here.quiet(200)
        await manager.look()
        assert here.kubelet.gate.pressures == ["MemoryPressure"]  # for five minutes after the last time
        await here.quiet(200)
        await manager.look()
        assert here.kubelet.gate.pressures == []


async def test_a_soft_threshold_has_patience() -> None:
    async with node() as here:
        pod = here.run(asking("web", "100Mi"))
        await here.until(lambda: here.phase(pod) == "Running")
        here.runtime.memory = {"web": 700 * MI}
        told = {"evictionSoft": {"memory.available": "500Mi"}, "evictionSoftGracePeriod": {"memory.available": "1m"}}
        manager = eviction(here, **told)
        await manager.look()
        assert here.kubelet.gate.pressures == ["MemoryPressure"]
        await here.quiet(30)
        await manager.look()
        assert here.phase(pod) == "Running"
        await here.quiet(31)
        await manager.look()
        await here.until(lambda: here.phase(pod) == "Failed")


async def test_a_full_disk_costs_unused_images_before_pods() -> None:
    async with node() as here:
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
        here.runtime.has_image("old:1", size=20 << 30)
        here.runtime.disk = replace(here.runtime.disk, used_bytes=95 << 30)
        manager = eviction(here)
        await manager.look()
        assert ("remove_image" in [verb for verb, _ in here.runtime.calls]) is True
        assert here.phase(pod) == "Running"
        assert here.kubelet.gate.pressures == ["DiskPressure"]


async def test_images_are_cleaned_up_the_oldest_first_when_the_disk_is_full() -> None:
    async with node() as here:
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
        cleaning = ImageCleaning(here.kubelet, with_defaults({}), lambda *_: None)
        here.runtime.has_image("old:1", size=10 << 30)
        await cleaning.look()
        await here.quiet(60)
        here.runtime.has_image("new:1", size=10 << 30)
        await cleaning.look()
        await here.quiet(300)
        here.runtime.disk = replace(here.runtime.disk, used_bytes=86 << 30)
        await cleaning.look()
        tags = [tag for image in here.runtime.images.values() for tag in image.tags]
        assert sorted(tags) == ["new:1", "nginx:1.27"]


async def test_a_log_that_is_full_is_moved_aside(tmp_path: Path) -> None:
    async with node() as here:
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
        run = here.runtime.find("main")
        log = tmp_path / "0.log"
        here.runtime.containers[run.id] = replace(run, log_path=str(log))
        await here.kubelet.view.relist()
        rotation = LogRotation(here.kubelet, with_defaults({"containerLogMaxSize": "1Ki", "containerLogMaxFiles": 3}))
        for _ in range(5):
            log.write_bytes(b"x" * 2000)
            await rotation.look()
            await here.quiet(2)
        names = sorted(path.name for path in tmp_path.iterdir())
        assert len(names) == 2  # with the one that the runtime begins anew: three
        assert names[0].endswith(".gz")
        assert len(here.verbs("reopen_container_log")) == 5


async def test_graceful_shutdown_ends_ordinary_pods_before_critical_ones() -> None:
    async with node() as here:
        here.runtime.programs = {"web": Program(stop_seconds=5), "dns": Program(stop_seconds=5)}
        web = here.run(manifest("web", {"name": "web"}))
        dns = here.run(manifest("dns", {"name": "dns"}, priority=2_000_000_000))
        await here.until(lambda: here.phase(web) == here.phase(dns) == "Running")
        told = with_defaults({"shutdownGracePeriod": "30s", "shutdownGracePeriodCriticalPods": "10s"})
        ending = asyncio.create_task(shut_down(here.kubelet, told))
        await here.until(lambda: here.phase(web) == "Failed")
        assert here.phase(dns) == "Running"
        assert here.status(web)["reason"] == "Terminated"
        assert here.status(web)["message"] == "Pod was terminated in response to imminent node shutdown."
        assert "node is shutting down" in here.kubelet.runtime_problem()
        late = here.run(manifest("late"))
        await here.until(lambda: here.phase(late) == "Failed")
        assert here.status(late)["reason"] == "NodeShutdown"
        await ending
        assert here.phase(dns) == "Failed"


async def test_without_being_told_a_kubelet_that_ends_leaves_its_pods_alone() -> None:
    async with node() as here:
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
        await shut_down(here.kubelet, with_defaults({}))
        assert here.phase(pod) == "Running"
