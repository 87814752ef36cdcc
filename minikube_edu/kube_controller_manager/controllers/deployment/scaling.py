"""Another number of replicas while a rollout is under way, or paused: all ReplicaSets are scaled in proportion, so that
scaling neither hastens the rollout nor undoes it.

Each ReplicaSet remembers in its annotations how large the Deployment was when it was last scaled: a number that differs
from today's is how a scaling is told from a rollout.
"""

from __future__ import annotations

import math
from typing import Any

from minikube_edu.kube_controller_manager.controllers.deployment.rollout import (
    DESIRED,
    MAXIMUM,
    Rollout,
    active,
    age,
    counted,
    number,
    total,
)

Object = dict[str, Any]


def is_due(rollout: Rollout) -> bool:
    return any(number(one, DESIRED) not in (None, rollout.replicas) for one in active(rollout.all))


async def scale(rollout: Rollout) -> None:
    running = active(rollout.all)
    if len(running) <= 1:
        only = running[0] if running else rollout.new or (rollout.old[-1] if rollout.old else None)
        if only is not None and only["spec"].get("replicas", 0) != rollout.replicas:
            await rollout.scale(only, rollout.replicas)
    elif is_saturated(rollout):
        for one in active(rollout.old):
            await rollout.scale(one, 0)
    elif rollout.rolls:
        for one, size in proportions(rollout, running):
            await rollout.scale(one, size)


def is_saturated(rollout: Rollout) -> bool:
    """The new ReplicaSet does all the work already."""
    if rollout.new is None or number(rollout.new, DESIRED) != rollout.replicas:
        return False
    available = counted([rollout.new], "availableReplicas")
    return bool(rollout.new["spec"].get("replicas", 0) == rollout.replicas == available)


def proportions(rollout: Rollout, running: list[Object]) -> list[tuple[Object, int]]:
    """The larger first, of equals the newer when growing, the older when shrinking; the largest takes what is left."""
    allowed = rollout.replicas + rollout.max_surge if rollout.replicas > 0 else 0
    change = allowed - total(running)
    ordered = sorted(running, key=age, reverse=change > 0)
    ordered.sort(key=lambda one: -one["spec"]["replicas"])
    if not change:
        return [(one, one["spec"]["replicas"]) for one in ordered]
    sizes, done = [], 0
    for one in ordered:
        share = fraction(rollout, one)
        share = min(share, change - done) if change > 0 else max(share, change - done)
        share = share if done != change else 0
        sizes.append(one["spec"]["replicas"] + share)
        done += share
    sizes[0] = max(sizes[0] + change - done, 0)
    return list(zip(ordered, sizes, strict=True))


def fraction(rollout: Rollout, one: Object) -> int:
    """By how much this ReplicaSet should grow or shrink."""
    size: int = one["spec"]["replicas"]
    if rollout.replicas == 0:
        return -size
    before = number(one, MAXIMUM) or rollout.status.get("replicas", 0)
    if not before:
        return 0
    wanted = size * (rollout.replicas + rollout.max_surge) / before
    return math.floor(wanted + 0.5) - size
