"""A container's pretended memory, and what happens when it is not enough.

Each process holds what its program says (`use_memory`) and a little more. Beyond the container's limit the OOM killer
takes the process that holds most; with `oom_group`, as a kubelet wants it, the whole container goes with it. The
container remembers (`oom_killed`), which is what makes `OOMKilled` of exit code 137.

What programs really hold is another matter (an array of awk's is an array here): beyond `MOST_REAL` the one that grew
is killed in the same way, whatever the limit is, so that no container eats the host.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import Killed
from minikube_edu.container_runtime.simulated.kernel import scheduler
from minikube_edu.container_runtime.simulated.kernel.limits import MOST_REAL
from minikube_edu.container_runtime.simulated.kernel.signals import SIGKILL

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.process import KernelProcess


class MemoryAccount:
    __slots__ = (
        "_also",
        "group",
        "grown",
        "limit",
        "oom_killed",
        "oom_kills",
        "peak",
        "processes",
        "used_by_processes",
    )

    def __init__(self, limit: int, group: bool, also: Callable[[], int]) -> None:
        self.limit = limit
        self.group = group
        self.oom_killed = False  # the main process, or all, were killed for it
        self.oom_kills = 0
        self.peak = 0
        self.used_by_processes = 0
        self.grown = 0  # what its processes really hold of the host, as far as that is known
        self.processes: dict[KernelProcess, int] = {}
        self._also = also  # what counts beside processes: /dev/shm

    def set_limit(self, limit: int) -> None:
        self.limit = limit
        if limit and self.used() > limit:
            self._kill()

    def used(self) -> int:
        return self.used_by_processes + self._also()

    def hold(self, process: KernelProcess, size: int) -> None:
        if process.status is not None:
            return
        self.used_by_processes += size - process.memory
        process.memory = size
        self.processes[process] = size
        used = self.used()
        self.peak = max(self.peak, used)
        if self.limit and used > self.limit:
            self._kill()

    def grow(self, process: KernelProcess, size: int) -> None:
        """The host's process has grown while this one worked. That has an end, with or without a limit."""
        if process.status is not None:
            return
        size = max(size, -process.grown)
        process.grown += size
        self.grown += size
        if size > 0 and self.grown > MOST_REAL and process.doom is None:
            container = process.container
            self.oom_kills += 1
            if process is container.main:
                self.oom_killed = True
            container.told_of_oom(process)
            process.end(Killed(SIGKILL))

    def forget(self, process: KernelProcess) -> None:
        self.grown -= process.grown
        process.grown = 0
        self.used_by_processes -= self.processes.pop(process, 0)
        process.memory = 0

    def _kill(self) -> None:
        living = [one for one in self.processes if one.doom is None]
        if not living:
            return
        victim = max(living, key=lambda one: self.processes[one])
        container = victim.container
        self.oom_kills += 1
        self.peak = self.limit
        doomed = list(self.processes) if self.group or victim is container.main else [victim]
        if container.main in doomed:
            self.oom_killed = True
        container.told_of_oom(victim)
        last = None
        for process in doomed:
            if process is scheduler.current:
                last = process  # it does not come back from its own end
            elif process.doom is None:
                process.end(Killed(SIGKILL))
        if last is not None:
            last.end(Killed(SIGKILL))
