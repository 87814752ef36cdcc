"""What all controllers have in common, so that a controller's file is what the controller *means*.

A controller asks for informers in its constructor and says which keys their events put in its queue. Workers take keys
and call `reconcile`. When that raises, the key comes again after a back-off; when it returns, the key is forgotten
until the next event. One key is never in two workers' hands. `reconcile` must be idempotent: it looks at what is,
compares it with what should be, and does what is missing; it may be called at any time, for no reason, and for objects
that are gone.

The real ones each carry this plumbing in their own files (457 of replica_set.go's 996 lines).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from minikube_edu.client.errors import ApiError
from minikube_edu.client.events import EventRecorder
from minikube_edu.client.factory import InformerFactory
from minikube_edu.client.index import key_of, split_key
from minikube_edu.client.informer import Deleted, Informer, last_state
from minikube_edu.client.rest import Client, Resource
from minikube_edu.lib.workqueue import ShutDown, WorkQueue

log = logging.getLogger(__name__)

Object = dict[str, Any]


class Settings(Struct):
    """What the flags decide for all controllers."""

    root_ca: str = ""  # PEM, published to every namespace
    cluster_signing_certificate: str = ""  # PEM files that CSRs are signed with
    cluster_signing_key: str = ""
    service_account_key: str = ""
    cluster_cidr: str = ""
    service_cidr: str = "10.96.0.0/12"
    allocate_node_cidrs: bool = False
    node_cidr_mask_size: int = 24
    node_monitor_grace_period: float = 50.0
    node_monitor_period: float = 5.0
    terminated_pod_gc_threshold: int = 12500
    pvc_binder_sync_period: float = 15.0
    hpa_sync_period: float = 15.0
    cluster_name: str = "kubernetes"
    more: dict[str, str] = field(default_factory=dict)


class Environment(Struct):
    """What a controller is given: a client of its own, the informers that all share, and a recorder of events."""

    client: Client
    informers: InformerFactory
    settings: Settings
    recorder: Callable[[str], EventRecorder]  # by component name
    reader: Client | None = None  # the manager's own, for what all read alike; informers read with it too


class Controller:
    """Subclasses set `name`, ask for informers in `__init__`, and define `reconcile`."""

    name = ""  # as in --controllers
    workers = 5

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.client = environment.client
        self.reader = environment.reader or environment.client
        self.settings = environment.settings
        self.queue: WorkQueue[str] = WorkQueue(self.name)
        self.reconciled = 0
        self.failed = 0

    async def reconcile(self, key: str) -> None:
        """Make the object `namespace/name` (or `name`) be as it should."""
        raise NotImplementedError

    # ------------------------------------------------------------ for subclasses

    def informer(self, resource: Resource) -> Informer:
        return self.environment.informers.informer(resource)

    def watch(self, resource: Resource, wanted: Callable[[Object], bool] | None = None) -> Informer:
        """The informer of the objects that this controller reconciles: every change of one queues its key."""
        informer = self.informer(resource)
        informer.add_handler(
            added=lambda obj: self.enqueue(obj) if wanted is None or wanted(obj) else None,
            updated=lambda _, obj: self.enqueue(obj) if wanted is None or wanted(obj) else None,
            deleted=lambda gone: self.enqueue(last_state(gone)),
        )
        return informer

    def watch_related(self, resource: Resource, keys: Callable[[Object], list[str]]) -> Informer:
        """The informer of other objects: a change of one puts the keys that it concerns in the queue."""
        informer = self.informer(resource)

        def enqueue(obj: Object) -> None:
            for key in keys(obj):
                self.queue.add(key)

        def updated(old: Object, new: Object) -> None:
            for key in dict.fromkeys([*keys(old), *keys(new)]):
                self.queue.add(key)

        def deleted(gone: Deleted) -> None:
            enqueue(last_state(gone))

        informer.add_handler(added=enqueue, updated=updated, deleted=deleted)
        return informer

    def enqueue(self, obj: Object) -> None:
        self.queue.add(key_of(obj))

    split = staticmethod(split_key)

    # ------------------------------------------------------------ plumbing

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self.workers):
                    group.create_task(self._work(), name=f"{self.name} worker {number}")
                for name, loop in self.loops().items():
                    group.create_task(loop(), name=f"{self.name} {name}")
        finally:
            self.queue.shut_down()

    def loops(self) -> dict[str, Callable[[], Any]]:
        """More background loops, by name."""
        return {}

    def is_well(self) -> bool:
        """What /healthz says of it: a loop that dies takes the whole manager along, so one that is asked is alive."""
        return True

    async def _work(self) -> None:
        while True:
            try:
                key = await self.queue.get()
            except ShutDown:
                return
            try:
                await self.reconcile(key)
            except Exception as error:
                if is_cancelled():  # and failed at what it still wanted to do: the manager ends all the same
                    raise asyncio.CancelledError from error
                self.failed += 1
                if not expected(error):
                    log.warning("%s: %s: %s", self.name, key, error, exc_info=not isinstance(error, ApiError))
                self.queue.add_rate_limited(key)
            else:
                self.reconciled += 1
                self.queue.forget(key)
            finally:
                self.queue.done(key)


def is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def expected(error: Exception) -> bool:
    """Lost races, namespaces that are going, and a server that is away: tried again without a word."""
    if isinstance(error, OSError):
        return True
    if not isinstance(error, ApiError):
        return False
    return error.reason in ("Conflict", "AlreadyExists", "NotFound") or error.has_cause("NamespaceTerminating")


class Periodic(Controller):
    """A controller without keys: it looks at everything every so often."""

    workers = 0
    period = 60.0

    async def sync(self) -> None:
        raise NotImplementedError

    def loops(self) -> dict[str, Callable[[], Any]]:
        return {"period": self._loop}

    async def _loop(self) -> None:
        while True:
            try:
                await self.sync()
            except Exception as error:
                self.failed += 1
                if not expected(error):
                    log.warning("%s: %s", self.name, error, exc_info=True)
            await asyncio.sleep(self.period)
