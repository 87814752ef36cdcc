"""The kubelet of one node: it takes the pods that its sources name, and gives each a worker.

Sources: manifests in a directory or from a URL (static pods), and the API (pods bound to this node). What comes from
them goes through `see`; what they no longer have, through `lost`. The pods run whether or not an API server is there:
statuses, mirrors and events wait for it.

Everything outside is handed in: the runtime, the parts behind `contract`, the API client (None: there is no API). So a
process can hold one kubelet or thousands, over one connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from minikube_edu.container_runtime.cri import ContainerState, RuntimeFailure
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import (
    NodeIdentity,
    Object,
    ProbeKind,
    ProbeResult,
)
from minikube_edu.kubelet.gate import Gate
from minikube_edu.kubelet.mirror_pods import MirrorPods
from minikube_edu.kubelet.pods_here import PodsHere, pod_of_labels
from minikube_edu.kubelet.remains import Remains
from minikube_edu.kubelet.runtime_health import RuntimeHealth
from minikube_edu.kubelet.runtime_view import PodView, RuntimeView
from minikube_edu.kubelet.status.reporting import StatusKeeper
from minikube_edu.kubelet.workers.assembling import Core, Outside, parts_of
from minikube_edu.kubelet.workers.pod_worker import Ending, PodWorker, Stage
from minikube_edu.lib import clock

log = logging.getLogger(__name__)

BOOT_RETRY = 0.05  # until the runtime answers for the first time


class Kubelet:
    def __init__(
        self,
        identity: NodeIdentity,
        outside: Outside,
        configuration: Object,
        node: Callable[[], Object] | None = None,
        registered: Callable[[], Object | None] | None = None,
    ) -> None:
        """`node` is the Node object as this kubelet sees itself; `registered` the one in the API."""
        self.identity = identity
        self.runtime = outside.runtime
        self.volumes = outside.volumes
        self.probes = outside.probes
        self.recorder = outside.recorder
        self.client = outside.client
        self.on_ready_change: list[Callable[[], None]] = []
        self._configuration = configuration
        self._node = node or (lambda: {"metadata": {"name": identity.name}})
        self._here = PodsHere()
        self._waiting: dict[str, Object] = {}  # full name -> static pod that waits for its predecessor's end
        self._workers: dict[str, PodWorker] = {}
        self._api_synced = outside.client is None
        self._static_synced = False
        self._tasks: list[asyncio.Task[None]] = []
        self._background: set[asyncio.Task[None]] = set()
        self.view = RuntimeView(outside.runtime, self._runtime_changed)
        self.health = RuntimeHealth(outside.runtime, self._runtime_ready_changed)
        self.statuses = StatusKeeper(outside.client, self._in_api)
        registered = registered or (lambda: None)
        self.mirrors = MirrorPods(outside.client, registered, lambda: self._api_synced)
        core = Core(
            self.view,
            self.statuses,
            lambda: (self._node().get("status") or {}).get("allocatable") or {},
            self.others,
            lambda: self.health.network_problem,
            self.mirrors.wanted,
            self._finished,
        )
        self.parts = parts_of(outside, core, configuration)
        self.gate = Gate(self._node, self.others, self.evict, self.statuses, outside.recorder)
        self.remains = Remains(outside.runtime, self.view, identity.root)
        outside.probes.listen(self._probed)

    # life

    async def start(self) -> None:
        """Returns when the runtime has answered and what runs is known; sources may begin then."""
        while True:
            try:
                await self.view.start()
                await self.health.look()
                break
            except (RuntimeFailure, OSError) as error:
                log.info("the container runtime does not answer yet: %s", error)
                await asyncio.sleep(BOOT_RETRY)
        self._spawn("runtime view", self.view.run())
        self._spawn("runtime health", self.health.run())

    async def stop(self) -> None:
        """The kubelet ends; its pods run on."""
        for task in (*self._tasks, *self._background):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._background, return_exceptions=True)
        self.view.close()
        for uid, worker in self._workers.items():
            self.probes.forget(uid)
            await worker.close()
        await self.mirrors.close()
        await self.statuses.close()

    def _spawn(self, name: str, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(coroutine, name=f"kubelet {name}"))

    def ready_changed(self) -> None:
        """The node's conditions may be others than before."""
        for told in self.on_ready_change:
            told()

    def _runtime_ready_changed(self) -> None:
        if not self.health.network_problem:
            for worker in list(self._workers.values()):
                worker.wake()
        self.ready_changed()

    def runtime_problem(self) -> str:
        """Why this node is not ready, empty when it is."""
        problems = [self.health.problem, self.health.network_problem]
        if not self.view.healthy:
            ago = clock.monotonic() - self.view.listed_at
            problems.append(f"PLEG is not healthy: pleg was last seen active {ago:.0f}s ago; threshold is 3m0s")
        if self.gate.shutting_down:
            problems.append("node is shutting down")
        problems = [problem for problem in problems if problem]
        return f"[{', '.join(problems)}]" if len(problems) > 1 else "".join(problems)

    def runtime_is_back(self) -> None:
        """What happened meanwhile is looked up, and what failed meanwhile is tried again."""
        self.view.lost_sight()
        for worker in self._workers.values():
            worker.wake()

    # sources

    def set_static(self, source: str, pods: Sequence[Object]) -> None:
        """All static pods of a source as they are now."""
        gone, new = self._here.set_static(source, pods)
        for pod in gone:
            self.lost(pod)
        for pod in new:
            self.see(pod)

    def static_synced(self) -> None:
        """All static sources have been read once."""
        self._static_synced = True
        self._sources_ready()

    def api_synced(self) -> None:
        """The API's pods are known, all those of this node have been seen."""
        self._api_synced = True
        self.mirrors.see_to_all()
        self._sources_ready()

    def seen_in_api(self, pod: Object) -> None:
        if pod_facts.is_mirror(pod):
            self.mirrors.seen(pod)
            static = self._here.static_named(pod_facts.full_name(pod))
            if static is not None:
                self.statuses.sync(pod_facts.uid(static))
        elif pod_facts.uid(pod):
            self.see(pod)

    def gone_from_api(self, pod: Object) -> None:
        if pod_facts.is_mirror(pod):
            self.mirrors.gone(pod)
        else:
            self.lost(pod)

    def see(self, pod: Object) -> None:
        """A pod of this node, new or changed."""
        uid = pod_facts.uid(pod)
        self._here.by_uid[uid] = pod
        self.statuses.seen(pod)
        worker = self._workers.get(uid)
        if worker is not None:
            worker.orphan = False
            worker.update(pod)
            if pod_facts.is_deleted(pod) and worker.stage is Stage.FINISHED:
                self.statuses.sync(uid)
            return
        if uid in self.gate.refused:
            if pod_facts.is_deleted(pod):
                self.statuses.finished(pod)
            return
        if pod_facts.is_static(pod) and self._predecessor(pod) is not None:
            self._waiting[pod_facts.full_name(pod)] = pod
            return
        if not self.view.peek(uid).alive and pod_facts.is_terminal(pod):
            self._done_before(pod)
            return
        fresh = not pod_facts.is_deleted(pod) and not self.view.peek(uid).containers
        if fresh and not self.gate.takes(pod):
            return
        worker = self._workers[uid] = PodWorker(pod, self.parts)
        worker.update(pod)

    def lost(self, pod: Object) -> None:
        """Its source does not have it any more."""
        uid = pod_facts.uid(pod)
        if self._here.by_uid.pop(uid, None) is None:
            return
        if pod_facts.is_static(pod):
            self.mirrors.unwanted(pod)
            waiting = self._waiting.get(pod_facts.full_name(pod))
            if waiting is not None and pod_facts.uid(waiting) == uid:
                del self._waiting[pod_facts.full_name(pod)]
        worker = self._workers.get(uid)
        if worker is None or worker.stage is Stage.FINISHED:
            self._forget(uid)
            return
        worker.gone = True
        worker.pod = pod  # its last state may say how much time it has
        worker.terminate()

    def evict(self, uid: str, ending: Ending) -> bool:
        """End a pod for the kubelet's own reasons; False when there is none such."""
        worker = self._workers.get(uid)
        if worker is None or worker.stage is not Stage.SYNCING:
            return False
        worker.terminate(ending)
        return True

    def _predecessor(self, pod: Object) -> PodWorker | None:
        name = pod_facts.full_name(pod)
        for worker in self._workers.values():
            same = worker.uid != pod_facts.uid(pod) and pod_facts.full_name(worker.pod) == name
            if same and worker.stage is not Stage.FINISHED:
                return worker
        return None

    def _done_before(self, pod: Object) -> None:
        """It had ended before this kubelet saw it."""
        uid = pod_facts.uid(pod)
        if uid in self.volumes.mounted():
            worker = self._workers[uid] = PodWorker(pod, self.parts)
            worker.terminate()
        elif pod_facts.is_deleted(pod):
            self.statuses.finished(pod)

    def _finished(self, worker: PodWorker) -> None:
        if worker.gone or worker.orphan:
            self._forget(worker.uid)
        self._wake_deferred()
        waiting = self._waiting.pop(pod_facts.full_name(worker.pod), None)
        if waiting is not None:
            self.see(waiting)

    def _forget(self, uid: str) -> None:
        self._workers.pop(uid, None)
        self.gate.refused.discard(uid)
        self.statuses.forget(uid)
        self.parts.forget(uid)
        if self.view.peek(uid).sandboxes or self.view.peek(uid).containers:
            task = asyncio.get_running_loop().create_task(self.remains.remove(uid), name=f"remains of {uid}")
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    def _wake_deferred(self) -> None:
        for uid in self.parts.resizing.deferred():
            worker = self._workers.get(uid)
            if worker is not None:
                worker.wake()

    def _sources_ready(self) -> None:
        if self._api_synced and self._static_synced:
            for uid in self.view.uids():
                self._orphan(uid)

    def _orphan(self, uid: str) -> None:
        """What runs, and belongs to no pod of any source, is ended; its remains are removed."""
        if uid in self._workers or uid in self._here.by_uid or not (self._api_synced and self._static_synced):
            return
        view = self.view.peek(uid)
        if not view.alive:
            if view.sandboxes or view.containers:
                self._forget(uid)
            return
        worker = self._workers[uid] = PodWorker(self._orphaned(view), self.parts, orphan=True)
        worker.gone = True
        worker.terminate()

    def _orphaned(self, view: PodView) -> Object:
        containers = [(one.config.name, one.config.image) for one in view.containers]
        if view.sandboxes:
            config = view.sandboxes[0].config
            return pod_of_labels(view.uid, config.name, config.namespace, containers)
        labels = view.containers[0].config.labels
        name, namespace = labels.get(pod_facts.POD_NAME, ""), labels.get(pod_facts.POD_NAMESPACE, "")
        return pod_of_labels(view.uid, name, namespace, containers)

    # what happens

    def _runtime_changed(self, uid: str) -> None:
        worker = self._workers.get(uid)
        if worker is not None:
            worker.wake()
        elif self._api_synced and self._static_synced and uid not in self._here.by_uid:
            asyncio.get_running_loop().call_later(2.0, self._orphan, uid)

    def _probed(self, result: ProbeResult) -> None:
        if not result.passed and result.kind is not ProbeKind.READINESS:
            self.parts.failed_probes[result.container_id] = result.kind
        else:
            self.parts.failed_probes.pop(result.container_id, None)
        worker = self._workers.get(result.pod_uid)
        if worker is not None:
            worker.wake()

    # what others ask

    def others(self, uid: str) -> list[Object]:
        """The pods that the node has taken, but for this one, with the resources they were granted."""
        return [
            self.parts.resizing.allocated(worker.pod)
            for other, worker in self._workers.items()
            if other != uid and worker.stage in (Stage.SYNCING, Stage.TERMINATING) and not worker.orphan
        ]

    def active(self) -> list[tuple[Object, Object]]:
        """(pod, status) of all that are not being ended."""
        return [
            (worker.pod, self.statuses.get(uid) or {})
            for uid, worker in self._workers.items()
            if worker.stage is Stage.SYNCING
        ]

    def unfinished(self, uid: str) -> bool:
        worker = self._workers.get(uid)
        return worker is not None and worker.stage in (Stage.SYNCING, Stage.TERMINATING)

    def _in_api(self, uid: str) -> Object | None:
        pod = self._here.by_uid.get(uid)
        if pod is None or not pod_facts.is_static(pod):
            return pod
        mirror = self.mirrors.of(pod_facts.full_name(pod))
        right = mirror is not None and pod_facts.annotations_of(mirror).get(
            pod_facts.MIRROR
        ) == pod_facts.annotations_of(pod).get(pod_facts.HASH)
        return mirror if right else None

    # KubeletHost

    def pods(self) -> Sequence[Object]:
        found = []
        for uid, pod in self._here.by_uid.items():
            status = self.statuses.get(uid)
            found.append({**pod, "status": status} if status is not None else pod)
        return found

    def find_container(self, namespace: str, pod: str, uid: str, container: str) -> tuple[str, str] | None:
        found = self._find(namespace, pod, uid)
        if found is None:
            return None
        view = self.view.peek(pod_facts.uid(found))
        newest = view.newest(container) if container else None
        if newest is not None:
            return newest.sandbox_id, newest.id
        if not container and view.sandboxes:
            return view.sandboxes[0].id, ""
        return None

    def find_log(self, namespace: str, pod: str, container: str, previous: bool) -> Path | None:
        found = self._find(namespace, pod, "")
        if found is None:
            return None
        runs = [one for one in self.view.peek(pod_facts.uid(found)).containers if one.config.name == container]
        runs = [one for one in runs if one.state is not ContainerState.CREATED or one.started_at]
        index = 1 if previous else 0
        return Path(runs[index].log_path) if len(runs) > index and runs[index].log_path else None

    def _find(self, namespace: str, name: str, uid: str) -> Object | None:
        for pod in self._here.named(namespace, name):
            mirror = self.mirrors.of(pod_facts.full_name(pod)) if pod_facts.is_static(pod) else None
            if not uid or uid == pod_facts.uid(pod) or (mirror is not None and pod_facts.uid(mirror) == uid):
                return pod
        return None

    def configuration(self) -> Object:
        return self._configuration

    def healthy(self) -> bool:
        return self.view.healthy
