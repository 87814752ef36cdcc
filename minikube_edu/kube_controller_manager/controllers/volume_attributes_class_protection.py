"""volumeattributesclass-protection-controller: a class stays as long as a claim or a volume names it."""

from __future__ import annotations

from minikube_edu.client.rest import Resource
from minikube_edu.kube_controller_manager.controller import Environment, Object
from minikube_edu.kube_controller_manager.kinds import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from minikube_edu.kube_controller_manager.protection import Protection

CLASSES = Resource("storage.k8s.io", "v1", "volumeattributesclasses", False, "VolumeAttributesClass")
BY_CLASS = "attributes class"


class VolumeAttributesClassProtection(Protection):
    name = "volumeattributesclass-protection-controller"
    resource = CLASSES
    finalizer = "kubernetes.io/vac-protection"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.claims = self.watch_related(PERSISTENT_VOLUME_CLAIMS, classes_of_claim)
        self.claims.add_indexer(BY_CLASS, classes_of_claim)
        self.volumes = self.watch_related(PERSISTENT_VOLUMES, classes_of_volume)
        self.volumes.add_indexer(BY_CLASS, classes_of_volume)

    async def is_used(self, obj: Object) -> bool:
        name = obj["metadata"]["name"]
        return bool(self.claims.index.by(BY_CLASS, name) or self.volumes.index.by(BY_CLASS, name))


def classes_of_claim(claim: Object) -> list[str]:
    """The one that it wants, the one that it has, the one that it is being changed to."""
    status = claim.get("status") or {}
    names = (
        claim["spec"].get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    )
    return [name for name in names if name]


def classes_of_volume(volume: Object) -> list[str]:
    name = volume["spec"].get("volumeAttributesClassName")
    return [name] if name else []


CONTROLLER = VolumeAttributesClassProtection
