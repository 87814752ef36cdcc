"""PodTopologyLabels: a pod that gets a node gets the labels of the node's zone and region, to read them from inside."""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_apiserver.admission.chain import CREATE, Attributes, Plugin

Object = dict[str, Any]
LABELS = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


class PodTopologyLabels(Plugin):
    name = "PodTopologyLabels"
    operations = (CREATE,)
    resources = (("", "pods"),)

    def handles(self, attributes: Attributes) -> bool:
        return super().handles(attributes) and attributes.context.subresource in ("", "binding")

    def admit(self, attributes: Attributes) -> None:
        """Of a new pod with a node, or of a binding, whose labels the pod takes over."""
        obj = attributes.obj
        assert obj is not None
        if attributes.context.subresource:
            target = obj.get("target") or {}
            node = target.get("name", "") if target.get("kind") == "Node" else ""
        else:
            node = obj["spec"].get("nodeName", "")
        found = self.registry.get_object("", "nodes", "", node) if node else None
        labels = (found or {}).get("metadata", {}).get("labels") or {}
        copied = {key: labels[key] for key in LABELS if key in labels}
        if copied:
            obj["metadata"]["labels"] = {**copied, **(obj["metadata"].get("labels") or {})}


PLUGIN = PodTopologyLabels
