"""Whether this node takes a pod that it has been given: the last look before anything is done for it.

The scheduler has judged with what it knew; pods that name their node, static pods, and two that were placed at the same
time have not been through it. A pod that is refused has Failed, with a reason that says why, and stays refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from minikube_edu.api import pod_resources
from minikube_edu.api.quantity import Quantity
from minikube_edu.api.quantity import parse as parse_quantity
from minikube_edu.kubelet import node_affinity, pod_facts
from minikube_edu.kubelet.contract import Object

NATIVE = ("cpu", "memory", "ephemeral-storage", "hugepages-")


class Refusal(Struct, frozen=True):
    reason: str
    message: str


def refusal(
    pod: Object,
    others: Sequence[Object],
    node: Object,
    *,
    pressures: Sequence[str] = (),
    shutting_down: bool = False,
) -> Refusal | None:
    """`others` are the pods that the node has taken, `node` its labels, name and allocatable."""
    if shutting_down:
        return Refusal("NodeShutdown", "Pod was rejected as the node is shutting down.")
    return (
        _pressure(pod, pressures)
        or _system(pod, node)
        or _resources(pod, others, (node.get("status") or {}).get("allocatable") or {})
        or _place(pod, node)
        or _ports(pod, others)
    )


def _pressure(pod: Object, pressures: Sequence[str]) -> Refusal | None:
    """Under memory pressure pods that asked for nothing stay out, under any other all but critical ones."""
    if not pressures or pod_facts.is_critical(pod):
        return None
    if list(pressures) == ["MemoryPressure"]:
        from minikube_edu.api.qos import qos_class

        tolerated = any(
            one.get("key") in (None, "", "node.kubernetes.io/memory-pressure")
            and one.get("effect") in (None, "", "NoSchedule")
            and (one.get("key") or one.get("operator") == "Exists")
            for one in pod["spec"].get("tolerations") or ()
        )
        if qos_class(pod["spec"]) != "BestEffort" or tolerated:
            return None
    return Refusal("Evicted", f"The node had condition: [{' '.join(pressures)}]. ")


def _system(pod: Object, node: Object) -> Refusal | None:
    labels = pod["metadata"].get("labels") or {}
    wanted = labels.get("kubernetes.io/os")
    if wanted and wanted != "linux":
        message = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label"
        return Refusal("PodOSSelectorNodeLabelDoesNotMatch", message)
    if ((pod["spec"].get("os") or {}).get("name") or "linux") != "linux":
        return Refusal("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS")
    return None


def _resources(pod: Object, others: Sequence[Object], allocatable: Mapping[str, str]) -> Refusal | None:
    for name, (asked, used, room) in shortages(pod, others, allocatable).items():
        message = f"Node didn't have enough resource: {name}, requested: {asked}, used: {used}, capacity: {room}"
        return Refusal(f"OutOf{name}", message)
    return None


def shortages(pod: Object, others: Sequence[Object], allocatable: Mapping[str, str]) -> dict[str, tuple[int, int, int]]:
    """What there is too little of: resource -> (asked for, used by others, there in all)."""
    found = {}
    room = {name: amount_of(name, parse_quantity(text)) for name, text in allocatable.items()}
    if "pods" in room and len(others) + 1 > room["pods"]:
        found["pods"] = (1, len(others), room["pods"])
    for name, amount in pod_resources.of_containers(pod["spec"], "requests").items():
        asked = amount_of(name, amount)
        if not asked or (name not in room and not name.startswith(NATIVE)):
            continue  # extended resources that the node does not know are others' business
        used = sum(
            amount_of(name, theirs)
            for other in others
            if (theirs := pod_resources.of_containers(other["spec"], "requests").get(name)) is not None
        )
        if asked + used > room.get(name, 0):
            found[name] = (asked, used, room.get(name, 0))
    return found


def amount_of(name: str, amount: Quantity) -> int:
    """As messages count it: cpu in thousandths."""
    return amount.milli_value() if name == "cpu" else amount.value()


def _place(pod: Object, node: Object) -> Refusal | None:
    if not node_affinity.matches(pod["spec"], node):
        message = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
        return Refusal("NodeAffinity", message)
    return None


def _ports(pod: Object, others: Sequence[Object]) -> Refusal | None:
    mine = _host_ports(pod)
    if mine and any(_collide(mine, _host_ports(other)) for other in others):
        message = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
        return Refusal("NodePorts", message)
    return None


def _host_ports(pod: Object) -> set[tuple[str, str, int]]:
    return {
        (port.get("protocol") or "TCP", port.get("hostIP") or "0.0.0.0", int(port["hostPort"]))
        for container in (*pod_facts.containers(pod), *pod_facts.init_containers(pod))
        if container in pod_facts.containers(pod) or pod_facts.is_sidecar(container)
        for port in container.get("ports") or ()
        if port.get("hostPort")
    }


def _collide(mine: set[tuple[str, str, int]], theirs: set[tuple[str, str, int]]) -> bool:
    return any(
        protocol == other_protocol and port == other_port and (ip == other or "0.0.0.0" in (ip, other))
        for protocol, ip, port in mine
        for other_protocol, other, other_port in theirs
    )
