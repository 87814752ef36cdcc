"""persistentvolume-expander-controller: claims that ask for more than they have.

A claim whose class allows it may be made larger. Volumes of `minikube-edu.io/host-path` are directories: they grow by
being called larger, without the nodes' help. All others are for whoever made them, which an event says.
"""

from __future__ import annotations

from minikube_edu.api import quantity
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.host_path_provisioner import NAME
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.matching import annotation, asked, size
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.volumes import PROVISIONED_BY
from minikube_edu.kube_controller_manager.kinds import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES

ELSEWHERE = "waiting for an external controller to expand this PVC"


class VolumeExpander(Controller):
    name = "persistentvolume-expander-controller"
    workers = 2

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.claims = self.watch(PERSISTENT_VOLUME_CLAIMS, wants_more)
        self.volumes = self.informer(PERSISTENT_VOLUMES)
        self.recorder = environment.recorder("volume_expand")

    async def reconcile(self, key: str) -> None:
        claim = self.claims.index.get(key)
        if claim is None or not wants_more(claim):
            return
        volume = self.volumes.index.get(claim["spec"]["volumeName"])
        if volume is None:
            return
        name = volume["metadata"]["name"]
        if annotation(volume, PROVISIONED_BY) != NAME:
            self.recorder.event(claim, "Normal", "ExternalExpanding", ELSEWHERE)
            return
        wanted = claim["spec"]["resources"]["requests"]["storage"]
        if size(volume) < asked(claim):
            self.recorder.event(claim, "Normal", "Resizing", f"External resizer is resizing volume {name}")
            await self.client.patch(PERSISTENT_VOLUMES, name, {"spec": {"capacity": {"storage": wanted}}})
        status = {**claim["status"], "capacity": {**claim["status"].get("capacity", {}), "storage": wanted}}
        status.pop("conditions", None)
        await self.client.update(PERSISTENT_VOLUME_CLAIMS, {**claim, "status": status}, subresource="status")
        self.recorder.event(claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded")


def wants_more(claim: Object) -> bool:
    status = claim.get("status", {})
    if status.get("phase") != "Bound" or not claim["spec"].get("volumeName"):
        return False
    return bool(quantity.parse(status.get("capacity", {}).get("storage", "0")) < asked(claim))


CONTROLLER = VolumeExpander
