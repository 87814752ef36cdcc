"""Phases in a table, run in order: kubeadm's idea of itself.

A phase may have phases below it (`certs/ca`); its own function runs before theirs. `--skip-phases` leaves some out,
with all below them. `init phase certs apiserver` runs one alone, `… certs all` all of one parent.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from minikube_edu.kubeadm.command import CommandError

PhaseRun = Callable[[Any], Awaitable[None]]


class Phase(Struct, frozen=True):
    name: str
    short: str
    run: str = ""  # MODULE.FUNCTION in phases/: takes the workflow's data
    phases: tuple[Phase, ...] = ()
    flags: tuple[str, ...] = ()  # of the workflow's flags, those that the phase's own command has
    long: str = ""
    hidden: bool = False

    def function(self) -> PhaseRun:
        module, _, name = self.run.partition(".")
        loaded = importlib.import_module(f"minikube_edu.kubeadm.phases.{module}")
        found: PhaseRun = getattr(loaded, name)
        return found


def walk(phases: Sequence[Phase], prefix: str = "") -> Iterator[tuple[str, Phase]]:
    """(path, phase), parents before their children."""
    for phase in phases:
        path = f"{prefix}{phase.name}"
        yield path, phase
        yield from walk(phase.phases, f"{path}/")


async def run(phases: Sequence[Phase], data: Any, skip: Sequence[str] = (), only: str = "") -> None:
    """`only`: the path of the phase to run, with all below it."""
    everything = list(walk(phases))
    known = {path.lower() for path, _ in everything}
    skipped = [name.lower() for name in skip]
    for name in skipped:
        if name not in known:
            raise CommandError(f"invalid phase name: {name}")
    parents = {only[:index] for index, char in enumerate(only) if char == "/"}
    for path, phase in everything:
        if any(path.lower() == name or path.lower().startswith(name + "/") for name in skipped):
            continue
        if only and path != only and not path.startswith(only + "/") and path not in parents:
            continue
        if phase.run and not (path in parents and phase.phases):
            await _guarded(path, phase, data)


async def _guarded(path: str, phase: Phase, data: Any) -> None:
    from minikube_edu.client.errors import ApiError
    from minikube_edu.client.kubeconfig import ConfigError
    from minikube_edu.kubeadm.contract import HostFailure

    try:
        await phase.function()(data)
    except (CommandError, ApiError, HostFailure, ConfigError, OSError, ValueError) as error:
        raise CommandError(f"error execution phase {path}: {error}") from error
