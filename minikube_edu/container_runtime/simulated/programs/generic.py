"""The program of images that have no program of their own: it says what the catalogue lets it say, serves the ports
that the image exposes and the pod declares, and idles until it is told to go.

What it answers is data (`answers` of an image's entry: port -> text, or {path, text, status}); a port without an answer
says which image of which pod was asked. `{hostname}`, `{ip}`, `{time}` are filled in at run time.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from typing import Any

from minikube_edu.cni.contract import Listener
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, text
from minikube_edu.lib import clock

FOREVER = 1e9  # seconds


def filled(words: str, process: Process) -> str:
    if "{" not in words:
        return words
    ips = process.network.ips
    return (
        words.replace("{hostname}", process.container.hostname)
        .replace("{ip}", ips[0] if ips else "127.0.0.1")
        .replace("{time}", clock.rfc3339())
    )


def tcp_ports(process: Process) -> list[int]:
    """Exposed by the image, or declared by the pod."""
    image: Any = process.container.notes.get("image")
    declared: Any = process.container.notes.get("ports", ())
    exposed: Sequence[str] = () if image is None else image.ports
    ports = [int(port.partition("/")[0]) for port in exposed if port.endswith("/tcp")]
    return list(dict.fromkeys([*declared, *ports]))


def answers_of(process: Process) -> Mapping[str, Any]:
    image: Any = process.container.notes.get("image")
    return {} if image is None else image.answers


def answer(process: Process, request: Request, known: Mapping[str, Any]) -> Response:
    entry = known.get(str(request.local.port))
    if entry is None:
        return text(f"{process.container.image} on {process.container.hostname}\n")
    if isinstance(entry, str):
        return _typed(filled(entry, process), 200)
    for path, words in entry.get("path", {}).items():
        if request.path == path:
            return _typed(filled(str(words), process), 200)
    return _typed(filled(str(entry.get("text", "")), process), int(entry.get("status", 200)))


def _typed(words: str, status: int) -> Response:
    start = words.lstrip()[:1]
    kind = {"<": "text/html; charset=utf-8", "{": "application/json", "[": "application/json"}.get(start, "text/plain")
    return text(words, status, kind)


async def main(process: Process) -> int:
    image: Any = process.container.notes.get("image")
    for line in () if image is None else image.log:
        await process.print(filled(line, process))
    return await serve(process, tcp_ports(process), answers_of(process))


async def serve(process: Process, ports: Sequence[int], known: Mapping[str, Any]) -> int:
    """Until SIGTERM, SIGINT or SIGQUIT; ports that another container of the pod has taken are left to it."""

    async def handle(request: Request) -> Response:
        return answer(process, request, known)

    server = HttpServer(process, handle)
    listeners: list[Listener] = []
    for port in ports:
        try:
            listeners.append(process.network.listen(port))
        except OSError as error:
            await process.complain(f"listen tcp :{port}: bind: {(error.strerror or str(error)).lower()}")
    if listeners:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            process.on_signal(number, lambda _: server.stop(0))
        return await server.serve(listeners)
    return await idle(process)


async def idle(process: Process) -> int:
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        process.on_signal(number, told.append)
    while not told:
        try:
            await process.sleep(FOREVER)
        except InterruptedError:
            continue
    return 0


async def done(process: Process) -> int:
    """A command whose success is all that anybody wants of it."""
    return 0
