"""Why a pod fits nowhere: each node's verdict, and the sentence that users know.

0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. preemption: 0/3 nodes are ...
"""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field

from minikube_edu.kube_scheduler.framework import Code, Status

NO_NODES = "no nodes available to schedule pods"
NOTE_LIMIT = 1024  # of an event's message


class Diagnosis(Struct):
    total: int = 0  # how many nodes there are
    nodes: dict[str, Status] = field(default_factory=dict)
    others: Status | None = None  # the verdict on all nodes that are not in `nodes`
    pre_filter_message: str = ""
    post_filter_message: str = ""
    plugins: set[str] = field(default_factory=set)  # who rejected the pod: their events may help it
    pending: set[str] = field(default_factory=set)  # who waits for something outside

    def verdict(self, node: str) -> Status | None:
        return self.nodes.get(node, self.others)

    def note(self, status: Status) -> None:
        """Remember who rejected the pod."""
        if status.plugin:
            (self.pending if status.code is Code.PENDING else self.plugins).add(status.plugin)

    def reject(self, node: str, status: Status) -> None:
        self.nodes[node] = status

    def note_all(self) -> None:
        for status in {id(status): status for status in self.nodes.values()}.values():
            self.note(status)

    def message(self) -> str:
        text = f"0/{self.total} nodes are available:"
        if self.pre_filter_message:
            text += f" {self.pre_filter_message}."
        elif reasons := self._histogram():
            text += f" {', '.join(reasons)}."
        return f"{text} {self.post_filter_message}" if self.post_filter_message else text

    def _histogram(self) -> list[str]:
        """`2 Insufficient cpu`, in the order of the text: so 10 comes before 2."""
        counts: Counter[str] = Counter()
        different = {id(status): status for status in self.nodes.values()}  # mostly the same few: counted by identity
        for identity, number in Counter(map(id, self.nodes.values())).items():
            for reason in different[identity].reasons:
                counts[reason] += number
        if self.others is not None and self.total > len(self.nodes):
            for reason in self.others.reasons:
                counts[reason] += self.total - len(self.nodes)
        return sorted(f"{number} {reason}" for reason, number in counts.items())


class FitError(Exception):
    """The pod fits on no node."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        super().__init__("the pod fits on no node")
        self.diagnosis = diagnosis


class SchedulingError(Exception):
    """Something went wrong that has nothing to do with the pod's wishes."""


def truncated(message: str) -> str:
    return message if len(message) <= NOTE_LIMIT else message[: NOTE_LIMIT - 4] + " ..."
