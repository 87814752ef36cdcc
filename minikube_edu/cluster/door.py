"""A few plain requests to the API server, as the administrator: how the composition root sees that all is well."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any


class Door:
    """Keeps one connection; a server that is not there yet answers None."""

    def __init__(self, host: str, port: int, ca: Path, certificate: Path, key: Path) -> None:
        context = ssl.create_default_context(cafile=str(ca))
        context.load_cert_chain(certificate, key)
        self.connection = http.client.HTTPSConnection(host, port, context=context, timeout=10)

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def get(self, path: str) -> dict[str, Any] | None:
        body = self._body(path)
        return json.loads(body) if body is not None else None

    def _body(self, path: str) -> bytes | None:
        try:
            self.connection.request("GET", path)
            answer = self.connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return None
        return body if answer.status == 200 else None

    def delete(self, path: str) -> int:
        self.connection.request("DELETE", path)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status

    def merge(self, path: str, patch: dict[str, Any]) -> int:
        """A merge patch; returns the HTTP status."""
        headers = {"Content-Type": "application/merge-patch+json"}
        self.connection.request("PATCH", path, json.dumps(patch), headers)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status

    def create(self, path: str, body: dict[str, Any]) -> int:
        """Returns the HTTP status; 409: it is there already."""
        self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        answer.read()
        return answer.status

    def has(self, path: str) -> bool:
        return self._body(path) is not None

    def ready_nodes(self) -> int:
        nodes = (self.get("/api/v1/nodes") or {}).get("items", [])
        return sum(is_ready(node) for node in nodes)


def is_ready(thing: dict[str, Any]) -> bool:
    """A node or a pod whose condition Ready is true."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in thing.get("status", {}).get("conditions", []))
