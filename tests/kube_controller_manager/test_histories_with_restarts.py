"""Whatever happens, and even if the controller manager dies in between: are the promises kept at every instant?

A watch sees every single version of every pod, and each is judged: a Deployment never has more pods than it wants and
its surge, and takes none away that it needs; a StatefulSet makes its members from the first to the last and takes them
away from the last to the first, one after the other. In the end all is as specified.

Controllers act on what they have seen. What the test itself did just now they may not know yet: so much slack they get,
`UNSEEN` seconds of a manager that is at work.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from minikube_edu.kube_controller_manager import pod_state
from minikube_edu.kube_controller_manager.controller import Settings
from minikube_edu.kube_controller_manager.kinds import PODS
from minikube_edu.kube_controller_manager.manager import Manager
from minikube_edu.lib import clock
from tests.in_process import Api, until
from tests.kube_controller_manager.cluster import APPS, CORE, Cluster, Object, cluster, template, workload
from tests.kube_controller_manager.test_histories import CONTROLLERS, settled

UNSEEN = 0.5
START = 3


class Mortal:
    """A controller manager that dies and comes back."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.task: asyncio.Task[None] | None = None
        self.worked = 0.0  # seconds at work, up to the last death
        self.since = 0.0

    def start(self) -> None:
        settings = Settings(root_ca="the CA", service_cidr="10.96.0.0/12")
        manager = Manager(lambda name: self.api.client(field_manager=name), settings, CONTROLLERS)
        self.task = asyncio.create_task(manager.run(), name="mortal manager")
        self.since = clock.monotonic()

    async def die(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.worked += clock.monotonic() - self.since
        self.task = None

    def time(self) -> float:
        """Its own: stands still while it is dead."""
        return self.worked + (clock.monotonic() - self.since if self.task is not None else 0.0)


class Witness:
    """Sees every change of every pod, knows what the test did itself, and writes down what breaks a promise."""

    def __init__(self, it: Cluster, manager: Mortal) -> None:
        self.it = it
        self.manager = manager
        self.pods: dict[str, Object] = {}
        self.wanted: list[tuple[float, int]] = [(0.0, START)]  # replicas, from then on
        self.touched: dict[str, float] = {}  # pods that the test killed, failed or relabelled
        self.disturbed = -UNSEEN
        self.broken: list[str] = []

    def want(self, replicas: int) -> None:
        self.wanted.append((self.manager.time(), replicas))
        self.disturbed = self.manager.time()

    def touch(self, pod: Object) -> None:
        self.touched[pod["metadata"]["name"]] = self.disturbed = self.manager.time()

    def replicas(self) -> list[int]:
        """All numbers that the controllers may still believe in."""
        now = self.manager.time()
        recent = [number for since, number in self.wanted if since > now - UNSEEN]
        return [*recent, next(n for since, n in reversed(self.wanted) if since <= now - UNSEEN or since == 0.0)]

    def unsure(self) -> int:
        """Pods that may have gone without the controllers' knowing."""
        now = self.manager.time()
        return sum(since > now - UNSEEN for since in self.touched.values())

    def active(self) -> list[Object]:
        return [p for p in self.pods.values() if pod_state.is_active(p) and p["metadata"].get("ownerReferences")]

    async def follow(self) -> None:
        async with self.it.client.watch(PODS, "default", resource_version="0") as events:
            async for event in events:
                pod = event.object
                name = pod["metadata"]["name"]
                before = self.pods.get(name)
                if event.type == "DELETED":
                    self.pods.pop(name, None)
                    if before is not None and name not in self.touched and pod["metadata"].get("ownerReferences"):
                        self.deleted(before)
                elif event.type != "BOOKMARK":
                    self.pods[name] = pod
                    if before is None:
                        self.added(pod)

    def added(self, pod: Object) -> None:
        raise NotImplementedError

    def deleted(self, pod: Object) -> None:
        """By a controller."""
        raise NotImplementedError


class OfDeployment(Witness):
    """Defaults: a quarter more, rounded up; a quarter less, rounded down."""

    def added(self, pod: Object) -> None:
        top = max(n + -(-n // 4) for n in self.replicas()) + self.unsure()
        if len(self.active()) > top:
            self.broken.append(f"{len(self.active())} pods where {top} may be")

    def deleted(self, pod: Object) -> None:
        if not pod_state.is_ready(pod) or not pod_state.is_active(pod):
            return
        ready = sum(map(pod_state.is_ready, self.active()))
        least = min(n - n // 4 for n in self.replicas()) - self.unsure()
        if ready < least:
            self.broken.append(f"{ready} ready pods left where {least} are needed")


class OfStatefulSet(Witness):
    def number(self, pod: Object) -> int:
        return int(pod["metadata"]["name"].rpartition("-")[2])

    def added(self, pod: Object) -> None:
        if self.unsure():
            return
        mine = self.number(pod)
        ready = {self.number(p) for p in self.active() if pod_state.is_ready(p)}
        if missing := set(range(mine)) - ready:
            self.broken.append(f"web-{mine} was made before {sorted(missing)} were ready")

    def deleted(self, pod: Object) -> None:
        if self.unsure() or not pod_state.is_active(pod):
            return
        mine = self.number(pod)
        later = [p for p in self.active() if self.number(p) > mine]
        if mine >= max(self.replicas()) and later:
            self.broken.append(f"web-{mine} went before its successors")
        if mine < min(self.replicas()) and not all(map(pod_state.is_ready, later)):
            self.broken.append(f"web-{mine} was replaced before its successors were ready")


WITNESSES = {"deployments": OfDeployment, "statefulsets": OfStatefulSet}


@asynccontextmanager
async def observed(plural: str) -> AsyncIterator[tuple[Cluster, Mortal, Witness]]:
    async with cluster(()) as it:
        manager = Mortal(it.api)
        witness = WITNESSES[plural](it, manager)
        watching = asyncio.create_task(witness.follow())
        manager.start()
        try:
            yield it, manager, witness
        finally:
            watching.cancel()
            if manager.task is not None:
                await manager.die()
            await asyncio.gather(watching, return_exceptions=True)


async def disturb(it: Cluster, manager: Mortal, witness: Witness, path: str, chance: random.Random) -> tuple[int, str]:
    """Answers with what is specified in the end."""
    replicas, image = START, "i:1"
    for _ in range(14):
        match chance.choice(["scale", "roll", "kill", "relabel", "fail", "wait", "restart", "restart"]):
            case "scale":
                replicas = chance.randint(0, 7)
                witness.want(replicas)
                await it.api.patch(path, {"spec": {"replicas": replicas}})
            case "roll":
                image = f"i:{chance.randint(1, 3)}"
                await it.api.patch(path, {"spec": {"template": template(image)}})
            case "wait":
                await asyncio.sleep(chance.uniform(0, 0.05))
            case "restart":
                if manager.task is not None:
                    await manager.die()
                if chance.random() < 0.7:
                    manager.start()
            case what:
                pods = [pod for pod in await it.pods() if pod["metadata"].get("ownerReferences")]
                if not pods:
                    continue
                pod = chance.choice(pods)
                witness.touch(pod)
                there = f"{CORE}/pods/{pod['metadata']['name']}"
                if what == "kill":
                    await it.api.delete(there)
                elif what == "fail":
                    await it.api.patch(there + "/status", {"status": {"phase": "Failed"}})
                else:
                    await it.api.patch(there, {"metadata": {"labels": {"app": "stolen"}}})
    if manager.task is None:
        manager.start()
    return replicas, image


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("plural", "more"), [("deployments", {}), ("statefulsets", {"serviceName": "db"})])
async def test_are_all_promises_kept_when_the_manager_dies_at_any_time(plural: str, more: Object, seed: int) -> None:
    async with observed(plural) as (it, manager, witness):
        path = f"{APPS}/{plural}/web"
        await it.api.create(f"{APPS}/{plural}", "web", spec=workload(START, **more))
        chance = random.Random(f"{plural} {seed} with restarts")
        replicas, image = await disturb(it, manager, witness, path, chance)
        if plural == "statefulsets":
            # A stolen pod keeps its name: its successor can only come when it is gone, as in life.
            for pod in await it.pods():
                if pod["metadata"]["labels"]["app"] == "stolen":
                    await it.api.delete(f"{CORE}/pods/{pod['metadata']['name']}")
        await until(lambda: settled(it, replicas, image), 10)
        await it.status(path, replicas=replicas, updatedReplicas=replicas, availableReplicas=replicas)
        assert not witness.broken
