"""RollingUpdate of a DaemonSet: node by node.

Without surge the old pod of a node goes first, on `maxUnavailable` nodes at a time; old pods that are not available
anyway go at once. With `maxSurge` the new pod comes first, beside the old one, which goes when the new one is
available.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikube_edu.api import intstr
from minikube_edu.kube_controller_manager import pod_state

Object = dict[str, Any]
Test = Callable[[Object], bool]


def limits(daemon_set: Object, desired: int) -> tuple[int, int]:
    """(surge, unavailable) in nodes."""
    rolling = daemon_set["spec"]["updateStrategy"].get("rollingUpdate") or {}
    surge = intstr.scaled(rolling.get("maxSurge", 0), desired, True)
    unavailable = intstr.scaled(rolling.get("maxUnavailable", 0), desired, True)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def pair(pods: list[Object], updated: Test) -> tuple[Object | None, Object | None] | None:
    """(new, old) of a node; None when there are several of one sort: that is to be cleaned up first."""
    staying = [pod for pod in pods if not pod_state.is_deleting(pod)]
    new = [pod for pod in staying if updated(pod)]
    old = [pod for pod in staying if not updated(pod)]
    if len(new) > 1 or len(old) > 1:
        return None
    return (new[0] if new else None), (old[0] if old else None)


def without_surge(nodes: dict[str, list[Object]], updated: Test, available: Test, allowed: int) -> list[Object]:
    """The old pods that may go now."""
    unavailable, broken, candidates = 0, [], []
    for pods in nodes.values():
        found = pair(pods, updated)
        if found is None or (found[0] is None) == (found[1] is None):
            unavailable += 1  # none, or too many: on its way
            continue
        new, old = found
        if new is not None:
            unavailable += not available(new)
        elif old is not None and not available(old):
            unavailable += 1
            broken.append(old)
        elif old is not None:
            candidates.append(old)
    return broken + candidates[: max(allowed - unavailable, 0)]


def with_surge(
    nodes: dict[str, list[Object]], updated: Test, available: Test, allowed: int
) -> tuple[list[str], list[Object]]:
    """(nodes that get a new pod beside the old one, old pods that may go)"""
    surging = 0
    at_once: list[str] = []
    candidates: list[str] = []
    done: list[Object] = []
    for name, pods in nodes.items():
        found = pair(pods, updated)
        if found is None:
            surging += 1
            continue
        new, old = found
        if old is None:
            continue
        if new is None:
            (candidates if available(old) else at_once).append(name)
            continue
        surging += 1
        if available(new):
            done.append(old)
    return at_once + candidates[: max(allowed - surging, 0)], done
