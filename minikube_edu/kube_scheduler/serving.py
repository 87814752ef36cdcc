"""/healthz, /livez, /readyz, /metrics and /configz, on the secure port."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from minikube_edu.kube_scheduler.metrics import CONTENT_TYPE, Metrics
from minikube_edu.lib.web.messages import Request, Response

_TEXT = b"text/plain; charset=utf-8"
_HEALTH = ("/healthz", "/livez", "/readyz")


def handler(metrics: Callable[[], Metrics], ready: Callable[[], bool], configz: Any) -> Callable[[Request], Response]:
    """`metrics` and `ready` are asked at every request: the scheduler may not lead yet."""

    def answer(request: Request) -> Response:
        path = request.path.rstrip("/")
        if path in _HEALTH or any(path.startswith(place + "/") for place in _HEALTH):
            if path.startswith("/readyz") and not ready():
                return Response(500, b"[-]informer-sync failed: reason withheld\nreadyz check failed\n", _TEXT)
            return Response(200, b"ok", _TEXT)
        if path in ("/metrics", "/metrics/resources"):
            return Response(200, metrics().text(), CONTENT_TYPE)
        if path == "/configz":
            return Response(200, orjson.dumps({"componentconfig": configz}))
        return Response(404, b"404 page not found\n", _TEXT)

    return answer


def certificate(certificate: str, key: str, directory: str) -> tuple[str, str]:
    """Paths of the serving certificate and its key: as given, or made here, as the real one does."""
    if certificate:
        return certificate, key
    from minikube_edu.lib import pki

    folder = Path(directory or tempfile.mkdtemp(prefix="kube-scheduler-"))
    folder.mkdir(parents=True, exist_ok=True)
    made, made_key = folder / "kube-scheduler.crt", folder / "kube-scheduler.key"
    if not made.exists() or not made_key.exists():
        pair = pki.self_signed()
        descriptor = os.open(made_key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pair.key)
        made.write_bytes(pair.certificate)
    return str(made), str(made_key)
