"""The informers of a process: one a kind and selection, however many loops ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from minikube_edu.client.informer import Informer, Transform
from minikube_edu.client.rest import Client, Resource


class InformerFactory:
    """Ask for all informers first; `async with factory` then starts them, waits until they have synced, and stops
    them at the end."""

    def __init__(
        self,
        client: Client,
        *,
        namespace: str = "",
        resync: float = 0,
        watch_list: bool = True,
        transform: Transform | None = None,
    ) -> None:
        """`transform`: of those who ask without one."""
        self._client = client
        self._transform = transform
        self._namespace = namespace
        self._resync = resync
        self._watch_list = watch_list
        self._informers: dict[tuple[Resource, str, str, str], Informer] = {}
        self._tasks: dict[Informer, asyncio.Task[None]] = {}

    def informer(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        transform: Transform | None = None,
    ) -> Informer:
        """The transform of the first who asks counts."""
        namespace = namespace or self._namespace
        key = (resource, namespace, label_selector, field_selector)
        if key not in self._informers:
            self._informers[key] = Informer(
                self._client,
                resource,
                namespace=namespace,
                label_selector=label_selector,
                field_selector=field_selector,
                resync=self._resync,
                transform=transform or self._transform,
                watch_list=self._watch_list,
            )
        return self._informers[key]

    def asked_for(self, resource: Resource) -> bool:
        """Whether somebody has asked for all objects of the kind: then another copy of them need not be kept."""
        return (resource, self._namespace, "", "") in self._informers

    def start(self, spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]] | None = None) -> None:
        """Start those that do not run yet; may be called again. `spawn` makes a task of a coroutine and its name: a
        seat that guards its loops gives its own."""
        for informer in self._informers.values():
            if informer not in self._tasks:
                name = f"informer {informer.resource}"
                running = informer.run()
                self._tasks[informer] = spawn(running, name) if spawn else asyncio.create_task(running, name=name)

    async def wait_synced(self) -> None:
        for informer in list(self._tasks):
            await informer.wait_synced()

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def __aenter__(self) -> InformerFactory:
        self.start()
        await self.wait_synced()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
