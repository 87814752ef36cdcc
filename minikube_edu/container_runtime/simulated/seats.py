"""Containers of the control plane: programs of this host, started through the node's machine (cri.SeatRunner).

The image registry.k8s.io/kube-apiserver runs minikube_edu.kube_apiserver. A seat outlives the runtime: its record says
what it is (seat_records), its output waits in a file (seat_output), its tag, which is the container's id, finds the
process again. Mounts are paths below the node's root already, and the seat knows where that is by
MINIKUBE_EDU_NODE_ROOT; what is mounted in another place than its own is put into the arguments (`placed`).

`exec` enters a small simulated world beside the seat (the real images have no shell; a student looks for one), in which
etcd's image has etcdctl: our own, run as a program of the host, which reads what it needs below the node's root.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from minikube_edu.container_runtime.cri import (
    Container,
    ContainerConfig,
    ContainerState,
    ContainerStats,
    Mount,
    Resources,
    RuntimeFailure,
    SeatProcess,
    SeatRunner,
    Streams,
)
from minikube_edu.container_runtime.simulated import start_errors
from minikube_edu.container_runtime.simulated.images.entry import Definition
from minikube_edu.container_runtime.simulated.invocation import Invocation, invocation
from minikube_edu.container_runtime.simulated.kernel.signals import number_of
from minikube_edu.container_runtime.simulated.logs import LogFiles
from minikube_edu.container_runtime.simulated.outputs import Output
from minikube_edu.container_runtime.simulated.record import ContainerRecord
from minikube_edu.container_runtime.simulated.sandboxes import SimulatedSandbox
from minikube_edu.container_runtime.simulated.seat_output import SeatOutput, SeatOutputs
from minikube_edu.container_runtime.simulated.seat_records import SeatRecords
from minikube_edu.container_runtime.simulated.settings import Settings
from minikube_edu.lib import clock, version
from minikube_edu.lib.node_root import VARIABLE

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.seat_world import SeatWorld

log = logging.getLogger(__name__)
LOST = 255  # exit code of a seat whose end nobody has seen


class Seats:
    """What all seats of a runtime share."""

    def __init__(self, settings: Settings, runner: SeatRunner | None, logs: LogFiles) -> None:
        self.settings = settings
        self.runner = runner
        self.logs = logs
        self.records = SeatRecords(settings.state)
        self.outputs = SeatOutputs()
        self.tasks: set[asyncio.Task[None]] = set()

    def need_runner(self) -> SeatRunner:
        if self.runner is None:
            raise RuntimeFailure("this runtime has no machine to run programs of the control plane on", "Unimplemented")
        return self.runner

    def watch(self, seat: SeatContainer, process: SeatProcess) -> None:
        task = asyncio.get_running_loop().create_task(seat.follow(process), name=f"seat {seat.config.name}")
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def close(self) -> None:
        """The runtime goes; the seats stay."""
        self.outputs.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class SeatContainer(ContainerRecord):
    __slots__ = ("definition", "invocation", "process", "raw", "seats", "world")

    def __init__(
        self,
        id: str,
        sandbox: SimulatedSandbox,
        config: ContainerConfig,
        definition: Definition,
        image_ref: str,
        *,
        seats: Seats,
    ) -> None:
        super().__init__(id, sandbox, config, definition.id, image_ref)
        self.definition = definition
        self.seats = seats
        self.invocation: Invocation = invocation(definition, config, sandbox.hostname)
        self.process: SeatProcess | None = None
        self.raw: SeatOutput | None = None
        self.world: SeatWorld | None = None

    def keep(self) -> None:
        self.sandbox.recorded = True
        self.seats.records.write_sandbox(self.sandbox.status())
        self.seats.records.write_container(self.status())

    # -- its beginning -----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        seats = self.seats
        runner = seats.need_runner()
        output = self.output = Output(seats.logs.log(self.log_path) if self.log_path else seats.logs.nowhere())
        argv = list(self.invocation.argv)
        if os.path.basename(argv[0]) != os.path.basename(self.definition.entrypoint[0]):
            error = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), argv[0])
            raise self._refused(start_errors.CREATE + start_errors.in_runc_words(error, argv))
        self.raw = SeatOutput(seats.records.output_of(self.id), output)
        descriptor = self.raw.open()
        try:
            argv[0] = os.path.basename(argv[0])
            argv[1:] = [placed(word, self.config.mounts, str(seats.settings.root)) for word in argv[1:]]
            self.process = await runner.start(self.id, self.definition.seat, argv, self.environment(), descriptor)
        except Exception as error:
            raise self._refused(f"failed to create containerd task: {error}") from error
        finally:
            os.close(descriptor)
        self.has_started()
        seats.outputs.follow(self.id, self.raw)
        self.keep()
        seats.watch(self, self.process)

    def _refused(self, message: str) -> RuntimeFailure:
        failure = self.failed_to_start(message)
        self.keep()
        return failure

    def environment(self) -> dict[str, str]:
        """What the node's machine has told the runtime about localhost is true for its seats as well."""
        own = {key: value for key, value in os.environ.items() if key.startswith("MINIKUBE_EDU_")}
        return {
            **own,
            **self.invocation.env,
            **self.seats.settings.environment,
            VARIABLE: str(self.seats.settings.root),
            version.VARIABLE: version.of_image(self.config.image),  # whatever the tag: no version, our own
        }

    async def follow(self, process: SeatProcess) -> None:
        """Until it ends."""
        code = await process.wait()
        self.seats.outputs.leave(self.id)
        self.has_ended(max(code, 0), -min(code, 0))
        self.keep()

    # -- after a restart of the runtime ------------------------------------------------------------------------------

    def restore(self, known: Container, process: SeatProcess | None) -> None:
        """From its record; None: nobody knows a process of this tag."""
        self.created_at, self.started_at = known.created_at, known.started_at
        self.finished_at, self.exit_code, self.signal = known.finished_at, known.exit_code, known.signal
        self.reason, self.message, self.state = known.reason, known.message, known.state
        if self.state is not ContainerState.RUNNING and process is None:
            return
        self.output = Output(self.seats.logs.log(self.log_path) if self.log_path else self.seats.logs.nowhere())
        self.raw = SeatOutput(self.seats.records.output_of(self.id), self.output)
        if process is None:
            self.raw.read()
            self.has_ended(LOST)
            self.keep()
        elif self.state is not ContainerState.EXITED:
            self.state = ContainerState.RUNNING  # it may have died between the start and its record
            self.process = process
            self.started_at = self.started_at or self.created_at
            self.seats.outputs.follow(self.id, self.raw)
            self.seats.watch(self, process)

    # -- its end -----------------------------------------------------------------------------------------------------

    def deliver(self, signal: int) -> None:
        if self.process is not None:
            self.process.kill(signal)

    def kill(self) -> None:
        self.deliver(9)

    @property
    def stop_signal(self) -> int:
        return number_of(self.invocation.stop_signal)

    async def removed(self) -> None:
        self.seats.records.forget_container(self.id)
        if self.process is not None and self.seats.runner is not None:
            await self.seats.runner.forget(self.id)

    # -- looking into it ---------------------------------------------------------------------------------------------

    async def exec(self, command: list[str], streams: Streams, timeout: float = 0) -> int:
        self.must_run()
        if self.world is None:
            from minikube_edu.container_runtime.simulated.seat_world import SeatWorld

            self.world = SeatWorld(self)
        return await self.world.run(command, streams, timeout)

    async def attach(self, streams: Streams) -> None:
        from minikube_edu.container_runtime.simulated.exec_sessions import attach

        self.must_run()
        assert self.output is not None
        await attach(self.output, streams, None, None, None, self.until_ended)

    def measure(self) -> ContainerStats:
        cpu, memory = _usage(self.process.pid if self.process is not None else 0)
        return ContainerStats(
            id=self.id,
            timestamp=clock.now(),
            cpu_nanoseconds=cpu,
            cpu_nanocores=self.nanocores(cpu),
            memory_working_set=memory,
            memory_rss=memory,
            memory_limit=self.config.resources.memory_bytes,
            filesystem_used=0,
            filesystem_inodes=0,
        )

    def process_count(self) -> int:
        return 1 if self.state is ContainerState.RUNNING else 0

    def update(self, resources: Resources) -> None:
        """Kept and shown, but not enforced: a seat is a process of the host."""
        self.config = replace(self.config, resources=resources)


def placed(word: str, mounts: Sequence[Mount], root: str) -> str:
    """An argument of a program that sees no mounts: `--data-dir=/var/lib/etcd` names what is mounted there. Where a
    path of the node is mounted in its own place, as kubeadm does it, the word stays: the seat finds it by itself."""
    flag, equals, value = word.partition("=")
    paths = (value if equals else flag).split(",")
    found = ",".join(_mounted(path, mounts, root) for path in paths)
    return f"{flag}={found}" if equals else found


def _mounted(path: str, mounts: Sequence[Mount], root: str) -> str:
    for mount in sorted(mounts, key=lambda one: -len(one.container_path)):
        inside = mount.container_path.rstrip("/")
        if path == inside or path.startswith(inside + "/"):
            return path if mount.host_path == root + inside else mount.host_path + path[len(inside) :]
    return path


def _usage(pid: int) -> tuple[int, int]:
    """(nanoseconds of processor time, bytes in memory) of a process, where the host tells (Linux)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        ticks, pages = int(fields[11]) + int(fields[12]), int(fields[21])
    except (OSError, ValueError, IndexError):
        return 0, 0
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE")
