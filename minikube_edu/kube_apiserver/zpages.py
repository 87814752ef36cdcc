"""/statusz and /flagz: pages for people who look after the server.

Both are plain text, and want to be asked for it. The real server can give them as objects, too, in alpha; and it has
Go's profiler under /debug/pprof, which a Python program has no use for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.api.errors import NotAcceptable
from minikube_edu.kube_apiserver.version import info
from minikube_edu.lib import clock
from minikube_edu.lib.web.messages import Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

_TEXT = b"text/plain; charset=utf-8"
_WARNING = "Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees.\n"
_STARTED = clock.now()


def answer(server: ApiServer, request: Request) -> Response | None:
    path = request.path.rstrip("/")
    if path in ("/statusz", "/flagz"):
        accept = (request.header(b"accept") or b"").decode("latin-1")
        if accept and not any(part.strip().startswith(("text/plain", "text/*", "*/*")) for part in accept.split(",")):
            raise NotAcceptable("application/json, application/yaml, text/plain")
        return Response(200, (_status() if path == "/statusz" else _flags(server)).encode(), _TEXT)
    return None


def _status() -> str:
    told = info()
    rows = {
        "Started": clock.rfc3339(_STARTED),
        "Up": f"{int(clock.now() - _STARTED)}s",
        "Go version": told["goVersion"],
        "Binary version": told["gitVersion"],
        "Emulation version": f"{told['emulationMajor']}.{told['emulationMinor']}",
    }
    return f"\nkube-apiserver statusz\n{_WARNING}\n" + "".join(f"{name}: {value}\n" for name, value in rows.items())


def _flags(server: ApiServer) -> str:
    options = getattr(server, "options", None)
    rows = sorted(vars(options).items()) if options is not None else []
    return f"\nkube-apiserver flagz\n{_WARNING}\n" + "".join(f"{n.replace('_', '-')}={v}\n" for n, v in rows)
