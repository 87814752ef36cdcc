"""serve_hostname: its own name, on 9376."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, text
from minikube_edu.container_runtime.simulated.programs.identity import GRACEFUL, go_log_time, hostname


async def main(process: Process) -> int:
    async def answer(request: Request) -> Response:
        await process.stderr.write(f"{go_log_time()} Serving request for {request.path} from {request.peer}\n".encode())
        return text(hostname(process), content_type="text/plain; charset=utf-8")

    await process.stderr.write(f"{go_log_time()} Serving on port 9376.\n".encode())
    return await HttpServer(process, answer).run([9376], GRACEFUL)
