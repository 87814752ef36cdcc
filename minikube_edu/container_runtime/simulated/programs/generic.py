"""The program behind images that need no more: it logs its start, and serves 200 on the image's ports.

The catalogue says what (`log`, `answers`: port -> text, or {path: {…}, status, text}); `{ip}`, `{hostname}`, `{time}`
in those are filled in. Without ports it idles. The runtime leaves the image's definition in `notes["image"]`.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response
from minikube_edu.container_runtime.simulated.programs.http_serving import idle as wait_for_end
from minikube_edu.container_runtime.simulated.programs.identity import address, hostname, now

ON_SIGNALS: Mapping[int, int] = {
    signal.SIGTERM: 0,
    signal.SIGINT: 0,
    signal.SIGQUIT: 0,
    signal.SIGWINCH: 0,
    signal.SIGUSR1: 0,
}


class Described(Protocol):
    """What this needs of an image's definition."""

    ports: Sequence[str]
    log: Sequence[str]
    answers: Mapping[str, Any]


def described(process: Process) -> Described | None:
    return cast("Described | None", process.container.notes.get("image"))


def fill(process: Process, words: str) -> str:
    for name, value in (("ip", address(process)), ("hostname", hostname(process)), ("time", now())):
        words = words.replace("{" + name + "}", value)
    return words


async def main(process: Process) -> int:
    image = described(process)
    for line in image.log if image else ():
        await process.print(fill(process, line))
    ports = [int(one.partition("/")[0]) for one in image.ports if one.endswith("/tcp")] if image else []
    if not ports and process.env.get("PORT", "").isdigit():
        ports = [int(process.env["PORT"])]
    answers = image.answers if image else {}
    ports = list(dict.fromkeys([*ports, *(int(port) for port in answers if port.isdigit())]))
    return await serve(process, ports, answers) if ports else await idle(process)


async def idle(process: Process) -> int:
    return await wait_for_end(process, ON_SIGNALS)


async def serve(process: Process, ports: Sequence[int], answers: Mapping[str, Any]) -> int:
    """HTTP on these ports; `answers` as in the catalogue, by the port's number as text."""

    async def answer(request: Request) -> Response:
        found = answers.get(str(request.local.port), "")
        status, words = 200, found
        if isinstance(found, Mapping):
            status, words = int(found.get("status", 200)), found.get("text", "")
            if request.path in (paths := found.get("path", {})):
                status, words = 200, paths[request.path]
        body = fill(process, str(words))
        return Response(body.encode(), status, _type(body))

    listeners = []
    for port in ports:
        try:
            listeners.append(process.network.listen(port))
        except OSError as error:
            await process.stderr.write(f"listen tcp :{port}: bind: {str(error.strerror).lower()}\n".encode())
            return 1
    server = HttpServer(process, answer)
    for number in ON_SIGNALS:
        process.on_signal(number, lambda _: server.stop(0))
    return await server.serve(listeners)


def _type(body: str) -> str:
    start = body.lstrip()[:15].lower()
    if start.startswith(("<!doctype", "<html")):
        return "text/html; charset=utf-8"
    return "application/json" if start[:1] in ("{", "[") else "text/plain; charset=utf-8"


async def done(process: Process) -> int:
    """Programs that do their work at once and end: migrations, certificate generators, init images."""
    image = described(process)
    for line in image.log if image else ():
        await process.print(fill(process, line))
    return 0
