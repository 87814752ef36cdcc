"""hashicorp/http-echo: what -text says, on 5678."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, text
from minikube_edu.container_runtime.simulated.programs.identity import GRACEFUL, go_log_time, now

USAGE = """Usage of /http-echo:
  -listen string
    \taddress and port to listen (default ":5678")
  -status-code int
    \thttp response code, e.g.: 200 (default 200)
  -text string
    \ttext to put on the webpage
  -version
    \tdisplay version information
"""


async def main(process: Process) -> int:
    options = {"listen": ":5678", "text": process.env.get("ECHO_TEXT", ""), "status-code": "200"}
    words = process.argv[1:]
    while words:
        name, equals, value = words.pop(0).lstrip("-").partition("=")
        if name == "version":
            await process.stderr.write(b"http-echo v1.0.0 (5f6c7d0)\n")
            return 0
        if name not in options:
            await process.stderr.write(f"flag provided but not defined: -{name}\n{USAGE}".encode())
            return 2
        options[name] = value if equals else words.pop(0) if words else ""
    port, status = options["listen"].rpartition(":")[2], options["status-code"]
    if not options["text"]:
        await process.stderr.write(b"Missing -text option!\n")
        return 127
    if not port.isdigit() or not status.isdigit():
        await process.stderr.write(USAGE.encode())
        return 2

    async def answer(request: Request) -> Response:
        if request.path == "/health":
            return text('{"status":"ok"}', content_type="application/json; charset=utf-8")
        response = text(options["text"] + "\n", int(status))
        response.headers += [("X-App-Name", "http-echo"), ("X-App-Version", "1.0.0")]
        return response

    async def note(request: Request, response: Response, sent: int) -> None:
        agent = request.headers.get("user-agent", "")
        line = f'{request.host} {request.peer} "{request.method} {request.target} {request.version}" {response.status}'
        await process.print(f'{now("%Y/%m/%d %H:%M:%S")} {line} {sent} "{agent}" 12.5µs')

    listening = f"{go_log_time()} [INFO] server is listening on {options['listen']}\n"
    await process.stderr.write(listening.encode())
    return await HttpServer(process, answer, done=note).run([int(port)], GRACEFUL)
