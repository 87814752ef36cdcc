"""What a Job's author says about failures and successes.

The failure policy looks at how a pod ended (exit codes, conditions) and says: the whole Job has failed (FailJob), this
index has (FailIndex), it does not count (Ignore), it counts (Count). The first rule that matches decides. The success
policy says which indexes are enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from minikube_edu.kube_controller_manager.controllers.job import indexes

Object = dict[str, Any]


class Verdict(NamedTuple):
    action: str  # FailJob, FailIndex, Ignore, Count; empty when no rule matches
    message: str = ""


def judge(job: Object, pod: Object) -> Verdict:
    """Of a failed pod."""
    rules = (job["spec"].get("podFailurePolicy") or {}).get("rules") or ()
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    for number, rule in enumerate(rules):
        action = rule["action"]
        if rule.get("onExitCodes"):
            container = _container(pod, rule["onExitCodes"])
            if container is not None:
                code = container["state"]["terminated"]["exitCode"]
                text = f"Container {container['name']} for pod {namespace}/{name} failed with exit code {code}"
                return Verdict(action, f"{text} matching {action} rule at index {number}")
        elif rule.get("onPodConditions"):
            kind = _condition(pod, rule["onPodConditions"])
            if kind:
                text = f"Pod {namespace}/{name} has condition {kind} matching {action} rule at index {number}"
                return Verdict(action, text)
    return Verdict("")


def _container(pod: Object, rule: Object) -> Object | None:
    status = pod.get("status") or {}
    for container in [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]:
        code = ((container.get("state") or {}).get("terminated") or {}).get("exitCode", 0)
        if code == 0 or rule.get("containerName", container["name"]) != container["name"]:
            continue
        if (code in (rule.get("values") or ())) == (rule["operator"] == "In"):
            return dict(container)
    return None


def _condition(pod: Object, patterns: Iterable[Object]) -> str:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        for pattern in patterns:
            if (pattern["type"], pattern.get("status", "True")) == (condition["type"], condition["status"]):
                return str(condition["type"])
    return ""


def success(job: Object, succeeded: set[int]) -> str:
    """Which rule of the success policy is met, in the words of the condition; empty when none is."""
    if not succeeded:
        return ""
    for number, rule in enumerate((job["spec"].get("successPolicy") or {}).get("rules") or ()):
        needed, count = rule.get("succeededIndexes"), rule.get("succeededCount")
        if needed is None:
            met = count is not None and len(succeeded) >= count
        else:
            wanted = indexes.parse(needed, job["spec"].get("completions", 0))
            got = len(wanted & succeeded)
            met = bool(wanted) and (got == len(wanted) or (count is not None and got >= count))
        if met:
            return f"Matched rules at index {number}"
    return ""
