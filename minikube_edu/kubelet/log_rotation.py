"""Container logs do not grow for ever: one that is larger than containerLogMaxSize is moved aside, and the runtime is
asked to begin a new one; at most containerLogMaxFiles are kept, all but the newest two compressed."""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
from datetime import UTC, datetime

from minikube_edu.api.quantity import parse as parse_quantity
from minikube_edu.container_runtime.cri import RuntimeFailure
from minikube_edu.kubelet.configuration import seconds
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.kubelet import Kubelet
from minikube_edu.lib import clock

log = logging.getLogger(__name__)


class LogRotation:
    def __init__(self, kubelet: Kubelet, configuration: Object) -> None:
        self._kubelet = kubelet
        self._size = parse_quantity(str(configuration.get("containerLogMaxSize") or "10Mi")).value()
        self._files = int(configuration.get("containerLogMaxFiles") or 5)
        self._every = seconds(configuration, "containerLogMonitorInterval") or 10.0

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            await self.look()

    async def look(self) -> None:
        for uid in list(self._kubelet.view.uids()):
            for container in self._kubelet.view.peek(uid).running:
                try:
                    if container.log_path and os.stat(container.log_path).st_size >= self._size:
                        await self._rotate(container.id, container.log_path)
                except FileNotFoundError:
                    continue
                except (OSError, RuntimeFailure) as error:
                    log.info("cannot rotate %s: %s", container.log_path, error)

    async def _rotate(self, id: str, path: str) -> None:
        stamp = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y%m%d-%H%M%S")
        self._clean(path)
        moved = f"{path}.{stamp}"
        os.rename(path, moved)
        try:
            await self._kubelet.runtime.reopen_container_log(id)
        except RuntimeFailure:
            os.rename(moved, path)
            raise

    def _clean(self, path: str) -> None:
        """Compress those that were rotated before, and remove the oldest; the new one takes a place of its own."""
        folder, name = os.path.split(path)
        rotated = sorted(one for one in os.listdir(folder) if one.startswith(f"{name}.") and not one.endswith(".tmp"))
        most = max(0, self._files - 2)
        for old in rotated[: max(0, len(rotated) - most)]:
            os.unlink(os.path.join(folder, old))
        for old in rotated[max(0, len(rotated) - most) :]:
            if not old.endswith(".gz"):
                source = os.path.join(folder, old)
                with open(source, "rb") as plain, gzip.open(source + ".tmp", "wb") as packed:
                    packed.writelines(plain)
                os.rename(source + ".tmp", source + ".gz")
                os.unlink(source)
