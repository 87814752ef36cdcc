"""Boot and shutdown of the runtime as a program: one line a part, in the order in which they come up.

SIGTERM ends the simulated containers, leaves the seats running, and takes the socket away.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from msgspec import Struct

from minikube_edu.cni.fabric import NodeFabric
from minikube_edu.cni.outside import SEAT_PORTS
from minikube_edu.cni.wire import Wire
from minikube_edu.container_runtime.cri import SeatRunner
from minikube_edu.container_runtime.flags import size
from minikube_edu.container_runtime.simulated.runtime import SimulatedRuntime
from minikube_edu.container_runtime.simulated.settings import Settings
from minikube_edu.container_runtime.socket_face import SocketFace
from minikube_edu.lib import localhost, node_root
from minikube_edu.lib.program_flags import is_true

log = logging.getLogger(__name__)
SOCKET = "run/containerd/containerd.sock"


class Neighbours(Collection[str]):
    """The addresses of the cluster's nodes: those whose runtimes have a socket on the wire."""

    def __init__(self, wire: Path | None) -> None:
        self._wire = wire

    def __iter__(self) -> Iterator[str]:
        if self._wire is not None and self._wire.is_dir():
            for name in os.listdir(self._wire):
                if name.endswith("_32.sock"):
                    yield name.removesuffix("_32.sock")

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, ip: object) -> bool:
        return self._wire is not None and (self._wire / f"{ip}_32.sock").exists()


class Running(Struct):
    """A runtime that is up."""

    runtime: SimulatedRuntime
    fabric: NodeFabric
    face: SocketFace
    seats: SeatRunner | None

    async def stop(self) -> None:
        await self.face.close()
        await self.runtime.close()
        await self.fabric.close()
        close = getattr(self.seats, "close", None)
        if close is not None:
            await close()


def settings_of(options: argparse.Namespace) -> Settings:
    shared = options.shared_volumes or os.environ.get(node_root.SHARED_VOLUMES, "")
    return Settings(
        root=Path(options.root or os.environ.get(node_root.VARIABLE, "") or "/").absolute(),
        node_name=options.node_name or os.uname().nodename,
        cpus=options.cpus,
        memory=size(options.memory),
        disk=size(options.disk),
        mood=options.mood,
        mood_file=Path(options.mood_file) if options.mood_file else None,
        seed=int(options.seed) if options.seed else None,
        image_dir=Path(options.image_dir) if options.image_dir else None,
        unknown_images=options.unknown_images,
        pause=options.pause_image,
        shared_volumes=Path(shared) if shared else None,
    )


async def start(options: argparse.Namespace) -> Running:
    """The boot order."""
    settings = settings_of(options)
    seats: SeatRunner | None = None
    if options.machine:
        from minikube_edu.lib.machine.seat_runner import MachineSeats

        seats = await MachineSeats.connect(options.machine)  # who runs the control plane's programs
    node_ip = options.node_ip or os.environ.get(localhost.NODE_ADDRESS, "")
    wire = Path(options.wire) if options.wire else None
    fabric = NodeFabric(
        settings.root,
        node_ip=node_ip,
        local_ip=os.environ.get(localhost.LOCALHOST, ""),
        pod_cidr=options.pod_cidr,
        wire=Wire(wire),
        nodes=Neighbours(wire),
        seat_ports=SEAT_PORTS | {int(options.api_port or os.environ.get("MINIKUBE_EDU_API_PORT") or 6443)},
        expose=is_true(options.expose),
        doors=wire is not None and is_true(options.doors),
    )
    await fabric.open()  # the pods' network
    runtime = await SimulatedRuntime.open(settings, fabric, seats)  # seats that run already are found
    face = SocketFace(runtime, options.address or str(settings.root / SOCKET))
    await face.start()  # the kubelet's door
    return Running(runtime, fabric, face, seats)


async def _run(options: argparse.Namespace) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    running = await start(options)
    if options.ready_fd:
        os.close(int(options.ready_fd))
    log.info("containerd successfully booted")
    await stop.wait()
    await running.stop()
    return 0


def run_forever(options: argparse.Namespace) -> int:
    gc.set_threshold(20_000, 20, 50)  # containers live long and have few cycles: looking for them costs a tenth
    sys.setrecursionlimit(12_000)  # shells need it (shell/start.py); once, before one does it in the middle of things
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        import uvloop
    except ImportError:
        return asyncio.run(_run(options))
    return uvloop.run(_run(options))
