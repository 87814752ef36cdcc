"""Who has to go so that a critical pod can stay: static pods of the control plane are not turned away for want of room.

Pods of the lowest quality of service go first, and as few of them as will do: each time the one whose requests come
nearest to what is still missing, of equals the smaller one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minikube_edu.api import pod_resources
from minikube_edu.api.qos import qos_class
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.admission import amount_of
from minikube_edu.kubelet.contract import Object

REASON, MESSAGE = "Preempting", "Preempted in order to admit critical pod"

Missing = Mapping[str, int]


def victims(pod: Object, others: Sequence[Object], missing: Missing) -> list[Object] | None:
    """None: all of them together would not be enough."""
    classes: dict[str, list[Object]] = {"BestEffort": [], "Burstable": [], "Guaranteed": []}
    for other in others:
        if _preemptable(pod, other):
            classes[qos_class(other["spec"])].append(other)
    best_effort, burstable, guaranteed = classes.values()
    if _less(missing, [*best_effort, *burstable, *guaranteed]):
        return None
    # What the better classes must give is what the worse ones cannot.
    from_guaranteed = _nearest(guaranteed, _less(missing, [*best_effort, *burstable]))
    from_burstable = _nearest(burstable, _less(missing, [*best_effort, *from_guaranteed]))
    from_best_effort = _nearest(best_effort, _less(missing, [*from_burstable, *from_guaranteed]))
    return [*from_best_effort, *from_burstable, *from_guaranteed]


def _preemptable(pod: Object, other: Object) -> bool:
    if pod_facts.is_critical(pod) and not pod_facts.is_critical(other):
        return True
    mine, theirs = pod["spec"].get("priority"), other["spec"].get("priority")
    return mine is not None and theirs is not None and int(mine) > int(theirs)


def _requests(pod: Object, name: str) -> int:
    if name == "pods":
        return 1
    found = pod_resources.of_containers(pod["spec"], "requests").get(name)
    return amount_of(name, found) if found is not None else 0


def _less(missing: Missing, pods: Sequence[Object]) -> dict[str, int]:
    """What is still missing without these."""
    left = {name: amount - sum(_requests(pod, name) for pod in pods) for name, amount in missing.items()}
    return {name: amount for name, amount in left.items() if amount > 0}


def _nearest(pods: Sequence[Object], missing: Missing) -> list[Object]:
    left, chosen = list(pods), []
    while missing and left:
        wanted = missing

        def order(pod: Object, wanted: Missing = wanted) -> tuple[float, int, int]:
            gaps = ((amount, amount - _requests(pod, name)) for name, amount in wanted.items())
            distance = sum((gap / amount) ** 2 for amount, gap in gaps if gap > 0)
            return distance, _requests(pod, "memory"), _requests(pod, "cpu")

        best = min(left, key=order)
        left.remove(best)
        chosen.append(best)
        missing = _less(missing, [best])
    return chosen
