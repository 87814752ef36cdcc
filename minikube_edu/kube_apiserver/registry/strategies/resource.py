"""Dynamic resource allocation: claims have no generation, classes and slices have."""

from __future__ import annotations

from minikube_edu.kube_apiserver.registry.strategy import Object, Strategy


class Claim(Strategy):
    generation = False
    returns_deleted = True


class Template(Strategy):
    generation = False
    returns_deleted = True
    reset_fields = ()


class WithGeneration(Strategy):
    generation = True
    returns_deleted = True
    reset_fields = ()


class Slice(WithGeneration):
    field_labels = ("spec.nodeName", "spec.driver")

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        return {"spec.nodeName": obj["spec"].get("nodeName") or "", "spec.driver": obj["spec"]["driver"]}


STRATEGIES: dict[str, type[Strategy]] = {
    "ResourceClaim": Claim,
    "ResourceClaimTemplate": Template,
    "DeviceClass": WithGeneration,
    "ResourceSlice": Slice,
}
