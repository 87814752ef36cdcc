"""What a Deployment's status says: the sums over its ReplicaSets, and whether it gets on.

Progress is a change for the better since the last status. Without any for `progressDeadlineSeconds` it is said to have
failed; nothing else happens then. The deadline is not watched by anybody: `seconds_left` is when to look again.
"""

from __future__ import annotations

from minikube_edu.kube_controller_manager.controllers.deployment.rollout import Rollout, counted, total
from minikube_edu.lib import clock

AVAILABLE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"


def count(rollout: Rollout) -> None:
    """Sums and the condition Available."""
    everyone, new = rollout.all, [rollout.new] if rollout.new is not None else []
    available = counted(everyone, "availableReplicas")
    status = rollout.status
    status |= {
        "observedGeneration": rollout.deployment["metadata"].get("generation", 0),
        "replicas": counted(everyone, "replicas"),
        "updatedReplicas": counted(new, "replicas"),
        "readyReplicas": counted(everyone, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(total(everyone) - available, 0),
    }
    if all("terminatingReplicas" in (one.get("status") or {}) for one in everyone):
        status["terminatingReplicas"] = counted(everyone, "terminatingReplicas")
    else:
        status.pop("terminatingReplicas", None)  # not known of all
    if available >= rollout.replicas - rollout.max_unavailable:
        message = "Deployment has minimum availability."
        rollout.set_condition("Available", "True", "MinimumReplicasAvailable", message)
    else:
        message = "Deployment does not have minimum availability."
        rollout.set_condition("Available", "False", "MinimumReplicasUnavailable", message)
    for name in [name for name, value in status.items() if not value and name != "terminatingReplicas"]:
        del status[name]


def judge(rollout: Rollout) -> None:
    """The conditions Progressing and ReplicaFailure; after `count`."""
    status, known = rollout.status, rollout.condition("Progressing")
    if not rollout.has_deadline:
        rollout.drop_condition("Progressing")
    elif not (
        known is not None
        and known.get("reason") == AVAILABLE
        and status.get("replicas", 0) == status.get("updatedReplicas", 0)
    ):
        who = f'ReplicaSet "{rollout.new["metadata"]["name"]}"' if rollout.new else f'Deployment "{rollout.name}"'
        if is_complete(rollout):
            rollout.set_condition("Progressing", "True", AVAILABLE, f"{who} has successfully progressed.")
        elif gets_on(rollout):
            text = f"{who} is progressing."
            rollout.set_condition("Progressing", "True", "ReplicaSetUpdated", text, touch=True)
        elif has_timed_out(rollout):
            rollout.set_condition("Progressing", "False", TIMED_OUT, f"{who} has timed out progressing.")
    tell_failures(rollout)
    if not status.get("conditions"):
        status.pop("conditions", None)


def tell_failures(rollout: Rollout) -> None:
    """A ReplicaSet that cannot make its pods; the new one's trouble comes first."""
    newest_first = [*([rollout.new] if rollout.new is not None else []), *rollout.old]
    for one in newest_first:
        for condition in (one.get("status") or {}).get("conditions") or ():
            if condition["type"] == "ReplicaFailure":
                reason, message = condition.get("reason", ""), condition.get("message", "")
                rollout.set_condition("ReplicaFailure", condition["status"], reason, message)
                return
    rollout.drop_condition("ReplicaFailure")


def is_complete(rollout: Rollout) -> bool:
    status = rollout.status
    counts = (status.get(name, 0) for name in ("updatedReplicas", "replicas", "availableReplicas"))
    return all(number == rollout.replicas for number in counts)


def gets_on(rollout: Rollout) -> bool:
    """Better than when it was last looked at?"""
    new, before = rollout.status, rollout.original.get("status") or {}
    old_now = new.get("replicas", 0) - new.get("updatedReplicas", 0)
    old_then = before.get("replicas", 0) - before.get("updatedReplicas", 0)
    more = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return old_now < old_then or any(new.get(name, 0) > before.get(name, 0) for name in more)


def has_timed_out(rollout: Rollout) -> bool:
    known = rollout.condition("Progressing")
    if known is None or known.get("reason") == AVAILABLE:
        return False
    return known.get("reason") == TIMED_OUT or overdue(rollout) > 0


def overdue(rollout: Rollout) -> float:
    known = rollout.condition("Progressing")
    assert known is not None
    since = known.get("lastUpdateTime") or known.get("lastTransitionTime")
    begun = clock.parse_rfc3339(since) if since else 0.0
    return clock.now() - begun - float(rollout.spec["progressDeadlineSeconds"])


def seconds_left(rollout: Rollout) -> float | None:
    """Until the deadline; None when there is none to wait for."""
    known = rollout.condition("Progressing")
    if not rollout.has_deadline or known is None or known.get("reason") == TIMED_OUT or is_complete(rollout):
        return None
    return max(-overdue(rollout), 0.0)
