"""LimitRanger: a namespace's limit ranges give containers their default requests and limits, and judge what is asked
for.

Defaults are added to containers (and recorded in an annotation, as the real one does); minimum, maximum and ratio are
checked for containers, pods and claims.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikube_edu.api import quantity
from minikube_edu.kube_apiserver.admission.chain import CREATE, UPDATE, Attributes, Plugin

Object = dict[str, Any]

NOTE = "kubernetes.io/limit-ranger"


class LimitRanger(Plugin):
    name = "LimitRanger"
    operations = (CREATE, UPDATE)
    resources = (("", "pods"), ("", "persistentvolumeclaims"))

    def handles(self, attributes: Attributes) -> bool:
        if not super().handles(attributes) or attributes.context.subresource not in ("", "resize"):
            return False
        # pods are immutable in this respect after creation, but for a resize
        pods = attributes.context.resource.name == "pods"
        return not pods or attributes.operation == CREATE or attributes.context.subresource == "resize"

    def limits(self, attributes: Attributes) -> Iterator[Object]:
        for one in self.registry.list_objects("", "limitranges", attributes.namespace):
            yield from one["spec"].get("limits") or []

    def admit(self, attributes: Attributes) -> None:
        if attributes.operation != CREATE or attributes.context.resource.name != "pods" or attributes.obj is None:
            return
        requests: Object = {}
        limits: Object = {}
        for one in self.limits(attributes):
            if one.get("type") == "Container":
                for name, value in one.get("defaultRequest", {}).items():
                    requests.setdefault(name, value)
                for name, value in one.get("default", {}).items():
                    limits.setdefault(name, value)
        if not requests and not limits:
            return
        notes = []
        spec = attributes.obj["spec"]
        for field, word in (("containers", "container"), ("initContainers", "init container")):
            for container in spec.get(field) or []:
                notes += _fill(container, requests, limits, word)
        if notes:
            annotations = attributes.obj["metadata"].setdefault("annotations", {})
            annotations[NOTE] = "LimitRanger plugin set: " + "; ".join(notes)

    def validate(self, attributes: Attributes) -> None:
        if attributes.obj is None:
            return
        errors: list[str] = []
        for one in self.limits(attributes):
            if attributes.context.resource.name == "pods":
                errors += judge_pod(one, attributes.obj["spec"])
            elif one.get("type") == "PersistentVolumeClaim":
                asked = attributes.obj["spec"].get("resources", {}).get("requests", {})
                errors += _judge(one, asked, {}, "PersistentVolumeClaim", requests_only=True)
        if errors:
            raise attributes.forbidden(errors[0] if len(errors) == 1 else "[" + ", ".join(errors) + "]")


def _fill(container: Object, requests: Object, limits: Object, word: str) -> list[str]:
    """Set what the container does not say; returns the notes."""
    notes = []
    resources = container.setdefault("resources", {})
    for field, defaults in (("limits", limits), ("requests", requests)):
        missing = sorted(name for name in defaults if name not in resources.get(field, {}))
        if missing:
            resources[field] = {**resources.get(field, {}), **{name: defaults[name] for name in missing}}
            notes.append((field, f"{', '.join(missing)} {field[:-1]} for {word} {container['name']}"))
    notes.sort(reverse=True)  # requests come first in the note
    return [text for _, text in notes]


def judge_pod(limit: Object, spec: Object) -> list[str]:
    if limit.get("type") == "Container":
        errors = []
        for field in ("containers", "initContainers"):
            for container in spec.get(field) or []:
                resources = container.get("resources", {})
                errors += _judge(limit, resources.get("requests", {}), resources.get("limits", {}), "Container")
        return errors
    if limit.get("type") == "Pod":
        return _judge(limit, pod_sum(spec, "requests"), pod_sum(spec, "limits"), "Pod")
    return []


def pod_sum(spec: Object, field: str) -> dict[str, str]:
    """What the whole pod asks for: the containers together, or the largest init container where that is more."""
    totals: dict[str, quantity.Quantity] = {}
    for container in spec.get("containers") or []:
        for name, text in container.get("resources", {}).get(field, {}).items():
            value = quantity.parse(text)
            totals[name] = totals[name].add(value) if name in totals else value
    for container in spec.get("initContainers") or []:
        for name, text in container.get("resources", {}).get(field, {}).items():
            value = quantity.parse(text)
            if name not in totals or totals[name] < value:
                totals[name] = value
    return {name: str(value) for name, value in totals.items()}


def _judge(limit: Object, requests: Object, limits: Object, kind: str, requests_only: bool = False) -> list[str]:
    errors = []
    for name, bound in sorted(limit.get("min", {}).items()):
        low = quantity.parse(bound)
        asked = requests.get(name)
        if asked is None:
            errors.append(f"minimum {name} usage per {kind} is {bound}.  No request is specified")
        elif quantity.parse(asked) < low:
            errors.append(f"minimum {name} usage per {kind} is {bound}, but request is {asked}")
        elif name in limits and quantity.parse(limits[name]) < low:
            errors.append(f"minimum {name} usage per {kind} is {bound}, but limit is {limits[name]}")
    for name, bound in sorted(limit.get("max", {}).items()):
        high = quantity.parse(bound)
        if requests_only:
            if name in requests and quantity.parse(requests[name]) > high:
                errors.append(f"maximum {name} usage per {kind} is {bound}, but request is {requests[name]}")
        elif name not in limits:
            errors.append(f"maximum {name} usage per {kind} is {bound}.  No limit is specified")
        elif quantity.parse(limits[name]) > high:
            errors.append(f"maximum {name} usage per {kind} is {bound}, but limit is {limits[name]}")
    for name, bound in sorted(limit.get("maxLimitRequestRatio", {}).items()):
        errors += _ratio(name, bound, requests.get(name), limits.get(name), kind)
    return errors


def _ratio(name: str, bound: str, request: str | None, top: str | None, kind: str) -> list[str]:
    start = f"{name} max limit to request ratio per {kind} is {bound}, but "
    if request is None or quantity.parse(request).milli_value() == 0:
        return [start + "no request is specified or request is 0"]
    if top is None or quantity.parse(top).milli_value() == 0:
        return [start + "no limit is specified or limit is 0"]
    observed = quantity.parse(top).milli_value() / quantity.parse(request).milli_value()
    if observed > quantity.parse(bound).milli_value() / 1000:
        return [start + f"provided ratio is {observed:f}"]
    return []


PLUGIN = LimitRanger
