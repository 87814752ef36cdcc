"""A kubelet that has no client certificate yet, and static pods already: they run before it knows who it is.

    async with alone(place, runtime):
        await bootstrap(...)

A second control plane needs it: its kubelet asks its own API server for the certificate, which is one of those static
pods. So a kubelet without an API runs them meanwhile, and the real one takes them over as it does after a restart. The
real kubelet is one and the same all the time; its client waits for the certificate in the background. Where there is
no manifest, as on a worker, nothing is done.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from minikube_edu.container_runtime.cri import ContainerRuntime
from minikube_edu.lib.node_root import below

if TYPE_CHECKING:
    from minikube_edu.kubelet.running import Place


def has_manifests(place: Place) -> bool:
    told = place.configuration.get("staticPodPath")
    folder = Path(below(told)) if told else None
    return folder is not None and folder.is_dir() and any(folder.iterdir())


@asynccontextmanager
async def alone(place: Place, runtime: ContainerRuntime) -> AsyncIterator[None]:
    """Static pods run and the kubelet says that it is healthy, within this; the pods stay when it ends."""
    if not has_manifests(place):
        yield
        return
    from minikube_edu.kubelet.ports import open_ports
    from minikube_edu.kubelet.running import Seat

    # Port 10250 waits: nobody could say who may do what there.
    here = replace(place, configuration={**place.configuration, "enableServer": False})
    seat, close = Seat(here, runtime, None), None
    try:
        await seat.start()
        place.on_static_pods.clear()  # who waited for them has heard
        close = await open_ports(seat)
        yield
    finally:
        if close is not None:
            await close()
        await seat.stop()
