"""The claims of a StatefulSet's pods: made before the pod, kept after it, unless the retention policy says otherwise.

A claim that is to go with its pod is owned by the pod once the pod is surplus; one that is to go with the set is owned
by the set: the garbage collector does the rest.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.events import EventRecorder
from minikube_edu.client.index import Index
from minikube_edu.client.rest import Client
from minikube_edu.kube_controller_manager.controllers.stateful_set import members
from minikube_edu.kube_controller_manager.kinds import PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS
from minikube_edu.kube_controller_manager.ownership import reference_to

Object = dict[str, Any]


class Claims:
    def __init__(self, client: Client, index: Index, recorder: EventRecorder) -> None:
        self.client, self.index, self.recorder = client, index, recorder

    def of(self, stateful_set: Object, number: int) -> list[Object]:
        """As they ought to be made."""
        spec = stateful_set["spec"]
        made = []
        for template in spec.get("volumeClaimTemplates") or ():
            metadata = {
                **template["metadata"],
                "name": members.claim_name(stateful_set, template, number),
                "namespace": stateful_set["metadata"]["namespace"],
                "labels": {
                    **(template["metadata"].get("labels") or {}),
                    **(spec["selector"].get("matchLabels") or {}),
                },
            }
            claim = {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": metadata,
                "spec": template["spec"],
            }
            if claims_go_with_the_set(stateful_set):
                metadata["ownerReferences"] = [reference_to(stateful_set, STATEFUL_SETS)]
            made.append(claim)
        return made

    async def make(self, stateful_set: Object, number: int) -> None:
        """Those that are missing."""
        name, namespace = stateful_set["metadata"]["name"], stateful_set["metadata"]["namespace"]
        for claim in self.of(stateful_set, number):
            called = claim["metadata"]["name"]
            if self.index.find(called, namespace) is not None:
                continue
            what = f"Claim {called} Pod {name}-{number} in StatefulSet {name}"
            try:
                await self.client.create(PERSISTENT_VOLUME_CLAIMS, claim)
            except ApiError as error:
                if error.already_exists:
                    continue
                text = f"Create Claim {called} for Pod {name}-{number} in StatefulSet {name} failed error: {error}"
                self.recorder.event(stateful_set, "Warning", "FailedCreate", text)
                raise
            self.recorder.event(stateful_set, "Normal", "SuccessfulCreate", f"Create {what} success")

    def are_stale(self, stateful_set: Object, number: int) -> bool:
        """Still owned by an earlier pod of the same name: they are about to go, and the pod must wait for that."""
        name = f"{stateful_set['metadata']['name']}-{number}"
        return any(
            reference["kind"] == "Pod" and reference["name"] == name
            for claim in self._present(stateful_set, number)
            for reference in claim["metadata"].get("ownerReferences") or ()
        )

    async def own(self, stateful_set: Object, pod: Object) -> None:
        """Let each claim of the pod have the owner that the retention policy wants."""
        surplus = members.ordinal(pod) not in members.ordinals(stateful_set)
        for claim in self._present(stateful_set, members.ordinal(pod)):
            before = claim["metadata"].get("ownerReferences") or []
            others = [
                reference
                for reference in before
                if reference["uid"] not in (stateful_set["metadata"]["uid"], pod["metadata"]["uid"])
            ]
            wanted = list(others)
            if surplus and policy(stateful_set, "whenScaled") == "Delete":
                wanted.append(reference_to(pod, PODS))
            elif claims_go_with_the_set(stateful_set):
                wanted.append(reference_to(stateful_set, STATEFUL_SETS))
            if {one["uid"] for one in wanted} != {one["uid"] for one in before}:
                metadata = {**claim["metadata"], "ownerReferences": wanted}
                await self.client.update(PERSISTENT_VOLUME_CLAIMS, {**claim, "metadata": metadata})

    def _present(self, stateful_set: Object, number: int) -> list[Object]:
        namespace = stateful_set["metadata"]["namespace"]
        names = (
            members.claim_name(stateful_set, template, number)
            for template in stateful_set["spec"].get("volumeClaimTemplates") or ()
        )
        found = (self.index.find(name, namespace) for name in names)
        return [claim for claim in found if claim is not None]


def policy(stateful_set: Object, when: str) -> str:
    return str((stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}).get(when) or "Retain")


def claims_go_with_the_set(stateful_set: Object) -> bool:
    return policy(stateful_set, "whenDeleted") == "Delete"
