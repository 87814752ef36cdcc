"""A claim's side: find a volume, ask for one to be made, notice that the volume was lost."""

from __future__ import annotations

from minikube_edu.client.informer import Informer
from minikube_edu.kube_controller_manager.controller import Object
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.binding import (
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    Binding,
)
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.matching import (
    BETA_CLASS,
    SELECTED_NODE,
    annotation,
    best,
    class_of,
    default_class,
    is_bound_to,
    misfit,
)

PROVISIONER = "volume.kubernetes.io/storage-provisioner"
BETA_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner"
OWN = "kubernetes.io/"  # provisioners of this name were part of Kubernetes itself; none is left
WAITING = (
    "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system "
    "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly "
    "registered."
)


class Claims:
    def __init__(self, binding: Binding, classes: Informer, pods: Informer) -> None:
        self.binding, self.classes, self.pods = binding, classes, pods
        self.volumes = binding.volumes

    async def sync(self, claim: Object) -> None:
        if annotation(claim, BIND_COMPLETED):
            await self.sync_bound(claim)
        elif claim["spec"].get("volumeName"):
            await self.sync_prebound(claim)
        else:
            await self.sync_unbound(claim)

    async def sync_unbound(self, claim: Object) -> None:
        delayed = self.waits_for_consumer(claim)
        volume = best(claim, self.volumes.index.list(), delayed)
        if volume is not None:
            await self.binding.bind(volume, claim)
            return
        if await self.gets_default_class(claim):
            return
        if delayed:
            self.tell_waiting(claim)
        elif class_of(claim):
            claim = await self.ask_provisioner(claim)
        else:
            message = "no persistent volumes available for this claim and no storage class is set"
            self.binding.tell(claim, "Normal", "FailedBinding", message)
        await self.binding.claim_status(claim, "Pending")

    async def sync_prebound(self, claim: Object) -> None:
        name = claim["spec"]["volumeName"]
        volume = self.volumes.index.get(name)
        if volume is None:
            await self.binding.claim_status(claim, "Pending")
        elif is_bound_to(volume, claim):
            await self.binding.bind(volume, claim)
        elif not volume["spec"].get("claimRef"):
            why = misfit(volume, claim)
            if not why:
                await self.binding.bind(volume, claim)
                return
            self.binding.tell(claim, "Warning", "VolumeMismatch", f'Cannot bind to requested volume "{name}": {why}')
            await self.binding.claim_status(claim, "Pending")
        elif not annotation(claim, BOUND_BY_CONTROLLER):
            message = f'volume "{name}" already bound to a different claim.'
            self.binding.tell(claim, "Warning", "FailedBinding", message)
            await self.binding.claim_status(claim, "Pending")

    async def sync_bound(self, claim: Object) -> None:
        name = claim["spec"].get("volumeName", "")
        volume = self.volumes.index.get(name) if name else None
        if volume is None:
            what = "its PersistentVolume" if name else "reference to PersistentVolume"
            await self.binding.claim_lost(
                claim, "ClaimLost", f"Bound claim has lost {what}. Data on the volume is lost!"
            )
            return
        ref = volume["spec"].get("claimRef")
        if ref and ref.get("uid") not in (None, "", claim["metadata"]["uid"]):
            message = "Two claims are bound to the same volume, this one is bound incorrectly"
            await self.binding.claim_lost(claim, "ClaimMisbound", message)
            return
        await self.binding.bind(volume, claim)

    # ------------------------------------------------------------ a volume that is still to be made

    def waits_for_consumer(self, claim: Object) -> bool:
        """Binding is for the scheduler to decide: the class says so, and no node has been chosen yet."""
        if annotation(claim, SELECTED_NODE):
            return False
        found = self.classes.index.get(class_of(claim)) if class_of(claim) else None
        return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"

    async def gets_default_class(self, claim: Object) -> bool:
        """Claims made before there was a default class get it when there is one. An empty name means: none, ever."""
        if "storageClassName" in claim["spec"] or BETA_CLASS in claim["metadata"].get("annotations", {}):
            return False
        found = default_class(self.classes.index.list())
        if found is None:
            return False
        await self.binding.set_class(claim, found["metadata"]["name"])
        return True

    def tell_waiting(self, claim: Object) -> None:
        namespace, name = claim["metadata"]["namespace"], claim["metadata"]["name"]
        users = [
            pod["metadata"]["name"]
            for pod in self.pods.index.list(namespace)
            if not pod["spec"].get("nodeName") and name in claims_of(pod)
        ]
        if users:
            message = f"waiting for pod {','.join(sorted(users))} to be scheduled"
            self.binding.tell(claim, "Normal", "WaitForPodScheduled", message)
            return
        message = "waiting for first consumer to be created before binding"
        self.binding.tell(claim, "Normal", "WaitForFirstConsumer", message)

    async def ask_provisioner(self, claim: Object) -> Object:
        name = class_of(claim)
        found = self.classes.index.get(name)
        provisioner = found["provisioner"] if found else ""
        if found is None:
            why = f'storageclass.storage.k8s.io "{name}" not found'
        elif provisioner.startswith(OWN):
            why = f"no volume plugin matched name: {provisioner}"
        else:
            if annotation(claim, PROVISIONER) != provisioner:
                wanted = {PROVISIONER: provisioner, BETA_PROVISIONER: provisioner}
                claim = await self.binding.annotate_claim(claim, wanted)
            self.binding.tell(claim, "Normal", "ExternalProvisioning", WAITING.format(provisioner))
            return claim
        self.binding.tell(claim, "Warning", "ProvisioningFailed", why)
        return claim


def claims_of(pod: Object) -> set[str]:
    """The names of the claims that a pod uses, those of its ephemeral volumes included."""
    found = set()
    for volume in pod["spec"].get("volumes", []):
        if "persistentVolumeClaim" in volume:
            found.add(volume["persistentVolumeClaim"]["claimName"])
        elif "ephemeral" in volume:
            found.add(f"{pod['metadata']['name']}-{volume['name']}")
    return found
