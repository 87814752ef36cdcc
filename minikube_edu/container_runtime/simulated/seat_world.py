"""What `kubectl exec` finds in a container of the control plane: a small simulated world, and etcdctl in etcd's.

etcdctl is our own program for the store, run as a process of the host with its output piped: it reaches the etcd that
the student named with --endpoints, with the certificates below the node's root.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.cri import Mount, Streams
from minikube_edu.container_runtime.simulated.contract import Process, Program
from minikube_edu.container_runtime.simulated.exec_sessions import run
from minikube_edu.container_runtime.simulated.filesystem.device_tree import null
from minikube_edu.container_runtime.simulated.filesystem.host_tree import HostTree
from minikube_edu.container_runtime.simulated.filesystem.layer import Entry, Layer
from minikube_edu.container_runtime.simulated.images.catalogue import Catalogue
from minikube_edu.container_runtime.simulated.images.reference import parse
from minikube_edu.container_runtime.simulated.images.root import root_of
from minikube_edu.container_runtime.simulated.kernel.container_files import ContainerMount
from minikube_edu.container_runtime.simulated.kernel.executable import executable
from minikube_edu.container_runtime.simulated.kernel.machine import Machine
from minikube_edu.container_runtime.simulated.kernel.software import Software
from minikube_edu.container_runtime.simulated.settings import Settings
from minikube_edu.lib import ids, version

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.seats import SeatContainer

HOST_PROGRAMS = {"minikube_edu.etcd": {"etcdctl": "minikube_edu.etcd.etcdctl"}}  # seat -> command -> module
READ = 65536


def stand_in(shown: str) -> Program:
    """Process 1 of the world: the seat itself, seen from inside; `--version` is answered with `shown`."""

    async def program(process: Process) -> int:
        if "--version" in process.argv[1:]:
            await process.print(shown)
            return 0
        while True:
            await process.sleep(1e9)

    return program


def version_line(image: str, name: str) -> str:
    told = version.of_image(image)
    return f"etcd Version: {told.partition('-')[0]}" if name == "etcd" else f"Kubernetes {told or version.KUBERNETES}"


class SeatWorld:
    def __init__(self, seat: SeatContainer) -> None:
        self.seat = seat
        commands = HOST_PROGRAMS.get(seat.definition.seat, {})
        programs: dict[str, Program] = {name: self._host_program(module) for name, module in commands.items()}
        name = os.path.basename(seat.invocation.argv[0])
        programs["seat"] = stand_in(version_line(seat.config.image, name))
        files = {f"/usr/local/bin/{command}": Entry(executable(command), mode=0o755) for command in commands}
        files[f"/usr/local/bin/{name}"] = Entry(executable("seat"), mode=0o755)
        self.machine = Machine(
            _ground().extended(files),
            id=seat.id,
            network=seat.sandbox.network,
            hostname=seat.sandbox.hostname,
            image=seat.config.image,
            software=Software(programs),
            mounts=[*_mounts(seat.config.mounts, seat.seats.settings), *seat.sandbox.mounts()],
        )
        self.machine.start(
            [f"/usr/local/bin/{name}", *seat.invocation.argv[1:]], files={number: null() for number in range(3)}
        )

    async def run(self, command: list[str], streams: Streams, timeout: float) -> int:
        run_as = self.seat.invocation
        return await run(self.machine, command, run_as.env, run_as.cwd, run_as.user, streams, timeout)

    def _host_program(self, module: str) -> Program:
        async def program(process: Process) -> int:
            return await self._run_on_host(module, process)

        return program

    async def _run_on_host(self, module: str, process: Process) -> int:
        runner = self.seat.seats.need_runner()
        tag = f"exec-{ids.uid()}"
        reading, writing = os.pipe()
        try:
            environment = {**self.seat.environment(), **process.env}
            child = await runner.start(tag, module, process.argv, environment, writing)
        finally:
            os.close(writing)
        os.set_blocking(reading, False)
        try:
            while data := await _read(reading):
                await process.stdout.write(data)
            code = await child.wait()
        except BaseException:
            child.kill(15)
            raise
        finally:
            os.close(reading)
        await runner.forget(tag)
        return code if code >= 0 else 128 - code


async def _read(descriptor: int) -> bytes:
    loop = asyncio.get_running_loop()
    while True:
        try:
            return os.read(descriptor, READ)
        except BlockingIOError:
            ready: asyncio.Future[None] = loop.create_future()
            loop.add_reader(descriptor, lambda waiting=ready: waiting.done() or waiting.set_result(None))  # type: ignore[misc]  # bound at once
            try:
                await ready
            finally:
                loop.remove_reader(descriptor)


def _ground() -> Layer:
    """The tools of busybox: more than the real image has."""
    catalogue, reference = Catalogue(), parse("busybox:latest")
    entry = catalogue.entry(reference)
    assert entry is not None
    return root_of(catalogue.define(entry, reference))


def _mounts(mounts: object, settings: Settings) -> list[ContainerMount]:
    found = []
    for mount in mounts if isinstance(mounts, list | tuple) else ():
        if isinstance(mount, Mount) and os.path.exists(mount.host_path):
            path = mount.container_path.rstrip("/")
            if path:
                tree = HostTree(mount.host_path, inside=settings.boundary(mount.host_path))
                found.append(ContainerMount(path, tree, mount.readonly))
    return found
