"""Graceful node shutdown: with shutdownGracePeriod set, a machine that goes down lets its kubelet end the pods first.

The machine says so with SIGPWR; a real one's systemd-logind says it over D-Bus, and holds the shutdown for as long as
the kubelet has written into `logind.conf.d` (`announce`). SIGTERM (`systemctl stop kubelet`) leaves pods alone.

Ordinary pods have shutdownGracePeriod less shutdownGracePeriodCriticalPods, then critical ones the rest; with
shutdownGracePeriodByPodPriority each class of priorities its own time, the lowest first. Meanwhile the node is not
ready and takes no pod.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.configuration import seconds
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.kubelet import Kubelet
from minikube_edu.kubelet.node_paths import below
from minikube_edu.kubelet.workers.pod_worker import Ending
from minikube_edu.lib import clock

log = logging.getLogger(__name__)

LOGIND = "/etc/systemd/logind.conf.d/99-kubelet.conf"
REASON, MESSAGE = "Terminated", "Pod was terminated in response to imminent node shutdown."


def turns(configuration: Object) -> list[tuple[int, float]]:
    """(priority from which it counts, seconds), the lowest first; empty: pods are left alone."""
    by_priority = configuration.get("shutdownGracePeriodByPodPriority") or ()
    if by_priority:
        return sorted((int(one["priority"]), float(one["shutdownGracePeriodSeconds"])) for one in by_priority)
    whole = seconds(configuration, "shutdownGracePeriod")
    critical = seconds(configuration, "shutdownGracePeriodCriticalPods")
    if not whole:
        return []
    return [(0, whole - critical), (pod_facts.SYSTEM_CRITICAL, critical)]


def announce(root: Path, configuration: Object) -> None:
    """How long the machine shall wait for us."""
    whole = sum(longest for _, longest in turns(configuration))
    if whole:
        file = below(root, LOGIND)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# Kubelet logind override\n[Login]\nInhibitDelayMaxSec={whole:.0f}\n")


async def shut_down(kubelet: Kubelet, configuration: Object) -> None:
    """End the pods, class by class."""
    classes = turns(configuration)
    if not classes:
        return
    kubelet.gate.shutting_down = True
    kubelet.ready_changed()
    for position, (priority, longest) in enumerate(classes):
        above = classes[position + 1][0] if position + 1 < len(classes) else None
        mine = []
        for pod, _ in kubelet.active():
            of_pod = pod_facts.SYSTEM_CRITICAL if pod_facts.is_critical(pod) else int(pod["spec"].get("priority") or 0)
            if (of_pod >= priority or position == 0) and (above is None or of_pod < above):
                mine.append(pod)
        for pod in mine:
            kubelet.evict(pod_facts.uid(pod), _ending(pod, longest))
        await _ended(kubelet, [pod_facts.uid(pod) for pod in mine], longest)
    await kubelet.statuses.flush(2.0)


async def _ended(kubelet: Kubelet, uids: list[str], longest: float) -> None:
    """Until they have, or the time is over."""
    until = clock.monotonic() + longest
    while clock.monotonic() < until:
        if not any(kubelet.unfinished(uid) for uid in uids):
            return
        await asyncio.sleep(0.02)


def _ending(pod: Object, longest: float) -> Ending:
    condition: Object = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": clock.rfc3339(),
        "reason": "TerminationByKubelet",
        "message": MESSAGE,
    }
    return Ending(REASON, MESSAGE, min(longest, float(pod_facts.grace_period(pod))), condition)
