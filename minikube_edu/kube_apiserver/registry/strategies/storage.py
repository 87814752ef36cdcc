"""Strategies of storage.k8s.io: what drivers write may not be overwritten blindly."""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategies.networking import StatusAloneStrategy
from minikube_edu.kube_apiserver.registry.strategy import Strategy, null_when_empty

Object = dict[str, Any]

ALPHA_FIELD = "preventPodSchedulingIfMissing"


class ReturnedStrategy(Strategy):
    """DELETE answers with the object."""

    returns_deleted = True


class CSINodeStrategy(ReturnedStrategy):
    allow_unconditional_update = False

    def canonicalize(self, new: Object) -> None:
        null_when_empty(new["spec"], "drivers")
        for driver in new["spec"].get("drivers") or ():
            null_when_empty(driver, "topologyKeys")


class CSIStorageCapacityStrategy(Strategy):
    allow_unconditional_update = False


class CSIDriverStrategy(ReturnedStrategy):
    """It has a generation from its first change on."""

    allow_unconditional_update = False
    generation = False

    def prepare_create(self, new: Object, context: Context) -> None:
        super().prepare_create(new, context)
        new["spec"].pop(ALPHA_FIELD, None)

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_update(new, old, context)
        if ALPHA_FIELD not in old["spec"]:
            new["spec"].pop(ALPHA_FIELD, None)
        self.count_generation(new, old)


class VolumeAttachmentStrategy(StatusAloneStrategy):
    allow_unconditional_update = False
    returns_deleted = True


STRATEGIES: dict[str, type[Strategy]] = {
    "CSIDriver": CSIDriverStrategy,
    "CSINode": CSINodeStrategy,
    "CSIStorageCapacity": CSIStorageCapacityStrategy,
    "StorageClass": ReturnedStrategy,
    "VolumeAttachment": VolumeAttachmentStrategy,
    "VolumeAttributesClass": ReturnedStrategy,
}
