"""What the scheduler decided and why, as steps on the step bus. Only called when somebody listens.

scheduler.filtered   pod, fits (nodes), rejected {node: (plugin, reasons)}
scheduler.scored     pod, scores {node: {plugin: weighted score}}, chosen
scheduler.bound      pod, node
scheduler.failed     pod, message, nominated (a node, or "")
scheduler.preempted  pod, victims, node
"""

from __future__ import annotations

from minikube_edu.kube_scheduler.diagnosis import Diagnosis
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.lib import steps


def filtered(pod: PodInfo, fits: list[Node], diagnosis: Diagnosis) -> None:
    rejected = {name: (status.plugin, *status.reasons) for name, status in diagnosis.nodes.items()}
    others = diagnosis.others
    steps.emit(
        "scheduler.filtered",
        cause=pod.revision,
        pod=pod.key,
        fits=tuple(node.name for node in fits),
        rejected=rejected,
        others=(others.plugin, *others.reasons) if others is not None else (),
    )


def scored(pod: PodInfo, nodes: list[Node], scores: dict[str, list[int]], chosen: Node) -> None:
    by_node = {node.name: {plugin: column[i] for plugin, column in scores.items()} for i, node in enumerate(nodes)}
    steps.emit("scheduler.scored", cause=pod.revision, pod=pod.key, scores=by_node, chosen=chosen.name)


def bound(pod: PodInfo, node: str) -> None:
    steps.emit("scheduler.bound", cause=pod.revision, pod=pod.key, node=node)


def failed(pod: PodInfo, message: str, nominated: str) -> None:
    steps.emit("scheduler.failed", cause=pod.revision, pod=pod.key, message=message, nominated=nominated)


def preempted(pod: PodInfo, victims: list[PodInfo], node: str) -> None:
    steps.emit(
        "scheduler.preempted",
        cause=pod.revision,
        pod=pod.key,
        victims=tuple(victim.key for victim in victims),
        node=node,
    )
