"""How far and how fast a target may be moved.

Behaviour, per direction: a stabilization window (of the recommendations within it, the one that moves least counts) and
policies (so many pods, or so many per cent, within a period). Without any: up at once, by four pods or to the double in
15 seconds; down only to the highest that was recommended within five minutes.
"""

from __future__ import annotations

import math

from msgspec import Struct, field

from minikube_edu.kube_controller_manager.controller import Object
from minikube_edu.lib import clock

STABILIZATION_DOWN = 300.0
UP: Object = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
DOWN: Object = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}
REASONS = {
    "DesiredWithinRange": "the desired count is within the acceptable range",
    "TooFewReplicas": "the desired replica count is less than the minimum replica count",
    "TooManyReplicas": "the desired replica count is more than the maximum replica count",
    "ScaleUpLimit": "the desired replica count is increasing faster than the maximum scale rate",
    "ScaleDownLimit": "the desired replica count is decreasing faster than the maximum scale rate",
    "ReadyForNewScale": "recommended size matches current size",
    "ScaleUpStabilized": (
        "recent recommendations were lower than current one, applying the lowest recent recommendation"
    ),
    "ScaleDownStabilized": (
        "recent recommendations were higher than current one, applying the highest recent recommendation"
    ),
}


class History(Struct):
    """What was recommended for one autoscaler, and how it was moved: (when, how many)."""

    recommended: list[tuple[float, int]] = field(default_factory=list)
    up: list[tuple[float, int]] = field(default_factory=list)
    down: list[tuple[float, int]] = field(default_factory=list)

    def moved(self, before: int, now: int) -> None:
        (self.up if now > before else self.down).append((clock.now(), abs(now - before)))

    def trim(self, longest: float) -> None:
        since = clock.now() - longest
        self.recommended = [entry for entry in self.recommended if entry[0] > since]
        self.up = [entry for entry in self.up if entry[0] > since]
        self.down = [entry for entry in self.down if entry[0] > since]


def rules_of(spec: Object) -> tuple[Object, Object]:
    behavior = spec.get("behavior", {})
    return {**UP, **behavior.get("scaleUp", {})}, {**DOWN, **behavior.get("scaleDown", {})}


def stabilized(history: History, rules: tuple[Object, Object], current: int, desired: int) -> tuple[int, str]:
    """The recommendation that counts, and the reason of the condition AbleToScale."""
    if not history.recommended:
        history.recommended.append((clock.now(), current))
    now, (up, down) = clock.now(), rules
    up_window = float(up.get("stabilizationWindowSeconds") or 0)
    down_window = float(down.get("stabilizationWindowSeconds", STABILIZATION_DOWN))
    lowest = min([desired, *(n for at, n in history.recommended if at > now - up_window)])
    highest = max([desired, *(n for at, n in history.recommended if at > now - down_window)])
    history.recommended.append((now, desired))
    longest = max([up_window, down_window, *(p["periodSeconds"] for r in rules for p in r.get("policies", []))])
    history.trim(longest)
    chosen = min(max(current, lowest), highest)
    if chosen == desired:
        return chosen, "ReadyForNewScale"
    return chosen, "ScaleUpStabilized" if desired > current else "ScaleDownStabilized"


def limited(
    history: History, spec: Object, rules: tuple[Object, Object], current: int, desired: int
) -> tuple[int, str]:
    """The desired number within bounds and rates, and the reason of the condition ScalingLimited."""
    low, high = spec.get("minReplicas", 1), spec["maxReplicas"]
    if desired > current:
        limit = max(up_limit(history, rules[0], current), current)
        most, reason = (high, "TooManyReplicas") if high <= limit else (limit, "ScaleUpLimit")
        return (most, reason) if desired > most else (max(desired, low), "DesiredWithinRange")
    if desired < current:
        limit = min(down_limit(history, rules[1], current), current)
        least, reason = (low, "TooFewReplicas") if low >= limit else (limit, "ScaleDownLimit")
        return (least, reason) if desired < least else (min(desired, high), "DesiredWithinRange")
    return desired, "DesiredWithinRange"


def up_limit(history: History, rules: Object, current: int) -> int:
    if rules["selectPolicy"] == "Disabled":
        return current
    limits: list[int] = []
    for policy in rules["policies"]:
        start = current - _within(history.up, policy) + _within(history.down, policy)
        by_percent = policy["type"] == "Percent"
        limits.append(math.ceil(start * (100 + policy["value"]) / 100) if by_percent else start + policy["value"])
    return min(limits) if rules["selectPolicy"] == "Min" else max(limits)


def down_limit(history: History, rules: Object, current: int) -> int:
    if rules["selectPolicy"] == "Disabled":
        return current
    limits: list[int] = []
    for policy in rules["policies"]:
        start = current + _within(history.down, policy) - _within(history.up, policy)
        by_percent = policy["type"] == "Percent"
        limits.append(start * (100 - policy["value"]) // 100 if by_percent else start - policy["value"])
    return max(limits) if rules["selectPolicy"] == "Min" else min(limits)


def _within(moves: list[tuple[float, int]], policy: Object) -> int:
    since = clock.now() - policy["periodSeconds"]
    return sum(number for at, number in moves if at > since)
