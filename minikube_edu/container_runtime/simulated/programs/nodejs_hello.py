"""The small Node.js server of bmuschko's exercises."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, html
from minikube_edu.container_runtime.simulated.programs.identity import DEAF, port_of


async def main(process: Process) -> int:
    port = port_of(process, 3000)

    async def answer(request: Request) -> Response:
        return html("Hello World") if request.path == "/" else html(f"Cannot {request.method} {request.path}", 404)

    await process.print("Magic happens on port " + str(port))
    return await HttpServer(process, answer).run([port], DEAF)
