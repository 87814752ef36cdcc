"""The loop of the binder: claims and volumes through one worker, so that two claims never choose the same volume."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from minikube_edu.client.informer import last_state
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.binding import Binding
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.claims import Claims
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.volumes import Volumes
from minikube_edu.kube_controller_manager.kinds import (
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STORAGE_CLASSES,
)

CLAIM, VOLUME = "claim ", "volume "


class PersistentVolumeBinder(Controller):
    name = "persistentvolume-binder-controller"
    workers = 1

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.claim_index = self.watch_related(PERSISTENT_VOLUME_CLAIMS, keys_of_claim)
        self.volume_index = self.watch_related(PERSISTENT_VOLUMES, keys_of_volume)
        classes = self.informer(STORAGE_CLASSES)
        classes.add_handler(added=lambda _: self.wake_pending(), updated=lambda *_: self.wake_pending())
        recorder = environment.recorder("persistentvolume-controller")
        binding = Binding(self.client, self.claim_index, self.volume_index, recorder)
        self.claims = Claims(binding, classes, self.informer(PODS))
        self.volumes = Volumes(binding)
        self.volume_index.add_handler(deleted=lambda gone: self.wake_claim_of(last_state(gone)))

    def wake_pending(self) -> None:
        for claim in self.claim_index.index.list():
            if claim.get("status", {}).get("phase") != "Bound":
                self.queue.add(keys_of_claim(claim)[0])

    def wake_claim_of(self, volume: Object) -> None:
        if ref := volume["spec"].get("claimRef"):
            self.queue.add(f"{CLAIM}{ref.get('namespace')}/{ref.get('name')}")

    def loops(self) -> dict[str, Callable[[], Any]]:
        return {"resync": self.resync}

    async def resync(self) -> None:
        """What waits for something to appear is looked at again and again; what is bound, only when it changes."""
        while True:
            await asyncio.sleep(self.settings.pvc_binder_sync_period)
            self.wake_pending()
            for volume in self.volume_index.index.list():
                if volume.get("status", {}).get("phase") not in ("Bound", "Available"):
                    self.queue.add(VOLUME + volume["metadata"]["name"])

    async def reconcile(self, key: str) -> None:
        what, name = key.split(" ", 1)
        if what == CLAIM.strip():
            claim = self.claim_index.index.get(name)
            if claim is not None:
                await self.claims.sync(claim)
            return
        volume = self.volume_index.index.get(name)
        if volume is not None and not await self.volumes.sync(volume):
            self.wake_claim_of(volume)


def keys_of_claim(claim: Object) -> list[str]:
    """The claim, and the volume that it names or that may wait for it."""
    metadata, volume = claim["metadata"], claim["spec"].get("volumeName")
    return [f"{CLAIM}{metadata['namespace']}/{metadata['name']}", *([VOLUME + volume] if volume else [])]


def keys_of_volume(volume: Object) -> list[str]:
    return [VOLUME + volume["metadata"]["name"]]
