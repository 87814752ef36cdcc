"""What the containers of a pod ask for together.

Init containers run one after another, before the others, so that the largest of them counts; those that restart always
(sidecars) go on running and are added to all that starts after them. Scheduler, quota, limits and defaults count alike.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import quantity
from minikube_edu.api.quantity import Quantity

Object = dict[str, Any]
Amounts = dict[str, Quantity]

HUGE_PAGES = "hugepages-"


def supported_for_pods(name: str) -> bool:
    """Resources that `spec.resources` of a pod may name."""
    return name in ("cpu", "memory") or name.startswith(HUGE_PAGES)


def may_overcommit(name: str) -> bool:
    """Requests may be lower than limits: not for extended resources and huge pages."""
    return is_native(name) and not name.startswith(HUGE_PAGES)


def is_native(name: str) -> bool:
    """Kubernetes' own: without a prefix, or with its own one."""
    return "/" not in name or "kubernetes.io/" in name


def of_containers(spec: Object, kind: str) -> Amounts:
    """`kind` is "requests" or "limits"; the sum that the pod needs at its greediest moment."""
    total: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, _amounts(container, kind))
    sidecars: Amounts = {}
    greediest: Amounts = {}
    for container in spec.get("initContainers") or ():
        amounts = _amounts(container, kind)
        if container.get("restartPolicy") == "Always":
            _add(total, amounts)
            _add(sidecars, amounts)
            amounts = sidecars
        else:
            _add(amounts, sidecars)
        _at_least(greediest, amounts)
    _at_least(total, greediest)
    return total


def _amounts(container: Object, kind: str) -> Amounts:
    return {name: quantity.parse(text) for name, text in container.get("resources", {}).get(kind, {}).items()}


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total[name].add(amount) if name in total else amount


def _at_least(total: Amounts, floor: Amounts) -> None:
    for name, amount in floor.items():
        if name not in total or total[name] < amount:
            total[name] = amount
