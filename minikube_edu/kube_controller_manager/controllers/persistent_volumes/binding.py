"""The writes that bind and part claims and volumes. Each is a step of its own: a crash between two of them leaves
something that the next look completes."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.events import EventRecorder, reference
from minikube_edu.client.informer import Informer
from minikube_edu.client.rest import Client, Resource
from minikube_edu.kube_controller_manager.controller import Object
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.matching import is_bound_to
from minikube_edu.kube_controller_manager.kinds import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from minikube_edu.lib.jsonpatch import copy_json

BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"


class Binding:
    """What is written is in the index at once: the next claim must not choose the same volume."""

    def __init__(self, client: Client, claims: Informer, volumes: Informer, recorder: EventRecorder) -> None:
        self.client, self.claims, self.volumes, self.recorder = client, claims, volumes, recorder

    def tell(self, obj: Object, type: str, reason: str, message: str) -> None:
        self.recorder.event(obj, type, reason, message)

    async def bind(self, volume: Object, claim: Object) -> None:
        volume = await self.volume_to_claim(volume, claim)
        volume = await self.volume_phase(volume, "Bound")
        claim = await self.claim_to_volume(claim, volume)
        await self.claim_status(claim, "Bound", volume)

    async def volume_to_claim(self, volume: Object, claim: Object) -> Object:
        ref = volume["spec"].get("claimRef") or {}
        if ref.get("uid") == claim["metadata"]["uid"]:
            return volume
        made = copy_json(volume)
        if not is_bound_to(volume, claim):
            made["metadata"].setdefault("annotations", {})[BOUND_BY_CONTROLLER] = "yes"
        made["spec"]["claimRef"] = reference({**claim, "kind": "PersistentVolumeClaim", "apiVersion": "v1"})
        return await self._write(PERSISTENT_VOLUMES, made, self.volumes)

    async def claim_to_volume(self, claim: Object, volume: Object) -> Object:
        made = copy_json(claim)
        annotations = made["metadata"].setdefault("annotations", {})
        if made["spec"].get("volumeName") != volume["metadata"]["name"]:
            made["spec"]["volumeName"] = volume["metadata"]["name"]
            annotations[BOUND_BY_CONTROLLER] = "yes"
        annotations[BIND_COMPLETED] = "yes"
        return claim if made == claim else await self._write(PERSISTENT_VOLUME_CLAIMS, made, self.claims)

    async def claim_status(self, claim: Object, phase: str, volume: Object | None = None) -> Object:
        """A pending claim has no size; a bound one has its volume's, and keeps it when that grows: that is told by
        whoever resizes."""
        status: dict[str, Any] = copy_json(claim.get("status", {}))
        if volume is None:
            for name in ("accessModes", "capacity"):
                status.pop(name, None)
        else:
            status["accessModes"] = volume["spec"]["accessModes"]
            if status.get("phase") != "Bound" or "capacity" not in status:
                status["capacity"] = volume["spec"]["capacity"]
            if volume["spec"].get("volumeAttributesClassName"):
                status.setdefault("currentVolumeAttributesClassName", volume["spec"]["volumeAttributesClassName"])
        status["phase"] = phase
        if status == claim.get("status"):
            return claim
        return await self._write(PERSISTENT_VOLUME_CLAIMS, {**claim, "status": status}, self.claims, "status")

    async def claim_lost(self, claim: Object, reason: str, message: str) -> None:
        if claim.get("status", {}).get("phase") != "Lost":
            await self.claim_status(claim, "Lost")
            self.tell(claim, "Warning", reason, message)

    async def volume_phase(self, volume: Object, phase: str, message: str = "") -> Object:
        status = volume.get("status", {})
        if status.get("phase") == phase and status.get("message", "") == message:
            return volume
        wanted = {k: v for k, v in status.items() if k not in ("message", "reason")} | {"phase": phase}
        if message:
            wanted["message"] = message
        return await self._write(PERSISTENT_VOLUMES, {**volume, "status": wanted}, self.volumes, "status")

    async def part(self, volume: Object) -> None:
        """The volume is nobody's again; a name that its user wrote stays."""
        made = copy_json(volume)
        annotations = made["metadata"].get("annotations", {})
        if annotations.pop(BOUND_BY_CONTROLLER, None) is not None:
            del made["spec"]["claimRef"]
        else:
            made["spec"]["claimRef"].pop("uid", None)
        made = await self._write(PERSISTENT_VOLUMES, made, self.volumes)
        await self.volume_phase(made, "Available")

    async def annotate_claim(self, claim: Object, annotations: dict[str, str]) -> Object:
        made = copy_json(claim)
        made["metadata"].setdefault("annotations", {}).update(annotations)
        return await self._write(PERSISTENT_VOLUME_CLAIMS, made, self.claims)

    async def set_class(self, claim: Object, name: str) -> Object:
        made = copy_json(claim)
        made["spec"]["storageClassName"] = name
        return await self._write(PERSISTENT_VOLUME_CLAIMS, made, self.claims)

    async def _write(self, resource: Resource, obj: Object, informer: Informer, subresource: str = "") -> Object:
        written = await self.client.update(resource, obj, subresource=subresource)
        informer.index.put(written)
        return written
