"""A runtime's second life: the seats of the first one are found again, its simulated containers are listed as dead, and
the addresses that their pods held are given back."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from minikube_edu.cni.contract import Attachment
from minikube_edu.container_runtime.cri import SandboxState, SeatProcess
from minikube_edu.container_runtime.simulated.dead_containers import DeadContainer
from minikube_edu.container_runtime.simulated.no_network import NoNetwork
from minikube_edu.container_runtime.simulated.sandboxes import SimulatedSandbox
from minikube_edu.container_runtime.simulated.seats import SeatContainer

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.runtime import SimulatedRuntime

ADDRESSES = "var/lib/cni/networks"  # host-local's reservations: a file an address, with its owner's id


async def recover(runtime: SimulatedRuntime) -> None:
    if runtime.seats.runner is not None:
        await _find_seats(runtime, dict(await runtime.seats.runner.running()))
    _bury(runtime)
    await _give_back(runtime)


async def _find_seats(runtime: SimulatedRuntime, running: dict[str, SeatProcess]) -> None:
    for known in runtime.seats.records.sandboxes():
        config = known.config
        attachment = Attachment(known.id, config.namespace, config.name, config.uid, config.host_network)
        try:
            network = await runtime.fabric.add(attachment)
        except OSError:
            continue
        sandbox = SimulatedSandbox(known.id, config, network, runtime.signs, runtime.moods, runtime.settings.node_name)
        sandbox.state, sandbox.created_at, sandbox.recorded = known.state, known.created_at, True
        runtime.sandboxes[known.id] = sandbox
        runtime.names[f"{config.name}_{config.namespace}_{config.uid}_{config.attempt}"] = known.id
    for container in runtime.seats.records.containers():
        home = runtime.sandboxes.get(container.sandbox_id)
        if home is None:
            runtime.seats.records.forget_container(container.id)
            continue
        stored = runtime.images.find(container.config.image) or await runtime.images.pull(container.config.image)
        seat = SeatContainer(
            container.id, home, container.config, stored.definition, container.image_ref, seats=runtime.seats
        )
        seat.restore(container, running.pop(container.id, None))
        home.containers[seat.id] = runtime.containers[seat.id] = seat
        runtime.names[runtime.container_name(home, container.config)] = seat.id


def _bury(runtime: SimulatedRuntime) -> None:
    """What the journal knows has died with the runtime that wrote it."""
    settings = runtime.settings
    sandboxes, containers = runtime.journal.read()
    kept = []
    for known in sandboxes:
        config = known.config
        name = f"{config.name}_{config.namespace}_{config.uid}_{config.attempt}"
        if known.id in runtime.sandboxes or name in runtime.names:
            continue  # a seat's, and as alive as that
        sandbox = SimulatedSandbox(
            *(known.id, config, NoNetwork(), runtime.signs, runtime.moods, settings.node_name, SandboxState.NOT_READY)
        )
        sandbox.created_at = known.created_at
        runtime.sandboxes[known.id] = sandbox
        runtime.names[name] = known.id
        kept.append(sandbox.status())
    dead = []
    for container in containers:
        home = runtime.sandboxes.get(container.sandbox_id)
        if home is None or container.id in runtime.containers:
            continue
        remains = DeadContainer(container, home)
        home.containers[remains.id] = runtime.containers[remains.id] = remains
        runtime.names[runtime.container_name(home, remains.config)] = remains.id
        dead.append(remains.status())
    runtime.journal.begin(kept, dead)


async def _give_back(runtime: SimulatedRuntime) -> None:
    """Addresses of sandboxes that ended with the runtime before."""
    alive = {one.id for one in runtime.sandboxes.values() if one.state is SandboxState.READY}
    folder = runtime.settings.root / ADDRESSES
    owners: set[str] = set()
    with contextlib.suppress(OSError):
        for file in folder.glob("*/*"):
            owners.add(file.read_text(encoding="utf-8", errors="replace").split("\n")[0].strip())
    for owner in owners:
        if len(owner) == 64 and owner not in alive:
            await runtime.fabric.delete(owner)
