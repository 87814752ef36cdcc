"""hello-app of Google's samples: version and host name."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, text
from minikube_edu.container_runtime.simulated.programs.identity import GO, go_log_time, hostname, port_of, tag


async def main(process: Process) -> int:
    version = process.env.get("MINIKUBE_EDU_VERSION") or f"{tag(process).removeprefix('v').partition('.')[0]}.0.0"
    if not version[0].isdigit():
        version = "1.0.0"
    port = port_of(process, 8080)

    async def answer(request: Request) -> Response:
        await process.stderr.write(f"{go_log_time()} Serving request: {request.path}\n".encode())
        return text(f"Hello, world!\nVersion: {version}\nHostname: {hostname(process)}\n")

    await process.stderr.write(f"{go_log_time()} Server listening on port {port}\n".encode())
    return await HttpServer(process, answer).run([port], GO)
