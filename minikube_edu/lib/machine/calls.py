"""Questions to a machine, one at a time, for programs that can wait: `systemctl`, `up`, `down`, kubeadm.

with Calls.open(path) as machine:
    machine.ask("unit", verb="start", name="kubelet")
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from minikube_edu.lib.machine import frames


class NoMachine(ConnectionError):
    """No machine answers on this socket."""


class Refused(Exception):
    """The machine says no; the text says why."""


class Calls:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._buffer = bytearray()

    @classmethod
    def open(cls, path: Path | str, timeout: float | None = 30.0) -> Calls:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
        except OSError as error:
            connection.close()
            raise NoMachine(f"no machine answers at {path}: {error.strerror}") from None
        return cls(connection)

    def __enter__(self) -> Calls:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()

    def ask(self, what: str, descriptors: list[int] | None = None, **facts: Any) -> dict[str, Any]:
        payload = json.dumps({"do": what, **facts}).encode()
        try:
            frames.send(self.connection, b"J", payload, descriptors)
            return self.next()
        except OSError as error:
            raise NoMachine(f"the machine went away: {error}") from None

    def next(self) -> dict[str, Any]:
        """The next answer or, after `watch`, the next thing that happens."""
        while (found := frames.take(self._buffer)) is None:
            data = self.connection.recv(65536)
            if not data:
                raise NoMachine("the machine went away")
            self._buffer += data
        answer: dict[str, Any] = json.loads(found[1])
        if "error" in answer:
            raise Refused(answer["error"])
        return answer
