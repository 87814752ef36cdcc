"""ephemeral-volume-controller: the claims of volumes that live and die with their pod.

For each `ephemeral` volume of a pod there is a claim `<pod>-<volume>`, made from the template in the pod and owned by
the pod, so that the garbage collector takes it along.
"""

from __future__ import annotations

from minikube_edu.client.errors import ApiError
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.kinds import PERSISTENT_VOLUME_CLAIMS, PODS


class EphemeralVolumeController(Controller):
    name = "ephemeral-volume-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.pods = self.watch(PODS, has_ephemeral)
        self.claims = self.informer(PERSISTENT_VOLUME_CLAIMS)
        self.claims.add_handler(deleted=lambda gone: self.wake_owner(gone if isinstance(gone, dict) else gone.object))
        self.recorder = environment.recorder("ephemeral_volume")

    def wake_owner(self, claim: Object) -> None:
        for owner in claim["metadata"].get("ownerReferences", []):
            if owner["kind"] == "Pod" and owner.get("controller"):
                self.queue.add(f"{claim['metadata']['namespace']}/{owner['name']}")

    async def reconcile(self, key: str) -> None:
        pod = self.pods.index.get(key)
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return
        for volume in pod["spec"].get("volumes", []):
            if "ephemeral" in volume:
                try:
                    await self.provide(pod, volume)
                except (ApiError, ValueError) as error:
                    self.recorder.event(pod, "Warning", "FailedBinding", f"ephemeral volume {volume['name']}: {error}")
                    if isinstance(error, ApiError):
                        raise

    async def provide(self, pod: Object, volume: Object) -> None:
        namespace, owner = pod["metadata"]["namespace"], pod["metadata"]["name"]
        name = f"{owner}-{volume['name']}"
        found = self.claims.index.find(name, namespace)
        if found is not None:
            if not any(ref["uid"] == pod["metadata"]["uid"] for ref in found["metadata"].get("ownerReferences", [])):
                why = f'PVC "{namespace}/{name}" was not created for pod "{namespace}/{owner}" (pod is not owner)'
                raise ValueError(why)
            return
        template = volume["ephemeral"]["volumeClaimTemplate"]
        described = template.get("metadata", {})
        metadata = {field: described[field] for field in ("labels", "annotations") if field in described}
        ref = {"apiVersion": "v1", "kind": "Pod", "name": owner, "uid": pod["metadata"]["uid"]}
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                **metadata,
                "name": name,
                "namespace": namespace,
                "ownerReferences": [{**ref, "controller": True, "blockOwnerDeletion": True}],
            },
            "spec": template["spec"],
        }
        self.claims.index.put(await self.client.create(PERSISTENT_VOLUME_CLAIMS, claim))


def has_ephemeral(pod: Object) -> bool:
    return any("ephemeral" in volume for volume in pod["spec"].get("volumes", []))


CONTROLLER = EphemeralVolumeController
