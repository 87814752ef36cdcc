"""What pods leave behind in the runtime, and when it is cleared away.

Of a pod that is there, each container keeps its last dead run (for `logs --previous` and its exit code), sandboxes that
were replaced go; of a pod that is gone, everything goes, logs as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from pathlib import Path

from minikube_edu.container_runtime.cri import Container, ContainerRuntime, ContainerState, RuntimeFailure, SandboxState
from minikube_edu.kubelet.runtime_view import RuntimeView

log = logging.getLogger(__name__)

KEPT = 1  # dead runs of each container, besides one that may run
SWEEP_SECONDS = 60.0


class Remains:
    def __init__(self, runtime: ContainerRuntime, view: RuntimeView, root: Path) -> None:
        self._runtime = runtime
        self._view = view
        self._root = root

    async def run(self) -> None:
        """Sweep every minute, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await self.sweep()

    async def sweep(self) -> None:
        """The dead runs that are too many, and the sandboxes that were replaced, of all pods."""
        for uid in list(self._view.uids()):
            try:
                await self.trim(uid)
            except (RuntimeFailure, OSError) as error:
                log.info("cannot clear away what pod %s has left: %s", uid, error)

    async def trim(self, uid: str) -> None:
        view = self._view.peek(uid)
        by_name: dict[str, list[Container]] = {}
        for container in view.containers:
            if container.state is ContainerState.EXITED:
                by_name.setdefault(container.config.name, []).append(container)
        for dead in by_name.values():
            newest = view.newest(dead[0].config.name)
            alive = newest is not None and newest.state is not ContainerState.EXITED
            for container in dead[KEPT if alive else KEPT + 1 :]:
                await self._remove(uid, container)
        used = {container.sandbox_id for container in self._view.peek(uid).containers}
        for sandbox in view.sandboxes[1:]:
            if sandbox.state is SandboxState.NOT_READY and sandbox.id not in used:
                self._view.touched(uid, sandbox=sandbox.id)
                await self._runtime.remove_sandbox(sandbox.id)

    async def remove(self, uid: str) -> None:
        """Everything of a pod that is gone."""
        view = self._view.peek(uid)
        try:
            for container in view.containers:
                await self._remove(uid, container)
            for sandbox in view.sandboxes:
                self._view.touched(uid, sandbox=sandbox.id)
                await self._runtime.stop_sandbox(sandbox.id)
                await self._runtime.remove_sandbox(sandbox.id)
                self._remove_logs(sandbox.config.log_directory)
            await self._view.pod(uid)
        except (RuntimeFailure, OSError) as error:
            log.info("cannot clear away what pod %s has left: %s", uid, error)

    async def _remove(self, uid: str, container: Container) -> None:
        self._view.touched(uid, container=container.id)
        await self._runtime.remove_container(container.id)
        if container.log_path:
            with contextlib.suppress(OSError):
                for path in Path(container.log_path).parent.glob(Path(container.log_path).name + "*"):
                    path.unlink()

    def _remove_logs(self, directory: str) -> None:
        """Never anything outside this node's logs."""
        logs = (self._root / "var/log/pods").resolve()
        if directory and Path(directory).resolve().parent == logs:
            shutil.rmtree(directory, ignore_errors=True)
