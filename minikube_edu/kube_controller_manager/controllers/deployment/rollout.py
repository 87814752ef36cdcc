"""A Deployment in work: the object, its ReplicaSets, and the arithmetic that all strategies share.

`deployment` is a copy whose annotations and status may be changed; `save` writes both, in one request, when something
has changed. ReplicaSets are replaced in the lists as they are updated, so that sums are right at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from minikube_edu.api import intstr
from minikube_edu.client.events import EventRecorder
from minikube_edu.client.rest import Client
from minikube_edu.kube_controller_manager import statuses
from minikube_edu.kube_controller_manager.kinds import DEPLOYMENTS, REPLICA_SETS
from minikube_edu.lib import clock

Object = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
HASH = "pod-template-hash"
NO_LIMIT = 2**31 - 1

_INTEGER = re.compile(r"[+-]?\d+")


class Rollout:
    def __init__(self, client: Client, recorder: EventRecorder, deployment: Object, sets: list[Object]) -> None:
        metadata = deployment["metadata"]
        self.client, self.recorder = client, recorder
        self.original = deployment
        self.deployment: Object = {
            **deployment,
            "metadata": {**metadata, "annotations": dict(metadata.get("annotations") or {})},
            "status": dict(deployment.get("status") or {}),
        }
        self.spec: Object = deployment["spec"]
        self.replicas: int = self.spec.get("replicas", 0)
        self.name: str = metadata["name"]
        oldest_first = sorted(sets, key=age)
        found = next((s for s in oldest_first if same_template(s["spec"]["template"], self.spec["template"])), None)
        self.new: Object | None = found
        self.old: list[Object] = [s for s in oldest_first if s is not found]

    @property
    def all(self) -> list[Object]:
        return [*self.old, *([self.new] if self.new is not None else [])]

    @property
    def status(self) -> Object:
        found: Object = self.deployment["status"]
        return found

    @property
    def annotations(self) -> dict[str, str]:
        found: dict[str, str] = self.deployment["metadata"]["annotations"]
        return found

    @property
    def rolls(self) -> bool:
        return bool(self.spec["strategy"]["type"] == "RollingUpdate")

    @property
    def has_deadline(self) -> bool:
        return bool(self.spec.get("progressDeadlineSeconds", NO_LIMIT) != NO_LIMIT)

    def limits(self) -> tuple[int, int]:
        """(surge, unavailable) in pods. Percentages are rounded in favour of progress and against outages; both zero
        would be a standstill."""
        if not self.rolls:
            return 0, 0
        parameters = self.spec["strategy"].get("rollingUpdate") or {}
        surge = intstr.scaled(parameters.get("maxSurge", 0), self.replicas, True)
        unavailable = intstr.scaled(parameters.get("maxUnavailable", 0), self.replicas, False)
        if surge == 0 and unavailable == 0:
            unavailable = 1
        return surge, unavailable

    @property
    def max_surge(self) -> int:
        return self.limits()[0]

    @property
    def max_unavailable(self) -> int:
        return min(self.limits()[1], self.replicas)

    def new_size(self, replicas_of_new: int) -> int:
        """How large the new ReplicaSet may be now, if it has `replicas_of_new` already."""
        if not self.rolls:
            return self.replicas
        room = self.replicas + self.max_surge - total(self.all)
        if room <= 0:
            return replicas_of_new
        return replicas_of_new + min(room, self.replicas - replicas_of_new)

    # ------------------------------------------------------------ conditions

    def condition(self, kind: str) -> Object | None:
        return statuses.find(self.status.get("conditions") or (), kind)

    def set_condition(self, kind: str, status: str, reason: str, message: str, *, touch: bool = False) -> None:
        """One with the same status and reason stays as it is; with `touch` its time of update changes."""
        before = self.condition(kind)
        if before is not None and (before["status"], before.get("reason")) == (status, reason) and not touch:
            return
        made = {**statuses.condition(kind, status, reason, message), "lastUpdateTime": clock.rfc3339()}
        if before is not None and before["status"] == status:
            made["lastTransitionTime"] = before["lastTransitionTime"]
        self.status["conditions"] = [*statuses.without(self.status.get("conditions") or (), kind), made]

    def drop_condition(self, kind: str) -> None:
        self.status["conditions"] = statuses.without(self.status.get("conditions") or (), kind)

    # ------------------------------------------------------------ writes

    async def save(self) -> bool:
        """Annotations and status; False when nothing had changed."""
        before = self.original["metadata"].get("annotations") or {}
        if before == self.annotations and statuses.same(self.original.get("status"), self.status):
            return False
        body = self.deployment
        if not self.annotations:
            body = {**body, "metadata": {k: v for k, v in body["metadata"].items() if k != "annotations"}}
        saved = await self.client.update(DEPLOYMENTS, body, subresource="status")
        self.deployment["metadata"]["resourceVersion"] = saved["metadata"]["resourceVersion"]
        self.original = saved
        return True

    async def scale(self, replica_set: Object, size: int) -> bool:
        """Give a ReplicaSet another size, and tell; False when it had it and its annotations were right."""
        before = replica_set["spec"].get("replicas", 0)
        annotations = {**(replica_set["metadata"].get("annotations") or {}), **self.size_annotations()}
        if before == size and annotations == replica_set["metadata"].get("annotations"):
            return False
        body = {
            **replica_set,
            "metadata": {**replica_set["metadata"], "annotations": annotations},
            "spec": {**replica_set["spec"], "replicas": size},
        }
        updated = await self.client.update(REPLICA_SETS, body)
        self.replace(replica_set, updated)
        if before != size:
            name, way = replica_set["metadata"]["name"], "up" if size > before else "down"
            message = f"Scaled {way} replica set {name} from {before} to {size}"
            self.recorder.event(self.original, "Normal", "ScalingReplicaSet", message)
        return bool(before != size)

    def size_annotations(self) -> dict[str, str]:
        return {DESIRED: str(self.replicas), MAXIMUM: str(self.replicas + self.max_surge)}

    def replace(self, before: Object, after: Object) -> None:
        if self.new is before:
            self.new = after
        else:
            self.old = [after if one is before else one for one in self.old]


def total(sets: Iterable[Object]) -> int:
    """What the ReplicaSets are told to have."""
    return sum(one["spec"].get("replicas", 0) for one in sets)


def counted(sets: Iterable[Object], field: str) -> int:
    """What the ReplicaSets say that they have."""
    return sum((one.get("status") or {}).get(field, 0) for one in sets)


def active(sets: Iterable[Object]) -> list[Object]:
    return [one for one in sets if one["spec"].get("replicas", 0) > 0]


def age(obj: Object) -> tuple[str, str]:
    """Sorts from old to new."""
    return obj["metadata"].get("creationTimestamp") or "", obj["metadata"]["name"]


def number(obj: Object, annotation: str) -> int | None:
    """An annotation that ought to be a number."""
    text = (obj["metadata"].get("annotations") or {}).get(annotation)
    return int(text) if text is not None and _INTEGER.fullmatch(text) else None


def same_template(a: Object, b: Object) -> bool:
    """Equal but for the hash that the controller has put into one of them."""
    if a["spec"] != b["spec"]:
        return False
    return _bare(a.get("metadata") or {}) == _bare(b.get("metadata") or {})


def _bare(metadata: Object) -> Object:
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH}
    return {**{key: value for key, value in metadata.items() if value}, "labels": labels}
