"""Carrying out what a pod needs: the steps of one sync, in the real kubelet's order.

1. kill the pod when its sandbox has to be made anew or nothing of it is left to do, else the containers to be ended;
2. make the sandbox;
3. start ephemeral containers, then the next init container and sidecars, resize, then the regular containers.

A start that fails is remembered with its reason (`failures`), which is what the pod's status shows, and tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from minikube_edu.container_runtime.cri import (
    ContainerRuntime,
    ContainerState,
    RuntimeFailure,
)
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Configurer, Hooks, Object, PodAddresses, Recorder, SyncFailure
from minikube_edu.kubelet.decisions import Actions, Probed, decide
from minikube_edu.kubelet.restarts import Backoff
from minikube_edu.kubelet.runtime_view import PodView, RuntimeView
from minikube_edu.kubelet.workers.image_pulls import ImagePulls
from minikube_edu.kubelet.workers.killing import Killing
from minikube_edu.kubelet.workers.resizing import Resizing

log = logging.getLogger(__name__)

LOOK_AGAIN = 0.05


class Outcome(Struct):
    """Of one sync. `failures`: container -> (reason, message); `retry`: seconds until it is worth trying again."""

    changed: bool = False
    started: set[str] = field(default_factory=set)  # containers
    failures: dict[str, tuple[str, str]] = field(default_factory=dict)
    failed: bool = False  # something besides a back-off
    sandbox: str = ""  # why there is none
    retry: float | None = None

    def wait(self, seconds: float) -> None:
        self.retry = seconds if self.retry is None else min(self.retry, seconds)


class CarryingOut:
    def __init__(
        self,
        runtime: ContainerRuntime,
        view: RuntimeView,
        configurer: Configurer,
        hooks: Hooks,
        pulls: ImagePulls,
        killing: Killing,
        resizing: Resizing,
        recorder: Recorder,
        *,
        backoff: Backoff | None = None,
    ) -> None:
        self.backoff = backoff or Backoff()
        self._runtime = runtime
        self._view = view
        self._configurer = configurer
        self._hooks = hooks
        self._pulls = pulls
        self._killing = killing
        self._resizing = resizing
        self._recorder = recorder

    async def sync(
        self, pod: Object, view: PodView, volumes: Mapping[str, Path], probed: Probed, host_ips: list[str]
    ) -> Outcome:
        outcome = Outcome()
        actions = decide(pod, view, probed)
        addresses = addresses_of(pod, view, host_ips)
        await self._kill(pod, view, actions, addresses, outcome)
        sandbox_id = actions.sandbox_id
        if actions.create_sandbox:
            sandbox_id = await self._sandbox(pod, actions, outcome)
            if not sandbox_id:
                return outcome
            view = await self._view.pod(view.uid)
            addresses = addresses_of(pod, view, host_ips)
        elif actions.kill_pod:
            return outcome
        start = _Starts(self, pod, view, volumes, addresses, sandbox_id, outcome)
        for index in actions.ephemeral:
            await start.one(pod_facts.ephemeral_containers(pod)[index])
        for index in actions.init:
            container = pod_facts.init_containers(pod)[index]
            if not await start.one(container) and not pod_facts.is_sidecar(container):
                return outcome
        if await self._resizing.carry_out(pod, view):
            outcome.changed = True
            outcome.wait(LOOK_AGAIN)  # an update is no sign of life
        for index in actions.start:
            await start.one(pod_facts.containers(pod)[index])
        return outcome

    async def _kill(
        self, pod: Object, view: PodView, actions: Actions, addresses: PodAddresses, outcome: Outcome
    ) -> None:
        if actions.create_sandbox and actions.sandbox_id:
            message = "Pod sandbox changed, it will be killed and re-created."
            self._recorder.event(pod, "Normal", "SandboxChanged", message)
        if actions.kill_pod:
            if view.alive:
                outcome.changed = True
                await self._killing.pod(pod, view, addresses)
            if actions.create_sandbox:
                await self._purge_init(pod, view)
            return
        by_id = {one.id: one for one in view.containers}
        for id, kill in actions.kill.items():
            outcome.changed = True
            await self._killing.container(pod, by_id[id], kill.message, addresses, probe=kill.probe)

    async def _purge_init(self, pod: Object, view: PodView) -> None:
        """In a new sandbox the init containers run again."""
        names = {one["name"] for one in pod_facts.init_containers(pod)}
        for container in view.containers:
            if container.config.name in names and container.state is not ContainerState.RUNNING:
                self._view.touched(view.uid, container=container.id)
                await self._runtime.remove_container(container.id)

    async def _sandbox(self, pod: Object, actions: Actions, outcome: Outcome) -> str:
        try:
            made = await self._runtime.run_sandbox(self._configurer.sandbox(pod, actions.attempt))
        except (RuntimeFailure, SyncFailure, OSError) as error:
            message = f"Failed to create pod sandbox: {error}"
            self._recorder.event(pod, "Warning", "FailedCreatePodSandBox", message)
            outcome.failed, outcome.sandbox = True, str(error)
            return ""
        self._view.touched(pod_facts.uid(pod), sandbox=made)
        outcome.changed = True
        return made

    async def start(
        self,
        pod: Object,
        container: Object,
        view: PodView,
        volumes: Mapping[str, Path],
        addresses: PodAddresses,
        sandbox_id: str,
    ) -> None:
        """Pull, create, start, postStart. SyncFailure with what the container then waits for."""
        name = container["name"]
        image = await self._pulls.ensure(pod, container)
        newest = view.newest(name)
        attempt = max(newest.config.attempt + 1 if newest is not None else 0, _counted(pod, view, name))
        target = container.get("targetContainerName") or ""
        other = view.newest(target) if target else None
        try:
            config = await self._configurer.container(
                pod, container, attempt, volumes, addresses, image.id, other.id if other is not None else ""
            )
        except SyncFailure as failure:
            self._tell(pod, name, "Failed", f"Error: {failure.message}")
            raise
        try:
            made = await self._runtime.create_container(sandbox_id, config)
        except RuntimeFailure as error:
            self._tell(pod, name, "Failed", f"Error: {error.message}")
            raise SyncFailure("CreateContainerError", error.message) from None
        uid = pod_facts.uid(pod)
        self._view.touched(uid, container=made)
        self._recorder.event(pod, "Normal", "Created", "Container created", name)
        try:
            await self._runtime.start_container(made)
        except RuntimeFailure as error:
            self._view.touched(uid, container=made)
            self._tell(pod, name, "Failed", f"Error: {error.message}")
            raise SyncFailure("RunContainerError", error.message) from None
        self._view.touched(uid, container=made)
        self._recorder.event(pod, "Normal", "Started", "Container started", name)
        await self._post_start(pod, container, made, addresses)

    async def _post_start(self, pod: Object, container: Object, id: str, addresses: PodAddresses) -> None:
        handler = (container.get("lifecycle") or {}).get("postStart")
        if not handler:
            return
        name = container["name"]
        try:
            await self._hooks.run(pod, container, id, handler, addresses)
        except (SyncFailure, RuntimeFailure) as failure:
            log.info("postStart of %s in %s: %s", name, pod_facts.described(pod), failure)
            self._tell(pod, name, "FailedPostStartHook", "PostStartHook failed")
            run = await self._runtime.container_status(id)
            await self._killing.container(pod, run, "FailedPostStartHook", addresses)
            raise SyncFailure("PostStartHookError", str(failure)) from None

    def _tell(self, pod: Object, name: str, reason: str, message: str) -> None:
        self._recorder.event(pod, "Warning", reason, message, name)

    def crash_loop(self, pod: Object, container: Object, view: PodView) -> tuple[float, str]:
        """(seconds that the container still has to wait, what is said of it)"""
        name = container["name"]
        ended = next(
            (one for one in view.containers if one.config.name == name and one.state is ContainerState.EXITED), None
        )
        if ended is None:
            return 0.0, ""
        key = (pod_facts.uid(pod), f"{name} {pod_facts.container_hash(container)}")
        wait = self.backoff.wait(key, ended.finished_at)
        if wait > 0:
            where = pod_facts.described(pod)
            self._tell(pod, name, "BackOff", f"Back-off restarting failed container {name} in pod {where}")
            return wait, f"back-off {self.backoff.text(key)} restarting failed container={name} pod={where}"
        self.backoff.next(key, ended.finished_at)
        return 0.0, ""

    def image_wait(self, pod: Object, container: Object) -> float:
        return self._pulls.backoff_wait(pod, container.get("image") or "")


class _Starts:
    """Starts containers of one pod one after the other, and writes down how that went."""

    def __init__(
        self,
        owner: CarryingOut,
        pod: Object,
        view: PodView,
        volumes: Mapping[str, Path],
        addresses: PodAddresses,
        sandbox_id: str,
        outcome: Outcome,
    ) -> None:
        self._owner = owner
        self._pod = pod
        self._view = view
        self._volumes = volumes
        self._addresses = addresses
        self._sandbox_id = sandbox_id
        self._outcome = outcome

    async def one(self, container: Object) -> bool:
        owner, pod, outcome = self._owner, self._pod, self._outcome
        name = container["name"]
        wait, message = owner.crash_loop(pod, container, self._view)
        if wait > 0:
            outcome.failures[name] = ("CrashLoopBackOff", message)
            outcome.wait(wait)
            return False
        outcome.changed = True
        try:
            await owner.start(pod, container, self._view, self._volumes, self._addresses, self._sandbox_id)
        except SyncFailure as failure:
            outcome.failures[name] = (failure.reason, failure.message)
            wait = owner.image_wait(pod, container)
            if wait > 0:
                outcome.wait(wait)
            else:
                outcome.failed = True
            return False
        outcome.started.add(name)
        return True


def addresses_of(pod: Object, view: PodView, host_ips: list[str]) -> PodAddresses:
    ips = host_ips if pod_facts.is_host_network(pod) else view.ips
    return PodAddresses(tuple(ips), tuple(host_ips))


def _counted(pod: Object, view: PodView, name: str) -> int:
    """How often it has been started by the pod's status, for when the runtime has forgotten its containers."""
    status = pod.get("status") or {}
    for field_name in ("containerStatuses", "initContainerStatuses"):
        for one in status.get(field_name) or ():
            if one["name"] == name and view.newest(name) is None:
                ended = (one.get("lastState") or {}).get("terminated") or {}
                ran = bool(one.get("containerID") or ended)
                counted = "waiting" in (one.get("state") or {}) and ended.get("reason") == "ContainerStatusUnknown"
                return int(one.get("restartCount") or 0) + (ran and not counted)
    return 0
