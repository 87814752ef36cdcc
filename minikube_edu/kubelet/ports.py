"""The kubelet's ports: 10250 for the API server and its clients, 10248 for whoever looks after the kubelet.

The health port opens first; the other needs a certificate, which may have to be made, or asked of the cluster
(serverTLSBootstrap). "All addresses" is the node's own address here: no kubelet listens beyond loopback by default.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from minikube_edu.kubelet.contract import Object
from minikube_edu.lib import localhost
from minikube_edu.lib.node_root import below

if TYPE_CHECKING:
    from minikube_edu.kubelet.running import Seat
    from minikube_edu.kubelet.server.server import KubeletServer

log = logging.getLogger(__name__)

LOOK = 0.2  # for a certificate that is being asked for


def server_of(seat: Seat) -> KubeletServer:
    """The server without a socket: its `handle` answers requests."""
    from minikube_edu.kubelet.probes.prober import Prober
    from minikube_edu.kubelet.server.identity import Identity
    from minikube_edu.kubelet.server.permission import Permission
    from minikube_edu.kubelet.server.server import KubeletServer
    from minikube_edu.kubelet.stats.usage import Usage
    from minikube_edu.kubelet.volumes.volumes import KubeletVolumes

    told, parts, name = seat.place.configuration, seat.parts, seat.place.identity.name
    proof = told["authentication"]

    def node() -> Object | None:
        return seat.agent.as_seen_here() if seat.agent is not None else None

    used = parts.volumes.usage if isinstance(parts.volumes, KubeletVolumes) else None
    return KubeletServer(
        seat.kubelet,
        Usage(seat.kubelet, node, used),
        Identity(seat.client, anonymous=proof["anonymous"]["enabled"], webhook=proof["webhook"]["enabled"]),
        Permission(seat.client if told["authorization"]["mode"] == "Webhook" else None, name),
        parts.probes if isinstance(parts.probes, Prober) else None,
    )


async def open_ports(seat: Seat) -> Callable[[], Awaitable[None]]:
    """Returns what closes them. A port 10250 that is taken ends the seat, as it ends the real one."""
    server = server_of(seat)
    told = seat.place.configuration
    if told["healthzPort"]:
        try:
            await server.start_health(_address(seat, told["healthzBindAddress"]), told["healthzPort"])
        except OSError as error:
            log.error("Failed to start healthz server: %s", error)
    if told["enableServer"]:
        seat.loops.spawn("server", _open_server(seat, server))
    return server.close


async def _open_server(seat: Seat, server: KubeletServer) -> None:
    from minikube_edu.kubelet.certificates.bootstrap import serving_pair

    told, identity = seat.place.configuration, seat.place.identity
    if told.get("serverTLSBootstrap") and not told.get("tlsCertFile"):
        await _asked_for(seat)
    # In a thread: the loop is busy with the first pods, and making a key takes a while.
    certificate, key = await asyncio.to_thread(
        serving_pair, seat.place.certificates, identity.name, identity.address, told
    )
    ca = told["authentication"]["x509"].get("clientCAFile")
    address = _address(seat, told["address"])
    port = await server.start(address, told["port"], certificate, key, below(ca) if ca else None)
    if seat.agent is not None and port != told["port"]:
        seat.agent.listens_on(port)


async def _asked_for(seat: Seat) -> None:
    """Until the cluster has signed a serving certificate; it is renewed from then on, and read again."""
    from minikube_edu.kubelet.certificates.bootstrap import rotate
    from minikube_edu.kubelet.certificates.store import CertificateStore

    if seat.client is None:
        return
    identity, addresses = seat.place.identity, list(seat.place.shape.addresses)
    store = CertificateStore(seat.place.certificates, "kubelet-server")
    renewing = rotate(seat.client, identity.name, store, dns=[identity.name], ips=addresses)
    seat.loops.spawn("serving certificate", renewing)
    while True:
        if store.load() is not None:
            return
        await asyncio.sleep(LOOK)


def _address(seat: Seat, address: str) -> str:
    if address in localhost.EVERYWHERE and not os.environ.get(localhost.NODE_ADDRESS):
        return seat.place.identity.address
    return address
