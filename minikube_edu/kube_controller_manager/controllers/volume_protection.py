"""persistentvolume-protection-controller: a volume stays as long as it is bound to a claim."""

from __future__ import annotations

from minikube_edu.kube_controller_manager.controller import Object
from minikube_edu.kube_controller_manager.kinds import PERSISTENT_VOLUMES
from minikube_edu.kube_controller_manager.protection import Protection


class VolumeProtection(Protection):
    name = "persistentvolume-protection-controller"
    resource = PERSISTENT_VOLUMES
    finalizer = "kubernetes.io/pv-protection"

    async def is_used(self, obj: Object) -> bool:
        return bool((obj.get("status") or {}).get("phase") == "Bound")


CONTROLLER = VolumeProtection
