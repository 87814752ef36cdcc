"""The seams inside the kubelet: what its parts promise each other.

The sync loop (workers) decides what a pod needs next and drives the runtime. Around it stand parts that know nothing of
the loop: volumes lay out directories, the container's configuration is put together, probers watch, the server answers.
Pods, nodes and all other API objects are plain dicts, as the API serves them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct, field

from minikube_edu.container_runtime.cri import ContainerConfig, ContainerRuntime, Mount, SandboxConfig

Object = dict[str, Any]


class SyncFailure(Exception):
    """A step of a pod's start failed and will be tried again. `reason` is what a container's waiting state or an event
    shows (CreateContainerConfigError, FailedMount, …), `message` the real kubelet's text."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class ApiObjects(Protocol):
    """What a kubelet reads of the API for its pods, cached per pod (watched while a pod refers to it). None: not there.

    With no API server (static pods at boot) everything is None, and nothing waits.
    """

    async def config_map(self, namespace: str, name: str) -> Object | None: ...

    async def secret(self, namespace: str, name: str) -> Object | None: ...

    def services(self, namespace: str) -> Sequence[Object]:
        """Of one namespace, for the environment variables."""

    async def service_account_token(
        self, namespace: str, name: str, audiences: Sequence[str], seconds: int, pod: Object
    ) -> tuple[str, float]:
        """A token bound to the pod, and when it expires (cached and renewed at 80 % of its life)."""

    async def persistent_volume_claim(self, namespace: str, name: str) -> Object | None: ...

    async def persistent_volume(self, name: str) -> Object | None: ...

    def node(self) -> Object | None: ...


class Volumes(Protocol):
    async def mount(self, pod: Object) -> Mapping[str, Path]:
        """Volume name -> host path, all of them laid out; SyncFailure(FailedMount, the real text). May be repeated: it
        then brings configMap, secret, downwardAPI and projected volumes up to date, atomically (..data symlink)."""

    async def unmount(self, pod_uid: str) -> None:
        """The pod is gone: tear everything down, persistent content stays."""

    def mounted(self) -> Sequence[str]:
        """Uids of pods that have volumes here, also from before this kubelet started."""


class PodAddresses(Struct, frozen=True):
    ips: Sequence[str] = ()
    host_ips: Sequence[str] = ()


class Configurer(Protocol):
    """Puts together what the runtime is asked for."""

    def sandbox(self, pod: Object, attempt: int) -> SandboxConfig: ...

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
        """Environment, mounts (/etc/hosts and the termination log included), resources, security. SyncFailure
        (CreateContainerConfigError, `configmap "x" not found`; `container has runAsNonRoot and image will run as
        root …`)."""


class ProbeKind(Enum):
    LIVENESS = "Liveness"
    READINESS = "Readiness"
    STARTUP = "Startup"


class ProbeResult(Struct, frozen=True):
    pod_uid: str
    container: str
    container_id: str
    kind: ProbeKind
    passed: bool
    message: str = ""


class Probes(Protocol):
    """Runs the probes of all running containers; one task each, none for containers without."""

    def follow(self, pod: Object, status: Object) -> None:
        """Begin, go on with, or end the probes of a pod, by its containers' ids and states in `status`."""

    def forget(self, pod_uid: str) -> None: ...

    def ready(self, pod_uid: str, container: str, container_id: str) -> bool:
        """The readiness probe's last word (True without one, once started)."""

    def started(self, pod_uid: str, container: str, container_id: str) -> bool:
        """The startup probe's (True without one)."""

    def listen(self, listener: Callable[[ProbeResult], None]) -> None:
        """Told whenever a result changes; a failed liveness or startup probe means: kill that container."""


class Hooks(Protocol):
    async def run(
        self, pod: Object, container: Object, container_id: str, handler: Object, addresses: PodAddresses
    ) -> None:
        """postStart or preStop: exec, httpGet, sleep, tcpSocket (nothing). SyncFailure with the real text."""


class Recorder(Protocol):
    def event(self, about: Object, kind: str, reason: str, message: str, container: str = "") -> None:
        """Normal or Warning; `container` names the field path, as in spec.containers{web}."""


class NodeIdentity(Struct):
    name: str
    root: Path  # the node's directory; /var/log/pods and the others lie below it
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)
    cluster_dns: Sequence[str] = ()
    cluster_domain: str = "cluster.local"
    max_pods: int = 110


class KubeletHost(Protocol):
    """What the kubelet's server (port 10250) asks the rest of the kubelet."""

    identity: NodeIdentity
    runtime: ContainerRuntime

    def pods(self) -> Sequence[Object]:
        """All pods on this node, static ones included, with their latest status."""

    def find_container(self, namespace: str, pod: str, uid: str, container: str) -> tuple[str, str] | None:
        """(sandbox id, container id) of the newest one that runs or ran; None when there is none."""

    def find_log(self, namespace: str, pod: str, container: str, previous: bool) -> Path | None: ...

    def configuration(self) -> Object:
        """The KubeletConfiguration in use, for /configz."""

    def healthy(self) -> bool: ...


Mounts = Sequence[Mount]
