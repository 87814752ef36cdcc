"""Recreate: no new pod before the last old one is gone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikube_edu.kube_controller_manager import pod_state
from minikube_edu.kube_controller_manager.controllers.deployment import new_set
from minikube_edu.kube_controller_manager.controllers.deployment.rollout import Rollout, active, counted

Object = dict[str, Any]


async def recreate(rollout: Rollout, old_pods: Iterable[Object]) -> None:
    await new_set.find(rollout)
    running = active(rollout.old)
    for one in running:
        await rollout.scale(one, 0)
    if running or counted(rollout.old, "replicas") > 0 or not all(map(pod_state.is_terminal, old_pods)):
        return
    await new_set.find_or_make(rollout)
    assert rollout.new is not None
    if rollout.new["spec"].get("replicas", 0) != rollout.replicas:
        await rollout.scale(rollout.new, rollout.replicas)
