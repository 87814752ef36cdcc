"""The quality of service class of a pod: who is evicted first when a node runs short.

Guaranteed: every container has limits of processor and memory, and requests equal to them. BestEffort: nothing is asked
for. Burstable: all others. Resources of the pod as a whole, when given, decide alone.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import quantity
from minikube_edu.api.quantity import Quantity

Object = dict[str, Any]

_COUNTED = ("cpu", "memory")


def qos_class(spec: Object) -> str:
    holders = [spec] if "resources" in spec else [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    asked = [holder["resources"] for holder in holders if holder.get("resources")]
    if not asked:
        return "BestEffort"
    requests: dict[str, Quantity] = {}
    limits: dict[str, Quantity] = {}
    guaranteed = len(asked) == len(holders)
    for resources in asked:
        _collect(requests, resources.get("requests", {}))
        guaranteed = _collect(limits, resources.get("limits", {})) == 2 and guaranteed
    if not requests and not limits:
        return "BestEffort"
    if guaranteed and len(requests) == len(limits) and all(limits.get(name) == requests[name] for name in requests):
        return "Guaranteed"
    return "Burstable"


def _collect(total: dict[str, Quantity], amounts: dict[str, str]) -> int:
    """Add what counts; returns how many of the two are given."""
    found = 0
    for name in _COUNTED:
        if amounts.get(name, "0") != "0" and (amount := quantity.parse(amounts[name])).sign() > 0:
            total[name] = total[name].add(amount) if name in total else amount
            found += 1
    return found
