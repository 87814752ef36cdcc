"""The use of processors, memory, network and disks on a node: asked of the runtime once, for all who want to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from minikube_edu.api import quantity
from minikube_edu.container_runtime.cri import (
    Container,
    ContainerState,
    ContainerStats,
    FilesystemUsage,
    Sandbox,
    SandboxStats,
)
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import KubeletHost
from minikube_edu.lib import clock

Object = dict[str, Any]
VolumeUsage = Callable[[Object], dict[str, tuple[int, int]]]


class PodUsage(Struct):
    pod: Object
    sandbox: Sandbox
    stats: SandboxStats
    containers: list[tuple[Container, ContainerStats]] = field(default_factory=list)
    volumes: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        return {"namespace": pod_facts.namespace(self.pod), "pod": pod_facts.name(self.pod)}

    def sum(self, field_name: str) -> int:
        return sum(getattr(stats, field_name) for _, stats in self.containers)


class NodeUsage(Struct):
    at: float
    started_at: float
    pods: list[PodUsage]
    images: FilesystemUsage
    memory_capacity: int
    processors: int

    def sum(self, field_name: str) -> int:
        return sum(pod.sum(field_name) for pod in self.pods)


class Usage:
    """`volumes` gives the bytes and files of a pod's own volumes."""

    def __init__(
        self, host: KubeletHost, node: Callable[[], Object | None], volumes: VolumeUsage | None = None
    ) -> None:
        self.host, self.node, self.volumes = host, node, volumes
        self.started_at = clock.now()

    async def collect(self) -> NodeUsage:
        runtime = self.host.runtime
        pods = {pod_facts.uid(pod): pod for pod in self.host.pods()}
        sandboxes = {sandbox.id: sandbox for sandbox in await runtime.list_sandboxes()}
        containers = {one.id: one for one in await runtime.list_containers() if one.state is ContainerState.RUNNING}
        found = []
        for stats in await runtime.list_sandbox_stats():
            sandbox = sandboxes.get(stats.id)
            pod = pods.get(sandbox.config.uid) if sandbox is not None else None
            if sandbox is None or pod is None:
                continue
            inside = [(containers[one.id], one) for one in stats.containers if one.id in containers]
            volumes = self.volumes(pod) if self.volumes is not None else {}
            found.append(PodUsage(pod, sandbox, stats, inside, volumes))
        capacity = ((self.node() or {}).get("status") or {}).get("capacity") or {}
        return NodeUsage(
            clock.now(),
            self.started_at,
            found,
            await runtime.image_filesystem(),
            quantity.parse(str(capacity.get("memory", "4Gi"))).value(),
            max(1, quantity.parse(str(capacity.get("cpu", "2"))).value()),
        )
