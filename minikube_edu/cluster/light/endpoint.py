"""Port 10250 of a light node: its own address, everybody's certificate.

The listener is there from the beginning, the server behind it when somebody first asks: most of a thousand nodes are
never asked for a log.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable

from minikube_edu.kubelet.running import Seat
from minikube_edu.kubelet.server.server import PORT, KubeletServer
from minikube_edu.lib.web.messages import Answer, Request
from minikube_edu.lib.web.server import Server, serve

log = logging.getLogger(__name__)

Context = Callable[[], ssl.SSLContext]


class Endpoint:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._server: KubeletServer | None = None
        self._listener: Server | None = None

    async def open(self, address: str, tls: ssl.SSLContext | None, port: int = PORT) -> None:
        """A port that is taken costs this node its logs and commands, and nobody else anything."""
        try:
            self._listener = await serve(self.handle, address, port, tls=tls, name="kubelet")
        except OSError as error:
            log.error("%s:%d: %s; no logs of its pods, and no way into them", address, port, error)

    @property
    def port(self) -> int:
        return self._listener.port if self._listener is not None else PORT

    async def handle(self, request: Request) -> Answer:
        if self._server is None:
            from minikube_edu.kubelet.ports import server_of

            self._server = server_of(self._seat)
        return await self._server.handle(request)

    async def close(self) -> None:
        if self._server is not None:
            await self._server.close()
        if self._listener is not None:
            await self._listener.close()
