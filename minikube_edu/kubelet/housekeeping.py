"""What a kubelet does now and then: eviction, cleaning up images, rotating logs."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from minikube_edu.kubelet.eviction.eviction import Eviction
from minikube_edu.kubelet.image_cleaning import ImageCleaning
from minikube_edu.kubelet.log_rotation import LogRotation

if TYPE_CHECKING:
    from minikube_edu.kubelet.running import Seat


def housekeeping(seat: Seat) -> list[tuple[str, Coroutine[Any, Any, None]]]:
    kubelet, told = seat.kubelet, seat.place.configuration
    cleaning = ImageCleaning(kubelet, told, seat.recorder.node_event)

    async def reclaim_disk() -> None:
        await kubelet.remains.sweep()
        await cleaning.remove_all_unused()

    eviction = Eviction(
        kubelet, told, seat.place.shape.machine, reclaim_disk, seat.recorder.node_event, kubelet.ready_changed
    )
    eviction.every *= seat.place.leisure
    return [
        ("eviction", eviction.run()),
        ("images", cleaning.run()),
        ("logs", LogRotation(kubelet, told).run()),
    ]
