"""kuard, the demonstration of "Kubernetes: Up and Running"."""

from __future__ import annotations

import json

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, html, text
from minikube_edu.container_runtime.simulated.programs.identity import GRACEFUL, address, go_log_time, hostname, tag


class Kuard:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.states = {"healthy": True, "ready": True}

    async def answer(self, request: Request) -> Response:
        await self.process.stderr.write(f"{go_log_time()} {request.peer} {request.method} {request.path}\n".encode())
        path = request.path.rstrip("/") or "/"
        if path in ("/healthy", "/ready"):
            good = self.states[path[1:]]
            return text("ok" if good else "fail", 200 if good else 500)
        if path in ("/healthy/api", "/ready/api") and request.method == "PUT":
            self.states[path.split("/")[1]] = b'"failNext":0' in request.body.replace(b" ", b"")
            return text("")
        if path == "/env/api":
            return text(
                json.dumps({"commandLine": self.process.argv, "env": self.process.env}), content_type="application/json"
            )
        if path != "/":
            return text("404 page not found\n", 404)
        facts = {
            "hostname": hostname(self.process),
            "addrs": [address(self.process)],
            "version": f"v0.10.0-{tag(self.process)}",
        }
        return html(f"<!doctype html>\n<html><head><title>KUAR Demo</title></head>\n<body>\n<script>var pageContext = "
                    f"{json.dumps(facts)}</script>\n</body></html>\n")  # fmt: skip


async def main(process: Process) -> int:
    await process.stderr.write(f"{go_log_time()} Starting kuard version: v0.10.0-{tag(process)}\n".encode())
    await process.stderr.write(f"{go_log_time()} Serving on HTTP on :8080\n".encode())
    return await HttpServer(process, Kuard(process).answer).run([8080], GRACEFUL)
