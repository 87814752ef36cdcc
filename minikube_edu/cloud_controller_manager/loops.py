"""A loop over keys: events put them in, one worker takes them out, failures come again later."""

from __future__ import annotations

import logging
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.index import key_of
from minikube_edu.client.informer import Informer
from minikube_edu.lib.workqueue import ShutDown, WorkQueue

log = logging.getLogger(__name__)

Object = dict[str, Any]


class Loop:
    """Subclasses define `reconcile`."""

    name = ""

    def __init__(self, informer: Informer) -> None:
        self.informer = informer
        self.queue: WorkQueue[str] = WorkQueue(self.name)
        informer.add_key_handler(self.queue.add)

    def enqueue(self, obj: Object) -> None:
        self.queue.add(key_of(obj))

    async def reconcile(self, key: str) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        while True:
            try:
                key = await self.queue.get()
            except ShutDown:
                return
            try:
                await self.reconcile(key)
            except Exception as error:
                if not isinstance(error, ApiError | OSError):
                    log.warning("%s: %s: %s", self.name, key, error)
                self.queue.add_rate_limited(key)
            else:
                self.queue.forget(key)
            finally:
                self.queue.done(key)
