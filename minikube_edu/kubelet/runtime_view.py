"""What runs on this node, as the kubelet knows it: a copy of the runtime's sandboxes and containers, pod by pod.

The runtime's life signs say which container or sandbox has changed; it is marked, and asked for when its pod's worker
looks next. A full list is made at the start, which is how a new kubelet finds the pods of the one before it, and then
now and again in case a sign was lost. `changed(uid)` is called for every pod about which there is something new.

In the real kubelet this is the PLEG (pod lifecycle event generator) and its cache; the generic one lists everything
each second, the evented one is like this.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct, field

from minikube_edu.container_runtime.cri import (
    Container,
    ContainerEvent,
    ContainerRuntime,
    ContainerState,
    EventType,
    NotFound,
    RuntimeFailure,
    Sandbox,
    SandboxState,
)
from minikube_edu.kubelet import pod_facts
from minikube_edu.lib import clock

log = logging.getLogger(__name__)

RELIST_SECONDS = 60.0
HEALTHY_SECONDS = 180.0  # without a list for longer than this, the node is not ready


class PodView(Struct, frozen=True):
    """One pod's sandboxes and containers, the newest first."""

    uid: str
    sandboxes: Sequence[Sandbox] = ()
    containers: Sequence[Container] = ()

    def newest(self, name: str) -> Container | None:
        return next((one for one in self.containers if one.config.name == name), None)

    @property
    def running(self) -> Sequence[Container]:
        return [one for one in self.containers if one.state is ContainerState.RUNNING]

    @property
    def alive(self) -> bool:
        """Something of it would have to be stopped."""
        return any(one.state is SandboxState.READY for one in self.sandboxes) or bool(self.running)

    @property
    def ips(self) -> Sequence[str]:
        if self.sandboxes and self.sandboxes[0].state is SandboxState.READY:
            return list(self.sandboxes[0].ips)
        return []


_NONE: frozenset[str] = frozenset()


class _Known(Struct):
    """Copies of one pod's, and the ids of those that have changed since."""

    sandboxes: dict[str, Sandbox] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    stale_sandboxes: frozenset[str] = _NONE
    stale_containers: frozenset[str] = _NONE

    @property
    def empty(self) -> bool:
        return not (self.sandboxes or self.containers or self.stale_sandboxes or self.stale_containers)


class RuntimeView:
    def __init__(self, runtime: ContainerRuntime, changed: Callable[[str], None]) -> None:
        self.listed_at = float("-inf")  # when everything was last listed, monotonic
        self.failure = ""  # why the last list failed
        self._runtime = runtime
        self._changed = changed
        self._pods: dict[str, _Known] = {}
        self._unsubscribe: Callable[[], None] | None = None
        self._lost = asyncio.Event()

    async def run(self) -> None:
        """Listen, and list now and again, until cancelled."""
        try:
            while True:
                try:
                    async with asyncio.timeout(RELIST_SECONDS):
                        await self._lost.wait()
                except TimeoutError:
                    pass
                self._lost.clear()
                await self.relist()
        finally:
            self.close()

    def lost_sight(self) -> None:
        """Signs of life may have been missed: list at once."""
        self._lost.set()

    async def start(self) -> None:
        """The first list; raises when the runtime does not answer."""
        if self._unsubscribe is None:
            self._unsubscribe = self._runtime.events(self._heard)
        await self._list()

    def close(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    async def relist(self) -> None:
        try:
            await self._list()
        except (RuntimeFailure, OSError) as error:
            self.failure = str(error)
            log.warning("cannot list what the runtime runs: %s", error)

    @property
    def healthy(self) -> bool:
        return clock.monotonic() - self.listed_at < HEALTHY_SECONDS

    def uids(self) -> Iterable[str]:
        return list(self._pods)

    def peek(self, uid: str) -> PodView:
        """The copy as it is, without asking the runtime."""
        known = self._pods.get(uid)
        return _view(uid, known) if known is not None else PodView(uid)

    async def pod(self, uid: str) -> PodView:
        """The copy, after asking for all that has changed."""
        known = self._pods.get(uid)
        if known is None:
            return PodView(uid)
        while known.stale_sandboxes:
            id = next(iter(known.stale_sandboxes))
            known.stale_sandboxes = known.stale_sandboxes - {id} or _NONE
            try:
                known.sandboxes[id] = await self._runtime.sandbox_status(id)
            except NotFound:
                known.sandboxes.pop(id, None)
            except BaseException:
                known.stale_sandboxes |= {id}
                raise
        while known.stale_containers:
            id = next(iter(known.stale_containers))
            known.stale_containers = known.stale_containers - {id} or _NONE
            try:
                known.containers[id] = await self._runtime.container_status(id)
            except NotFound:
                known.containers.pop(id, None)
            except BaseException:
                known.stale_containers |= {id}
                raise
        if known.empty:
            self._pods.pop(uid, None)
        return _view(uid, known)

    def touched(self, uid: str, *, sandbox: str = "", container: str = "") -> None:
        """The caller has done something to it: its sign of life may come later than the next look."""
        known = self._pods.setdefault(uid, _Known())
        if sandbox:
            known.stale_sandboxes |= {sandbox}
        if container:
            known.stale_containers |= {container}

    def _heard(self, event: ContainerEvent) -> None:
        if not event.pod_uid:
            return
        known = self._pods.setdefault(event.pod_uid, _Known())
        itself = event.container_id == event.sandbox_id
        if event.type is EventType.DELETED:
            for copies in (known.sandboxes, known.containers):
                copies.pop(event.container_id, None)
            known.stale_sandboxes = known.stale_sandboxes - {event.container_id} or _NONE
            known.stale_containers = known.stale_containers - {event.container_id} or _NONE
            if known.empty:
                del self._pods[event.pod_uid]
        elif itself:
            known.stale_sandboxes |= {event.container_id}
        else:
            known.stale_containers |= {event.container_id}
        self._changed(event.pod_uid)

    async def _list(self) -> None:
        sandboxes = await self._runtime.list_sandboxes()
        containers = await self._runtime.list_containers()
        fresh: dict[str, _Known] = {}
        for sandbox in sandboxes:
            fresh.setdefault(sandbox.config.uid, _Known()).sandboxes[sandbox.id] = sandbox
        for container in containers:
            uid = container.config.labels.get(pod_facts.POD_UID, "")
            if uid:
                fresh.setdefault(uid, _Known()).containers[container.id] = container
        before, self._pods = self._pods, fresh
        self.listed_at, self.failure = clock.monotonic(), ""
        for uid in before.keys() | fresh.keys():
            old, new = before.get(uid), fresh.get(uid)
            if old is not None and new is not None:  # signs that came while the list was on its way
                new.stale_sandboxes, new.stale_containers = old.stale_sandboxes, old.stale_containers
            if old is None or new is None or (old.sandboxes, old.containers) != (new.sandboxes, new.containers):
                self._changed(uid)


def _view(uid: str, known: _Known) -> PodView:
    sandboxes = sorted(known.sandboxes.values(), key=lambda one: (one.config.attempt, one.created_at), reverse=True)
    containers = sorted(known.containers.values(), key=lambda one: (one.created_at, one.config.attempt), reverse=True)
    return PodView(uid, sandboxes, containers)
