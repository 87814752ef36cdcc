"""agnhost, the test image of Kubernetes: netexec, liveness, pause, serve-hostname, connect, and their kin."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from minikube_edu.cni.contract import Address, NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.programs.health_serving import HealthServer
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, idle, text
from minikube_edu.container_runtime.simulated.programs.identity import GO, go_log_time, hostname, now
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, connect_any
from minikube_edu.container_runtime.simulated.tools.network.http_talk import Exchange
from minikube_edu.lib import clock

Command = Callable[[Process, dict[str, str], list[str]], Awaitable[int]]


def flags(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """--name=value, --name value, --switch."""
    found: dict[str, str] = {}
    operands: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-"):
            operands.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if not equals and waiting and not waiting[0].startswith("-"):
            value = waiting.pop(0)
        found[name] = value
    return found, operands


def number(found: dict[str, str], name: str, default: int) -> int:
    return int(found[name]) if found.get(name, "").lstrip("-").isdigit() else default


async def main(process: Process) -> int:
    words = process.argv[1:]
    command = COMMANDS.get(words[0]) if words else None
    if not words or words[0] in ("help", "--help", "-h"):
        listed = "".join(f"  {name}\n" for name in sorted(COMMANDS))
        await process.print(f"Usage:\n  app [command]\n\nAvailable Commands:\n{listed}")
        return 0
    if words[0] in ("--version", "version"):
        await process.print("agnhost version 2.56")
        return 0
    if command is None:
        await process.stderr.write(
            f'Error: unknown command "{words[0]}" for "app"\nRun \'app --help\' for usage.\n'.encode()
        )
        return 1
    return await command(process, *flags(words[1:]))


async def log(process: Process, words: str) -> None:
    await process.stderr.write(f"{go_log_time()} {words}\n".encode("utf-8", "surrogateescape"))


async def pause(process: Process, found: dict[str, str], operands: list[str]) -> int:
    await process.print("Paused")
    return await idle(process, {signal.SIGTERM: 2, signal.SIGINT: 2})


async def liveness(process: Process, found: dict[str, str] | None = None, operands: list[str] | None = None) -> int:
    """Healthy for ten seconds, then not."""
    began = clock.monotonic()

    async def answer(request: Request) -> Response:
        spent = clock.monotonic() - began
        if request.path == "/healthz":
            return text("ok") if spent <= 10 else text(f"error: {spent}", 500)
        return (
            text(now("%Y-%m-%d %H:%M:%S.%f +0000 UTC"))
            if request.path == "/started"
            else text("404 page not found\n", 404)
        )

    return await HttpServer(process, answer).run([8080], GO)


async def serve_hostname(process: Process, found: dict[str, str], operands: list[str]) -> int:
    port = number(found, "port", 9376)

    async def answer(request: Request) -> Response:
        await log(process, f"Serving request for {request.path} from {request.peer}")
        return text(hostname(process))

    await log(process, f"Serving on port {port}.")
    return await HttpServer(process, answer).run([port], GO)


class NetExec:
    """The many ends of `agnhost netexec`."""

    def __init__(self, process: Process, udp_port: int) -> None:
        self.process = process
        self.udp_port = udp_port
        self.exiting: asyncio.Future[int] | None = None
        self.server = HttpServer(process, self.answer)

    async def answer(self, request: Request) -> Response:
        await log(self.process, f"{request.method} {request.target}")
        path = request.path.rstrip("/") or "/"
        handler = getattr(self, "get_" + path.lstrip("/").replace("-", "_").replace("/", "_").lower(), None)
        if path == "/":
            return text(f"NOW: {now('%Y-%m-%d %H:%M:%S.%f +0000 UTC m=+1.000000000')}")
        if handler is None:
            return text("404 page not found\n", 404)
        response: Response = await handler(request)
        return response

    async def get_hostname(self, request: Request) -> Response:
        return text(hostname(self.process))

    async def get_echo(self, request: Request) -> Response:
        wanted = request.query.get("code", "200")
        return text(request.query.get("msg", ""), int(wanted) if wanted.isdigit() else 200)

    async def get_clientip(self, request: Request) -> Response:
        return text(str(request.peer))

    async def get_header(self, request: Request) -> Response:
        return text(request.headers.get(request.query.get("key", "").lower(), ""))

    async def get_healthz(self, request: Request) -> Response:
        return text("", content_type="")

    async def get_redirect(self, request: Request) -> Response:
        wanted = request.query.get("code", "302")
        location = ("Location", request.query.get("location", "/"))
        return Response(b"", int(wanted) if wanted.isdigit() else 302, "", [location])

    async def get_exit(self, request: Request) -> Response:
        wanted = request.query.get("code", "0")
        self.server.stop(int(wanted) if wanted.isdigit() else 0)
        return text("")

    async def get_shutdown(self, request: Request) -> Response:
        self.server.stop(0)
        return text("")

    async def get_shell(self, request: Request) -> Response:
        command = request.query.get("shellCommand") or request.query.get("cmd") or ""
        reader, writer = self.process.pipe()
        try:
            child = self.process.spawn(["/bin/sh", "-c", command], files={0: reader, 1: writer, 2: writer})
        except OSError as error:
            reader.release()
            writer.release()
            return text(json.dumps({"output": "", "error": reason(error)}))
        writer.release()
        output = b""
        while data := await reader.read():
            output += data
        reader.release()
        _, status = await self.process.wait(child)
        result = {"output": output.decode("utf-8", "replace")}
        if status.shell_code():
            result["error"] = f"exit status {status.shell_code()}"
        return text(json.dumps(result))

    async def get_dial(self, request: Request) -> Response:
        """Ask others, and tell what they said."""
        query = request.query
        tries = int(query["tries"]) if query.get("tries", "").isdigit() else 1
        answers: list[str] = []
        errors: list[str] = []
        for _ in range(min(tries, 100)):
            try:
                answers.append(await self._dial_once(query))
            except (OSError, NameNotFound, TimeoutError) as error:
                errors.append(str(error))
        result = {"responses": answers} | ({"errors": errors} if errors else {})
        return text(json.dumps(result))

    async def _dial_once(self, query: dict[str, str]) -> str:
        what = query.get("request", "hostname")
        port = int(query["port"]) if query.get("port", "").isdigit() else 8080
        ips = await addresses(self.process, query.get("host", ""), 5)
        if query.get("protocol", "http") == "udp":
            socket = self.process.network.datagrams()
            try:
                socket.send(what.encode(), Address(ips[0], port))
                async with asyncio.timeout(5):
                    return (await socket.receive())[0].decode("utf-8", "replace")
            finally:
                socket.close()
        connection = await connect_any(self.process, ips, port, 5)
        try:
            exchange = Exchange(connection)
            await exchange.send("GET", f"/{quote(what, safe='?=&/')}", [("Host", ips[0]), ("Connection", "close")])
            answer = await exchange.answer()
            return (await exchange.whole(answer)).decode("utf-8", "replace")
        finally:
            connection.close()

    async def datagrams(self) -> None:
        """hostname, echo MESSAGE, clientip over UDP."""
        socket = self.process.network.datagrams(self.udp_port)
        try:
            while True:
                data, source = await socket.receive()
                word, _, rest = data.decode("utf-8", "replace").strip().partition(" ")
                reply = {"hostname": hostname(self.process), "echo": rest, "clientip": str(source)}.get(
                    word.lower(), ""
                )
                await log(self.process, f"Received UDP message: {word}")
                socket.send(reply.encode(), source)
        finally:
            socket.close()


async def netexec(process: Process, found: dict[str, str], operands: list[str]) -> int:
    port, udp_port = number(found, "http-port", 8080), number(found, "udp-port", 8081)
    serving = NetExec(process, udp_port)
    datagrams = process.thread(serving.datagrams()) if udp_port > 0 else None
    await log(process, f"Started HTTP server on port {port}")
    if udp_port > 0:
        await log(process, f"Started UDP server on port  {udp_port}")
    try:
        return await serving.server.run([port], GO)
    finally:
        if datagrams is not None:
            datagrams.cancel()


async def connect(process: Process, found: dict[str, str], operands: list[str]) -> int:
    """Try a TCP connection: TIMEOUT, REFUSED, DNS or nothing."""
    target = operands[0] if operands else ""
    host, _, port = target.rpartition(":")
    limit = found.get("timeout", "3s").removesuffix("s")
    seconds = float(limit) if limit.replace(".", "").isdigit() else 3.0
    try:
        connection = await connect_any(process, await addresses(process, host, seconds), int(port), seconds)
    except (NameNotFound, ValueError):
        await process.stderr.write(b"DNS: no such host\n")
        return 1
    except TimeoutError:
        await process.stderr.write(b"TIMEOUT\n")
        return 1
    except ConnectionRefusedError:
        await process.stderr.write(b"REFUSED\n")
        return 1
    except OSError as error:
        await process.stderr.write(f"OTHER: {reason(error)}\n".encode())
        return 1
    connection.close()
    return 0


async def _resolv(process: Process, keyword: str) -> list[str]:
    content = (await process.read_file("/etc/resolv.conf")).decode("utf-8", "replace")
    return next((line.split()[1:] for line in content.splitlines() if line.split()[:1] == [keyword]), [])


async def dns_suffix(process: Process, found: dict[str, str], operands: list[str]) -> int:
    await process.print(",".join(await _resolv(process, "search")))
    return 0


async def dns_server_list(process: Process, found: dict[str, str], operands: list[str]) -> int:
    await process.print(",".join(await _resolv(process, "nameserver")))
    return 0


async def etc_hosts(process: Process, found: dict[str, str], operands: list[str]) -> int:
    await process.stdout.write(await process.read_file("/etc/hosts"))
    return 0


async def entrypoint_tester(process: Process, found: dict[str, str], operands: list[str]) -> int:
    shown = " ".join(process.argv)
    await process.print(f"[{shown}]")
    return 0


async def env_vars(process: Process, found: dict[str, str], operands: list[str]) -> int:
    for name, value in process.env.items():
        await process.print(f"{name}={value}")
    return 0


async def test_webserver(process: Process, found: dict[str, str], operands: list[str]) -> int:
    async def answer(request: Request) -> Response:
        try:
            return text((await process.read_file(request.path)).decode("utf-8", "replace"))
        except OSError:
            return text("404 page not found\n", 404)

    return await HttpServer(process, answer).run([number(found, "port", 80)], GO)


async def porter(process: Process, found: dict[str, str], operands: list[str]) -> int:
    """SERVE_PORT_80=words: those words on port 80."""
    wanted = {
        int(name.removeprefix("SERVE_PORT_")): value
        for name, value in process.env.items()
        if name.startswith("SERVE_PORT_") and name.removeprefix("SERVE_PORT_").isdigit()
    }

    async def answer(request: Request) -> Response:
        return text(wanted.get(request.local.port, ""))

    return await HttpServer(process, answer).run(list(wanted) or [80], GO)


async def grpc_health_checking(process: Process, found: dict[str, str], operands: list[str]) -> int:
    """gRPC's health service, and /make-serving and /make-not-serving over HTTP to change its mind."""
    port, http_port = number(found, "port", 5000), number(found, "http-port", 8080)
    health = HealthServer(process)
    health.serving[found.get("service", "")] = True

    async def answer(request: Request) -> Response:
        if request.path not in ("/make-serving", "/make-not-serving"):
            return text("404 page not found\n", 404)
        for service in health.serving:
            health.serving[service] = request.path == "/make-serving"
        await log(process, f"Mark as {'serving' if request.path == '/make-serving' else 'not serving'}")
        return text("")

    await log(process, f"Http server starting to listen on :{http_port}")
    await log(process, f"gRPC server starting to listen on :{port}")
    listener = process.network.listen(port)
    accepting = process.thread(health.serve(listener))
    try:
        return await HttpServer(process, answer).run([http_port], GO)
    finally:
        accepting.cancel()
        listener.close()


COMMANDS: dict[str, Command] = {
    "connect": connect,
    "dns-server-list": dns_server_list,
    "dns-suffix": dns_suffix,
    "entrypoint-tester": entrypoint_tester,
    "env": env_vars,
    "etc-hosts": etc_hosts,
    "grpc-health-checking": grpc_health_checking,
    "liveness": liveness,
    "netexec": netexec,
    "pause": pause,
    "porter": porter,
    "serve-hostname": serve_hostname,
    "test-webserver": test_webserver,
}
