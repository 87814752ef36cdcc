"""A small, faithful container runtime whose containers do what the test says.

    runtime = FakeRuntime()
    runtime.programs["job"] = Program(seconds=3, exit_code=1)     # containers of this name run 3 s, then exit 1
    runtime.refuse_pull["nginx:9"] = NotFound("…")                # this image cannot be pulled
    runtime.exit("web", code=137)                                 # end the running container now

It keeps what it is given (labels, annotations, logs' paths), is patient with repeated calls, and calls its listeners in
the turn of the loop in which a thing happens. Calls are written down in `calls`. Nothing runs, no file is touched.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from minikube_edu.container_runtime.cri import (
    Container,
    ContainerConfig,
    ContainerEvent,
    ContainerState,
    ContainerStats,
    Credentials,
    EventType,
    ExecResult,
    FilesystemUsage,
    Image,
    NotFound,
    Resources,
    RuntimeCondition,
    RuntimeFailure,
    Sandbox,
    SandboxConfig,
    SandboxState,
    SandboxStats,
    Streams,
    Version,
)
from minikube_edu.lib import clock
from minikube_edu.lib.streams.byte_stream import ByteStream


@dataclass
class Program:
    """How a container behaves."""

    seconds: float | None = None  # how long it runs; None: until it is told to stop
    exit_code: int = 0
    reason: str = ""  # OOMKilled, …; empty: after the exit code
    ignores_term: bool = False
    stop_seconds: float = 0.0  # from the stop signal to the end
    fails_to_start: str = ""  # runc's words


@dataclass
class _Running:
    """What happens to a container behind the caller's back."""

    timer: asyncio.TimerHandle | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class FakeRuntime:
    def __init__(self) -> None:
        self.programs: dict[str, Program] = {}  # by the container's name
        self.calls: list[tuple[str, str]] = []  # (verb, what)
        self.network_ready = True
        self.sandbox_failure: RuntimeFailure | None = None
        self.refuse_pull: dict[str, RuntimeFailure] = {}
        self.pull_seconds = 0.0
        self.sandboxes: dict[str, Sandbox] = {}
        self.containers: dict[str, Container] = {}
        self.images: dict[str, Image] = {}
        self.exec_answer = ExecResult(b"", b"", 0)
        self.disk = FilesystemUsage("/var/lib/containerd", 1 << 30, 1000, 100 << 30)
        self.memory: dict[str, int] = {}  # container's name -> working set
        self._listeners: list[Callable[[ContainerEvent], None]] = []
        self._running: dict[str, _Running] = {}
        self._numbers = itertools.count(1)

    # what tests do

    def find(self, name: str) -> Container:
        """The newest container of this name."""
        found = [one for one in self.containers.values() if one.config.name == name]
        return max(found, key=lambda one: (one.config.attempt, one.created_at))

    def exit(self, name: str, code: int = 0, reason: str = "", message: str = "") -> None:
        self._exited(self.find(name).id, code, reason, message)

    def has_image(self, name: str, size: int = 1 << 20, user: str = "") -> Image:
        return self._image(name, size, user)

    def kill_sandbox(self, pod: str) -> None:
        """As after a reboot of the machine: it is there, but not ready."""
        for sandbox in list(self.sandboxes.values()):
            if sandbox.config.name == pod:
                for container in list(self.containers.values()):
                    if container.sandbox_id == sandbox.id:
                        self._exited(container.id, 137, "Error")
                self._sandbox_down(sandbox)

    # the node

    async def version(self) -> Version:
        return Version("containerd", "v2.2.1")

    async def conditions(self) -> list[RuntimeCondition]:
        network = RuntimeCondition("NetworkReady", True)
        if not self.network_ready:
            message = "Network plugin returns error: cni plugin not initialized"
            network = RuntimeCondition("NetworkReady", False, "NetworkPluginNotReady", message)
        return [RuntimeCondition("RuntimeReady", True), network]

    async def update_runtime_config(self, pod_cidr: str) -> None:
        self.calls.append(("update_runtime_config", pod_cidr))

    # sandboxes

    async def run_sandbox(self, config: SandboxConfig) -> str:
        self.calls.append(("run_sandbox", config.name))
        if self.sandbox_failure is not None:
            raise self.sandbox_failure
        number = next(self._numbers)
        made = _identity(f"sandbox {number}")
        ips = () if config.host_network else (f"10.244.0.{number % 250 + 2}",)
        self.sandboxes[made] = Sandbox(made, config, SandboxState.READY, clock.now(), ips)
        self._tell(EventType.CREATED, made, made)
        self._tell(EventType.STARTED, made, made)
        return made

    async def stop_sandbox(self, sandbox_id: str) -> None:
        sandbox = self.sandboxes.get(sandbox_id)
        if sandbox is None:
            return
        self.calls.append(("stop_sandbox", sandbox.config.name))
        for container in list(self.containers.values()):
            if container.sandbox_id == sandbox_id:
                self._exited(container.id, 137, "Error")
        self._sandbox_down(sandbox)

    def _sandbox_down(self, sandbox: Sandbox) -> None:
        if sandbox.state is SandboxState.READY:
            self.sandboxes[sandbox.id] = replace(sandbox, state=SandboxState.NOT_READY, ips=())
            self._tell(EventType.STOPPED, sandbox.id, sandbox.id)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        if sandbox_id not in self.sandboxes:
            return
        await self.stop_sandbox(sandbox_id)
        for container in list(self.containers.values()):
            if container.sandbox_id == sandbox_id:
                await self.remove_container(container.id)
        sandbox = self.sandboxes.pop(sandbox_id)
        self.calls.append(("remove_sandbox", sandbox.config.name))
        self._tell(EventType.DELETED, sandbox_id, sandbox_id, sandbox.config.uid)

    async def sandbox_status(self, sandbox_id: str) -> Sandbox:
        if sandbox_id not in self.sandboxes:
            raise NotFound(f'an error occurred when try to find sandbox "{sandbox_id}": not found')
        return self.sandboxes[sandbox_id]

    async def list_sandboxes(self, labels: Mapping[str, str] | None = None) -> list[Sandbox]:
        return [one for one in self.sandboxes.values() if _has(one.config.labels, labels)]

    # containers

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        sandbox = await self.sandbox_status(sandbox_id)
        self.calls.append(("create_container", config.name))
        for other in self.containers.values():
            if other.sandbox_id == sandbox_id and (other.config.name, other.config.attempt) == (
                config.name,
                config.attempt,
            ):
                name = f"{config.name}_{sandbox.config.name}_{config.attempt}"
                raise RuntimeFailure(f'failed to reserve container name "{name}": name is reserved', "Unknown")
        image = self._found(config.image_id or config.image)
        if image is None:
            raise NotFound(f'failed to create containerd container: image "{config.image}": not found')
        made = _identity(f"container {next(self._numbers)}")
        path = f"{sandbox.config.log_directory}/{config.log_path}" if config.log_path else ""
        self.containers[made] = Container(
            made,
            sandbox_id,
            config,
            ContainerState.CREATED,
            clock.now(),
            image_ref=image.digests[0],
            image_id=image.id,
            log_path=path,
        )
        self._tell(EventType.CREATED, made, sandbox_id)
        return made

    async def start_container(self, container_id: str) -> None:
        container = await self.container_status(container_id)
        self.calls.append(("start_container", container.config.name))
        program = self.programs.get(container.config.name, Program())
        if program.fails_to_start:
            now = clock.now()
            message = f"failed to create containerd task: {program.fails_to_start}"
            self.containers[container_id] = replace(
                container,
                state=ContainerState.EXITED,
                finished_at=now,
                exit_code=128,
                reason="StartError",
                message=message,
            )
            self._tell(EventType.STOPPED, container_id, container.sandbox_id)
            raise RuntimeFailure(message)
        self.containers[container_id] = replace(container, state=ContainerState.RUNNING, started_at=clock.now())
        running = self._running[container_id] = _Running()
        self._tell(EventType.STARTED, container_id, container.sandbox_id)
        if program.seconds is not None:
            running.timer = asyncio.get_running_loop().call_later(
                program.seconds, self._exited, container_id, program.exit_code, program.reason
            )

    async def stop_container(self, container_id: str, timeout: float) -> None:
        container = self.containers.get(container_id)
        running = self._running.get(container_id)
        if container is None or running is None:
            return
        self.calls.append(("stop_container", container.config.name))
        program = self.programs.get(container.config.name, Program())
        patience = timeout if program.ignores_term else min(program.stop_seconds, timeout)
        if patience > 0:
            try:
                async with asyncio.timeout(patience):
                    await running.ended.wait()
            except TimeoutError:
                pass
        killed = program.ignores_term or program.stop_seconds > timeout
        self._exited(container_id, 137 if killed else 0)

    async def remove_container(self, container_id: str) -> None:
        container = self.containers.get(container_id)
        if container is None:
            return
        self.calls.append(("remove_container", container.config.name))
        self._exited(container_id, 137)
        uid = self._uid(container.sandbox_id)
        del self.containers[container_id]
        self._tell(EventType.DELETED, container_id, container.sandbox_id, uid)

    async def container_status(self, container_id: str) -> Container:
        if container_id not in self.containers:
            raise NotFound(f'an error occurred when try to find container "{container_id}": not found')
        return self.containers[container_id]

    async def list_containers(
        self, sandbox_id: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[Container]:
        found = self.containers.values()
        return [one for one in found if sandbox_id in (None, one.sandbox_id) and _has(one.config.labels, labels)]

    async def update_container_resources(self, container_id: str, resources: Resources) -> None:
        container = await self.container_status(container_id)
        self.calls.append(("update_container_resources", container.config.name))
        self.containers[container_id] = replace(container, config=replace(container.config, resources=resources))

    async def reopen_container_log(self, container_id: str) -> None:
        self.calls.append(("reopen_container_log", container_id))

    # commands and streams

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout: float = 0) -> ExecResult:
        container = await self.container_status(container_id)
        self.calls.append(("exec_sync", f"{container.config.name}: {' '.join(command)}"))
        return self.exec_answer

    async def exec(self, container_id: str, command: Sequence[str], streams: Streams) -> int:
        answer = await self.exec_sync(container_id, command)
        if streams.stdout is not None:
            streams.stdout.write(answer.stdout)
            streams.stdout.end()
        return answer.exit_code

    async def attach(self, container_id: str, streams: Streams) -> None:
        await self._running[container_id].ended.wait()

    async def port_forward(self, sandbox_id: str, port: int, stream: ByteStream) -> None:
        """Says back what it hears."""
        while data := await stream.read():
            stream.write(data)
        stream.end()

    # statistics and life signs

    async def container_stats(self, container_id: str) -> ContainerStats:
        container = await self.container_status(container_id)
        used = self.memory.get(container.config.name, 1 << 20)
        limit = container.config.resources.memory_bytes
        return ContainerStats(container_id, clock.now(), 10**6, 10**6, used, used, limit, 4096, 2)

    async def list_sandbox_stats(self) -> list[SandboxStats]:
        found = []
        for sandbox in self.sandboxes.values():
            if sandbox.state is SandboxState.READY:
                inside = [
                    await self.container_stats(one.id)
                    for one in self.containers.values()
                    if one.sandbox_id == sandbox.id and one.state is ContainerState.RUNNING
                ]
                found.append(SandboxStats(sandbox.id, clock.now(), 100, 200, len(inside), tuple(inside)))
        return found

    def events(self, listener: Callable[[ContainerEvent], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # images

    async def pull_image(self, image: str, credentials: Sequence[Credentials] = ()) -> str:
        self.calls.append(("pull_image", image))
        if self.pull_seconds:
            await asyncio.sleep(self.pull_seconds)
        if image in self.refuse_pull:
            raise self.refuse_pull[image]
        return self._image(image).id

    async def image_status(self, image: str) -> Image | None:
        return self._found(image)

    async def list_images(self) -> list[Image]:
        return list(self.images.values())

    async def remove_image(self, image: str) -> None:
        found = self._found(image)
        if found is not None:
            self.calls.append(("remove_image", image))
            del self.images[found.id]
            self.disk = replace(self.disk, used_bytes=self.disk.used_bytes - found.size)

    async def image_filesystem(self) -> FilesystemUsage:
        return self.disk

    # inside

    def _image(self, name: str, size: int = 1 << 20, user: str = "") -> Image:
        repository = name.split("@")[0]
        head, colon, tag = repository.rpartition(":")
        bare = head if colon and "/" not in tag else repository
        digest = f"sha256:{_identity(name)}"
        made = Image(f"sha256:{_identity('id ' + name)}", (name,), (f"{bare}@{digest}",), size, user)
        self.images[made.id] = made
        return made

    def _found(self, image: str) -> Image | None:
        for one in self.images.values():
            if image in (one.id, *one.tags, *one.digests):
                return one
        return None

    def _exited(self, container_id: str, code: int, reason: str = "", message: str = "") -> None:
        container = self.containers.get(container_id)
        running = self._running.pop(container_id, None)
        if container is None or running is None:
            return
        if running.timer is not None:
            running.timer.cancel()
        self.containers[container_id] = replace(
            container,
            state=ContainerState.EXITED,
            finished_at=clock.now(),
            exit_code=code,
            reason=reason or ("Error" if code else "Completed"),
            message=message,
        )
        running.ended.set()
        self._tell(EventType.STOPPED, container_id, container.sandbox_id)

    def _uid(self, sandbox_id: str) -> str:
        sandbox = self.sandboxes.get(sandbox_id)
        return sandbox.config.uid if sandbox is not None else ""

    def _tell(self, kind: EventType, container_id: str, sandbox_id: str, uid: str = "") -> None:
        event = ContainerEvent(kind, container_id, sandbox_id, uid or self._uid(sandbox_id), clock.now())
        for listener in list(self._listeners):
            listener(event)


def _identity(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _has(labels: Mapping[str, str], wanted: Mapping[str, str] | None) -> bool:
    return all(labels.get(key) == value for key, value in (wanted or {}).items())
