"""The eviction manager: every ten seconds it looks at what is left, and ends one pod if it has to.

Memory is what the machine has less what containers use. For disk, unused images and dead containers go first; only if
that does not help, a pod. First in line are pods that use more than they asked for, then those of low priority, then
those that are furthest over their requests; static and other critical pods are never ended. A hard threshold gives a
pod no time; a soft one has to be crossed for its grace period, and gives evictionMaxPodGracePeriod.

Pods that use more disk than they may go at any time. A pressure condition stays for evictionPressureTransitionPeriod
after the last crossing, so that a node does not flap.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from minikube_edu.api import pod_resources
from minikube_edu.api.quantity import BINARY, Quantity
from minikube_edu.api.quantity import parse as parse_quantity
from minikube_edu.container_runtime.cri import ContainerStats, RuntimeFailure
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.configuration import seconds
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.eviction.thresholds import Observed, Threshold, thresholds
from minikube_edu.kubelet.kubelet import Kubelet
from minikube_edu.kubelet.node.described_machine import DescribedMachine
from minikube_edu.kubelet.node_paths import pod_directory
from minikube_edu.kubelet.workers.pod_worker import Ending
from minikube_edu.lib import clock

log = logging.getLogger(__name__)

EVERY = 10.0
PIDS = 4_194_304


class Usage(Struct):
    """Of one pod."""

    containers: dict[str, ContainerStats] = field(default_factory=dict)  # by name

    @property
    def memory(self) -> int:
        return sum(one.memory_working_set for one in self.containers.values())

    @property
    def disk(self) -> int:
        return sum(one.filesystem_used for one in self.containers.values())

    @property
    def inodes(self) -> int:
        return sum(one.filesystem_inodes for one in self.containers.values())


class Eviction:
    def __init__(
        self,
        kubelet: Kubelet,
        configuration: Object,
        machine: DescribedMachine,
        reclaim_disk: Callable[[], Awaitable[None]],
        node_event: Callable[[str, str, str], None],
        changed: Callable[[], None],
    ) -> None:
        """`changed` is called when the pressures are others than before."""
        self._kubelet = kubelet
        self._machine = machine
        self._reclaim_disk = reclaim_disk
        self._node_event = node_event
        self._changed = changed
        self._thresholds = thresholds(configuration)
        self._transition = seconds(configuration, "evictionPressureTransitionPeriod")
        self._longest_grace = float(configuration.get("evictionMaxPodGracePeriod") or 0)
        self._since: dict[Threshold, float] = {}  # since when it is crossed
        self.every = EVERY
        self._seen: dict[str, float] = {}  # condition -> when last crossed
        self._uids_by_sandbox: dict[str, str] = {}

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self.every)
            try:
                await self.look()
            except (RuntimeFailure, OSError) as error:
                log.info("eviction manager: failed to get summary stats: %s", error)

    async def look(self) -> None:
        usage = await self._usage()
        if self._over_own_limits(usage):
            return
        observed = await self._observed(usage)
        crossed = self._crossed(observed)
        self._note_pressures(crossed)
        acting = [one for one in crossed if one.grace is None or clock.monotonic() - self._since[one] >= one.grace]
        acting.sort(key=lambda one: (one.resource != "memory", one.grace is not None))
        if not acting:
            return
        threshold = acting[0]
        self._node_event("Warning", "EvictionThresholdMet", f"Attempting to reclaim {threshold.resource}")
        if threshold.condition == "DiskPressure":
            await self._reclaim_disk()
            observed = await self._observed(usage)
            if not threshold.met(observed[threshold.signal], reclaiming=True):
                return
        self._evict_one(threshold, observed[threshold.signal], usage)

    async def _usage(self) -> dict[str, Usage]:
        """By the pod's uid."""
        found: dict[str, Usage] = {}
        names: dict[str, str] = {}
        for pod, _ in self._kubelet.active():
            view = self._kubelet.view.peek(pod_facts.uid(pod))
            found[pod_facts.uid(pod)] = Usage()
            for sandbox in view.sandboxes:
                self._uids_by_sandbox[sandbox.id] = pod_facts.uid(pod)
            names.update({one.id: one.config.name for one in view.containers})
        for stats in await self._kubelet.runtime.list_sandbox_stats():
            usage = found.get(self._uids_by_sandbox.get(stats.id, ""))
            if usage is not None:
                usage.containers.update({names.get(one.id, one.id): one for one in stats.containers})
        self._uids_by_sandbox = {id: uid for id, uid in self._uids_by_sandbox.items() if uid in found}
        return found

    async def _observed(self, usage: Mapping[str, Usage]) -> dict[str, Observed]:
        disk = await self._kubelet.runtime.image_filesystem()
        used = disk.used_bytes + sum(one.disk for one in usage.values())
        whole = disk.capacity_bytes or self._machine.disk
        inodes = max(whole // 16384, 1)
        space = Observed(max(0, whole - used), whole)
        free = Observed(max(0, inodes - disk.used_inodes - sum(one.inodes for one in usage.values())), inodes)
        memory = self._machine.memory
        return {
            "memory.available": Observed(max(0, memory - sum(one.memory for one in usage.values())), memory),
            "nodefs.available": space,
            "imagefs.available": space,
            "nodefs.inodesFree": free,
            "imagefs.inodesFree": free,
            "pid.available": Observed(PIDS, PIDS),
        }

    def _crossed(self, observed: Mapping[str, Observed]) -> list[Threshold]:
        now = clock.monotonic()
        crossed = []
        for threshold in self._thresholds:
            if threshold.met(observed[threshold.signal], reclaiming=threshold in self._since):
                self._since.setdefault(threshold, now)
                crossed.append(threshold)
            else:
                self._since.pop(threshold, None)
        return crossed

    def _note_pressures(self, crossed: Sequence[Threshold]) -> None:
        now = clock.monotonic()
        for threshold in crossed:
            self._seen[threshold.condition] = now
        pressures = sorted(kind for kind, seen in self._seen.items() if now - seen <= self._transition)
        if pressures != self._kubelet.gate.pressures:
            self._kubelet.gate.pressures = pressures
            self._changed()

    def _evict_one(self, threshold: Threshold, observed: Observed, usage: Mapping[str, Usage]) -> None:
        ranked = sorted(self._kubelet.active(), key=lambda one: _rank(one[0], threshold.resource, usage))
        available = str(Quantity(observed.available, format=BINARY))
        message = f"The node was low on resource: {threshold.resource}. "
        message += f"Threshold quantity: {threshold.text(observed.capacity)}, available: {available}. "
        for pod, _ in ranked:
            if pod_facts.is_critical(pod):
                continue
            more = _offenders(pod, threshold.resource, usage.get(pod_facts.uid(pod), Usage()))
            grace = None if threshold.grace is None else self._longest_grace
            if self._evict(pod, message + more, 1.0 if grace is None else max(grace, 1.0)):
                return
        log.warning("eviction manager: unable to evict any pods from the node")

    def _evict(self, pod: Object, message: str, grace: float) -> bool:
        condition: Object = {
            "type": "DisruptionTarget",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": clock.rfc3339(),
            "reason": "TerminationByKubelet",
            "message": message,
        }
        if pod_facts.generation(pod):
            condition["observedGeneration"] = pod_facts.generation(pod)
        if not self._kubelet.evict(pod_facts.uid(pod), Ending("Evicted", message, grace, condition)):
            return False
        self._kubelet.recorder.event(pod, "Warning", "Evicted", message)
        return True

    def _over_own_limits(self, usage: Mapping[str, Usage]) -> bool:
        """Pods that write more than they may."""
        evicted = False
        for pod, _ in self._kubelet.active():
            message = _disk_problem(pod, usage.get(pod_facts.uid(pod), Usage()), self._kubelet.identity.root)
            if message and not pod_facts.is_critical(pod):
                evicted = self._evict(pod, message, 1.0) or evicted
        return evicted


def _amount(pod_part: Object, kind: str, name: str) -> int:
    text = ((pod_part.get("resources") or {}).get(kind) or {}).get(name)
    return parse_quantity(str(text)).value() if text is not None else 0


def _used(usage: Usage, resource: str) -> int:
    return {"memory": usage.memory, "ephemeral-storage": usage.disk, "inodes": usage.inodes}.get(resource, 0)


def _rank(pod: Object, resource: str, usage: Mapping[str, Usage]) -> tuple[bool, int, int]:
    """Who sorts first goes first."""
    asked = pod_resources.of_containers(pod["spec"], "requests").get(resource)
    requested = asked.value() if asked is not None else 0
    used = _used(usage.get(pod_facts.uid(pod), Usage()), resource)
    return used <= requested, int(pod["spec"].get("priority") or 0), requested - used


def _offenders(pod: Object, resource: str, usage: Usage) -> str:
    """The containers that use more than they asked for."""
    text = ""
    for container in pod_facts.containers(pod):
        stats = usage.containers.get(container["name"])
        if stats is None or resource not in ("memory", "ephemeral-storage"):
            continue
        used = stats.memory_working_set if resource == "memory" else stats.filesystem_used
        requested = _amount(container, "requests", resource)
        if used > requested:
            shown = str(Quantity(used // 1024 * 1024, format=BINARY)) if used >= 1024 else str(used)
            asked = ((container.get("resources") or {}).get("requests") or {}).get(resource, "0")
            text += f"Container {container['name']} was using {shown}, request is {asked}, "
            text += f"has larger consumption of {resource}. "
    return text


def _disk_problem(pod: Object, usage: Usage, root: Path) -> str:
    for volume in pod["spec"].get("volumes") or ():
        limit = (volume.get("emptyDir") or {}).get("sizeLimit")
        if limit is None:
            continue
        folder = pod_directory(root, pod_facts.uid(pod)) / "volumes/kubernetes.io~empty-dir" / volume["name"]
        if _size(folder) > parse_quantity(str(limit)).value():
            return f'Usage of EmptyDir volume "{volume["name"]}" exceeds the limit "{limit}". '
    for container in pod_facts.containers(pod):
        limit = ((container.get("resources") or {}).get("limits") or {}).get("ephemeral-storage")
        stats = usage.containers.get(container["name"])
        if limit is not None and stats is not None and stats.filesystem_used > parse_quantity(str(limit)).value():
            return f'Container {container["name"]} exceeded its local ephemeral storage limit "{limit}". '
    return ""


def _size(folder: Path) -> int:
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(directory, name)).st_size
            except OSError:
                continue
    return total
