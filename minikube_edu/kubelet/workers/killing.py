"""Ending containers: preStop, the stop signal, patience, and the order among sidecars.

The time that a preStop hook takes comes out of the grace period, but two seconds are always left for the signal. When a
whole pod ends, its regular containers go first, all at once; sidecars follow from the last to the first, so that what
was started before the others is there until they are gone. Hooks of sidecars run at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import orjson

from minikube_edu.container_runtime.cri import Container, ContainerRuntime, RuntimeFailure
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Hooks, Object, PodAddresses, ProbeKind, Recorder, SyncFailure
from minikube_edu.kubelet.runtime_view import PodView, RuntimeView
from minikube_edu.lib import clock

log = logging.getLogger(__name__)

MINIMUM = 2.0
PRE_STOP = "io.kubernetes.container.preStopHandler"


class Killing:
    def __init__(self, runtime: ContainerRuntime, view: RuntimeView, hooks: Hooks, recorder: Recorder) -> None:
        self._runtime = runtime
        self._view = view
        self._hooks = hooks
        self._recorder = recorder

    async def pod(self, pod: Object, view: PodView, addresses: PodAddresses, grace: float | None = None) -> None:
        """All containers, then the sandboxes; `grace` in place of what the pod says."""
        turns = _Turns(pod, view.running)
        failures = await asyncio.gather(
            *(self.container(pod, one, "", addresses, grace=grace, turns=turns) for one in view.running),
            return_exceptions=True,
        )
        for sandbox in view.sandboxes:
            self._view.touched(view.uid, sandbox=sandbox.id)
            await self._runtime.stop_sandbox(sandbox.id)
        for failure in failures:
            if isinstance(failure, BaseException):
                raise failure

    async def container(
        self,
        pod: Object,
        run: Container,
        message: str,
        addresses: PodAddresses,
        *,
        grace: float | None = None,
        probe: ProbeKind | None = None,
        turns: _Turns | None = None,
    ) -> None:
        name = run.config.name
        spec = pod_facts.find_container(pod, name) or {"name": name}
        try:
            self._recorder.event(pod, "Normal", "Killing", message or f"Stopping container {name}", name)
            left = float(grace) if grace is not None else patience(pod, spec, probe)
            handler = (spec.get("lifecycle") or {}).get("preStop") or _handed_down(run)
            if handler and left > 0:
                left -= await self._pre_stop(pod, spec, run, handler, addresses, left)
            if turns is not None:
                left -= await turns.wait(name, max(left, 0.0))
            self._view.touched(pod_facts.uid(pod), container=run.id)
            await self._runtime.stop_container(run.id, max(left, MINIMUM))
        finally:
            if turns is not None:
                turns.done(name)

    async def _pre_stop(
        self, pod: Object, spec: Object, run: Container, handler: Object, addresses: PodAddresses, left: float
    ) -> float:
        """Seconds that it took."""
        began = clock.monotonic()
        try:
            async with asyncio.timeout(left):
                await self._hooks.run(pod, spec, run.id, handler, addresses)
        except SyncFailure as failure:
            self._recorder.event(pod, "Warning", "FailedPreStopHook", "PreStopHook failed", spec["name"])
            log.info("preStop of %s in %s: %s", spec["name"], pod_facts.described(pod), failure)
        except RuntimeFailure as failure:
            self._recorder.event(pod, "Warning", "FailedPreStopHook", "PreStopHook failed", spec["name"])
            log.info("preStop of %s in %s: %s", spec["name"], pod_facts.described(pod), failure)
        except TimeoutError:
            log.info("preStop of %s in %s did not end in %g s", spec["name"], pod_facts.described(pod), left)
        return clock.monotonic() - began


def patience(pod: Object, container: Object, probe: ProbeKind | None = None) -> float:
    """The grace period in seconds: what the deletion says, else the failed probe, else the pod."""
    told = pod["metadata"].get("deletionGracePeriodSeconds")
    if told is not None:
        return float(told)
    if probe is not None:
        field = "livenessProbe" if probe is ProbeKind.LIVENESS else "startupProbe"
        of_probe = (container.get(field) or {}).get("terminationGracePeriodSeconds")
        if of_probe is not None:
            return float(of_probe)
    return float(pod_facts.grace_period(pod))


def _handed_down(run: Container) -> Object | None:
    """The hook that a kubelet before this one wrote down, for pods whose spec is gone."""
    text = run.config.annotations.get(PRE_STOP)
    if not text:
        return None
    found: Object = orjson.loads(text)
    return found


class _Turns:
    """Who waits for whom: sidecars for all regular containers and for the sidecars that were started after them."""

    def __init__(self, pod: Object, running: Sequence[Container]) -> None:
        names = {one.config.name for one in running}
        self._gone = {name: asyncio.Event() for name in names}
        self._before: dict[str, list[str]] = {}
        later = [one["name"] for one in pod_facts.containers(pod) if one["name"] in names]
        for container in reversed(pod_facts.init_containers(pod)):
            if pod_facts.is_sidecar(container) and container["name"] in names:
                self._before[container["name"]] = list(later)
                later.append(container["name"])

    async def wait(self, name: str, longest: float) -> float:
        """Seconds waited."""
        began = clock.monotonic()
        try:
            async with asyncio.timeout(longest):
                for other in self._before.get(name, ()):
                    await self._gone[other].wait()
        except TimeoutError:
            pass
        return clock.monotonic() - began

    def done(self, name: str) -> None:
        event = self._gone.get(name)
        if event is not None:
            event.set()
