"""The port that a client of the API serves beside its work: /healthz, /livez, /readyz, /metrics, /configz, over TLS.

    server = await open_port("kube-scheduler", options.bind_address, 10259, Health(...), options)

Checks are asked at every request: `[+]ping ok`, one line a check with ?verbose, and each alone at /healthz/NAME.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
from msgspec import Struct, field

from minikube_edu.lib import localhost
from minikube_edu.lib.web.messages import Request, Response
from minikube_edu.lib.web.server import Server, serve
from minikube_edu.lib.web.tls import server_context

TEXT = b"text/plain; charset=utf-8"
PLACES = ("/healthz", "/livez", "/readyz")

Checks = Mapping[str, Callable[[], bool]]


def always() -> bool:
    return True


def no_checks() -> Checks:
    return {}


class Health(Struct):
    metrics: Callable[[], tuple[bytes, bytes]]  # text, content type
    checks: Callable[[], Checks] = no_checks  # for all three places
    ready: Checks = field(default_factory=dict)  # for /readyz alone
    configz: Any = None

    def answer(self, request: Request) -> Response:
        path = request.path.rstrip("/")
        for place in PLACES:
            if path == place or path.startswith(place + "/"):
                return self._health(place.strip("/"), path[len(place) + 1 :], "verbose" in request.query)
        if path in ("/metrics", "/metrics/resources", "/metrics/slis"):
            text, content_type = self.metrics()
            return Response(200, text, content_type)
        if path == "/configz" and self.configz is not None:
            return Response(200, orjson.dumps(self.configz))
        return Response(404, b"404 page not found\n", TEXT)

    def _health(self, place: str, name: str, verbose: bool) -> Response:
        checks: dict[str, Callable[[], bool]] = {"ping": always, **self.checks()}
        if place == "readyz":
            checks |= self.ready
        if name:
            if name not in checks:
                return Response(404, b"404 page not found\n", TEXT)
            return Response(200, b"ok", TEXT) if checks[name]() else _failed(f"internal server error: {name} failed\n")
        results = {check: passes() for check, passes in checks.items()}
        lines = [f"[+]{check} ok" if ok else f"[-]{check} failed: reason withheld" for check, ok in results.items()]
        if not all(results.values()):
            return _failed("\n".join([*lines, f"{place} check failed", ""]))
        return Response(200, ("\n".join([*lines, f"{place} check passed", ""]) if verbose else "ok").encode(), TEXT)


def _failed(text: str) -> Response:
    return Response(500, text.encode(), TEXT)


async def open_port(name: str, address: str, port: int, health: Health, certificate: tuple[str, str, str]) -> Server:
    """`certificate`: serving certificate, key, and a directory for one of our own making when none is given."""
    context = server_context(*serving_pair(name, *certificate))
    where = localhost.listening(address)[-1]
    return await serve(health.answer, where, port, tls=context, name=name)


def serving_pair(name: str, certificate: str, key: str, directory: str) -> tuple[str, str]:
    """Paths of the serving certificate and its key: as given, or made here, as the real ones do."""
    if certificate:
        return certificate, key
    from minikube_edu.lib import pki

    folder = Path(directory or tempfile.mkdtemp(prefix=f"{name}-"))
    folder.mkdir(parents=True, exist_ok=True)
    made, made_key = folder / f"{name}.crt", folder / f"{name}.key"
    if not made.exists() or not made_key.exists():
        pair = pki.self_signed()
        descriptor = os.open(made_key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pair.key)
        made.write_bytes(pair.certificate)
    return str(made), str(made_key)
