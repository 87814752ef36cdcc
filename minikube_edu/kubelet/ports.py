"""The kubelet's ports: 10250 for the API server and its clients, 10248 for whoever looks after the kubelet.

The health port opens first; the other needs a certificate, which may have to be made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from minikube_edu.lib.node_root import below

if TYPE_CHECKING:
    from minikube_edu.kubelet.running import Seat
    from minikube_edu.kubelet.server.server import KubeletServer


def server_of(seat: Seat) -> KubeletServer:
    """The server without a socket: its `handle` answers requests."""
    from minikube_edu.kubelet.probes.prober import Prober
    from minikube_edu.kubelet.server.identity import Identity
    from minikube_edu.kubelet.server.permission import Permission
    from minikube_edu.kubelet.server.server import KubeletServer
    from minikube_edu.kubelet.stats.usage import Usage

    told = seat.place.configuration
    proof, may = told["authentication"], told["authorization"]
    agent = seat.agent
    usage = Usage(seat.kubelet, agent.as_seen_here if agent is not None else lambda: None)
    identity = Identity(seat.client, anonymous=proof["anonymous"]["enabled"], webhook=proof["webhook"]["enabled"])
    asked = seat.client if may["mode"] == "Webhook" else None
    prober = seat.parts.probes if isinstance(seat.parts.probes, Prober) else None
    return KubeletServer(seat.kubelet, usage, identity, Permission(asked, seat.place.identity.name), prober)


async def open_ports(seat: Seat) -> Callable[[], Awaitable[None]]:
    """Returns what closes them. A port that is taken ends the seat, as it ends the real one."""
    server = server_of(seat)
    told = seat.place.configuration
    if told["healthzPort"]:
        await server.start_health(told["healthzBindAddress"], told["healthzPort"])
    if told["enableServer"]:
        seat.loops.spawn("server", _open_server(seat, server))
    return server.close


async def _open_server(seat: Seat, server: KubeletServer) -> None:
    from minikube_edu.kubelet.certificates.bootstrap import serving_pair

    told, identity = seat.place.configuration, seat.place.identity
    certificate, key = await asyncio.to_thread(
        serving_pair, seat.place.certificates, identity.name, identity.address, told
    )
    ca = told["authentication"]["x509"].get("clientCAFile")
    port = await server.start(told["address"], told["port"], certificate, key, below(ca) if ca else None)
    if seat.agent is not None and port != told["port"]:
        seat.agent.listens_on(port)
