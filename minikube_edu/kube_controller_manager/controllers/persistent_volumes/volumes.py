"""A volume's side: whose it is, and what becomes of it when its claim is gone.

Reclaiming: `Retain` keeps the volume and its data until somebody looks; `Delete` deletes both; `Recycle`, deprecated,
empties it for the next one. Volumes of an external provisioner are deleted by that; this controller can only delete
those of type hostPath below /tmp, as the real one. Data lies in the nodes, which empty a recycled directory themselves;
the real one sends a pod to do it.
"""

from __future__ import annotations

import re

from minikube_edu.client.errors import ApiError
from minikube_edu.kube_controller_manager.controller import Object
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.binding import BOUND_BY_CONTROLLER, Binding
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.matching import annotation, mode
from minikube_edu.kube_controller_manager.kinds import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES

PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
MIGRATED_TO = "pv.kubernetes.io/migrated-to"
OWN = "kubernetes.io/"


class Volumes:
    def __init__(self, binding: Binding) -> None:
        self.binding = binding

    async def sync(self, volume: Object) -> bool:
        """False when the claim has to be looked at."""
        ref = volume["spec"].get("claimRef")
        if not ref or not ref.get("uid"):
            await self.binding.volume_phase(volume, "Available")
            return not ref
        claim = await self.claim_of(ref)
        if claim is None:
            await self.release(volume)
            return True
        name = volume["metadata"]["name"]
        wanted = claim["spec"].get("volumeName", "")
        if not wanted:
            if mode(claim) != mode(volume):
                message = f'Cannot bind PersistentVolume "{name}" to requested PersistentVolumeClaim '
                message += f'"{claim["metadata"]["name"]}" due to incompatible volumeMode.'
                self.binding.tell(volume, "Warning", "VolumeMismatch", message)
            return False
        if wanted == name:
            await self.binding.volume_phase(volume, "Bound")
            return True
        await self.lost_to_another(volume)
        return True

    async def claim_of(self, ref: Object) -> Object | None:
        """From the server when the index does not know it: a volume must not be wiped because news are late."""
        key = f"{ref['namespace']}/{ref['name']}"
        claim = self.binding.claims.index.get(key)
        if claim is None or claim["metadata"]["uid"] != ref["uid"]:
            try:
                claim = await self.binding.client.get(PERSISTENT_VOLUME_CLAIMS, ref["name"], ref["namespace"])
            except ApiError as error:
                if not error.not_found:
                    raise
                return None
        return claim if claim["metadata"]["uid"] == ref["uid"] else None

    async def lost_to_another(self, volume: Object) -> None:
        """The claim took another volume: one that was made for it is not needed, any other is free again."""
        made_for_it = annotation(volume, PROVISIONED_BY) and annotation(volume, BOUND_BY_CONTROLLER)
        if made_for_it and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            await self.release(volume)
        else:
            await self.binding.part(volume)

    async def release(self, volume: Object) -> None:
        if volume.get("status", {}).get("phase") not in ("Released", "Failed"):
            volume = await self.binding.volume_phase(volume, "Released")
        policy = volume["spec"].get("persistentVolumeReclaimPolicy", "Retain")
        if annotation(volume, MIGRATED_TO) or "deletionTimestamp" in volume["metadata"]:
            return
        if policy == "Delete":
            await self.delete(volume)
        elif policy == "Recycle":
            await self.recycle(volume)

    async def delete(self, volume: Object) -> None:
        name = volume["metadata"]["name"]
        provisioner = annotation(volume, PROVISIONED_BY)
        if provisioner and not provisioner.startswith(OWN):
            return
        path = volume["spec"].get("hostPath", {}).get("path")
        if path is None:
            why = f'error getting deleter volume plugin for volume "{name}": no deletable volume plugin matched'
        elif not re.match(r"/tmp/.+", path):
            why = f"host_path deleter only supports /tmp/.+ but received provided {path}"
        else:
            await self.binding.client.delete(PERSISTENT_VOLUMES, name)
            return
        await self.fail(volume, "VolumeFailedDelete", why)

    async def recycle(self, volume: Object) -> None:
        if not {"hostPath", "nfs"} & volume["spec"].keys():
            await self.fail(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!")
            return
        self.binding.tell(volume, "Normal", "VolumeRecycled", "Volume recycled")
        await self.binding.part({**volume, "metadata": _ours(volume["metadata"])})

    async def fail(self, volume: Object, reason: str, why: str) -> None:
        if volume["status"].get("phase") != "Failed":
            await self.binding.volume_phase(volume, "Failed", why)
            self.binding.tell(volume, "Warning", reason, why)


def _ours(metadata: Object) -> Object:
    """Recycled volumes forget their claim, whoever wrote it."""
    return {**metadata, "annotations": {**metadata.get("annotations", {}), BOUND_BY_CONTROLLER: "yes"}}
