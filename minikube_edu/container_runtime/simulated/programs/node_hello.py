"""node-hello of Google's samples."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, text
from minikube_edu.container_runtime.simulated.programs.identity import DEAF, port_of


async def main(process: Process) -> int:
    async def answer(request: Request) -> Response:
        await process.print(f"Received request for URL: {request.target}")
        return text("Hello Kubernetes!", content_type="")

    return await HttpServer(process, answer).run([port_of(process, 8080)], DEAF)
