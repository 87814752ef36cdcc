"""DynamicResources: pods with `spec.resourceClaims` wait for their ResourceClaims to be there and allocated.

The real one allocates devices of ResourceSlices to claims itself. This one does not: claims that something else has
allocated are honoured (the pod goes where the allocation allows, and is put in `reservedFor` before it is bound),
others make the pod wait. Its PostFilter is always asked first, which is why messages say "no new claims to deallocate",
or "not found" when an earlier plugin's PreFilter rejected the pod before this one had looked at it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kube_scheduler.cluster_events import NODE, RESOURCE_CLAIM, TARGET_POD, Action, Interest
from minikube_edu.kube_scheduler.diagnosis import Diagnosis
from minikube_edu.kube_scheduler.framework import (
    SKIP,
    Cycle,
    Nomination,
    Plugin,
    Status,
    error,
    unresolvable,
    unschedulable,
)
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.kinds import RESOURCE_CLAIMS
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.node_selector import Terms
from minikube_edu.kube_scheduler.pod import PodInfo

Object = dict[str, Any]

UNALLOCATED = unresolvable("DynamicResources", "cannot allocate all claims")
ELSEWHERE = unresolvable("DynamicResources", "resourceclaim not available on the node")


class DynamicResources(Plugin):
    name = "DynamicResources"

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        self._handle = handle
        self._claims = handle.index(RESOURCE_CLAIMS)

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        for reference, name in self._names(pod):
            if not name:
                text = f'pod "{pod.key}": waiting for resource claim {reference} to be created'
                return unresolvable(self.name, text)
            if self._claims.find(name, pod.namespace) is None:
                return unresolvable(self.name, f'resourceclaim.resource.k8s.io "{name}" not found')
        return None

    def pre_filter(self, cycle: Cycle, pod: PodInfo) -> Status | None:
        claims = [self._claims.find(name, pod.namespace) for _, name in self._names(pod)]
        cycle.facts[self.name] = claims
        if not claims:
            return SKIP
        for claim in claims:
            if claim is None:
                return unresolvable(self.name, "resourceclaim not found")
            if "deletionTimestamp" in claim["metadata"]:
                return unresolvable(self.name, f'resourceclaim "{claim["metadata"]["name"]}" is being deleted')
        return None

    def filter(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        for claim in cycle.facts[self.name]:
            allocation = (claim.get("status") or {}).get("allocation")
            if allocation is None:
                return UNALLOCATED
            selector = allocation.get("nodeSelector")
            if selector and not Terms(selector["nodeSelectorTerms"]).matches(node.name, node.labels):
                return ELSEWHERE
        return None

    async def post_filter(self, cycle: Cycle, pod: PodInfo, diagnosis: Diagnosis) -> Nomination:
        if self.name not in cycle.facts:
            return Nomination(None, error(self.name, "not found"))
        return Nomination(None, unschedulable(self.name, "no new claims to deallocate"))

    def will_pre_bind(self, cycle: Cycle, pod: PodInfo, node: str) -> bool:
        return bool(cycle.facts.get(self.name))

    async def pre_bind(self, cycle: Cycle, pod: PodInfo, node: str) -> Status | None:
        consumer = {"resource": "pods", "name": pod.name, "uid": pod.uid}
        for claim in cycle.facts[self.name]:
            status = claim.get("status") or {}
            reserved = status.get("reservedFor") or []
            if any(one.get("uid") == pod.uid for one in reserved):
                continue
            body = {**claim, "status": {**status, "reservedFor": [*reserved, consumer]}}
            try:
                await self._handle.client.update(RESOURCE_CLAIMS, body, subresource="status")
            except (ApiError, OSError) as problem:
                return error(self.name, f"reserve claim: {problem}")
        return None

    def events(self) -> Sequence[Interest]:
        return (
            Interest(RESOURCE_CLAIM, Action.ADD | Action.UPDATE, self._of_pod),
            Interest(TARGET_POD, Action.UPDATE_OTHER, lambda pod, before, now: bool(pod.uid == now.uid)),
            Interest(NODE, Action.ADD | Action.UPDATE_NODE_LABEL),
        )

    def _of_pod(self, pod: PodInfo, before: Object | None, now: Object) -> bool:
        name = now["metadata"]["name"]
        return now["metadata"]["namespace"] == pod.namespace and any(name == own for _, own in self._names(pod))

    @staticmethod
    def _names(pod: PodInfo) -> Iterator[tuple[str, str]]:
        """(name within the pod, name of the claim, "" while there is none)."""
        made = {s["name"]: s.get("resourceClaimName") for s in pod.status.get("resourceClaimStatuses") or ()}
        for reference in pod.spec.get("resourceClaims") or ():
            name = reference["name"]
            if reference.get("resourceClaimName"):
                yield name, reference["resourceClaimName"]
            elif name in made and made[name] is None:
                continue  # the pod needs none
            else:
                yield name, made.get(name) or ""
