"""A few plain requests to the API server, as the administrator: how the composition root sees that all is well.

One connection, one question at a time, without an event loop. The standard library's client would do, and takes longer
to import than all the answers take to come.
"""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path
from typing import Any

SECONDS = 10.0  # for an answer
PIECE = 1 << 16


class Door:
    """Keeps one connection; a server that is not there yet answers None."""

    def __init__(self, host: str, port: int, ca: Path, certificate: Path, key: Path) -> None:
        self._tls = ssl.create_default_context(cafile=str(ca))
        self._tls.load_cert_chain(certificate, key)
        self._host, self._port = host, port
        self._connection: ssl.SSLSocket | None = None

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, bytes]:
        """Status and body; OSError when there is nobody, or not to the end."""
        if self._connection is None:
            plain = socket.create_connection((self._host, self._port), SECONDS)
            try:
                self._connection = self._tls.wrap_socket(plain, server_hostname=self._host)
            except BaseException:
                plain.close()
                raise
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
        head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            self._connection.sendall(head.encode() + body)
            return self._answer(self._connection)
        except BaseException:
            self.close()
            raise

    def _answer(self, connection: ssl.SSLSocket) -> tuple[int, bytes]:
        got = bytearray()
        while (end := got.find(b"\r\n\r\n")) < 0:
            got += self._piece(connection)
        lines = got[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", 0))  # our server tells it of whatever is no stream
        del got[: end + 4]
        while len(got) < length:
            got += self._piece(connection)
        if headers.get("connection", "").lower() == "close":
            self.close()
        return int(lines[0].split()[1]), bytes(got)

    def _piece(self, connection: ssl.SSLSocket) -> bytes:
        found = connection.recv(PIECE)
        if not found:
            raise ConnectionResetError("the server hung up")
        return found

    def get(self, path: str) -> dict[str, Any] | None:
        body = self._body(path)
        return json.loads(body) if body is not None else None

    def _body(self, path: str) -> bytes | None:
        for _ in range(2 if self._connection is not None else 1):  # it may have closed the kept connection
            try:
                status, body = self._ask("GET", path)
            except OSError:
                continue
            return body if status == 200 else None
        return None

    def delete(self, path: str) -> int:
        return self._ask("DELETE", path)[0]

    def merge(self, path: str, patch: dict[str, Any]) -> int:
        """A merge patch; returns the HTTP status."""
        return self._ask("PATCH", path, json.dumps(patch).encode(), "application/merge-patch+json")[0]

    def create(self, path: str, body: dict[str, Any]) -> int:
        """Returns the HTTP status; 409: it is there already."""
        return self._ask("POST", path, json.dumps(body).encode())[0]

    def has(self, path: str) -> bool:
        return self._body(path) is not None

    def ready_nodes(self) -> int:
        nodes = (self.get("/api/v1/nodes") or {}).get("items", [])
        return sum(is_ready(node) for node in nodes)


def is_ready(thing: dict[str, Any]) -> bool:
    """A node or a pod whose condition Ready is true."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in thing.get("status", {}).get("conditions", []))
