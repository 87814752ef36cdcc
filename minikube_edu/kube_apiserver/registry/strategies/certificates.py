"""Certificate signing requests: they say who asked; only their status can change, each part by its own subresource."""

from __future__ import annotations

from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategy import Object, Strategy, keep
from minikube_edu.lib import clock


class CertificateSigningRequest(Strategy):
    generation = False
    reset_fields = ("spec", "status")
    field_labels = ("spec.signerName",)

    def prepare_create(self, new: Object, context: Context) -> None:
        """The signer must know who asks: nobody may say so for himself."""
        user, spec = context.user, new["spec"]
        said = {
            "username": user.name,
            "uid": user.uid,
            "groups": list(user.groups),
            "extra": {key: list(values) for key, values in user.extra.items()},
        }
        for field, value in said.items():
            if value:
                spec[field] = value
            else:
                spec.pop(field, None)
        new["status"] = {}

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        keep(new, old, "spec")
        if context.subresource == "approval":
            conditions = new.get("status", {}).get("conditions", [])
            new["status"] = {**old.get("status", {}), "conditions": conditions}
            _stamp(new, old)
            if not conditions:
                del new["status"]["conditions"]
        else:
            keep(new, old, "status")

    def prepare_status(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_status(new, old, context)
        _stamp(new, old)

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        return {"spec.signerName": obj["spec"]["signerName"]}


def _stamp(new: Object, old: Object) -> None:
    """Conditions get their times here: a client need not know what time it is."""
    before = {condition["type"]: condition for condition in old.get("status", {}).get("conditions", ())}
    for condition in new.get("status", {}).get("conditions", ()):
        if not condition.get("lastUpdateTime"):
            condition["lastUpdateTime"] = clock.rfc3339()
        if not condition.get("lastTransitionTime"):
            known = before.get(condition["type"], {})
            unchanged = known.get("status") == condition["status"] and known.get("lastTransitionTime")
            condition["lastTransitionTime"] = unchanged or clock.rfc3339()


STRATEGIES: dict[str, type[Strategy]] = {"CertificateSigningRequest": CertificateSigningRequest}
