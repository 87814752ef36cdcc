"""SchedulingGates: a pod with `spec.schedulingGates` is not tried before all gates are taken away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikube_edu.kube_scheduler.cluster_events import TARGET_POD, Action, Interest
from minikube_edu.kube_scheduler.framework import Plugin, Status, unresolvable
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.pod import PodInfo


class SchedulingGates(Plugin):
    name = "SchedulingGates"

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        pass

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        gates = pod.spec.get("schedulingGates")
        if not gates:
            return None
        names = " ".join(gate["name"] for gate in gates)
        return unresolvable(self.name, f"waiting for scheduling gates: [{names}]")

    def events(self) -> Sequence[Interest]:
        return (Interest(TARGET_POD, Action.UPDATE_POD_GATES_ELIMINATED, self._of_this_pod),)

    @staticmethod
    def _of_this_pod(pod: PodInfo, before: PodInfo, now: PodInfo) -> bool:
        return pod.uid == now.uid
