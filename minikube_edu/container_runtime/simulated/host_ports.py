"""hostPort: a port of the node that leads to a port of a pod.

The real thing is the portmap plugin's address translation; here a listener in the node's own network passes each
connection on. Networks that do not have one (tests with a fabric of their own) have no host ports.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from minikube_edu.cni.contract import Connection, Fabric, Listener, Namespace
from minikube_edu.container_runtime.cri import PortMapping
from minikube_edu.container_runtime.simulated.outputs import first_of


class HostPorts:
    """Those of one sandbox."""

    def __init__(self, network: Namespace) -> None:
        self._network = network
        self._listeners: list[Listener] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    @classmethod
    def open(cls, fabric: Fabric, network: Namespace, mappings: Sequence[PortMapping]) -> HostPorts | None:
        """None when there is nothing to do; OSError when a port is taken."""
        host: Namespace | None = getattr(fabric, "host", None)
        wanted = [one for one in mappings if one.host_port and one.protocol == "TCP"]
        if host is None or not wanted or network is host:
            return None
        self = cls(network)
        try:
            for one in wanted:
                listener = host.listen(one.host_port, one.host_ip or "0.0.0.0")
                self._listeners.append(listener)
                self._spawn(self._accept(listener, one.container_port))
        except OSError:
            self.close()
            raise
        return self

    def _spawn(self, running: Any) -> None:
        task = asyncio.get_running_loop().create_task(running)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: Listener, port: int) -> None:
        while True:
            try:
                connection = await listener.accept()
            except OSError:
                return
            self._spawn(self._pass_on(connection, port))

    async def _pass_on(self, near: Connection, port: int) -> None:
        try:
            far = await self._network.connect(self._network.ips[0], port)
        except OSError:
            near.close()
            return
        try:
            both = asyncio.gather(_carry(near, far), _carry(far, near))
            await first_of(asyncio.ensure_future(both))
        finally:
            near.close()
            far.close()

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        for task in self._tasks:
            task.cancel()


async def _carry(source: Connection, target: Connection) -> None:
    try:
        while data := await source.read():
            await target.write(data)
        target.end()
    except OSError:
        source.close()
        target.close()
