"""The simulated container runtime: `cri.ContainerRuntime` over the simulated kernel. It runs no code of the host's.

    runtime = await SimulatedRuntime.open(Settings(root=NODE), fabric, seats=runner)
    sandbox = await runtime.run_sandbox(SandboxConfig(name="web", namespace="default", uid="…"))
    image = await runtime.pull_image("nginx")
    container = await runtime.create_container(sandbox, ContainerConfig(name="nginx", image="nginx", image_id=image))
    await runtime.start_container(container)

All state is here, in one event loop. A runtime that ends takes its simulated containers with it, as a node that reboots
does: the next runtime of this node lists them as dead (`recovery`). Seats (control plane programs of the host) live on,
and are found again.

Containerd does the same with shims, snapshots and runc; its words are kept, since users read them in events.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from minikube_edu.cni.contract import Attachment, Fabric, Namespace
from minikube_edu.container_runtime.cri import (
    Container,
    ContainerConfig,
    ContainerEvent,
    ContainerState,
    ContainerStats,
    EventType,
    ExecResult,
    NotFound,
    Resources,
    RuntimeCondition,
    RuntimeFailure,
    Sandbox,
    SandboxConfig,
    SandboxState,
    SandboxStats,
    SeatRunner,
    Streams,
    Version,
)
from minikube_edu.container_runtime.simulated import forwarding
from minikube_edu.container_runtime.simulated.containers import SimulatedContainer
from minikube_edu.container_runtime.simulated.exec_sessions import collected, new_id
from minikube_edu.container_runtime.simulated.host_ports import HostPorts
from minikube_edu.container_runtime.simulated.image_service import ImageService
from minikube_edu.container_runtime.simulated.images.image_store import Stored
from minikube_edu.container_runtime.simulated.journal import Journal
from minikube_edu.container_runtime.simulated.life_signs import LifeSigns
from minikube_edu.container_runtime.simulated.logs import LogFiles
from minikube_edu.container_runtime.simulated.moods import Moods
from minikube_edu.container_runtime.simulated.record import ContainerRecord
from minikube_edu.container_runtime.simulated.sandboxes import SimulatedSandbox
from minikube_edu.container_runtime.simulated.seats import SeatContainer, Seats
from minikube_edu.container_runtime.simulated.settings import Settings
from minikube_edu.lib import clock
from minikube_edu.lib.streams.byte_stream import ByteStream

VERSION = Version("containerd", "v2.2.0", "v1")


class SimulatedRuntime(ImageService):
    def __init__(self, settings: Settings, fabric: Fabric, seats: SeatRunner | None = None) -> None:
        """Opening a runtime anew (`open`) is the way in where seats may be running already."""
        self.settings = settings
        self.fabric = fabric
        self.moods = Moods(settings.mood, settings.mood_file, settings.seed)
        super().__init__(settings, self.moods)
        self.logs = LogFiles()
        self.signs = LifeSigns()
        self.seats = Seats(settings, seats, self.logs)
        self.sandboxes: dict[str, SimulatedSandbox] = {}
        self.containers: dict[str, ContainerRecord] = {}
        self.names: dict[str, str] = {}  # reserved name -> id
        self.network_of_pods = ""
        self.journal = Journal(settings.state / "journal")
        self.journal.sandbox, self.journal.container = self.sandboxes.get, self.containers.get
        self.signs.listen(self.journal.heard)

    @classmethod
    async def open(cls, settings: Settings, fabric: Fabric, seats: SeatRunner | None = None) -> SimulatedRuntime:
        self = cls(settings, fabric, seats)
        from minikube_edu.container_runtime.simulated.recovery import recover

        await recover(self)
        return self

    async def close(self) -> None:
        """The runtime ends. Simulated containers end with it, seats do not."""
        self.journal.close()
        self.signs.close()
        await self.seats.close()
        for container in self.containers.values():
            if isinstance(container, SimulatedContainer):
                container.kill()
        for sandbox in self.sandboxes.values():
            sandbox.stopped()
        for _ in range(3):
            await asyncio.sleep(0)  # what was killed has its last turn
        self.logs.close()

    # -- the runtime itself ------------------------------------------------------------------------------------------

    async def version(self) -> Version:
        return VERSION

    async def conditions(self) -> list[RuntimeCondition]:
        why = self.fabric.ready()
        network = RuntimeCondition("NetworkReady", True)
        if why:
            words = f"Network plugin returns error: {why}"
            network = RuntimeCondition("NetworkReady", False, "NetworkPluginNotReady", words)
        return [RuntimeCondition("RuntimeReady", True), network]

    async def update_runtime_config(self, pod_cidr: str) -> None:
        self.network_of_pods = pod_cidr
        tell = getattr(self.fabric, "set_pod_cidr", None)
        if tell is not None:
            tell(pod_cidr)

    def events(self, listener: Callable[[ContainerEvent], None]) -> Callable[[], None]:
        return self.signs.listen(listener)

    @asynccontextmanager
    async def _reserved(self, name: str, id: str, what: str) -> AsyncIterator[None]:
        """The name is this id's, unless making it fails."""
        holder = self.names.setdefault(name, id)
        if holder != id:
            raise RuntimeFailure(f'failed to reserve {what} name "{name}": name "{name}" is reserved for "{holder}"')
        try:
            yield
        except BaseException:
            del self.names[name]
            raise

    # -- sandboxes ---------------------------------------------------------------------------------------------------

    async def run_sandbox(self, config: SandboxConfig) -> str:
        id = new_id()
        name = f"{config.name}_{config.namespace}_{config.uid}_{config.attempt}"
        async with self._reserved(name, id, "sandbox"):
            mood = self.moods.of(config.annotations)
            await self._delay(mood.sandbox_delay, "sandbox", name)
            if self.moods.happens(mood.sandbox_failures, "sandbox failure", name):
                raise RuntimeFailure(
                    f'failed to setup network for sandbox "{id}": plugin type="bridge" failed (add): i/o timeout'
                )
            attachment = Attachment(id, config.namespace, config.name, config.uid, config.host_network)
            try:
                network = await self.fabric.add(attachment)
                host_ports = await self._host_ports(id, network, config)
            except OSError as error:
                why = error.strerror or str(error)
                raise RuntimeFailure(f'failed to setup network for sandbox "{id}": {why}') from None
            sandbox = SimulatedSandbox(id, config, network, self.signs, self.moods, self.settings.node_name)
            sandbox.host_ports = host_ports
        self.sandboxes[id] = sandbox
        self.signs.tell(EventType.CREATED, id, id, config.uid)
        self.signs.tell(EventType.STARTED, id, id, config.uid)
        return id

    async def _host_ports(self, id: str, network: Namespace, config: SandboxConfig) -> HostPorts | None:
        try:
            return HostPorts.open(self.fabric, network, config.port_mappings)
        except OSError as error:
            await self.fabric.delete(id)
            raise OSError(
                error.errno, f'plugin type="portmap" failed (add): cannot open hostport: {error.strerror}'
            ) from None

    async def stop_sandbox(self, sandbox_id: str) -> None:
        sandbox = self.sandboxes.get(sandbox_id)
        if sandbox is None:
            return
        running = [one for one in sandbox.containers.values() if one.state is ContainerState.RUNNING]
        for container in running:
            container.kill()
        if running:
            await asyncio.gather(*(container.until_ended() for container in running))
        was_ready = sandbox.state is SandboxState.READY
        sandbox.stopped()
        await self.fabric.delete(sandbox_id)
        if sandbox.recorded:
            self.seats.records.write_sandbox(sandbox.status())
        if was_ready:
            self.signs.tell(EventType.STOPPED, sandbox_id, sandbox_id, sandbox.config.uid)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        sandbox = self.sandboxes.get(sandbox_id)
        if sandbox is None:
            return
        await self.stop_sandbox(sandbox_id)
        for container_id in list(sandbox.containers):
            await self.remove_container(container_id)
        self.sandboxes.pop(sandbox_id, None)
        config = sandbox.config
        self.names.pop(f"{config.name}_{config.namespace}_{config.uid}_{config.attempt}", None)
        if sandbox.recorded:
            self.seats.records.forget_sandbox(sandbox_id)
        self.signs.tell(EventType.DELETED, sandbox_id, sandbox_id, config.uid)

    async def sandbox_status(self, sandbox_id: str) -> Sandbox:
        return self._sandbox(sandbox_id).status()

    async def list_sandboxes(self, labels: Mapping[str, str] | None = None) -> list[Sandbox]:
        return [one.status() for one in self.sandboxes.values() if _has(one.config.labels, labels)]

    def _sandbox(self, sandbox_id: str) -> SimulatedSandbox:
        try:
            return self.sandboxes[sandbox_id]
        except KeyError:
            raise NotFound(f'an error occurred when try to find sandbox "{sandbox_id}": not found') from None

    # -- containers --------------------------------------------------------------------------------------------------

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        sandbox = self._sandbox(sandbox_id)
        if sandbox.state is not SandboxState.READY:
            raise RuntimeFailure(f'sandbox container "{sandbox_id}" is not running')
        stored = self.images.find(config.image_id or config.image) or self.images.need(config.image)
        id = new_id()
        name = self.container_name(sandbox, config)
        async with self._reserved(name, id, "container"):
            await self._delay(sandbox.mood.create_delay, "create", name)
            container = self._made(id, sandbox, config, stored)
        sandbox.containers[id] = self.containers[id] = container
        if isinstance(container, SeatContainer):
            container.keep()
        container.tell(EventType.CREATED)
        return id

    @staticmethod
    def container_name(sandbox: SimulatedSandbox, config: ContainerConfig) -> str:
        pod = sandbox.config
        return f"{config.name}_{pod.name}_{pod.namespace}_{pod.uid}_{sandbox.id[:8]}_{config.attempt}"

    def _made(self, id: str, sandbox: SimulatedSandbox, config: ContainerConfig, stored: Stored) -> ContainerRecord:
        definition = stored.definition
        image_ref = stored.digests[0] if stored.digests else definition.id
        if definition.seat and self.seats.runner is not None:
            return SeatContainer(id, sandbox, config, definition, image_ref, seats=self.seats)
        if definition.seat:
            self.seats.need_runner()
        target = self.containers.get(config.target_container) if config.target_container else None
        if config.target_container and not isinstance(target, SimulatedContainer):
            raise NotFound(f'failed to find target container "{config.target_container}": not found')
        return SimulatedContainer(
            id,
            sandbox,
            config,
            definition,
            image_ref,
            settings=self.settings,
            logs=self.logs,
            target=target if isinstance(target, SimulatedContainer) else None,
        )

    async def start_container(self, container_id: str) -> None:
        container = self._container(container_id)
        container.may_start()
        sandbox = container.sandbox
        if sandbox.state is not SandboxState.READY:
            container.starting = False
            raise RuntimeFailure(f'sandbox container "{sandbox.id}" is not running')
        if sandbox.mood.start_delay != (0.0, 0.0):
            await self._delay(sandbox.mood.start_delay, "start", container.id)
            if sandbox.state is not SandboxState.READY or self.containers.get(container_id) is not container:
                raise container.failed_to_start("failed to create containerd task: context canceled")
        try:
            await container.start()
        except OSError as error:  # its log cannot be written
            raise container.failed_to_start(f"failed to start container: {error}") from None
        finally:
            if container.state is ContainerState.EXITED and container.reason == "StartError":
                self.journal.changed(container)  # which is no sign of life

    async def stop_container(self, container_id: str, timeout: float) -> None:
        container = self.containers.get(container_id)
        if container is not None and container.state is ContainerState.RUNNING:
            await container.stop(timeout)
            await self._delay(container.sandbox.mood.stop_delay, "stop", container.id)

    async def remove_container(self, container_id: str) -> None:
        container = self.containers.get(container_id)
        if container is None:
            return
        await container.stop(0)
        self.containers.pop(container_id, None)
        container.sandbox.containers.pop(container_id, None)
        self.names.pop(self.container_name(container.sandbox, container.config), None)
        await container.removed()
        container.tell(EventType.DELETED)

    async def container_status(self, container_id: str) -> Container:
        return self._container(container_id).status()

    async def list_containers(
        self, sandbox_id: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[Container]:
        if sandbox_id is None:
            among = self.containers
        else:
            sandbox = self.sandboxes.get(sandbox_id)
            among = {} if sandbox is None else sandbox.containers
        return [one.status() for one in among.values() if _has(one.config.labels, labels)]

    async def update_container_resources(self, container_id: str, resources: Resources) -> None:
        container = self._container(container_id)
        container.update(resources)
        if isinstance(container, SeatContainer):
            container.keep()

    async def reopen_container_log(self, container_id: str) -> None:
        container = self._container(container_id)
        if container.state is not ContainerState.RUNNING:
            raise RuntimeFailure("container is not running")
        if container.output is not None and container.log_path:
            try:
                container.output.log.reopen()
            except OSError as error:
                raise RuntimeFailure(f'failed to create new container logger "{container.log_path}": {error}') from None

    def _container(self, container_id: str) -> ContainerRecord:
        try:
            return self.containers[container_id]
        except KeyError:
            raise NotFound(f'an error occurred when try to find container "{container_id}": not found') from None

    # -- commands and streams ----------------------------------------------------------------------------------------

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout: float = 0) -> ExecResult:
        container = self._container(container_id)
        stdout, stderr, streams = collected()
        code = await container.exec(list(command), streams, timeout)
        return ExecResult(bytes(stdout), bytes(stderr), code)

    async def exec(self, container_id: str, command: Sequence[str], streams: Streams) -> int:
        return await self._container(container_id).exec(list(command), streams)

    async def attach(self, container_id: str, streams: Streams) -> None:
        await self._container(container_id).attach(streams)

    async def port_forward(self, sandbox_id: str, port: int, stream: ByteStream) -> None:
        await forwarding.port_forward(self._sandbox(sandbox_id), port, stream)

    async def dial(self, sandbox_id: str, port: int) -> ByteStream:
        """A connection from the node to the pod (cri.PodDialer)."""
        return await forwarding.dial(self.fabric, self._sandbox(sandbox_id), port)

    # -- statistics --------------------------------------------------------------------------------------------------

    async def container_stats(self, container_id: str) -> ContainerStats:
        return self._container(container_id).measure()

    async def list_sandbox_stats(self) -> list[SandboxStats]:
        return [self._measured(one) for one in self.sandboxes.values() if one.state is SandboxState.READY]

    @staticmethod
    def _measured(sandbox: SimulatedSandbox) -> SandboxStats:
        traffic = sandbox.network.traffic
        running = [one for one in sandbox.containers.values() if one.state is ContainerState.RUNNING]
        return SandboxStats(
            sandbox.id,
            clock.now(),
            traffic.rx_bytes,
            traffic.tx_bytes,
            sandbox.processes(),
            tuple(container.measure() for container in running),
        )

    async def _delay(self, span: tuple[float, float], *key: object) -> None:
        await self.moods.pause(span, *key)


def _has(labels: Mapping[str, str], wanted: Mapping[str, str] | None) -> bool:
    return not wanted or all(labels.get(key) == value for key, value in wanted.items())
