"""DefaultPreemption: when a pod fits nowhere, less important ones make room for it.

The pod is promised the node (`status.nominatedNodeName`) and waits until its victims have gone; what they are told is
the condition DisruptionTarget, and the event Preempted. Which pods, says `preemption`. Evictions happen in the
background; meanwhile the pod is kept from the queue.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import STRATEGIC_PATCH
from minikube_edu.kube_scheduler import story
from minikube_edu.kube_scheduler.diagnosis import Diagnosis, SchedulingError
from minikube_edu.kube_scheduler.failure import write_status
from minikube_edu.kube_scheduler.framework import (
    Code,
    Cycle,
    Nomination,
    Plugin,
    Status,
    error,
    unresolvable,
    unschedulable,
)
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.kinds import POD_DISRUPTION_BUDGETS, PODS
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.kube_scheduler.preemption import Candidate, dry_run, least_harm
from minikube_edu.lib import clock, ids, steps

log = logging.getLogger(__name__)

NOT_HELPFUL = unresolvable("DefaultPreemption", "Preemption is not helpful for scheduling")


class DefaultPreemption(Plugin):
    name = "DefaultPreemption"

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        self._handle = handle
        self._budgets = handle.index(POD_DISRUPTION_BUDGETS)
        percentage, absolute = arguments.get("minCandidateNodesPercentage"), arguments.get("minCandidateNodesAbsolute")
        self._percentage: int = 10 if percentage is None else percentage
        self._absolute: int = 100 if absolute is None else absolute
        self._preempting: set[str] = set()  # uids of pods whose victims are being evicted

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        if pod.uid not in self._preempting:
            return None
        return unresolvable(self.name, "waiting for the preemption for this pod to be finished")

    async def post_filter(self, cycle: Cycle, pod: PodInfo, diagnosis: Diagnosis) -> Nomination:
        self._handle.metrics.preemption_attempts += 1
        reason = self._not_eligible(pod, diagnosis)
        if reason:
            return Nomination(None, unschedulable(self.name, f"preemption: {reason}"))
        candidates, failed = self._candidates(pod, diagnosis)
        if not candidates:
            found = Diagnosis(diagnosis.total, failed, NOT_HELPFUL)
            return Nomination("", unschedulable(self.name, f"preemption: {found.message()}"))
        try:
            candidates = await self._ask_extenders(pod, candidates)
        except (OSError, ValueError, SchedulingError) as problem:
            return Nomination(None, error(self.name, f"preemption: {problem}"))
        if not candidates:
            return Nomination(None, unschedulable(self.name, "preemption: no candidate node for preemption"))
        best = least_harm(candidates)
        self._prepare(pod, best)
        return Nomination(best.node, None)

    # ------------------------------------------------------------ who

    def _not_eligible(self, pod: PodInfo, diagnosis: Diagnosis) -> str:
        if pod.spec.get("preemptionPolicy") == "Never":
            return "not eligible due to preemptionPolicy=Never."
        promised = pod.nominated_node
        node = self._handle.cluster.candidate(promised) if promised else None
        verdict = diagnosis.verdict(promised) if promised else None
        if node is None or (verdict is not None and verdict.code is Code.UNRESOLVABLE):
            return ""
        if any(p.priority < pod.priority and _leaving(p) for p in node.pods.values()):
            return "not eligible due to a terminating pod on the nominated node."
        return ""

    def _candidates(self, pod: PodInfo, diagnosis: Diagnosis) -> tuple[list[Candidate], dict[str, Status]]:
        """Enough of them, from a random node on, and why the other nodes that were tried are none."""
        nodes: list[Node] = []
        for node in self._handle.cluster.order:
            verdict = diagnosis.verdict(node.name)
            if verdict is not None and verdict.code is Code.UNSCHEDULABLE:
                nodes.append(node)
        if not nodes:
            return [], {}
        enough = min(max(len(nodes) * self._percentage // 100, self._absolute), len(nodes))
        start = ids.integer(0, len(nodes) - 1)
        budgets = self._budgets.list()
        found: list[Candidate] = []
        failed: dict[str, Status] = {}
        for node in nodes[start:] + nodes[:start]:
            result = dry_run(self._handle.profile, pod, node, budgets)
            if isinstance(result, Status):
                failed[node.name] = result
            elif result.victims:
                found.append(result)
                if len(found) >= enough and any(not candidate.violations for candidate in found):
                    break
            else:
                text = f'expected at least one victim pod on node "{node.name}"'
                failed[node.name] = error(self.name, text)
        return found, failed

    async def _ask_extenders(self, pod: PodInfo, candidates: list[Candidate]) -> list[Candidate]:
        for extender in self._handle.extenders:
            if not extender.preempts or not extender.interested(pod) or not candidates:
                continue
            known = {victim.uid: victim for candidate in candidates for victim in candidate.victims}
            try:
                told = {candidate.node: (candidate.victims, candidate.violations) for candidate in candidates}
                answer = await extender.preempt(pod, told)
            except (OSError, ValueError, SchedulingError):
                if extender.ignorable:
                    continue
                raise
            candidates = [
                Candidate(node, [known[uid] for uid in uids if uid in known], violations)
                for node, (uids, violations) in answer.items()
            ]
        return [candidate for candidate in candidates if candidate.victims]

    # ------------------------------------------------------------ how

    def _prepare(self, pod: PodInfo, best: Candidate) -> None:
        if steps.listening:
            story.preempted(pod, best.victims, best.node)
        self._handle.metrics.preemption_victims.observe(len(best.victims))
        victims = [victim for victim in best.victims if not victim.terminating]
        if victims:
            self._preempting.add(pod.uid)
            self._handle.spawn(self._evict_all(pod, victims, best.node), "preemption")

    async def _evict_all(self, pod: PodInfo, victims: list[PodInfo], node: str) -> None:
        failed = True
        try:
            for other in self._handle.nominator.below(node, pod):
                self._handle.nominator.remove(other.uid)  # it will have to look for another place
                if other.nominated_node:
                    await write_status(self._handle.client, other, {"nominatedNodeName": None})
            await asyncio.gather(*(self._evict(pod, victim, node) for victim in victims))
            failed = False
        except (ApiError, OSError) as problem:
            log.warning("preemption for pod %s on node %s: %s", pod.key, node, problem)
        finally:
            self._preempting.discard(pod.uid)
            self._handle.ungate(pod.uid, self.name, failed)

    async def _evict(self, pod: PodInfo, victim: PodInfo, node: str) -> None:
        held = self._handle.waiting.get(victim.uid)
        if held is not None:
            held.reject(self.name, "preempted")
        else:
            client = self._handle.client
            condition = {
                "type": "DisruptionTarget",
                "status": "True",
                "reason": "PreemptionByScheduler",
                "message": f"{pod.scheduler_name}: preempting to accommodate a higher priority pod",
                "lastProbeTime": None,
                "lastTransitionTime": clock.rfc3339(),
            }
            if generation := victim.obj["metadata"].get("generation"):
                condition["observedGeneration"] = generation
            body = {"metadata": {"uid": victim.uid}, "status": {"conditions": [condition]}}
            try:
                await client.patch(
                    PODS, victim.name, body, victim.namespace, kind=STRATEGIC_PATCH, subresource="status"
                )
                await client.delete(PODS, victim.name, victim.namespace)
            except ApiError as problem:
                if not problem.not_found:
                    raise
                return
        note = f"Preempted by pod {pod.uid} on node {node}"
        name = self._handle.profile.name
        self._handle.recorder.event(victim.obj, "Normal", "Preempted", "Preempting", note, name, related=pod.obj)


def _leaving(pod: PodInfo) -> bool:
    """On its way out because of a preemption."""
    if not pod.terminating:
        return False
    conditions = pod.status.get("conditions") or ()
    target: dict[str, Any] = next((c for c in conditions if c["type"] == "DisruptionTarget"), {})
    return target.get("status") == "True" and target.get("reason") == "PreemptionByScheduler"
