"""RollingUpdate: new pods up as far as the surge allows, old ones down as far as the new ones are available.

At any moment at most `replicas + maxSurge` pods are asked for, and at least `replicas - maxUnavailable` are available
(unless fewer were when it began). Old pods that are not healthy go first: they help nobody.
"""

from __future__ import annotations

from minikube_edu.kube_controller_manager.controllers.deployment import new_set
from minikube_edu.kube_controller_manager.controllers.deployment.rollout import (
    Rollout,
    active,
    counted,
    total,
)


async def roll(rollout: Rollout) -> None:
    await new_set.find_or_make(rollout)
    if not await scale_new(rollout):
        await scale_old(rollout)


async def scale_new(rollout: Rollout) -> bool:
    assert rollout.new is not None
    size = rollout.new["spec"].get("replicas", 0)
    if size == rollout.replicas:
        return False
    wanted = rollout.replicas if size > rollout.replicas else rollout.new_size(size)
    return size != wanted and await rollout.scale(rollout.new, wanted)


async def scale_old(rollout: Rollout) -> None:
    assert rollout.new is not None
    least = rollout.replicas - rollout.max_unavailable
    # Pods of the new template that are not available yet are not there to lean on.
    unavailable = rollout.new["spec"].get("replicas", 0) - counted([rollout.new], "availableReplicas")
    room = total(rollout.all) - least - unavailable
    if not active(rollout.old) or room <= 0:
        return
    await drop_unhealthy(rollout, room)
    await drop_available(rollout, counted(rollout.all, "availableReplicas") - least)


async def drop_unhealthy(rollout: Rollout, room: int) -> None:
    for one in active(rollout.old):
        size = one["spec"]["replicas"]
        unhealthy = min(room, size - counted([one], "availableReplicas"))
        if unhealthy > 0:
            await rollout.scale(one, size - unhealthy)
            room -= unhealthy


async def drop_available(rollout: Rollout, room: int) -> None:
    for one in active(rollout.old):
        fewer = min(room, one["spec"]["replicas"])
        if fewer > 0:
            await rollout.scale(one, one["spec"]["replicas"] - fewer)
            room -= fewer
