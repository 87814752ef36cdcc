"""The machine's children: forked, remembered, reaped.

Three sorts: processes of the runtime (a tag, kept after their end until they are forgotten), services (units), and
command lines (a connection waits for each). Who asked is told through `ended`.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from msgspec import Struct, field

from minikube_edu.cluster.machine import offspring


class Child(Struct):
    pid: int
    name: str
    ended: Callable[[Child], None]
    tag: str = ""
    started: float = field(default_factory=time.time)
    finished: float = 0.0
    status: int | None = None  # as wait(2) gives it


class Children:
    def __init__(self) -> None:
        self.by_pid: dict[int, Child] = {}
        self.by_tag: dict[str, Child] = {}

    def fork(self, name: str, become: Callable[[], NoReturn], ended: Callable[[Child], None], tag: str = "") -> Child:
        """`become` runs in the child and never returns.

        What is here now is frozen: a child's garbage collection would write to every object, and so copy every page.
        """
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            try:
                become()
            finally:  # whatever went wrong, no second machine may come out of this
                os._exit(126)
        child = Child(pid, name, ended, tag)
        self.by_pid[pid] = child
        if tag:
            self.by_tag[tag] = child
        return child

    def seat(
        self,
        name: str,
        module: str,
        argv: Sequence[str],
        environment: Mapping[str, str],
        output: int,
        ended: Callable[[Child], None],
        tag: str = "",
        directory: str = "/",
    ) -> Child:
        """A program whose output goes to one descriptor and which reads nothing. It dies with the machine."""

        machine = os.getpid()

        def become() -> NoReturn:
            nothing = os.open(os.devnull, os.O_RDONLY)
            offspring.leave_nothing_of_the_machine((nothing, output, output), dies_with_machine=True)
            if os.getppid() != machine:  # it was killed before the system could be told to take us along
                os._exit(126)
            offspring.dress(environment, directory)
            offspring.run_module(module, argv)

        return self.fork(name, become, ended, tag)

    def reap(self) -> None:
        """Take note of all that have ended."""
        while self.by_pid:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self.by_pid.pop(pid, None)
            if child is not None:
                child.status, child.finished = status, time.time()
                child.ended(child)

    def forget(self, tag: str) -> None:
        child = self.by_tag.get(tag)
        if child is not None and child.status is not None:
            del self.by_tag[tag]
