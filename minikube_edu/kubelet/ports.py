"""The kubelet's ports: 10250 for the API server and its clients, 10248 for whoever looks after the kubelet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikube_edu.kubelet.running import Seat


async def open_ports(seat: Seat) -> Callable[[], Awaitable[None]] | None:
    """Returns what closes them; None when the configuration wants none."""
    from minikube_edu.kubelet.server import opening

    parts = seat.parts
    server = opening.server_of(seat.kubelet, seat.client, parts.objects, parts.volumes, parts.probes)
    return await opening.open_ports(server, seat.place.certificates)
