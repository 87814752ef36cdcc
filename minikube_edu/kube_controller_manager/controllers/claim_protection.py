"""persistentvolumeclaim-protection-controller: a claim stays as long as a bound pod uses it."""

from __future__ import annotations

from minikube_edu.kube_controller_manager import pod_state
from minikube_edu.kube_controller_manager.controller import Environment, Object
from minikube_edu.kube_controller_manager.kinds import PERSISTENT_VOLUME_CLAIMS, PODS
from minikube_edu.kube_controller_manager.protection import Protection

BY_CLAIM = "claim"


class ClaimProtection(Protection):
    name = "persistentvolumeclaim-protection-controller"
    resource = PERSISTENT_VOLUME_CLAIMS
    finalizer = "kubernetes.io/pvc-protection"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.pods = self.watch_related(PODS, claims_of)
        self.pods.add_indexer(BY_CLAIM, claims_of)

    async def is_used(self, obj: Object) -> bool:
        """A pod that is not bound yet does not count: no kubelet starts it with a claim that is going. Asked of the
        server too, because the copy may not know the newest pod."""
        namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
        key = f"{namespace}/{name}"
        if any(holds(pod) for pod in self.pods.index.by(BY_CLAIM, key)):
            return True
        listed = await self.client.list_all(PODS, namespace)
        return any(key in claims_of(pod) and holds(pod) for pod in listed.get("items") or ())


def holds(pod: Object) -> bool:
    return bool(pod["spec"].get("nodeName")) and not pod_state.is_terminal(pod)


def claims_of(pod: Object) -> list[str]:
    """Keys of the claims that the pod names, or has of its own."""
    metadata, found = pod["metadata"], []
    for volume in pod["spec"].get("volumes") or ():
        claim = volume.get("persistentVolumeClaim")
        if claim is not None:
            found.append(f"{metadata['namespace']}/{claim['claimName']}")
        elif volume.get("ephemeral") is not None:
            found.append(f"{metadata['namespace']}/{metadata['name']}-{volume['name']}")
    return found


CONTROLLER = ClaimProtection
