"""The runtime's way to programs of the host: the machine forks them, and tells when they end.

This is `container_runtime.cri.SeatRunner` over the machine's socket. The machine is the parent: a runtime that ends, or
is ended, leaves its seats running, and its successor finds them under their tags.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from minikube_edu.lib.machine import frames
from minikube_edu.lib.machine.calls import NoMachine, Refused


class MachineProcess:
    def __init__(self, runner: MachineSeats, tag: str, pid: int) -> None:
        self.pid = pid
        self._runner = runner
        self._tag = tag
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def kill(self, signal: int) -> None:
        self._runner.tell("kill", tag=self._tag, signal=signal)

    def ended(self, status: int) -> None:
        if not self._ended.done():
            self._ended.set_result(os.waitstatus_to_exitcode(status))


class MachineSeats:
    """Open with `connect`, close with `close`. Answers come in the order of the questions."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._processes: dict[str, MachineProcess] = {}
        self._questions: list[asyncio.Future[dict[str, Any]]] = []
        self._buffer = bytearray()
        self._out = bytearray()
        self._lost: Exception | None = None

    @classmethod
    async def connect(cls, path: str) -> MachineSeats:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            connection.connect(path)  # a Unix socket answers at once
        except OSError as error:
            connection.close()
            raise NoMachine(f"no machine answers at {path}: {error.strerror}") from None
        self = cls(connection)
        asyncio.get_running_loop().add_reader(connection.fileno(), self._readable)
        await self._ask("watch")
        return self

    async def close(self) -> None:
        self._fail(NoMachine("closed"))

    async def start(
        self, tag: str, module: str, argv: Sequence[str], env: Mapping[str, str], output: int
    ) -> MachineProcess:
        answer = await self._ask(
            "start", descriptors=[output], tag=tag, module=module, argv=list(argv), environment=dict(env)
        )
        return self._known(tag, answer["pid"])

    async def running(self) -> Mapping[str, MachineProcess]:
        answer = await self._ask("processes")
        found = {}
        for row in answer["processes"]:
            found[row["tag"]] = process = self._known(row["tag"], row["pid"])
            if row["status"] is not None:
                process.ended(row["status"])
        return found

    async def forget(self, tag: str) -> None:
        self._processes.pop(tag, None)
        await self._ask("forget", tag=tag)

    def tell(self, what: str, **facts: Any) -> None:
        """A question whose answer does not matter."""
        self._send(what, None, facts).add_done_callback(lambda done: done.cancelled() or done.exception())

    def _known(self, tag: str, pid: int) -> MachineProcess:
        process = self._processes.get(tag)
        if process is None or process.pid != pid:
            process = self._processes[tag] = MachineProcess(self, tag, pid)
        return process

    async def _ask(self, what: str, descriptors: list[int] | None = None, **facts: Any) -> dict[str, Any]:
        return await self._send(what, descriptors, facts)

    def _send(self, what: str, descriptors: list[int] | None, facts: dict[str, Any]) -> asyncio.Future[dict[str, Any]]:
        question: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        if self._lost is not None:
            question.set_exception(self._lost)
            return question
        self._questions.append(question)
        try:
            # A question is small and the machine reads it at once: the socket's own buffer is enough.
            frames.send(self._socket, b"J", json.dumps({"do": what, **facts}).encode(), descriptors)
        except OSError as error:
            self._fail(NoMachine(f"the machine went away: {error}"))
        return question

    def _readable(self) -> None:
        try:
            data = self._socket.recv(65536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(NoMachine(f"the machine went away: {error}"))
            return
        if not data:
            self._fail(NoMachine("the machine went away"))
            return
        self._buffer += data
        while (found := frames.take(self._buffer)) is not None:
            self._take(json.loads(found[1]))

    def _take(self, answer: dict[str, Any]) -> None:
        if "exited" in answer:
            process = self._processes.get(answer["exited"])
            if process is not None and process.pid == answer["pid"]:
                process.ended(answer["status"])
            return
        question = self._questions.pop(0)
        if question.done():
            return
        if "error" in answer:
            question.set_exception(Refused(answer["error"]))
        else:
            question.set_result(answer)

    def _fail(self, error: Exception) -> None:
        if self._lost is not None:
            return
        self._lost = error
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        for question in self._questions:
            if not question.done():
                question.set_exception(error)
        self._questions.clear()
