"""Images that no container uses go when the disk is fuller than imageGCHighThresholdPercent, the least recently used
first, until imageGCLowThresholdPercent is reached; or when they have not been used for imageMaximumGCAge."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from minikube_edu.container_runtime.cri import Image, RuntimeFailure
from minikube_edu.kubelet.configuration import seconds
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.kubelet import Kubelet
from minikube_edu.lib import clock

log = logging.getLogger(__name__)

EVERY = 300.0


class ImageCleaning:
    def __init__(self, kubelet: Kubelet, configuration: Object, node_event: Callable[[str, str, str], None]) -> None:
        self._kubelet = kubelet
        self._high = int(configuration.get("imageGCHighThresholdPercent", 85))
        self._low = int(configuration.get("imageGCLowThresholdPercent", 80))
        self._least_age = seconds(configuration, "imageMinimumGCAge")
        self._most_age = seconds(configuration, "imageMaximumGCAge")
        self._node_event = node_event
        self._first_seen: dict[str, float] = {}

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.look()
            except (RuntimeFailure, OSError) as error:
                log.info("image garbage collection failed: %s", error)

    async def look(self) -> None:
        unused = await self._unused()
        now = clock.now()
        if self._most_age:
            for image in [one for one in unused if now - self._last_used(one) > self._most_age]:
                await self._remove(image)
                unused.remove(image)
        disk = await self._kubelet.runtime.image_filesystem()
        if self._high >= 100 or not disk.capacity_bytes:
            return
        percent = disk.used_bytes * 100 // disk.capacity_bytes
        if percent < self._high:
            return
        wanted = disk.used_bytes - disk.capacity_bytes * self._low // 100
        freed = await self._free(wanted, unused, self._least_age)
        if freed < wanted:
            message = (
                f"Failed to garbage collect required amount of images. Attempted to free {wanted} bytes, but only "
                f"found {freed} bytes eligible to free."
            )
            self._node_event("Warning", "FreeDiskSpaceFailed", message)

    async def remove_all_unused(self) -> None:
        """Under disk pressure: whatever is not in use, however young."""
        await self._free(1 << 62, await self._unused(), 0.0)

    async def _unused(self) -> list[Image]:
        """The least recently used first."""
        images = await self._kubelet.runtime.list_images()
        now = clock.now()
        used = {one.image_id for uid in self._kubelet.view.uids() for one in self._kubelet.view.peek(uid).containers}
        for image in images:
            self._first_seen.setdefault(image.id, now)
            if image.id in used:
                self._kubelet.parts.pulls.used[image.id] = now
        known = {image.id for image in images}
        self._first_seen = {id: since for id, since in self._first_seen.items() if id in known}
        unused = [image for image in images if image.id not in used and not image.pinned]
        return sorted(unused, key=lambda one: (self._last_used(one), self._first_seen[one.id]))

    def _last_used(self, image: Image) -> float:
        return self._kubelet.parts.pulls.used.get(image.id, self._first_seen[image.id])

    async def _free(self, wanted: int, unused: list[Image], least_age: float) -> int:
        freed, now = 0, clock.now()
        for image in unused:
            if freed >= wanted:
                break
            if now - self._first_seen[image.id] < least_age:
                continue
            await self._remove(image)
            freed += image.size
        return freed

    async def _remove(self, image: Image) -> None:
        log.info("removing image %s", image.tags or image.id)
        await self._kubelet.runtime.remove_image(image.id)
        self._kubelet.parts.pulls.used.pop(image.id, None)
