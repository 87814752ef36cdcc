"""Is the runtime there, and its network? Asked every five seconds; every 50 ms while a node boots and is not ready."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from minikube_edu.container_runtime.cri import ContainerRuntime, RuntimeFailure
from minikube_edu.lib import clock
from minikube_edu.lib.klog import keyed

log = logging.getLogger(__name__)

EVERY, EVERY_AT_BOOT, EVERY_IN_NEED = 5.0, 0.05, 1.0
BOOT_SECONDS = 30.0  # for so long a network plugin is expected at any moment


class RuntimeHealth:
    def __init__(self, runtime: ContainerRuntime, changed: Callable[[], None]) -> None:
        """`changed` is called when it is another than before."""
        self.problem = "container runtime status check may not have completed yet"
        self.network_problem = ""
        self._runtime = runtime
        self._changed = changed
        self.every = EVERY

    async def run(self) -> None:
        began = clock.monotonic()
        while True:
            bad = self.problem or self.network_problem
            young = clock.monotonic() - began < BOOT_SECONDS
            await asyncio.sleep(self.every if not bad else EVERY_AT_BOOT if young else EVERY_IN_NEED)
            before = (self.problem, self.network_problem)
            try:
                await self.look()
            except (RuntimeFailure, OSError) as error:
                self.problem = f"container runtime is down: {error}"
            if before != (self.problem, self.network_problem):
                self._say()
                self._changed()

    def _say(self) -> None:
        if self.network_problem:
            _, _, told = self.network_problem.partition(": ")
            log.error("%s", keyed("Container runtime network not ready", networkReady=told))
        if self.problem:
            log.error("%s", keyed("Container runtime sanity check failed", err=self.problem))

    async def look(self) -> None:
        """Raises when the runtime does not answer."""
        conditions = await self._runtime.conditions()
        self.problem = self.network_problem = ""
        for condition in conditions:
            if condition.status:
                continue
            text = f"{condition.type}=false reason:{condition.reason} message:{condition.message}"
            if condition.type == "NetworkReady":
                self.network_problem = f"container runtime network not ready: {text}"
            elif condition.type == "RuntimeReady":
                self.problem = f"container runtime not ready: {text}"
