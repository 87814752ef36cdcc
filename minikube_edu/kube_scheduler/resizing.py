"""A pod that is being resized in place counts with the most of what it asks for, was granted and really has.

Growing is not granted yet, shrinking has not happened yet: whoever counts less puts another pod where there is no room.
What the kubelet has called infeasible does not count.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import quantity

Object = dict[str, Any]


def effective(obj: Object) -> Object:
    """The spec with the requests that count; the very spec when nothing is being resized."""
    spec: Object = obj["spec"]
    statuses = (obj.get("status") or {}).get("containerStatuses")
    if not statuses or not spec.get("nodeName"):
        return spec
    by_name = {status["name"]: status for status in statuses}
    infeasible = _infeasible(obj)
    containers = [
        _container(container, by_name.get(container["name"]) or {}, infeasible) for container in spec["containers"]
    ]
    if all(new is old for new, old in zip(containers, spec["containers"], strict=True)):
        return spec
    return {**spec, "containers": containers}


def _container(container: Object, status: Object, infeasible: bool) -> Object:
    wanted = (container.get("resources") or {}).get("requests") or {}
    granted = status.get("allocatedResources") or {}
    real = (status.get("resources") or {}).get("requests") or {}
    if all(granted.get(name, text) == text and real.get(name, text) == text for name, text in wanted.items()):
        return container
    sources = [granted, real] if infeasible else [wanted, granted, real]
    names = dict.fromkeys(name for source in sources for name in source)
    requests = {
        name: max((source[name] for source in sources if name in source), key=lambda text: quantity.parse(str(text)))
        for name in names
    }
    return {**container, "resources": {**(container.get("resources") or {}), "requests": requests}}


def _infeasible(obj: Object) -> bool:
    conditions = obj["status"].get("conditions") or ()
    return any(c["type"] == "PodResizePending" and c.get("reason") == "Infeasible" for c in conditions)
