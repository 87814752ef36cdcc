"""The protocol between a kubelet and its container runtime, shaped as CRI v1 (runtime.v1.RuntimeService, ImageService).

The kubelet sees this module and nothing else of a runtime. A sandbox is a pod's home (network, hostname, shared
namespaces), containers live in it. Ids are 64 hexadecimal digits. All calls may be repeated: stopping what has stopped
and removing what is gone succeed. What is not there raises `NotFound`, every other refusal `RuntimeFailure`: its text
is what a user reads in events, after the real runtime's words (`rpc error: code = NotFound desc = …`).

Times are seconds since the epoch (lib.clock). A runtime outlives its kubelets: labels and annotations that the kubelet
gives are kept and given back, so that a new kubelet finds its pods again.

The file is long because a protocol is one thing: its values, its calls, in one place.

In the real system this is gRPC over a Unix socket; here a runtime is an object in the kubelet's process, or the same
object behind a socket (`socket_face`, `socket_driver`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import Protocol, runtime_checkable

from msgspec import Struct, field

from minikube_edu.lib.streams.byte_stream import ByteStream


class RuntimeFailure(Exception):
    """The runtime refuses or fails. `code` is gRPC's: Unknown, NotFound, AlreadyExists, Unavailable, …"""

    def __init__(self, message: str, code: str = "Unknown") -> None:
        super().__init__(message)
        self.message = message
        self.code = code

    def __str__(self) -> str:
        return f"rpc error: code = {self.code} desc = {self.message}"


class NotFound(RuntimeFailure):
    def __init__(self, message: str) -> None:
        super().__init__(message, "NotFound")


_NOTHING: Mapping[str, str] = {}  # the default of all that have none: nobody changes it


def _nothing() -> Mapping[str, str]:
    return _NOTHING


class SandboxState(Enum):
    READY = "SANDBOX_READY"
    NOT_READY = "SANDBOX_NOTREADY"


class ContainerState(Enum):
    CREATED = "CONTAINER_CREATED"
    RUNNING = "CONTAINER_RUNNING"
    EXITED = "CONTAINER_EXITED"
    UNKNOWN = "CONTAINER_UNKNOWN"


class DnsConfig(Struct, frozen=True):
    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


class PortMapping(Struct, frozen=True):
    container_port: int
    protocol: str = "TCP"
    host_port: int = 0
    host_ip: str = ""


class SandboxConfig(Struct, frozen=True):
    name: str  # the pod's
    namespace: str
    uid: str
    attempt: int = 0
    hostname: str = ""
    log_directory: str = ""  # /var/log/pods/NAMESPACE_NAME_UID in the node's directory (an absolute host path)
    dns: DnsConfig = DnsConfig()
    port_mappings: tuple[PortMapping, ...] = ()
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    share_process_namespace: bool = False
    sysctls: Mapping[str, str] = field(default_factory=_nothing)
    labels: Mapping[str, str] = field(default_factory=_nothing)
    annotations: Mapping[str, str] = field(default_factory=_nothing)
    runtime_handler: str = ""


class Sandbox(Struct, frozen=True):
    id: str
    config: SandboxConfig
    state: SandboxState
    created_at: float
    ips: tuple[str, ...] = ()  # none for host network


class Mount(Struct, frozen=True):
    container_path: str
    host_path: str  # a directory or file of the node (an absolute host path; the kubelet has made it)
    readonly: bool = False
    propagation: str = "None"  # None, HostToContainer, Bidirectional
    name: str = ""  # the volume's, for messages


class Resources(Struct, frozen=True):
    """Zero means: no limit."""

    cpu_millis: int = 0  # limit
    memory_bytes: int = 0  # limit
    cpu_request_millis: int = 0
    memory_request_bytes: int = 0
    oom_score_adj: int = 0


class SecurityContext(Struct, frozen=True):
    privileged: bool = False
    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_username: str = ""
    supplemental_groups: tuple[int, ...] = ()
    readonly_rootfs: bool = False
    no_new_privileges: bool = False
    add_capabilities: tuple[str, ...] = ()
    drop_capabilities: tuple[str, ...] = ()
    seccomp: str = ""  # RuntimeDefault, Unconfined, Localhost/…
    apparmor: str = ""


class ContainerConfig(Struct, frozen=True):
    name: str
    image: str  # as the pod says it
    image_id: str = ""  # as PullImage answered it
    attempt: int = 0
    command: tuple[str, ...] = ()  # replaces the image's entrypoint
    args: tuple[str, ...] = ()  # replaces the image's cmd
    working_dir: str = ""
    env: Mapping[str, str] = field(default_factory=_nothing)
    mounts: tuple[Mount, ...] = ()
    labels: Mapping[str, str] = field(default_factory=_nothing)
    annotations: Mapping[str, str] = field(default_factory=_nothing)
    log_path: str = ""  # below the sandbox's log_directory: CONTAINER/ATTEMPT.log
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    resources: Resources = Resources()
    security: SecurityContext = SecurityContext()
    termination_message_path: str = "/dev/termination-log"
    stop_signal: str = ""  # the pod's lifecycle.stopSignal
    target_container: str = ""  # id: an ephemeral container that shares this one's processes


class Container(Struct, frozen=True):
    id: str
    sandbox_id: str
    config: ContainerConfig
    state: ContainerState
    created_at: float
    started_at: float = 0.0
    finished_at: float = 0.0
    exit_code: int = 0
    signal: int = 0  # that ended it, 0: none
    reason: str = ""  # Completed, Error, OOMKilled, ContainerCannotRun, StartError
    message: str = ""
    image_ref: str = ""  # NAME@sha256:…
    image_id: str = ""  # sha256:…
    user: int = 0
    log_path: str = ""  # absolute


class Image(Struct, frozen=True):
    id: str  # sha256:…
    tags: tuple[str, ...]  # docker.io/library/nginx:1.27
    digests: tuple[str, ...]  # docker.io/library/nginx@sha256:…
    size: int
    user: str = ""  # a number or a name; empty: root
    pinned: bool = False


class Credentials(Struct, frozen=True):
    """Of a registry, out of an image pull secret."""

    username: str = ""
    password: str = ""
    server: str = ""
    token: str = ""


class ContainerStats(Struct, frozen=True):
    id: str
    timestamp: float
    cpu_nanoseconds: int  # used since it began
    cpu_nanocores: int  # used now
    memory_working_set: int
    memory_rss: int
    memory_limit: int  # 0: none
    filesystem_used: int
    filesystem_inodes: int


class SandboxStats(Struct, frozen=True):
    id: str
    timestamp: float
    rx_bytes: int
    tx_bytes: int
    processes: int
    containers: tuple[ContainerStats, ...] = ()


class FilesystemUsage(Struct, frozen=True):
    mountpoint: str
    used_bytes: int
    used_inodes: int
    capacity_bytes: int


class Version(Struct, frozen=True):
    name: str  # containerd
    version: str  # v2.x
    api_version: str = "v1"


class RuntimeCondition(Struct, frozen=True):
    """RuntimeReady and NetworkReady; `reason` NetworkPluginNotReady with `cni plugin not initialized`."""

    type: str
    status: bool
    reason: str = ""
    message: str = ""


class EventType(Enum):
    CREATED = "CONTAINER_CREATED_EVENT"
    STARTED = "CONTAINER_STARTED_EVENT"
    STOPPED = "CONTAINER_STOPPED_EVENT"
    DELETED = "CONTAINER_DELETED_EVENT"


class ContainerEvent(Struct, frozen=True):
    """One life sign. For a sandbox itself `container_id` is the sandbox's id."""

    type: EventType
    container_id: str
    sandbox_id: str
    pod_uid: str
    time: float


class ExecResult(Struct, frozen=True):
    stdout: bytes
    stderr: bytes
    exit_code: int


class Streams(Struct):
    """What a client has connected to a command or a container. None: it did not ask for that stream.

    The runtime reads `stdin` until its end, writes stdout and stderr and ends them; with a terminal, stderr is None and
    all output goes to stdout. `resize` yields (columns, rows) as the client's terminal changes.
    """

    stdin: ByteStream | None = None
    stdout: ByteStream | None = None
    stderr: ByteStream | None = None
    tty: bool = False
    resize: AsyncIterator[tuple[int, int]] | None = None


class ContainerRuntime(Protocol):
    async def version(self) -> Version: ...

    async def conditions(self) -> list[RuntimeCondition]: ...

    async def update_runtime_config(self, pod_cidr: str) -> None:
        """The addresses that sandboxes of this node get."""

    # sandboxes
    async def run_sandbox(self, config: SandboxConfig) -> str:
        """Make and start one; the network's ADD included. Returns its id."""

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """End all its containers, and give its address back."""

    async def remove_sandbox(self, sandbox_id: str) -> None: ...

    async def sandbox_status(self, sandbox_id: str) -> Sandbox: ...

    async def list_sandboxes(self, labels: Mapping[str, str] | None = None) -> list[Sandbox]: ...

    # containers
    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str: ...

    async def start_container(self, container_id: str) -> None:
        """A command that does not exist is a `RuntimeFailure` here, in runc's words; the container is then EXITED with
        reason StartError and exit code 128 (127 where it is the shell that says so)."""

    async def stop_container(self, container_id: str, timeout: float) -> None:
        """The stop signal, and SIGKILL after `timeout` seconds. Returns when it has exited."""

    async def remove_container(self, container_id: str) -> None: ...

    async def container_status(self, container_id: str) -> Container: ...

    async def list_containers(
        self, sandbox_id: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[Container]: ...

    async def update_container_resources(self, container_id: str, resources: Resources) -> None: ...

    async def reopen_container_log(self, container_id: str) -> None:
        """After the kubelet has moved the file away."""

    # commands and streams
    async def exec_sync(self, container_id: str, command: Sequence[str], timeout: float = 0) -> ExecResult:
        """Run to its end; raises RuntimeFailure(code="DeadlineExceeded") after `timeout` seconds (0: none)."""

    async def exec(self, container_id: str, command: Sequence[str], streams: Streams) -> int:
        """Run with the client's streams; returns the exit code."""

    async def attach(self, container_id: str, streams: Streams) -> None:
        """Join the main process's streams from now on; returns when it ends or the client goes."""

    async def port_forward(self, sandbox_id: str, port: int, stream: ByteStream) -> None:
        """Carry one connection to a port on the sandbox's localhost; returns when either side has ended."""

    # statistics and life signs
    async def container_stats(self, container_id: str) -> ContainerStats: ...

    async def list_sandbox_stats(self) -> list[SandboxStats]: ...

    def events(self, listener: Callable[[ContainerEvent], None]) -> Callable[[], None]:
        """Call `listener` at each life sign, in the loop's turn in which it happens; returns what ends that."""

    # images
    async def pull_image(self, image: str, credentials: Sequence[Credentials] = ()) -> str:
        """Returns the image's id. The texts of refusal are containerd's; the code is NotFound, Unknown, …"""

    async def image_status(self, image: str) -> Image | None:
        """By name or by id; None when it is not on this node."""

    async def list_images(self) -> list[Image]: ...

    async def remove_image(self, image: str) -> None: ...

    async def image_filesystem(self) -> FilesystemUsage: ...


@runtime_checkable
class PodDialer(Protocol):
    """A runtime that can be asked for a connection to a pod. CRI has no such call: a real kubelet dials the pod's
    address itself. Where pod addresses exist in the runtime alone, the kubelet's probes and hooks come this way; with a
    runtime that does not have it, through `port_forward`."""

    async def dial(self, sandbox_id: str, port: int) -> ByteStream:
        """Connect, from the node, to a port of the sandbox's own address (not its localhost). Returns when connected.
        Refusals are `RuntimeFailure` in the kernel's words: `connect: connection refused`, `connect: no route to host`,
        `i/o timeout`."""


class SeatProcess(Protocol):
    """A program of the host that stands behind a container: a seat of the control plane."""

    pid: int

    async def wait(self) -> int:
        """Exit code; minus the signal's number when a signal ended it."""

    def kill(self, signal: int) -> None: ...


class SeatRunner(Protocol):
    """Starts seats as programs of the host (static pods' containers). A runtime without one cannot run those images.

    Processes outlive the runtime: `running` finds them again, by the tag that they were started with.
    """

    async def start(
        self, tag: str, module: str, argv: Sequence[str], env: Mapping[str, str], output: int
    ) -> SeatProcess:
        """`module` is a package with a `__main__` (minikube_edu.kube_apiserver), `argv[0]` the command's name, `output`
        an open file descriptor for stdout and stderr."""

    async def running(self) -> Mapping[str, SeatProcess]:
        """tag -> process; those that ended since the runtime went are there too, and their `wait` answers at once."""

    async def forget(self, tag: str) -> None:
        """The container is removed: its process's record may go."""


Sleeper = Callable[[float], Awaitable[None]]
