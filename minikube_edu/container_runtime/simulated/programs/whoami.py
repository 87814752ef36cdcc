"""whoami: traefik's (all about the request) and subicura's (the host's name alone)."""

from __future__ import annotations

import json

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, text
from minikube_edu.container_runtime.simulated.programs.identity import (
    DEAF,
    GO,
    address,
    go_log_time,
    hostname,
    image_name,
    port_of,
)


async def main(process: Process) -> int:
    port = {"whoami": 80, "httpenv": 8888}.get(image_name(process), 80)
    if "jwilder" in process.container.image:
        port = 8000
    words = process.argv[1:]
    for index, word in enumerate(words):
        flag, equals, value = word.lstrip("-").partition("=")
        if flag == "port":
            value = value if equals else (words[index + 1] if index + 1 < len(words) else "")
            port = int(value) if value.isdigit() else port
    port = port_of(process, port, "WHOAMI_PORT_NUMBER")

    async def answer(request: Request) -> Response:
        if "jwilder" in process.container.image:
            return text(f"I'm {hostname(process)}\n")
        if image_name(process) == "httpenv":
            return text(json.dumps(process.env, indent=2), content_type="application/json")
        if request.path == "/health":
            return text("", content_type="")
        if request.path == "/api":
            facts = {"hostname": hostname(process), "ip": ["127.0.0.1", "::1", address(process)],
                     "headers": {name: [value] for name, value in request.raw_headers}, "url": request.target,
                     "host": request.host, "method": request.method, "remoteAddr": str(request.peer)}  # fmt: skip
            if name := process.env.get("WHOAMI_NAME"):
                facts["name"] = name
            return text(json.dumps(facts) + "\n", content_type="application/json")
        return text(_about(process, request))

    await process.stderr.write(f"{go_log_time()} Starting up on port {port}\n".encode())
    return await HttpServer(process, answer).run([port], GO)


def _about(process: Process, request: Request) -> str:
    name = process.env.get("WHOAMI_NAME")
    lines = [f"Name: {name}"] if name else []
    lines += [f"Hostname: {hostname(process)}", "IP: 127.0.0.1", "IP: ::1", f"IP: {address(process)}"]
    lines += [f"RemoteAddr: {request.peer}", f"{request.method} {request.target} {request.version}"]
    headers = sorted((name.title(), value) for name, value in request.raw_headers if name.lower() != "host")
    return "\n".join([*lines, f"Host: {request.host}", *(f"{name}: {value}" for name, value in headers), "", ""])


async def subicura(process: Process) -> int:
    """The Korean workshop's: a Sinatra application on 4567."""

    async def answer(request: Request) -> Response:
        return text(f"{hostname(process)}\n", content_type="text/html;charset=utf-8")

    await process.stderr.write(
        b"== Sinatra (v2.0.3) has taken the stage on 4567 for development with backup from Thin\n"
        b"Thin web server (v1.7.2 codename Bachmanity)\nListening on 0.0.0.0:4567, CTRL+C to stop\n"
    )
    return await HttpServer(process, answer).run([4567], {**DEAF, 15: 0})
