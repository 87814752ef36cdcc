"""From measured values to a number of replicas.

The rule is one line: replicas × (value / target), rounded up; nothing within the tolerance of a tenth. The care is in
what is not known. Pods that have just started are left out of what is measured about processors, for starting costs;
when the answer would be "more", they count as idle. Pods without a measurement count as idle when scaling up, and as
just at the target when scaling down: ignorance makes every move smaller, and never turns it around.
"""

from __future__ import annotations

import math

from msgspec import Struct

from minikube_edu.api import quantity
from minikube_edu.kube_controller_manager.controller import Object
from minikube_edu.kube_controller_manager.controllers.horizontal_pod_autoscaler.metrics import (
    NoMetrics,
    Sample,
    Samples,
)
from minikube_edu.lib import clock

CPU_INITIALIZATION = 300.0
INITIAL_READINESS_DELAY = 30.0


class Tolerance(Struct, frozen=True):
    down: float = 0.1
    up: float = 0.1

    def holds(self, ratio: float) -> bool:
        return 1.0 - self.down <= ratio <= 1.0 + self.up


class Proposal(Struct, frozen=True):
    replicas: int
    average: int  # thousandths
    utilization: int | None = None


def by_value(
    current: int, pods: list[Object], samples: Samples, target: int, tolerance: Tolerance, resource: str = ""
) -> Proposal:
    """`target` is what each pod should have on average."""
    groups = Groups.of(pods, samples, resource)
    values = {name: sample.value for name, sample in groups.measured.items()}
    if not values:
        raise NoMetrics("did not receive metrics for targeted pods (pods might be unready)")
    average = sum(values.values()) // len(values)
    ratio = average / target

    def again() -> float:
        return sum(values.values()) / len(values) / target

    if not (groups.unready and ratio > 1.0) and not groups.missing:
        return Proposal(current if tolerance.holds(ratio) else math.ceil(ratio * groups.ready), average)
    values |= dict.fromkeys(groups.missing, target if ratio < 1.0 else 0)
    if ratio > 1.0:
        values |= dict.fromkeys(groups.unready, 0)
    return Proposal(careful(current, ratio, again(), len(values), tolerance), average)


def by_utilization(
    current: int,
    pods: list[Object],
    samples: Samples,
    target: int,
    tolerance: Tolerance,
    resource: str,
    container: str = "",
) -> Proposal:
    """`target` is a percentage of what the pods request."""
    groups = Groups.of(pods, samples, resource)
    values = {name: sample.value for name, sample in groups.measured.items()}
    if not values:
        raise NoMetrics("did not receive metrics for targeted pods (pods might be unready)")
    requests = {pod["metadata"]["name"]: request_of(pod, resource, container) for pod in pods}

    def utilization() -> int:
        asked = sum(requests[name] for name in values if name in requests)
        if not asked:
            raise NoMetrics("no metrics returned matched known pods")
        return sum(value for name, value in values.items() if name in requests) * 100 // asked

    now = utilization()
    average = sum(values.values()) // len(values)
    ratio = now / target
    if not (groups.unready and ratio > 1.0) and not groups.missing:
        return Proposal(current if tolerance.holds(ratio) else math.ceil(ratio * groups.ready), average, now)
    for name in groups.missing:
        values[name] = requests[name] * max(100, target) // 100 if ratio < 1.0 else 0
    if ratio > 1.0:
        values |= dict.fromkeys(groups.unready, 0)
    return Proposal(careful(current, ratio, utilization() / target, len(values), tolerance), average, now)


def careful(current: int, before: float, ratio: float, pods: int, tolerance: Tolerance) -> int:
    """What is left of a move when the unknown is counted against it."""
    if tolerance.holds(ratio) or (before < 1.0) != (ratio < 1.0):
        return current
    wanted = math.ceil(ratio * pods)
    return current if (ratio < 1.0 and wanted > current) or (ratio > 1.0 and wanted < current) else wanted


def by_total(current: int, ready: int, value: int, target: int, tolerance: Tolerance) -> int:
    """One value for the whole target, however many pods there are."""
    ratio = value / target
    if not current:
        return math.ceil(ratio)
    return current if tolerance.holds(ratio) else math.ceil(ratio * ready)


def by_share(current: int, value: int, target: int, tolerance: Tolerance) -> int:
    """One value that the pods divide among them."""
    if current and tolerance.holds(value / (target * current)):
        return current
    return math.ceil(value / target)


class Groups(Struct):
    """The pods of a target, by what is known of them."""

    ready: int
    unready: list[str]
    missing: list[str]
    measured: dict[str, Sample]

    @classmethod
    def of(cls, pods: list[Object], samples: Samples, resource: str) -> Groups:
        if not pods:
            raise NoMetrics("no pods returned by selector while calculating replica count")
        measured = dict(samples)
        ready, unready, missing = 0, [], []
        for pod in pods:
            name, phase = pod["metadata"]["name"], pod.get("status", {}).get("phase")
            if "deletionTimestamp" in pod["metadata"] or phase == "Failed":
                measured.pop(name, None)
            elif phase == "Pending" or (name in samples and resource == "cpu" and is_starting(pod, samples[name])):
                unready.append(name)
                measured.pop(name, None)
            elif name not in samples:
                missing.append(name)
            else:
                ready += 1
        return cls(ready, unready, missing, measured)


def is_starting(pod: Object, sample: Sample) -> bool:
    status = pod.get("status", {})
    ready = next((c for c in status.get("conditions", []) if c["type"] == "Ready"), None)
    if ready is None or not status.get("startTime"):
        return True
    started = clock.parse_rfc3339(status["startTime"])
    changed = clock.parse_rfc3339(ready["lastTransitionTime"]) if ready.get("lastTransitionTime") else 0.0
    if started + CPU_INITIALIZATION > clock.now():
        return ready["status"] == "False" or sample.at < changed + sample.window
    return ready["status"] == "False" and started + INITIAL_READINESS_DELAY > changed


def request_of(pod: Object, resource: str, container: str = "") -> int:
    total = 0
    sidecars = [c for c in pod["spec"].get("initContainers", []) if c.get("restartPolicy") == "Always"]
    for one in [*pod["spec"]["containers"], *sidecars]:
        if container and one["name"] != container:
            continue
        text = one.get("resources", {}).get("requests", {}).get(resource)
        if text is None:
            raise NoMetrics(
                f"missing request for {resource} in container {one['name']} of Pod {pod['metadata']['name']}"
            )
        total += quantity.parse(text).milli_value()
    return total
