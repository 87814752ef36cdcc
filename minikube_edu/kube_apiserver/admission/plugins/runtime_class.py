"""RuntimeClass: the overhead and the scheduling rules of a pod's runtime become the pod's own."""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_apiserver.admission.chain import CREATE, Attributes, Plugin

Object = dict[str, Any]


class RuntimeClass(Plugin):
    name = "RuntimeClass"
    operations = (CREATE,)
    resources = (("", "pods"),)

    def handles(self, attributes: Attributes) -> bool:
        return super().handles(attributes) and not attributes.context.subresource

    def find(self, attributes: Attributes, spec: Object) -> Object | None:
        name = spec.get("runtimeClassName")
        if not name:
            return None
        found = self.registry.get_object("node.k8s.io", "runtimeclasses", "", name)
        if found is None:
            raise attributes.forbidden(f'pod rejected: RuntimeClass "{name}" not found')
        return found

    def admit(self, attributes: Attributes) -> None:
        assert attributes.obj is not None
        spec = attributes.obj["spec"]
        found = self.find(attributes, spec)
        if found is None:
            return
        overhead = found.get("overhead", {}).get("podFixed")
        if overhead:
            if spec.get("overhead") and spec["overhead"] != overhead:
                raise attributes.forbidden("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
            spec["overhead"] = dict(overhead)
        scheduling = found.get("scheduling")
        if scheduling:
            _merge(attributes, spec, scheduling)

    def validate(self, attributes: Attributes) -> None:
        assert attributes.obj is not None
        spec = attributes.obj["spec"]
        found = self.find(attributes, spec)
        overhead = (found or {}).get("overhead", {}).get("podFixed")
        if spec.get("overhead") and not overhead:
            if found is None:
                raise attributes.forbidden(
                    "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
                )
            raise attributes.forbidden(
                "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
            )


def _merge(attributes: Attributes, spec: Object, scheduling: Object) -> None:
    selector = dict(spec.get("nodeSelector", {}))
    for key, value in scheduling.get("nodeSelector", {}).items():
        if selector.get(key, value) != value:
            raise attributes.forbidden(
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {selector[key]}"
            )
        selector[key] = value
    if selector:
        spec["nodeSelector"] = selector
    tolerations = list(spec.get("tolerations", []))
    tolerations += [dict(one) for one in scheduling.get("tolerations", []) if one not in tolerations]
    if tolerations:
        spec["tolerations"] = tolerations


PLUGIN = RuntimeClass
