"""A runtime behind a socket that comes and goes: connects when it is needed, and again when the connection has ended.

Calls fail (RuntimeFailure, Unavailable) while nobody listens. Listeners to life signs stay; when a connection is made
anew they may have missed some, which `reconnected` is told of: it lists everything then. A runtime that was started
again has forgotten which addresses the pods of this node have: it is told before it is asked for anything. A connection
that has ended is looked after at once, every 50 ms at first: a runtime that is started again should find its kubelet
waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from minikube_edu.container_runtime.cri import ContainerEvent, ContainerRuntime, RuntimeFailure

if TYPE_CHECKING:
    from minikube_edu.container_runtime.socket_driver import SocketRuntime

SHORTEST, LONGEST = 0.05, 1.0  # between two tries


class RuntimeConnection:
    def __init__(self, path: str) -> None:
        self.reconnected: Callable[[], None] = lambda: None
        self._path = path
        self._runtime: SocketRuntime | None = None
        self._connecting = asyncio.Lock()
        self._listeners: list[Callable[[ContainerEvent], None]] = []
        self._before = False
        self._watching: asyncio.Task[None] | None = None
        self._pod_cidr = ""

    async def update_runtime_config(self, pod_cidr: str) -> None:
        self._pod_cidr = pod_cidr
        await (await self._connected()).update_runtime_config(pod_cidr)

    def events(self, listener: Callable[[ContainerEvent], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        if self._runtime is not None:
            await self._runtime.close()

    def __getattr__(self, name: str) -> Any:
        async def call(*values: Any, **named: Any) -> Any:
            return await getattr(await self._connected(), name)(*values, **named)

        call.__name__ = name
        self.__dict__[name] = call
        return call

    async def _connected(self) -> SocketRuntime:
        from minikube_edu.container_runtime.socket_driver import SocketRuntime

        if self._runtime is not None and not self._runtime.closed.is_set():
            return self._runtime
        async with self._connecting:
            if self._runtime is None or self._runtime.closed.is_set():
                runtime = await SocketRuntime.connect(self._path)
                runtime.events(self._heard)
                if self._pod_cidr:
                    await runtime.update_runtime_config(self._pod_cidr)
                self._runtime = runtime
                if self._before:
                    self.reconnected()
                self._before = True
                if self._watching is None:
                    self._watching = asyncio.get_running_loop().create_task(self._watch(), name="runtime connection")
        return self._runtime

    async def _watch(self) -> None:
        """Reconnect whenever the connection ends."""
        pause = SHORTEST
        while True:
            if self._runtime is not None:
                await self._runtime.closed.wait()
            try:
                await self._connected()
                pause = SHORTEST
            except (RuntimeFailure, OSError):
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, LONGEST)

    def _heard(self, event: ContainerEvent) -> None:
        for listener in list(self._listeners):
            listener(event)


def connection(path: str) -> ContainerRuntime:
    """The same, as what it is."""
    return cast(ContainerRuntime, RuntimeConnection(path))
