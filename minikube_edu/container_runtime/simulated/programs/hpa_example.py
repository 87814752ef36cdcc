"""hpa-example: a page that costs processor time, for the horizontal autoscaler's walkthrough.

A request takes a core for a fifth of a second or so; what a hundred of them burn shows in the statistics and is cut
at the container's limit.
"""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, text
from minikube_edu.container_runtime.simulated.programs.identity import GRACEFUL, address, now

COST = 0.2  # seconds of one core
WORKERS = 8  # requests at a time that burn; more wait


async def main(process: Process) -> int:
    burning = 0

    async def answer(request: Request) -> Response:
        nonlocal burning
        if request.path not in ("/", "/index.php"):
            return text("Not Found", 404)
        burning += 1
        process.use_cpu(float(min(burning, WORKERS)))
        limit = process.container.cpu_limit or float(process.container.host_cpus)
        try:
            await process.sleep(COST * max(1.0, min(burning, WORKERS) / limit))
        finally:
            burning -= 1
            process.use_cpu(float(min(burning, WORKERS)))
        return Response(b"OK!", content_type="text/html", headers=[("X-Powered-By", "PHP/5.6.14")])

    async def note(request: Request, response: Response, sent: int) -> None:
        moment = now("[%d/%b/%Y:%H:%M:%S +0000]")
        agent = request.headers.get("user-agent", "-")
        line = f'"{request.method} {request.target} {request.version}" {response.status} {sent} "-" "{agent}"'
        await process.print(f"{request.peer.ip} - - {moment} {line}")

    words = "AH00558: apache2: Could not reliably determine the server's fully qualified domain name, using "
    await process.stderr.write(
        f"{words}{address(process)}. Set the 'ServerName' directive globally to suppress this message\n".encode()
    )
    server = HttpServer(process, answer, server_header="Apache/2.4.10 (Debian)", done=note)
    return await server.run([80], {**GRACEFUL, 28: 0})
