"""Small doubles for the parts around the kubelet's core, and a node to try it on.

async with node() as here:
    pod = here.run(manifest("web"))
    await here.until(lambda: here.status(pod)["phase"] == "Running")
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from minikube_edu.client.rest import Client
from minikube_edu.container_runtime.cri import ContainerConfig, SandboxConfig
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.container_resources import resources
from minikube_edu.kubelet.contract import NodeIdentity, PodAddresses, ProbeKind, ProbeResult, SyncFailure
from minikube_edu.kubelet.kubelet import Kubelet
from minikube_edu.kubelet.runtime_labels import container_annotations, container_labels, sandbox_labels
from minikube_edu.kubelet.workers.assembling import Outside
from minikube_edu.lib import ids
from tests.kubelet.fake_runtime import FakeRuntime

Object = dict[str, Any]


class NoObjects:
    """There is no API: nothing is found."""

    def __init__(self) -> None:
        self.secrets: dict[str, Object] = {}

    async def config_map(self, namespace: str, name: str) -> Object | None:
        return None

    async def secret(self, namespace: str, name: str) -> Object | None:
        return self.secrets.get(name)

    def services(self, namespace: str) -> Sequence[Object]:
        return ()

    async def service_account_token(
        self, namespace: str, name: str, audiences: Sequence[str], seconds: int, pod: Object
    ) -> tuple[str, float]:
        raise SyncFailure("FailedMount", "no API server")

    async def persistent_volume_claim(self, namespace: str, name: str) -> Object | None:
        return None

    async def persistent_volume(self, name: str) -> Object | None:
        return None

    def node(self) -> Object | None:
        return None


class FakeVolumes:
    def __init__(self) -> None:
        self.failure: SyncFailure | None = None
        self.mounts: list[str] = []
        self.here: list[str] = []

    async def mount(self, pod: Object) -> Mapping[str, Path]:
        if self.failure is not None:
            raise self.failure
        self.mounts.append(pod["metadata"]["name"])
        if pod_facts.uid(pod) not in self.here:
            self.here.append(pod_facts.uid(pod))
        return {}

    async def unmount(self, pod_uid: str) -> None:
        if pod_uid in self.here:
            self.here.remove(pod_uid)

    def mounted(self) -> Sequence[str]:
        return self.here


class FakeConfigurer:
    def __init__(self) -> None:
        self.failures: dict[str, SyncFailure] = {}

    def sandbox(self, pod: Object, attempt: int) -> SandboxConfig:
        return SandboxConfig(
            pod_facts.name(pod),
            pod_facts.namespace(pod),
            pod_facts.uid(pod),
            attempt,
            host_network=pod_facts.is_host_network(pod),
            labels=sandbox_labels(pod),
            log_directory="/nowhere",
        )

    async def container(
        self,
        pod: Object,
        container: Object,
        attempt: int,
        volumes: Mapping[str, Path],
        addresses: PodAddresses,
        image_id: str,
        target: str = "",
    ) -> ContainerConfig:
        if container["name"] in self.failures:
            raise self.failures[container["name"]]
        return ContainerConfig(
            container["name"],
            container["image"],
            image_id,
            attempt,
            labels=container_labels(pod, container),
            annotations=container_annotations(pod, container, attempt),
            resources=resources(pod, container, 1 << 34),
            log_path=f"{container['name']}/{attempt}.log",
            target_container=target,
        )


class FakeProbes:
    """All have passed, but for what a test says."""

    def __init__(self) -> None:
        self.unready: set[str] = set()  # names of containers
        self.unstarted: set[str] = set()
        self.followed: set[str] = set()
        self._listeners: list[Callable[[ProbeResult], None]] = []

    def follow(self, pod: Object, status: Object) -> None:
        self.followed.add(pod_facts.uid(pod))

    def forget(self, pod_uid: str) -> None:
        self.followed.discard(pod_uid)

    def ready(self, pod_uid: str, container: str, container_id: str) -> bool:
        return container not in self.unready

    def started(self, pod_uid: str, container: str, container_id: str) -> bool:
        return container not in self.unstarted

    def listen(self, listener: Callable[[ProbeResult], None]) -> None:
        self._listeners.append(listener)

    def say(self, uid: str, container: str, id: str, kind: ProbeKind, passed: bool) -> None:
        for listener in self._listeners:
            listener(ProbeResult(uid, container, id, kind, passed))


class FakeHooks:
    def __init__(self) -> None:
        self.run_for: list[tuple[str, Object]] = []
        self.failure: SyncFailure | None = None
        self.seconds = 0.0

    async def run(
        self, pod: Object, container: Object, container_id: str, handler: Object, addresses: PodAddresses
    ) -> None:
        self.run_for.append((container["name"], handler))
        if self.seconds:
            await asyncio.sleep(self.seconds)
        if self.failure is not None:
            raise self.failure


class Heard:
    """Remembers events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []  # (reason, message, container)

    def event(self, about: Object, kind: str, reason: str, message: str, container: str = "") -> None:
        self.events.append((reason, message, container))

    def reasons(self) -> list[str]:
        return [reason for reason, _, _ in self.events]

    def message(self, reason: str) -> str:
        return next(message for one, message, _ in self.events if one == reason)


class Here:
    """A node: the kubelet's core, a scripted runtime, and doubles for the rest."""

    def __init__(self, root: Path, runtime: FakeRuntime | None = None, client: Client | None = None) -> None:
        self.runtime = runtime or FakeRuntime()
        self.volumes = FakeVolumes()
        self.configurer = FakeConfigurer()
        self.probes = FakeProbes()
        self.hooks = FakeHooks()
        self.recorder = Heard()
        self.objects = NoObjects()
        self.node: Object = {
            "metadata": {"name": "node-1", "labels": {"kubernetes.io/os": "linux"}},
            "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}},
        }
        outside = Outside(
            self.runtime,
            self.volumes,
            self.configurer,
            self.probes,
            self.hooks,
            self.recorder,
            self.objects,
            client,
            lambda: ["192.0.2.10"],
        )
        identity = NodeIdentity("node-1", root, "192.0.2.10")
        self.kubelet = Kubelet(identity, outside, {}, lambda: self.node)

    def run(self, pod: Object) -> Object:
        """As if the API had bound it here."""
        self.kubelet.seen_in_api(pod)
        return pod

    def status(self, pod: Object) -> Object:
        return self.kubelet.statuses.get(pod_facts.uid(pod)) or {}

    def phase(self, pod: Object) -> str:
        return str(self.status(pod).get("phase", ""))

    def container(self, pod: Object, name: str) -> Object:
        every = [*self.status(pod).get("containerStatuses", []), *self.status(pod).get("initContainerStatuses", [])]
        every += self.status(pod).get("ephemeralContainerStatuses", [])
        found: Object = next((one for one in every if one["name"] == name), {})
        return found

    def waiting(self, pod: Object, name: str) -> str:
        return str((self.container(pod, name).get("state") or {}).get("waiting", {}).get("reason", ""))

    def condition(self, pod: Object, kind: str) -> Object:
        found: Object = next((one for one in self.status(pod).get("conditions", []) if one["type"] == kind), {})
        return found

    def delete(self, pod: Object, grace: int = 30) -> Object:
        """What the API shows after `kubectl delete`."""
        metadata = {**pod["metadata"], "deletionTimestamp": "2026-01-01T00:01:00Z", "deletionGracePeriodSeconds": grace}
        deleted = {**pod, "metadata": metadata}
        self.kubelet.seen_in_api(deleted)
        return deleted

    async def until(self, what: Callable[[], Any], seconds: float = 60.0) -> Any:
        async with asyncio.timeout(seconds):
            while True:
                found = what()
                if found:
                    return found
                await asyncio.sleep(0.01)

    async def quiet(self, seconds: float = 1.0) -> None:
        await asyncio.sleep(seconds)

    def verbs(self, *names: str) -> list[tuple[str, str]]:
        return [call for call in self.runtime.calls if call[0] in names]


@asynccontextmanager
async def node(
    root: Path = Path("/nowhere"), runtime: FakeRuntime | None = None, synced: bool = True
) -> AsyncIterator[Here]:
    """`synced`: all sources have said what they have; False when the test says it itself."""
    here = Here(root, runtime)
    await here.kubelet.start()
    if synced:
        here.kubelet.static_synced()
    try:
        yield here
    finally:
        await here.kubelet.stop()


def manifest(name: str = "web", *containers: Object, **spec: Any) -> Object:
    """A pod as the API would give it: with a uid, one container `main` unless others are named."""
    every = [{"image": "nginx:1.27", **one} for one in containers or ({"name": "main"},)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": ids.uid(), "generation": 1},
        "spec": {"nodeName": "node-1", "restartPolicy": "Always", "containers": every, **spec},
        "status": {"phase": "Pending"},
    }
