"""The status of each container of a pod, as the API shows it.

What the runtime knows of a container's newest two runs becomes `state` and `lastState`; a start that failed or has to
wait shows as `waiting` with the reason that the last attempt left behind. What the runtime has forgotten is taken from
the status before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from minikube_edu.api.quantity import BINARY, Quantity
from minikube_edu.api.quantity import parse as parse_quantity
from minikube_edu.container_runtime.cri import Container, ContainerState
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.restarts import should_run
from minikube_edu.kubelet.runtime_view import PodView
from minikube_edu.kubelet.status.termination_message import termination_message
from minikube_edu.lib import clock

GONE = "The container could not be located when the pod was deleted.  The container used to be Running"
LOST_INIT = (
    "Unable to get init container status from container runtime and pod has been initialized, treat it as exited "
    "normally"
)


class Told(Struct, frozen=True):
    """What others know of a pod's containers."""

    ready: Callable[[str, str], bool]  # (container, id) -> by its readiness probe
    started: Callable[[str, str], bool]  # (container, id) -> by its startup probe
    failures: Mapping[str, tuple[str, str]]  # container -> (reason, message) of its last failed start


def container_statuses(
    pod: Object, view: PodView, field: str, old: Sequence[Object], told: Told, *, runtime: str = "containerd"
) -> list[Object]:
    """`field` is containers, initContainers or ephemeralContainers; `old` the statuses before."""
    before = {status["name"]: status for status in old}
    has_init = bool(pod_facts.init_containers(pod))
    default = "PodInitializing" if has_init else "ContainerCreating"
    made = []
    for container in pod["spec"].get(field) or ():
        status = _status(pod, view, container, field, before.get(container["name"]), default, told, runtime)
        _readiness(container, field, status, told)
        made.append(status)
    return made if field == "initContainers" else sorted(made, key=lambda one: str(one["name"]))


def _status(
    pod: Object,
    view: PodView,
    container: Object,
    field: str,
    old: Object | None,
    default: str,
    told: Told,
    runtime: str,
) -> Object:
    name = container["name"]
    runs = [one for one in view.containers if one.config.name == name][:2]
    if runs:
        status = _of_run(runs[0], container, runtime)
        last = _of_run(runs[1], container, runtime)["state"] if len(runs) > 1 else (old or {}).get("lastState") or {}
        if len(runs) == 1 and old is not None and old.get("containerID") not in (None, status["containerID"]):
            last = old["state"] if "terminated" in old["state"] else last
        status["lastState"] = last if "terminated" in last else {}
        if old is not None and old.get("restartCount", 0) > status["restartCount"]:
            status["restartCount"] = old["restartCount"]
    else:
        status = _forgotten(pod, container, old, default)
    mounts = _mounts(container)
    if mounts:
        status["volumeMounts"] = mounts
    if field == "initContainers" and _lost_init(pod, view, container, runs, status):
        return status
    done_init = field == "initContainers" and runs and runs[0].state is ContainerState.EXITED and not runs[0].exit_code
    if done_init and not pod_facts.is_sidecar(container):
        return status
    failure = told.failures.get(name)
    if failure is not None and should_run(container, pod, view):
        if "terminated" in status["state"]:
            status["lastState"] = status["state"]
        status["state"] = {"waiting": {"reason": failure[0], **({"message": failure[1]} if failure[1] else {})}}
    return status


def _of_run(run: Container, container: Object, runtime: str) -> Object:
    identity = f"{runtime}://{run.id}"
    status: Object = {
        "name": run.config.name,
        "image": run.config.image,
        "imageID": run.image_ref,
        "containerID": identity,
        "restartCount": int(run.config.annotations.get(pod_facts.RESTART_COUNT) or run.config.attempt),
        "lastState": {},
        "ready": False,
        "started": False,
    }
    if run.state is ContainerState.RUNNING:
        status["state"] = {"running": {"startedAt": clock.rfc3339(run.started_at)}}
    elif run.state is ContainerState.EXITED:
        ended: Object = {
            "exitCode": run.exit_code,
            "startedAt": clock.rfc3339(run.started_at) if run.started_at else None,
            "finishedAt": clock.rfc3339(run.finished_at) if run.finished_at else None,
            "containerID": identity,
        }
        if run.reason:
            ended["reason"] = run.reason
        message = termination_message(run)
        if message:
            ended["message"] = message
        status["state"] = {"terminated": ended}
    else:
        status["state"] = {"waiting": {}}
    resources = container.get("resources") or {}
    status["resources"] = _resources(run, resources)
    if resources.get("requests"):
        status["allocatedResources"] = resources["requests"]
    security = run.config.security
    group = security.run_as_group if security.run_as_group is not None else 0
    user = security.run_as_user if security.run_as_user is not None else run.user
    groups = sorted({group, *security.supplemental_groups})
    status["user"] = {"linux": {"uid": user, "gid": group, "supplementalGroups": groups}}
    if run.config.stop_signal:
        status["stopSignal"] = run.config.stop_signal
    return status


def _resources(run: Container, allocated: Object) -> Object:
    """What the container really has: the allocated amounts, or where the runtime still has others, those."""
    if run.state is not ContainerState.RUNNING:
        return allocated
    actual = run.config.resources
    found: Object = {key: dict(value) for key, value in allocated.items() if isinstance(value, dict)}
    for kind, name, amount, milli in (
        ("limits", "cpu", actual.cpu_millis, True),
        ("limits", "memory", actual.memory_bytes, False),
        ("requests", "cpu", actual.cpu_request_millis, True),
        ("requests", "memory", actual.memory_request_bytes, False),
    ):
        told = (found.get(kind) or {}).get(name)
        if told is None or not amount:
            continue
        quantity = parse_quantity(told)
        if amount != (quantity.milli_value() if milli else quantity.value()):
            found[kind][name] = str(Quantity.from_milli(amount) if milli else Quantity(amount, format=BINARY))
    return found


def _forgotten(pod: Object, container: Object, old: Object | None, default: str) -> Object:
    """The runtime has no such container (any more)."""
    status: Object = {
        "name": container["name"],
        "image": container.get("image") or "",
        "imageID": "",
        "restartCount": 0,
        "state": {"waiting": {"reason": default}},
        "lastState": {},
        "ready": False,
        "started": False,
    }
    if old is None:
        return status
    if "terminated" in (old.get("state") or {}):
        return {**old}
    status["restartCount"] = old.get("restartCount") or 0
    status["lastState"] = old.get("lastState") or {}
    if "running" in (old.get("state") or {}) and "terminated" not in status["lastState"]:
        gone = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": GONE}
        status["lastState"] = {"terminated": {**gone, "startedAt": None, "finishedAt": None}}
        if not pod_facts.is_deleted(pod):
            status["restartCount"] += 1
    return status


def _lost_init(pod: Object, view: PodView, container: Object, runs: Sequence[Container], status: Object) -> bool:
    """Its record is gone, but the pod is past it."""
    if runs or pod_facts.is_sidecar(container) or "waiting" not in status["state"]:
        return False
    if not any(view.newest(one["name"]) for one in pod_facts.containers(pod)):
        return False
    ended = {"exitCode": 0, "reason": "Completed", "message": LOST_INIT, "startedAt": None, "finishedAt": None}
    status["state"] = {"terminated": ended}
    return True


def _readiness(container: Object, field: str, status: Object, told: Told) -> None:
    running = "running" in status["state"]
    identity = str(status.get("containerID") or "").partition("://")[2]
    started = running and told.started(container["name"], identity)
    if field == "initContainers" and not pod_facts.is_sidecar(container):
        ended = status["state"].get("terminated")
        status["ready"] = bool(ended is not None and ended["exitCode"] == 0)
        status["started"] = running
    elif field == "ephemeralContainers":
        status["ready"] = False
        status["started"] = running
    else:
        status["started"] = started
        status["ready"] = started and told.ready(container["name"], identity)


def _mounts(container: Object) -> list[Object]:
    made = []
    for mount in container.get("volumeMounts") or ():
        told: Object = {"name": mount["name"], "mountPath": mount["mountPath"]}
        if mount.get("readOnly"):
            recursive = mount.get("recursiveReadOnly") in ("Enabled", "IfPossible")
            told |= {"readOnly": True, "recursiveReadOnly": "Enabled" if recursive else "Disabled"}
        made.append(told)
    return made
