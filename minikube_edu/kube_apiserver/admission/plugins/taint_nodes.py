"""TaintNodesByCondition: a new node is tainted not-ready until its kubelet and the node controller say otherwise."""

from __future__ import annotations

from minikube_edu.kube_apiserver.admission.chain import CREATE, Attributes, Plugin

TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


class TaintNodesByCondition(Plugin):
    name = "TaintNodesByCondition"
    operations = (CREATE,)
    resources = (("", "nodes"),)

    def admit(self, attributes: Attributes) -> None:
        if attributes.context.subresource or attributes.obj is None:
            return
        spec = attributes.obj["spec"]
        taints = spec.get("taints", [])
        if not any(t.get("key") == TAINT["key"] and t.get("effect") == TAINT["effect"] for t in taints):
            spec["taints"] = [*taints, dict(TAINT)]


PLUGIN = TaintNodesByCondition
