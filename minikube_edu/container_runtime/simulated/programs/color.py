"""Servers that show a colour: jpetazzo/color (named after its pod), and KodeKloud's webapp-color (APP_COLOR)."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, html, text
from minikube_edu.container_runtime.simulated.programs.identity import (
    DEAF,
    GO,
    address,
    hostname,
    image_name,
    now,
    port_of,
    tag,
)
from minikube_edu.lib import ids

COLORS = {
    "red": "#e74c3c", "green": "#16a085", "blue": "#2980b9", "blue2": "#30336b", "pink": "#be2edd",
    "darkblue": "#130f40",
}  # fmt: skip
BY_TAG = {"v1": "red", "v2": "green", "v3": "blue"}


async def main(process: Process) -> int:
    name = hostname(process)
    namespace = process.env.get("NAMESPACE", "")

    async def answer(request: Request) -> Response:
        where = f"{namespace}/{name}" if namespace else name
        return text(f"This is pod {where} on linux/amd64, serving {request.path} for {request.peer}.\n")

    return await HttpServer(process, answer).run([port_of(process, 80)], GO)


async def webapp(process: Process) -> int:
    """A Flask application: a page in one colour."""
    given = _flag(process) or process.env.get("APP_COLOR", "")
    color = given or BY_TAG.get(tag(process)) or ids.choice(list(COLORS))
    if color not in COLORS:
        known = ",".join(COLORS)
        await process.print(f"Color not supported. Received '{color}' expected one of {known}")
        return 1
    if given:
        source = "command line argument" if _flag(process) else "environment variable"
        await process.print(f"Color from {source} ={color}")
    else:
        await process.print(f"No command line argument or environment variable. Picking a Random Color ={color}")
    page = image_name(process)

    async def answer(request: Request) -> Response:
        if request.path == "/color":
            return html(color)
        if request.path == "/read_file":
            try:
                return html((await process.read_file("/data/testfile.txt")).decode("utf-8", "replace"))
            except OSError:
                return html("", 500)
        if request.path != "/":
            return html("<!doctype html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n", 404)
        greeting = (
            f"Hello from {hostname(process)}!"
            if "color" in page
            else f"Hello, {hostname(process)}! ({address(process)})"
        )
        return html(
            "<!doctype html>\n<title>Hello from Flask</title>\n"
            f'<body style="background: {COLORS[color]};"></body>\n'
            '<div style="color: #e4e4e4;\n    text-align:  center;\n    height: 90px;\n    vertical-align:  middle;">\n'
            f"  <h1>{greeting}</h1>\n</div>"
        )

    async def note(request: Request, response: Response, sent: int) -> None:
        moment = now("%d/%b/%Y %H:%M:%S")
        line = f'"{request.method} {request.target} {request.version}" {response.status} -'
        await process.stderr.write(f"{request.peer.ip} - - [{moment}] {line}\n".encode())

    await process.print(" * Serving Flask app 'app'\n * Debug mode: off")
    await process.stderr.write(
        f" * Running on all addresses (0.0.0.0)\n * Running on http://127.0.0.1:8080\n"
        f" * Running on http://{address(process)}:8080\nPress CTRL+C to quit\n".encode()
    )
    return await HttpServer(process, answer, server_header="Werkzeug/3.0.1 Python/3.12.1", done=note).run([8080], DEAF)


def _flag(process: Process) -> str:
    for index, word in enumerate(process.argv):
        if word.startswith("--color="):
            return word.partition("=")[2]
        if word == "--color" and index + 1 < len(process.argv):
            return process.argv[index + 1]
    return ""
