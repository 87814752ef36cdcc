"""A container of the runtime before this one: it died with it, and stays listed until the kubelet removes it.

What ran is EXITED with code 255 and the reason Unknown, as containerd says it of a task that it cannot find after a
reboot: the kubelet counts a restart, and `kubectl logs --previous` finds the log.
"""

from __future__ import annotations

from msgspec.structs import replace

from minikube_edu.container_runtime.cri import Container, ContainerState, ContainerStats, Resources, Streams
from minikube_edu.container_runtime.simulated.record import ContainerRecord
from minikube_edu.container_runtime.simulated.sandboxes import SimulatedSandbox
from minikube_edu.lib import clock

LOST, UNKNOWN = 255, "Unknown"


class DeadContainer(ContainerRecord):
    __slots__ = ()
    simulated = True

    def __init__(self, known: Container, sandbox: SimulatedSandbox) -> None:
        super().__init__(known.id, sandbox, known.config, known.image_id, known.image_ref)
        self.created_at, self.started_at, self.uid = known.created_at, known.started_at, known.user
        if known.state is ContainerState.RUNNING:
            self.finished_at, self.exit_code, self.reason = clock.now(), LOST, UNKNOWN
        elif known.state is ContainerState.EXITED:
            self.finished_at, self.exit_code, self.signal = known.finished_at, known.exit_code, known.signal
            self.reason, self.message = known.reason, known.message
        else:  # it has never run, and its world is gone
            self.finished_at, self.exit_code, self.reason = known.created_at, LOST, UNKNOWN
        self.state = ContainerState.EXITED

    def deliver(self, signal: int) -> None:
        """Nobody is there."""

    def kill(self) -> None:
        """It is over."""

    async def exec(self, command: list[str], streams: Streams, timeout: float = 0) -> int:
        self.must_run()
        return LOST

    async def attach(self, streams: Streams) -> None:
        self.must_run()

    def measure(self) -> ContainerStats:
        return ContainerStats(
            id=self.id,
            timestamp=clock.now(),
            cpu_nanoseconds=0,
            cpu_nanocores=0,
            memory_working_set=0,
            memory_rss=0,
            memory_limit=self.config.resources.memory_bytes,
            filesystem_used=0,
            filesystem_inodes=0,
        )

    def update(self, resources: Resources) -> None:
        self.config = replace(self.config, resources=resources)
