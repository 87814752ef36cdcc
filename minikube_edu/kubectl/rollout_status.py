"""`rollout status`: what a deployment, daemon set or stateful set still waits for, and whether it is done.

In words as the real kubectl's, line by line; on a terminal also as a bar (`progress`).
"""

from __future__ import annotations

from typing import Any

from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.info import Info
from minikube_edu.kubectl.live_line import LiveLine
from minikube_edu.kubectl.waiting import Deadline, until

Object = dict[str, Any]


async def follow(call: Call, info: Info, deadline: Deadline, line: LiveLine) -> None:
    viewer = VIEWERS.get((info.mapping.resource.group, info.mapping.resource.kind))
    if viewer is None:
        raise CommandError(f"no status viewer has been implemented for {info.mapping.resource.kind}")

    def seen(obj: Object | None) -> bool:
        if obj is None:
            raise CommandError("object has been deleted")
        text, done = viewer(obj, call.flags["revision"])
        call.out.write(text)
        call.out.flush()
        if done or not call.flags["watch"]:
            line.hide()
            return True
        line.show(lambda: progress(obj, line))
        return False

    try:
        await until(info, seen, deadline, info.object)
    except TimeoutError:
        raise CommandError("timed out waiting for the condition") from None


def progress(obj: Object, line: LiveLine) -> str:
    """`web ████▒▒▒▒····  12s  4/6 new, 2 of them available, 3 old to go`"""
    metadata, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    if obj.get("kind") == "DaemonSet":
        names = ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberAvailable")
        wanted, total, updated, available = (status.get(name) or 0 for name in names)
    else:
        wanted = spec.get("replicas", 1)
        total, updated, available = (
            status.get(name) or 0 for name in ("replicas", "updatedReplicas", "availableReplicas")
        )
    if (metadata.get("generation") or 0) > (status.get("observedGeneration") or 0):
        return f"{metadata['name']} {line.bar(0, 0, wanted)}  {line.passed}  its controller has not seen it yet"
    # Which of the available ones are new is not told: at least so many as the others cannot be.
    ready = max(0, min(updated, updated + available - total))
    old = f", {total - updated} old to go" if total > updated else ""
    bar = line.bar(ready, updated, wanted)
    return f"{metadata['name']} {bar}  {line.passed}  {updated}/{wanted} new, {ready} of them available{old}"


def deployment(obj: Object, revision: int) -> tuple[str, bool]:
    metadata, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    name = metadata["name"]
    if revision > 0:
        running = int((metadata.get("annotations") or {}).get("deployment.kubernetes.io/revision") or 0)
        if revision != running:
            raise CommandError(f"desired revision ({revision}) is different from the running revision ({running})")
    if (metadata.get("generation") or 0) > (status.get("observedGeneration") or 0):
        return "Waiting for deployment spec update to be observed...\n", False
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            raise CommandError(f'deployment "{name}" exceeded its progress deadline')
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas") or 0
    total, available = status.get("replicas") or 0, status.get("availableReplicas") or 0
    begin = f'Waiting for deployment "{name}" rollout to finish: '
    if updated < wanted:
        return f"{begin}{updated} out of {wanted} new replicas have been updated...\n", False
    if total > updated:
        return f"{begin}{total - updated} old replicas are pending termination...\n", False
    if available < updated:
        return f"{begin}{available} of {updated} updated replicas are available...\n", False
    return f'deployment "{name}" successfully rolled out\n', True


def daemon_set(obj: Object, revision: int) -> tuple[str, bool]:
    metadata, status = obj["metadata"], obj.get("status") or {}
    name = metadata["name"]
    if (obj["spec"].get("updateStrategy") or {}).get("type") != "RollingUpdate":
        raise CommandError("rollout status is only available for RollingUpdate strategy type")
    if (metadata.get("generation") or 0) > (status.get("observedGeneration") or 0):
        return "Waiting for daemon set spec update to be observed...\n", False
    wanted = status.get("desiredNumberScheduled") or 0
    updated, available = status.get("updatedNumberScheduled") or 0, status.get("numberAvailable") or 0
    begin = f'Waiting for daemon set "{name}" rollout to finish: '
    if updated < wanted:
        return f"{begin}{updated} out of {wanted} new pods have been updated...\n", False
    if available < wanted:
        return f"{begin}{available} of {wanted} updated pods are available...\n", False
    return f'daemon set "{name}" successfully rolled out\n', True


def stateful_set(obj: Object, revision: int) -> tuple[str, bool]:
    metadata, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") != "RollingUpdate":
        raise CommandError("rollout status is only available for RollingUpdate strategy type")
    seen = status.get("observedGeneration") or 0
    if not seen or (metadata.get("generation") or 0) > seen:
        return "Waiting for statefulset spec update to be observed...\n", False
    wanted, ready = spec.get("replicas", 1), status.get("readyReplicas") or 0
    if ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready...\n", False
    updated = status.get("updatedReplicas") or 0
    rolling = strategy.get("rollingUpdate")
    if rolling is not None:
        partition = rolling.get("partition") or 0
        if updated < wanted - partition:
            return (
                f"Waiting for partitioned roll out to finish: {updated} out of {wanted - partition} new pods have been "
                "updated...\n",
                False,
            )
        return f"partitioned roll out complete: {updated} new pods have been updated...\n", True
    if status.get("updateRevision") != status.get("currentRevision"):
        return (
            f"waiting for statefulset rolling update to complete {updated} pods at revision "
            f"{status.get('updateRevision')}...\n",
            False,
        )
    current = status.get("currentReplicas") or 0
    return f"statefulset rolling update complete {current} pods at revision {status.get('currentRevision')}...\n", True


VIEWERS = {
    ("apps", "Deployment"): deployment,
    ("apps", "DaemonSet"): daemon_set,
    ("apps", "StatefulSet"): stateful_set,
}
