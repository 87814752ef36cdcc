"""In-place resize: a container's cpu and memory change while it runs.

The API keeps what is wanted (spec), the kubelet what it has granted (*allocated*) and the runtime what is in force.
A wish that the node could never fulfil is Infeasible, one that it cannot fulfil now is Deferred and looked at again
when other pods go. Granted changes are brought to the runtime; a container whose resizePolicy says RestartContainer is
ended for it and comes back with the new amounts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

import orjson
from msgspec.structs import replace

from minikube_edu.api import pod_resources
from minikube_edu.api.quantity import Quantity
from minikube_edu.api.quantity import parse as parse_quantity
from minikube_edu.container_runtime.cri import Container, ContainerRuntime, Resources, RuntimeFailure
from minikube_edu.kubelet import container_resources, pod_facts
from minikube_edu.kubelet.contract import Object, PodAddresses, Recorder
from minikube_edu.kubelet.runtime_view import PodView, RuntimeView
from minikube_edu.kubelet.workers.killing import Killing
from minikube_edu.lib import clock

log = logging.getLogger(__name__)

KINDS = ("limits", "requests")
FIELDS = ("containers", "initContainers")


class Resizing:
    def __init__(
        self,
        runtime: ContainerRuntime,
        view: RuntimeView,
        killing: Killing,
        recorder: Recorder,
        allocatable: Callable[[], Mapping[str, str]],
        others: Callable[[str], Sequence[Object]],
    ) -> None:
        self._runtime = runtime
        self._view = view
        self._killing = killing
        self._recorder = recorder
        self._allocatable = allocatable
        self._others = others  # the other pods that take part of the node, as they are allocated
        self._granted: dict[str, dict[str, Object]] = {}  # pod uid -> container -> its resources
        self._conditions: dict[str, list[Object]] = {}

    def first_seen(self, pod: Object) -> None:
        """What the node has granted before, by the pod's status, or else what it asks for."""
        known: dict[str, Object] = {}
        status = pod.get("status") or {}
        for field in ("containerStatuses", "initContainerStatuses"):
            for one in status.get(field) or ():
                if one.get("resources") and one.get("allocatedResources"):
                    known[one["name"]] = {**one["resources"], "requests": one["allocatedResources"]}
        granted = {}
        for container in _resizable(pod):
            granted[container["name"]] = known.get(container["name"]) or container.get("resources") or {}
        self._granted[pod_facts.uid(pod)] = granted

    def forget(self, uid: str) -> None:
        self._granted.pop(uid, None)
        self._conditions.pop(uid, None)

    def allocated(self, pod: Object) -> Object:
        """The pod with the resources that it has been granted."""
        granted = self._granted.get(pod_facts.uid(pod))
        if granted is None or all(
            granted.get(one["name"], one.get("resources") or {}) == (one.get("resources") or {})
            for one in _resizable(pod)
        ):
            return pod
        spec = dict(pod["spec"])
        for field in FIELDS:
            if spec.get(field):
                spec[field] = [
                    {**one, "resources": granted.get(one["name"], one.get("resources") or {})} for one in spec[field]
                ]
        return {**pod, "spec": spec}

    def consider(self, pod: Object) -> Object:
        """Grant what is asked for if it can be; returns the pod as it is allocated now."""
        uid = pod_facts.uid(pod)
        allocated = self.allocated(pod)
        self._pending(pod, None)
        if allocated is pod:
            return pod
        if pod_facts.is_static(pod):
            self._pending(pod, ("Infeasible", "In-place resize of static-pods is not supported"))
            return allocated
        problem = self._problem(pod)
        if problem is not None:
            self._pending(pod, problem)
            return allocated
        self._granted[uid] = {one["name"]: one.get("resources") or {} for one in _resizable(pod)}
        self._set(pod, "PodResizeInProgress", {})
        self._recorder.event(pod, "Normal", "ResizeStarted", f"Pod resize started: {_summary(pod)}")
        return pod

    def conditions(self, pod: Object) -> list[Object]:
        return self._conditions.get(pod_facts.uid(pod), [])

    def deferred(self) -> list[str]:
        """Uids of pods that wait for room."""
        return [
            uid
            for uid, conditions in self._conditions.items()
            if any(one["type"] == "PodResizePending" and one.get("reason") == "Deferred" for one in conditions)
        ]

    async def carry_out(self, pod: Object, view: PodView) -> bool:
        """Bring what is granted to the runtime; `pod` is as it is allocated. True when something was done."""
        done = restarting = False
        failure = ""
        for container in _resizable(pod):
            run = view.newest(container["name"])
            if run is None or run not in view.running:
                restarting = True
                continue
            wanted = amounts(pod, container, run.config.resources)
            if wanted == run.config.resources:
                continue
            done = True
            try:
                await self._one(pod, container, run, wanted)
            except RuntimeFailure as error:
                failure = str(error)
                log.warning("cannot resize %s in %s: %s", container["name"], pod_facts.described(pod), error)
        if failure:
            self._set(pod, "PodResizeInProgress", {"reason": "Error", "message": failure})
            self._recorder.event(pod, "Warning", "ResizeError", f"Pod resize error: {_summary(pod, failure)}")
        elif not restarting and not done and self._remove(pod, "PodResizeInProgress"):
            done = True
            self._recorder.event(pod, "Normal", "ResizeCompleted", f"Pod resize completed: {_summary(pod)}")
        return done

    async def _one(self, pod: Object, container: Object, run: Container, wanted: Resources) -> None:
        policies = {one["resourceName"]: one["restartPolicy"] for one in container.get("resizePolicy") or ()}
        before = run.config.resources
        changed = set()
        if (wanted.cpu_millis, wanted.cpu_request_millis) != (before.cpu_millis, before.cpu_request_millis):
            changed.add("cpu")
        if wanted.memory_bytes != before.memory_bytes:
            changed.add("memory")
        if any(policies.get(name) == "RestartContainer" for name in changed):
            message = f"Container {container['name']} resize requires restart"
            await self._killing.container(pod, run, message, PodAddresses())
            return
        self._view.touched(pod_facts.uid(pod), container=run.id)
        await self._runtime.update_container_resources(run.id, wanted)

    def _problem(self, pod: Object) -> tuple[str, str] | None:
        asked = pod_resources.of_containers(pod["spec"], "requests")
        room = {name: parse_quantity(text) for name, text in self._allocatable().items()}
        used: dict[str, int] = {}
        for other in self._others(pod_facts.uid(pod)):
            for name, amount in pod_resources.of_containers(other["spec"], "requests").items():
                used[name] = used.get(name, 0) + _number(name, amount)
        for name in ("cpu", "memory"):
            if name not in asked or name not in room:
                continue
            wanted, capacity = _number(name, asked[name]), _number(name, room[name])
            if wanted > capacity:
                told = f"Node didn't have enough capacity: {name}, requested: {wanted}, capacity: {capacity}"
                return "Infeasible", told
            if wanted + used.get(name, 0) > capacity:
                told = f"Node didn't have enough resource: {name}, requested: {wanted}, used: {used[name]}"
                return "Deferred", f"{told}, capacity: {capacity}"
        return None

    def _pending(self, pod: Object, problem: tuple[str, str] | None) -> None:
        if problem is None:
            self._remove(pod, "PodResizePending")
            return
        before = [one for one in self.conditions(pod) if one["type"] == "PodResizePending"]
        if not before or before[0].get("reason") != problem[0]:
            reason = "ResizeInfeasible" if problem[0] == "Infeasible" else "ResizeDeferred"
            self._recorder.event(pod, "Warning", reason, f"Pod resize {problem[0]}: {_summary(pod, problem[1])}")
        self._set(pod, "PodResizePending", {"reason": problem[0], "message": problem[1]})

    def _set(self, pod: Object, kind: str, told: Object) -> None:
        uid = pod_facts.uid(pod)
        now = clock.rfc3339()
        before = next((one for one in self.conditions(pod) if one["type"] == kind), None)
        since = before["lastTransitionTime"] if before is not None else now
        condition = {"type": kind, "status": "True", "lastProbeTime": now, "lastTransitionTime": since, **told}
        if pod_facts.generation(pod):
            condition["observedGeneration"] = pod_facts.generation(pod)
        if before is not None and {**before, "lastProbeTime": now} == condition:
            return
        self._conditions[uid] = [one for one in self.conditions(pod) if one["type"] != kind] + [condition]

    def _remove(self, pod: Object, kind: str) -> bool:
        uid = pod_facts.uid(pod)
        left = [one for one in self.conditions(pod) if one["type"] != kind]
        found = len(left) != len(self.conditions(pod))
        if left:
            self._conditions[uid] = left
        else:
            self._conditions.pop(uid, None)
        return found


def amounts(pod: Object, container: Object, before: Resources) -> Resources:
    """What the runtime is asked for; the score for the kernel's killer stays."""
    return replace(container_resources.resources(pod, container, 1), oom_score_adj=before.oom_score_adj)


def _summary(pod: Object, error: str = "") -> str:
    """What events say of a pod's resources."""
    told: Object = {}
    for field in ("initContainers", "containers"):
        names = {one["name"] for one in _resizable(pod)}
        listed = [
            {
                "name": one["name"],
                "resources": {
                    key: (one.get("resources") or {})[key] for key in KINDS if key in (one.get("resources") or {})
                },
            }
            for one in pod["spec"].get(field) or ()
            if one["name"] in names
        ]
        if listed:
            told[field] = listed
    told["generation"] = pod_facts.generation(pod)
    if error:
        told["error"] = error
    return orjson.dumps(told).decode()


def _number(name: str, amount: Quantity) -> int:
    return amount.milli_value() if name == "cpu" else amount.value()


def _resizable(pod: Object) -> list[Object]:
    return [*pod_facts.containers(pod), *(one for one in pod_facts.init_containers(pod) if pod_facts.is_sidecar(one))]
