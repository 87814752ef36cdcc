"""kubernetes-bootcamp, `node server.js`: a line with the host's name and the version."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, text
from minikube_edu.container_runtime.simulated.programs.identity import DEAF, hostname, now, tag


async def main(process: Process) -> int:
    if process.argv[1:] in (["-v"], ["--version"]):
        await process.print("v6.3.1")
        return 0
    version = tag(process).removeprefix("v")
    version = version if version.isdigit() else "1"
    name = hostname(process)
    requests = 0
    started = now("%Y-%m-%dT%H:%M:%S.000Z")

    async def answer(request: Request) -> Response:
        nonlocal requests
        requests += 1
        moment = now("%a %b %d %Y %H:%M:%S GMT+0000 (UTC)")
        words = f"Running On: {name} | Total Requests: {requests} | App Uptime: 0.1 seconds | Log Time: {moment}"
        await process.print(words)
        return text(f"Hello Kubernetes bootcamp! | Running on: {name} | v={version}\n", content_type="text/plain")

    await process.print(f"Kubernetes Bootcamp App Started At: {started} | Running On:  {name} \n")
    return await HttpServer(process, answer).run([8080], DEAF)
