"""A process namespace: who runs in it, by number; a container's own, or shared by the containers of a pod.

Process 1 adopts orphans. When it ends, everyone else in the namespace is killed, as in life. A process that has ended
stays as a zombie until its parent asks for it; one whose parent is outside (a container's first process, an exec) is
taken away at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.kernel.signals import SIGKILL

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.process import KernelProcess

MOST_PIDS = 4_194_304


class ProcessTable:
    __slots__ = ("last_pid", "processes")

    def __init__(self) -> None:
        self.processes: dict[int, KernelProcess] = {}
        self.last_pid = 0

    def next_pid(self) -> int:
        pid = self.last_pid
        while True:
            pid = pid + 1 if pid < MOST_PIDS else 300
            if pid not in self.processes:
                self.last_pid = pid
                return pid

    def group(self, number: int) -> Iterator[KernelProcess]:
        return (process for process in list(self.processes.values()) if process.group == number)

    def first(self) -> KernelProcess | None:
        one = self.processes.get(1)
        return one if one is not None and one.status is None else None

    def kill_all(self) -> None:
        for process in list(self.processes.values()):
            process.deliver(SIGKILL, forced=True)
