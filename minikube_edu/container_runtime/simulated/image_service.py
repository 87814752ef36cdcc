"""The half of the runtime that keeps images (CRI's ImageService): pulled from registries that exist as data only."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from minikube_edu.container_runtime.cri import Credentials, FilesystemUsage, Image, RuntimeFailure
from minikube_edu.container_runtime.simulated.images.catalogue import Catalogue
from minikube_edu.container_runtime.simulated.images.image_store import ImageStore
from minikube_edu.container_runtime.simulated.images.registry import Registry
from minikube_edu.container_runtime.simulated.moods import Mood, Moods
from minikube_edu.container_runtime.simulated.settings import Settings
from minikube_edu.lib import clock

IMAGES = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs"


class ImageService:
    def __init__(self, settings: Settings, moods: Moods) -> None:
        self.settings = settings
        self.moods = moods
        catalogue = Catalogue()
        if settings.image_dir is not None:
            from minikube_edu.container_runtime.simulated.images import user_images

            user_images.load(settings.image_dir, catalogue)
        registry = Registry(catalogue, settings.unknown_images)
        self.images = ImageStore(registry, settings.state / "images", [settings.pause])

    async def pull_image(self, image: str, credentials: Sequence[Credentials] = ()) -> str:
        mood = self.moods.default
        if mood.pull_delay == (0.0, 0.0) and not mood.pull_rate and not mood.pull_failures:
            stored = await self.images.pull(image, credentials)
        else:
            stored = await self.images.pull(image, credentials, lambda size, name: self._download(mood, size, name))
        return stored.definition.id

    async def _download(self, mood: Mood, size: int, name: str) -> None:
        """`size` more bytes of an image; 0: the registry's first answer."""
        if not size:
            await self.moods.pause(mood.pull_delay, "pull", name)
            if self.moods.happens(mood.pull_failures, "pull failure", name, len(self.images.all()), clock.now()):
                raise RuntimeFailure(
                    f'failed to pull and unpack image "{name}": failed to copy: httpReadSeeker: failed open: '
                    f"failed to do request: context deadline exceeded"
                )
        elif mood.pull_rate:
            await asyncio.sleep(size / mood.pull_rate)

    async def image_status(self, image: str) -> Image | None:
        stored = self.images.find(image)
        return None if stored is None else stored.image()

    async def list_images(self) -> list[Image]:
        return [stored.image() for stored in self.images.all()]

    async def remove_image(self, image: str) -> None:
        from minikube_edu.container_runtime.simulated import image_programs
        from minikube_edu.container_runtime.simulated.images import root

        stored = self.images.find(image)
        if stored is not None:
            self.images.remove(image)
            root.forget(stored.definition)
            image_programs.forget(stored.definition)

    async def image_filesystem(self) -> FilesystemUsage:
        used = self.images.used_bytes()
        return FilesystemUsage(IMAGES, used, 200 * self.images.layer_count, self.settings.disk)
