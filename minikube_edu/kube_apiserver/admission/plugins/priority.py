"""Priority: a pod's class becomes its number; there is at most one default class, and the system's classes are the
system's."""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_apiserver.admission.chain import CREATE, DELETE, UPDATE, Attributes, Plugin

Object = dict[str, Any]

PREEMPT = "PreemptLowerPriority"


class Priority(Plugin):
    name = "Priority"
    operations = (CREATE, UPDATE, DELETE)
    resources = (("", "pods"), ("scheduling.k8s.io", "priorityclasses"))

    def admit(self, attributes: Attributes) -> None:
        if attributes.context.resource.name == "pods" and attributes.operation == CREATE and attributes.obj is not None:
            if not attributes.context.subresource:
                self.resolve(attributes, attributes.obj["spec"])
        elif (
            attributes.context.resource.name == "pods" and attributes.operation == UPDATE and attributes.obj is not None
        ):
            _keep(attributes.obj["spec"], (attributes.old or {}).get("spec", {}))

    def resolve(self, attributes: Attributes, spec: Object) -> None:
        name = spec.get("priorityClassName", "")
        if name:
            found = self.registry.get_object("scheduling.k8s.io", "priorityclasses", "", name)
            if found is None:
                raise attributes.forbidden(f"no PriorityClass with name {name} was found")
        else:
            found = self.default()
            name = found["metadata"]["name"] if found else ""
            if name:
                spec["priorityClassName"] = name
        value = found["value"] if found else 0
        policy = (found or {}).get("preemptionPolicy", PREEMPT)
        if "priority" in spec and spec["priority"] != value:
            raise attributes.forbidden(
                f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; priority "
                f"admission controller computed {value} from the given PriorityClass name"
            )
        if "preemptionPolicy" in spec and spec["preemptionPolicy"] != policy:
            raise attributes.forbidden(
                f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod spec; "
                f"priority admission controller computed {policy} from the given PriorityClass name"
            )
        spec["priority"], spec["preemptionPolicy"] = value, policy

    def default(self) -> Object | None:
        """The class for pods that name none: of several, the lowest."""
        classes = self.registry.list_objects("scheduling.k8s.io", "priorityclasses")
        marked = [one for one in classes if one.get("globalDefault")]
        return min(marked, key=lambda one: one["value"], default=None)

    def validate(self, attributes: Attributes) -> None:
        if attributes.context.resource.name != "priorityclasses":
            return
        if attributes.operation == DELETE:
            if attributes.name.startswith("system-"):
                raise attributes.forbidden("this is a system priority class and cannot be deleted")
            return
        if attributes.obj is None or not attributes.obj.get("globalDefault"):
            return
        default = self.default()
        if default is not None and default["metadata"]["name"] != attributes.obj["metadata"]["name"]:
            raise attributes.forbidden(
                f"PriorityClass {default['metadata']['name']} is already marked as default. Only one default can exist"
            )


def _keep(spec: Object, old: Object) -> None:
    """An update that leaves them out does not take them away."""
    for field in ("priority", "preemptionPolicy"):
        if field not in spec and field in old:
            spec[field] = old[field]


PLUGIN = Priority
