"""A `SeatRunner` for tests: seats as subprocesses of this one, whose runtime may come and go.

Seats are modules of tests (`tests.container_runtime.seat_…`); what the runtime calls minikube_edu.kube_scheduler is
looked up in `stand_ins`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from minikube_edu.container_runtime.cri import SeatProcess


class Subprocess:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.pid = process.pid

    async def wait(self) -> int:
        return await self.process.wait()

    def kill(self, signal: int) -> None:
        if self.process.returncode is None:
            os.kill(self.process.pid, signal)


@dataclass
class Subprocesses:
    scripts: Mapping[str, str]  # module -> what it does, in Python; sys.argv is the seat's
    started: dict[str, Subprocess] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)

    async def start(
        self, tag: str, module: str, argv: Sequence[str], env: Mapping[str, str], output: int
    ) -> SeatProcess:
        script = f"import sys; sys.argv = {list(argv)!r}\n{self.scripts[module]}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-u", "-c", script),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
        )
        made = self.started[tag] = Subprocess(process)
        return made

    async def running(self) -> Mapping[str, SeatProcess]:
        return dict(self.started)

    async def forget(self, tag: str) -> None:
        self.forgotten.append(tag)
        self.started.pop(tag, None)

    async def close(self) -> None:
        for one in self.started.values():
            one.kill(9)
            await one.wait()
