"""The node's gate: takes a pod, or refuses it for good, or makes room for a critical one at the cost of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minikube_edu.api.qos import qos_class
from minikube_edu.kubelet import pod_facts, preemption
from minikube_edu.kubelet.admission import Refusal, refusal, shortages
from minikube_edu.kubelet.contract import Object, Recorder
from minikube_edu.kubelet.workers.pod_worker import Ending, Statuses
from minikube_edu.lib import clock


class Gate:
    def __init__(
        self,
        node: Callable[[], Object],
        others: Callable[[str], Sequence[Object]],
        evict: Callable[[str, Ending], bool],
        statuses: Statuses,
        recorder: Recorder,
    ) -> None:
        """`others`: the pods that the node has taken, but for one; `evict` ends a pod."""
        self.shutting_down = False
        self.pressures: list[str] = []  # conditions under which not every pod is taken
        self.refused: set[str] = set()
        self._node = node
        self._others = others
        self._evict = evict
        self._statuses = statuses
        self._recorder = recorder

    def takes(self, pod: Object) -> bool:
        """If not, the pod has Failed now."""
        uid = pod_facts.uid(pod)
        others, node = self._others(uid), self._node()
        found = refusal(pod, others, node, pressures=self.pressures, shutting_down=self.shutting_down)
        if found is None or self._made_room(pod, found, others, node):
            return True
        self._refuse(pod, found)
        return False

    def _made_room(self, pod: Object, found: Refusal, others: Sequence[Object], node: Object) -> bool:
        """A critical pod that lacks nothing but room gets it."""
        if not found.reason.startswith("OutOf") or not pod_facts.is_critical(pod):
            return False
        room = (node.get("status") or {}).get("allocatable") or {}
        missing = {name: asked + used - all for name, (asked, used, all) in shortages(pod, others, room).items()}
        victims = preemption.victims(pod, others, missing)
        for victim in victims or ():
            self._recorder.event(victim, "Warning", preemption.REASON, preemption.MESSAGE)
            self._evict(pod_facts.uid(victim), Ending(preemption.REASON, preemption.MESSAGE))
        return victims is not None

    def _refuse(self, pod: Object, found: Refusal) -> None:
        self.refused.add(pod_facts.uid(pod))
        self._recorder.event(pod, "Warning", found.reason, found.message)
        status = {
            "phase": "Failed",
            "reason": found.reason,
            "message": f"Pod was rejected: {found.message}",
            "qosClass": qos_class(pod["spec"]),
            "startTime": clock.rfc3339(),
            "conditions": (pod.get("status") or {}).get("conditions") or [],
        }
        if pod_facts.generation(pod):
            status["observedGeneration"] = pod_facts.generation(pod)
        self._statuses.set(pod, status)
