"""What is known of a container, whoever stands behind it: a simulated world (`containers`), a host process (`seats`),
or nobody any more (`dead_containers`).

    CREATED --start--> RUNNING --its process ends--> EXITED
            --start fails--------------------------> EXITED (StartError, 128)

`ended` is set once, with the exit; who waits for it (stop, attach) awaits `until_ended`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.cri import (
    Container,
    ContainerConfig,
    ContainerState,
    ContainerStats,
    EventType,
    Resources,
    RuntimeFailure,
    Streams,
)
from minikube_edu.container_runtime.simulated.outputs import Output
from minikube_edu.lib import clock

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.sandboxes import SimulatedSandbox

START_ERROR = 128


class ContainerRecord:
    __slots__ = (
        "_waiters",
        "config",
        "cpu_sample",
        "created_at",
        "exit_code",
        "finished_at",
        "id",
        "image_id",
        "image_ref",
        "log_path",
        "message",
        "name",
        "output",
        "reason",
        "sandbox",
        "signal",
        "started_at",
        "starting",
        "state",
        "uid",
    )

    def __init__(
        self, id: str, sandbox: SimulatedSandbox, config: ContainerConfig, image_id: str, image_ref: str
    ) -> None:
        self.id = id
        self.sandbox = sandbox
        self.config = config
        self.image_id = image_id
        self.image_ref = image_ref
        self.state = ContainerState.CREATED
        self.created_at = clock.now()
        self.started_at = 0.0
        self.finished_at = 0.0
        self.exit_code = 0
        self.signal = 0
        self.reason = ""
        self.message = ""
        self.uid = 0
        self.starting = False
        self.output: Output | None = None
        self.cpu_sample: tuple[float, int] = (0.0, 0)  # (when, nanoseconds used then)
        directory = sandbox.config.log_directory
        self.log_path = f"{directory}/{config.log_path}" if directory and config.log_path else ""
        self._waiters: list[asyncio.Future[None]] = []

    simulated = False  # in this process, and gone with it

    # -- what kinds of containers differ in --------------------------------------------------------------------------

    async def start(self) -> None:
        raise NotImplementedError

    def deliver(self, signal: int) -> None:
        """To its main process."""
        raise NotImplementedError

    def kill(self) -> None:
        raise NotImplementedError

    async def exec(self, command: list[str], streams: Streams, timeout: float = 0) -> int:
        raise NotImplementedError

    async def attach(self, streams: Streams) -> None:
        raise NotImplementedError

    def measure(self) -> ContainerStats:
        raise NotImplementedError

    def update(self, resources: Resources) -> None:
        raise NotImplementedError

    def process_count(self) -> int:
        return 0

    async def removed(self) -> None:
        """Everything that it held is given back."""

    @property
    def stop_signal(self) -> int:
        return 15

    # -- what they have in common ------------------------------------------------------------------------------------

    def status(self) -> Container:
        return Container(
            id=self.id,
            sandbox_id=self.sandbox.id,
            config=self.config,
            state=self.state,
            created_at=self.created_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
            exit_code=self.exit_code,
            signal=self.signal,
            reason=self.reason,
            message=self.message,
            image_ref=self.image_ref,
            image_id=self.image_id,
            user=self.uid,
            log_path=self.log_path,
        )

    def may_start(self) -> None:
        if self.state is not ContainerState.CREATED or self.starting:
            raise RuntimeFailure(
                f'failed to set starting state for container "{self.id}": container is in {self.state.value} state'
            )
        self.starting = True

    def must_run(self) -> None:
        if self.state is not ContainerState.RUNNING:
            raise RuntimeFailure(f"failed to exec in container: container is in {self.state.value} state")

    def has_started(self) -> None:
        self.state = ContainerState.RUNNING
        self.started_at = clock.now()
        self.tell(EventType.STARTED)

    def failed_to_start(self, message: str) -> RuntimeFailure:
        """The container is over before it began; what to raise."""
        self.reason, self.message = "StartError", message
        self._over(START_ERROR, 0)
        return RuntimeFailure(message)

    def has_ended(self, code: int, signal: int = 0, oom: bool = False) -> None:
        if self.state is ContainerState.EXITED:
            return
        code = 128 + signal if signal else code
        self.reason = "OOMKilled" if oom else "Completed" if code == 0 else "Error"
        self._over(code, signal)
        self.tell(EventType.STOPPED)

    def _over(self, code: int, signal: int) -> None:
        self.state = ContainerState.EXITED
        self.exit_code, self.signal = code, signal
        self.finished_at = clock.now()
        if self.output is not None:
            self.output.close()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def until_ended(self) -> None:
        if self.state is not ContainerState.EXITED:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)

    async def stop(self, timeout: float) -> None:
        """Its stop signal, then SIGKILL. Returns when it has ended."""
        if self.state is not ContainerState.RUNNING:
            return
        if timeout > 0:
            self.deliver(self.stop_signal)
            try:
                await asyncio.wait_for(self.until_ended(), timeout)
                return
            except TimeoutError:
                pass
        self.kill()
        await self.until_ended()

    def tell(self, type: EventType) -> None:
        self.sandbox.signs.tell(type, self.id, self.sandbox.id, self.sandbox.config.uid)

    def nanocores(self, used: int) -> int:
        """The rate since the last measurement that is at least a moment old."""
        now = clock.monotonic()
        then, before = self.cpu_sample
        if not then:
            self.cpu_sample = (now, used)
            return 0
        elapsed = now - then
        if elapsed < 0.05:
            return 0
        self.cpu_sample = (now, used)
        return max(0, int((used - before) / elapsed))
