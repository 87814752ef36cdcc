"""What a pod needs next: sandbox, containers to end, containers to start. Decided from its spec and what runs of it.

`decide` is a pure function, called again whenever something has changed; nothing is remembered between two calls. That
is what lets a kubelet be replaced while its pods run on. The order in which the decisions are carried out is
`workers.carrying_out`'s.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field

from minikube_edu.container_runtime.cri import Container, ContainerState, SandboxState
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Object, ProbeKind
from minikube_edu.kubelet.restarts import could_restart, restarts_after, should_run
from minikube_edu.kubelet.runtime_view import PodView

ALIVE = (ContainerState.CREATED, ContainerState.RUNNING)


class Kill(Struct, frozen=True):
    name: str
    message: str
    probe: ProbeKind | None = None  # that failed


class Actions(Struct):
    kill_pod: bool = False
    create_sandbox: bool = False
    sandbox_id: str = ""
    attempt: int = 0
    init: list[int] = field(default_factory=list)  # init containers to start
    start: list[int] = field(default_factory=list)  # containers to start
    ephemeral: list[int] = field(default_factory=list)
    kill: dict[str, Kill] = field(default_factory=dict)  # by the container's id


class Probed(Struct, frozen=True):
    """What probers have said; None: nothing yet."""

    failed: Callable[[str], ProbeKind | None]  # a container's id -> the liveness or startup probe that failed
    started: Callable[[str, str], bool]  # (container, id) -> its startup probe has passed, or it has none


def sandbox_changed(pod: Object, view: PodView) -> tuple[bool, int, str]:
    """(a new one is needed, its attempt, the id of the one there is)"""
    if not view.sandboxes:
        return True, 0, ""
    newest = view.sandboxes[0]
    ready = [one for one in view.sandboxes if one.state is SandboxState.READY]
    host_network = pod_facts.is_host_network(pod)
    if len(ready) > 1 or newest.state is not SandboxState.READY or newest.config.host_network != host_network:
        return True, newest.config.attempt + 1, newest.id
    if not host_network and not newest.ips:
        return True, newest.config.attempt + 1, newest.id
    return False, newest.config.attempt, newest.id


def decide(pod: Object, view: PodView, probed: Probed) -> Actions:
    needed, attempt, sandbox_id = sandbox_changed(pod, view)
    actions = Actions(kill_pod=needed, create_sandbox=needed, sandbox_id=sandbox_id, attempt=attempt)
    if needed:
        _from_the_beginning(pod, view, actions)
        return actions
    for index, container in enumerate(pod_facts.ephemeral_containers(pod)):
        if view.newest(container["name"]) is None:  # never started again
            actions.ephemeral.append(index)
    initialized = _init_containers(pod, view, probed, actions)
    if actions.kill_pod or not initialized:
        return actions
    if not _containers(pod, view, probed, actions) and not actions.start:
        actions.kill_pod = True
        actions.init = []  # sidecars do not keep a pod alive
    return actions


def _from_the_beginning(pod: Object, view: PodView, actions: Actions) -> None:
    """A new sandbox, unless the pod has nothing left to do in one."""
    if not could_restart(pod) and actions.attempt != 0 and view.containers:
        actions.create_sandbox = False
        return
    start = []
    for index, container in enumerate(pod_facts.containers(pod)):
        newest = view.newest(container["name"])
        done = newest is not None and newest.state is ContainerState.EXITED
        if done and newest is not None and not restarts_after(container, pod, newest.exit_code):
            continue
        start.append(index)
    if not start and _any_regular(pod, view):
        actions.create_sandbox = False
        return
    if pod_facts.init_containers(pod):
        actions.init = [0]
    else:
        actions.start = start


def _any_regular(pod: Object, view: PodView) -> bool:
    """A regular container has been made: all init containers are done then."""
    return any(view.newest(container["name"]) is not None for container in pod_facts.containers(pod))


def _init_containers(pod: Object, view: PodView, probed: Probed, actions: Actions) -> bool:
    """True when the regular containers may run. Looked at from the last to the first: the last one that exists says
    how far the pod is; of those before it only sidecars still matter."""
    every = pod_facts.init_containers(pod)
    if not every:
        return True
    passed = initialized = _any_regular(pod, view)
    any_seen = False
    for index in range(len(every) - 1, -1, -1):
        container = every[index]
        newest = view.newest(container["name"])
        sidecar = pod_facts.is_sidecar(container)
        if newest is None:
            if passed and sidecar:
                actions.init.append(index)
            continue
        if passed and not sidecar:
            continue
        any_seen = True
        last = index == len(every) - 1
        if sidecar:
            if _sidecar(container, index, newest, probed, actions) and not passed:
                initialized = initialized or last
                if not last:
                    actions.init.append(index + 1)
        elif newest.state is ContainerState.EXITED:
            if newest.exit_code == 0:
                initialized = initialized or last
                if not last:
                    actions.init.append(index + 1)
            elif not _init_restarts(container, pod, newest.exit_code):
                actions.kill_pod, actions.init = True, []
                return False
            else:
                actions.init.append(index)
        elif newest.state is ContainerState.UNKNOWN:
            actions.kill[newest.id] = Kill(
                container["name"], 'Init container is in "unknown" state, try killing it before restart'
            )
            actions.init.append(index)
        passed = True
    if not any_seen and not initialized and not actions.init:
        actions.init.append(0)
    actions.init.sort()
    return initialized


def _init_restarts(container: Object, pod: Object, exit_code: int) -> bool:
    """An init container's Always means: until it succeeds."""
    return restarts_after(container, pod, exit_code)


def _sidecar(container: Object, index: int, newest: Container, probed: Probed, actions: Actions) -> bool:
    """True when it runs and has started, so that the next init container may."""
    name = container["name"]
    if newest.state is ContainerState.CREATED:
        return False
    if newest.state is not ContainerState.RUNNING:
        actions.init.append(index)
        return False
    failed = probed.failed(newest.id)
    message = ""
    if failed is not None:
        message = f"Init container {name} failed {failed.value.lower()} probe"
    elif newest.config.annotations.get(pod_facts.CONTAINER_HASH) != pod_facts.container_hash(container):
        message = f"Init container {name} definition changed"
    if message:
        actions.kill[newest.id] = Kill(name, message + ", will be restarted", failed)
        actions.init.append(index)
        return False
    return probed.started(name, newest.id)


def _containers(pod: Object, view: PodView, probed: Probed, actions: Actions) -> int:
    """How many of those that run are kept."""
    kept = 0
    for index, container in enumerate(pod_facts.containers(pod)):
        name = container["name"]
        newest = view.newest(name)
        if newest is None or newest.state is not ContainerState.RUNNING:
            if should_run(container, pod, view):
                actions.start.append(index)
                if newest is not None and newest.state is ContainerState.UNKNOWN:
                    message = 'Container is in "unknown" state, try killing it before restart'
                    actions.kill[newest.id] = Kill(name, message)
            continue
        failed = probed.failed(newest.id)
        if newest.config.annotations.get(pod_facts.CONTAINER_HASH) != pod_facts.container_hash(container):
            message, restart = f"Container {name} definition changed", True
        elif failed is not None:
            message, restart = (
                f"Container {name} failed {failed.value.lower()} probe",
                restarts_after(container, pod, 137),
            )
        else:
            kept += 1
            continue
        if restart:
            message += ", will be restarted"
            actions.start.append(index)
        actions.kill[newest.id] = Kill(name, message, failed)
    return kept
