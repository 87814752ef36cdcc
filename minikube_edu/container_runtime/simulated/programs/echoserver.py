"""echoserver: tells the client everything about its request."""

from __future__ import annotations

import json

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, text
from minikube_edu.container_runtime.simulated.programs.identity import GRACEFUL, hostname, image_name, port_of


async def main(process: Process) -> int:
    kind = image_name(process)
    if kind == "echo-server" and "kicbase" in process.container.image:
        await process.print("Echo server listening on port 8080.")

    async def answer(request: Request) -> Response:
        if "ealen" in process.container.image:
            return text(json.dumps(_facts(process, request)), content_type="application/json; charset=utf-8")
        if kind == "echo-server":
            return text(_brief(process, request))
        return text(_long(process, request), content_type="text/plain")

    return await HttpServer(process, answer, server_header="echoserver").run([port_of(process, 8080)], GRACEFUL)


def _facts(process: Process, request: Request) -> dict[str, object]:
    return {
        "host": {"hostname": request.host.partition(":")[0], "ip": f"::ffff:{request.peer.ip}", "ips": []},
        "http": {"method": request.method, "baseUrl": "", "originalUrl": request.target, "protocol": "http"},
        "request": {"params": {"0": request.path}, "query": request.query, "cookies": {},
                    "body": request.body.decode("utf-8", "replace"), "headers": request.headers},
        "environment": process.env,
    }  # fmt: skip


def _brief(process: Process, request: Request) -> str:
    headers = "".join(f"{name.title()}: {value}\n" for name, value in request.raw_headers if name.lower() != "host")
    body = request.body.decode("utf-8", "replace")
    first = f"Request served by {hostname(process)}\n\n{request.version} {request.method} {request.target}\n\n"
    return first + f"Host: {request.host}\n{headers}\n{body}"


def _long(process: Process, request: Request) -> str:
    pod = process.env.get("POD_NAME")
    told = "".join(
        f"\t{label}:\t{process.env[name]}\n"
        for label, name in (("node name", "NODE_NAME"), ("pod name", "POD_NAME"), ("pod namespace", "POD_NAMESPACE"),
                            ("pod IP", "POD_IP")) if name in process.env
    )  # fmt: skip
    headers = "".join(f"\t{name}={value}  \n" for name, value in sorted(request.headers.items()))
    body = request.body.decode("utf-8", "replace") or "-no body in request-"
    none = "\t-no pod information available-\n"
    return (
        f"\n\nHostname: {hostname(process)}\n\nPod Information:\n{told if pod else none}\n"
        f"Server values:\n\tserver_version=nginx: 1.13.3 - lua: 10008\n\nRequest Information:\n"
        f"\tclient_address={request.peer.ip}\n\tmethod={request.method}\n\treal path={request.target}\n"
        f"\tquery={request.query_string}\n\trequest_version={request.version.removeprefix('HTTP/')}\n\trequest_scheme=http\n"
        f"\trequest_uri=http://{request.host}:{request.local.port}{request.target}\n\n"
        f"Request Headers:\n{headers}\nRequest Body:\n\t{body}\n\n"
    )
