"""VolumeBinding: the pod's claims must be bound, or become bound to volumes that the node can reach.

A claim whose storage class binds immediately must be bound before. One with WaitForFirstConsumer waits for this plugin:
for each node it looks for existing volumes that suit, and whether the rest could be provisioned there. When the node is
chosen, the decision is assumed (Reserve) and then written down (PreBind): a volume gets its claimRef, a claim the
annotation with the selected node; the volume controller and the provisioner do the rest, and the pod waits for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from minikube_edu.api import label_selectors, quantity
from minikube_edu.client.errors import ApiError
from minikube_edu.client.informer import Deleted
from minikube_edu.kube_scheduler import volumes
from minikube_edu.kube_scheduler.cluster_events import (
    CLAIM,
    CSI_CAPACITY,
    CSI_DRIVER,
    CSI_NODE,
    NODE,
    STORAGE_CLASS,
    VOLUME,
    Action,
    Interest,
)
from minikube_edu.kube_scheduler.framework import SKIP, Code, Cycle, Plugin, Status, error, unresolvable
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.kinds import (
    CSI_DRIVERS,
    CSI_STORAGE_CAPACITIES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
)
from minikube_edu.kube_scheduler.node import Node, claims_of
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.kube_scheduler.volume_matching import matching
from minikube_edu.kube_scheduler.volumes import Volumes, claims_in

Object = dict[str, Any]

CONFLICT = "node(s) had volume node affinity conflict"
NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind"
NO_SPACE = "node(s) did not have enough free storage"
VOLUME_GONE = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"


class Plan(Struct):
    """What would be done for the pod on one node."""

    bindings: list[tuple[Object, Object]] = field(default_factory=list)  # (claim, volume)
    provisions: list[Object] = field(default_factory=list)  # claims


class Needs(Struct):
    bound: list[Object] = field(default_factory=list)
    waiting: list[Object] = field(default_factory=list)
    plans: dict[str, Plan] = field(default_factory=dict)  # by node


class VolumeBinding(Plugin):
    name = "VolumeBinding"

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        self._handle = handle
        self._volumes = Volumes(handle)
        self._drivers = handle.index(CSI_DRIVERS)
        self._capacities = handle.index(CSI_STORAGE_CAPACITIES)
        self._timeout = float(arguments.get("bindTimeoutSeconds") or 600)
        self._news = asyncio.Event()  # a claim or volume has changed
        for resource in (PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES):
            handle.informer(resource).add_handler(self._changed, lambda _, now: self._changed(now), self._changed)

    # ------------------------------------------------------------ where

    def pre_filter(self, cycle: Cycle, pod: PodInfo) -> Status | None:
        needs = Needs()
        immediate = False
        for name, ephemeral in claims_in(pod):
            claim = self._volumes.claim(pod.namespace, name)
            problem = self._problem(pod, claim, name, ephemeral)
            if claim is None or problem:
                return unresolvable(self.name, problem)
            if volumes.fully_bound(claim):
                needs.bound.append(claim)
            elif self._volumes.waits_for_consumer(claim) and not claim["spec"].get("volumeName"):
                needs.waiting.append(claim)
            else:
                immediate = True
        if immediate:
            return unresolvable(self.name, "pod has unbound immediate PersistentVolumeClaims")
        if not needs.bound and not needs.waiting:
            return SKIP
        cycle.facts[self.name] = needs
        return None

    def filter(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        needs: Needs = cycle.facts[self.name]
        reasons: list[str] = []
        for claim in needs.bound:
            volume = self._volumes.volumes.get(claim["spec"]["volumeName"])
            if volume is None:
                reasons.append(VOLUME_GONE)
                break
            if not volumes.reaches(volume, node.name, node.labels):
                reasons.append(CONFLICT)
                break
        if needs.waiting:
            plan, problem = self._plan(needs.waiting, node)
            needs.plans[node.name] = plan
            if problem:
                reasons.append(problem)
        return Status(Code.UNRESOLVABLE, tuple(reasons), self.name) if reasons else None

    @staticmethod
    def _problem(pod: PodInfo, claim: Object | None, name: str, ephemeral: bool) -> str:
        if claim is None:
            if ephemeral:
                return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
            return f'persistentvolumeclaim "{name}" not found'
        if (claim.get("status") or {}).get("phase") == "Lost":
            volume = claim["spec"].get("volumeName") or ""
            return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"'
        if "deletionTimestamp" in claim["metadata"]:
            return f'persistentvolumeclaim "{name}" is being deleted'
        if ephemeral and not volumes.owned_by(pod, claim):
            return f"PVC {pod.namespace}/{name} was not created for pod {pod.key} (pod is not owner)"
        return ""

    def _plan(self, claims: list[Object], node: Node) -> tuple[Plan, str]:
        plan = Plan()
        taken: dict[str, Object] = {}
        to_provision: list[Object] = []
        known: list[Object] | None = None
        for claim in sorted(claims, key=volumes.requested):
            selected = (claim["metadata"].get("annotations") or {}).get(volumes.SELECTED_NODE)
            if selected:
                if selected != node.name:
                    return plan, NOTHING_TO_BIND
                to_provision.append(claim)
                continue
            if known is None:
                known = self._volumes.volumes.list()
            volume = matching(claim, known, node, taken)
            if volume is None:
                to_provision.append(claim)
            else:
                taken[volume["metadata"]["name"]] = volume
                plan.bindings.append((claim, volume))
        for claim in to_provision:
            problem = self._not_provisionable(claim, node)
            if problem:
                return plan, problem
            plan.provisions.append(claim)
        return plan, ""

    def _not_provisionable(self, claim: Object, node: Node) -> str:
        storage_class = self._volumes.storage_class(claim)
        if storage_class is None or storage_class.get("provisioner") in (None, "", volumes.NO_PROVISIONER):
            return NOTHING_TO_BIND
        if not volumes.in_topology(storage_class.get("allowedTopologies"), node.labels):
            return NOTHING_TO_BIND
        return "" if self._enough_space(storage_class, claim, node) else NO_SPACE

    def _enough_space(self, storage_class: Object, claim: Object, node: Node) -> bool:
        """Only asked of drivers that publish their capacity."""
        driver = self._drivers.get(storage_class["provisioner"])
        if driver is None or not (driver.get("spec") or {}).get("storageCapacity"):
            return True
        wanted = volumes.requested(claim)
        for capacity in self._capacities.list():
            limit = _limit(capacity)
            if capacity["storageClassName"] != storage_class["metadata"]["name"] or limit is None or limit < wanted:
                continue
            topology = capacity.get("nodeTopology")
            if topology is not None and label_selectors.from_object(topology).matches(node.labels):
                return True
        return False

    # ------------------------------------------------------------ done

    def reserve(self, cycle: Cycle, pod: PodInfo, node: str) -> Status | None:
        plan = self._chosen(cycle, node)
        if plan is None:
            return None
        plan.bindings = [(claim, _bound_to(volume, claim)) for claim, volume in plan.bindings]
        plan.provisions = [_with_node(claim, node) for claim in plan.provisions]
        for _, volume in plan.bindings:
            self._volumes.volumes.assume(volume)
        for claim in plan.provisions:
            self._volumes.claims.assume(claim)
        return None

    def unreserve(self, cycle: Cycle, pod: PodInfo, node: str) -> None:
        plan = self._chosen(cycle, node)
        if plan is not None:
            for _, volume in plan.bindings:
                self._volumes.volumes.forget(volume["metadata"]["name"])
            for claim in plan.provisions:
                self._volumes.claims.forget(f"{pod.namespace}/{claim['metadata']['name']}")

    def will_pre_bind(self, cycle: Cycle, pod: PodInfo, node: str) -> bool:
        return self._chosen(cycle, node) is not None

    async def pre_bind(self, cycle: Cycle, pod: PodInfo, node: str) -> Status | None:
        plan = self._chosen(cycle, node)
        if plan is None:
            return None
        client = self._handle.client
        try:
            for _, volume in plan.bindings:
                await client.update(PERSISTENT_VOLUMES, volume)
            written = [await client.update(PERSISTENT_VOLUME_CLAIMS, claim) for claim in plan.provisions]
            async with asyncio.timeout(self._timeout):
                await self._until_bound(pod, [claim for claim, _ in plan.bindings], written, node)
        except TimeoutError:
            return error(self.name, "binding volumes: context deadline exceeded")
        except (ApiError, OSError, ValueError) as problem:
            return error(self.name, f"binding volumes: {problem}")
        return None

    async def _until_bound(self, pod: PodInfo, bindings: list[Object], provisions: list[Object], node: str) -> None:
        """Waits for what the volume controller does. ValueError when it has given up."""
        claims = self._handle.index(PERSISTENT_VOLUME_CLAIMS)
        while True:
            self._news.clear()
            bound = True
            for claim in (*bindings, *provisions):
                name = claim["metadata"]["name"]
                newest = claims.find(name, pod.namespace)
                if newest is None:
                    raise ValueError(f'failed to check binding: could not find pvc "{pod.namespace}/{name}"')
                if int(newest["metadata"]["resourceVersion"]) < int(claim["metadata"]["resourceVersion"]):
                    bound = False
                    continue
                selected = (newest["metadata"].get("annotations") or {}).get(volumes.SELECTED_NODE)
                if claim in provisions and selected != node:
                    raise ValueError(f'provisioning failed for PVC "{name}"')
                bound = bound and volumes.fully_bound(newest)
            if bound:
                return
            await self._news.wait()

    def _chosen(self, cycle: Cycle, node: str) -> Plan | None:
        needs: Needs | None = cycle.facts.get(self.name)
        return needs.plans.get(node) if needs is not None else None

    def _changed(self, _: Deleted) -> None:
        self._news.set()

    # ------------------------------------------------------------ what may help

    def events(self) -> Sequence[Interest]:
        return (
            Interest(STORAGE_CLASS, Action.ADD | Action.UPDATE, _class_helps),
            Interest(CLAIM, Action.ADD | Action.UPDATE, lambda pod, before, now: _key(now) in set(claims_of(pod))),
            Interest(VOLUME, Action.ADD | Action.UPDATE),
            Interest(NODE, Action.ADD | Action.UPDATE_NODE_LABEL),
            Interest(CSI_NODE, Action.ADD),
            Interest(CSI_DRIVER, Action.UPDATE),
            Interest(CSI_CAPACITY, Action.ADD | Action.UPDATE, _capacity_helps),
        )


def _class_helps(pod: PodInfo, before: Object | None, now: Object) -> bool:
    return before is None or before.get("allowedTopologies") != now.get("allowedTopologies")


def _capacity_helps(pod: PodInfo, before: Object | None, now: Object) -> bool:
    limit = _limit(now)
    known = _limit(before) if before is not None else None
    return before is None or (limit is not None and (known is None or limit > known))


def _limit(capacity: Object) -> int | None:
    """The largest volume that can be made."""
    text = capacity.get("maximumVolumeSize") or capacity.get("capacity")
    return quantity.parse(str(text)).value() if text is not None else None


def _bound_to(volume: Object, claim: Object) -> Object:
    """A copy of the volume, with the claim in its claimRef."""
    metadata, spec = volume["metadata"], volume["spec"]
    reference = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": claim["metadata"]["namespace"],
        "name": claim["metadata"]["name"],
        "uid": claim["metadata"]["uid"],
        "resourceVersion": claim["metadata"]["resourceVersion"],
    }
    annotations = metadata.get("annotations") or {}
    if spec.get("claimRef") is None:
        annotations = {**annotations, volumes.BOUND_BY_CONTROLLER: "yes"}
    return {
        **volume,
        "metadata": {**metadata, "annotations": annotations},
        "spec": {**spec, "claimRef": {**(spec.get("claimRef") or {}), **reference}},
    }


def _with_node(claim: Object, node: str) -> Object:
    metadata = claim["metadata"]
    annotations = {**(metadata.get("annotations") or {}), volumes.SELECTED_NODE: node}
    return {**claim, "metadata": {**metadata, "annotations": annotations}}


def _key(claim: Object) -> str:
    return f"{claim['metadata']['namespace']}/{claim['metadata']['name']}"
