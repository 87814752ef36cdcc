"""agnhost, the test image of Kubernetes: netexec, liveness, pause, serve-hostname, connect, and their kin."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote

from msgspec import Struct

from minikube_edu.cni.contract import Address, NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.programs.health_serving import HealthServer
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, idle, text
from minikube_edu.container_runtime.simulated.programs.identity import GO, go_log_time, hostname, now
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, connect_any
from minikube_edu.container_runtime.simulated.tools.network.http_talk import Exchange
from minikube_edu.lib import clock, durations
from minikube_edu.lib.pflag import Flag, FlagError, HelpWanted, Values, parse, without_flags

UNLIMITED = 127.0  # seconds until the kernel gives a connection up


class Command(Struct, frozen=True):
    run: Callable[[Process, Values], Awaitable[int]]
    flags: Sequence[Flag] = ()
    arguments: int | None = 0  # at most; None: any number


# klog's, which every command takes.
LOGGING = (
    *(Flag("v", "int", "v"), Flag("vmodule"), Flag("stderrthreshold"), Flag("log-backtrace-at")),
    *(Flag("log-dir"), Flag("log-file"), Flag("log-file-max-size", "uint64")),
    *(Flag(name, "bool") for name in ("logtostderr", "alsologtostderr", "add-dir-header", "one-output")),
    *(Flag(name, "bool") for name in ("skip-headers", "skip-log-headers")),
)


async def main(process: Process) -> int:
    words = process.argv[1:]
    found = without_flags({flag.name: flag for flag in LOGGING}, {"v": LOGGING[0]}, words)
    if "--version" in words[:1] or (found and found[0][1] == "version"):
        await process.print("agnhost version 2.56")
        return 0
    if not found or found[0][1] == "help":
        listed = "".join(f"  {name}\n" for name in sorted(COMMANDS))
        await process.print(f"Usage:\n  app [command]\n\nAvailable Commands:\n{listed}")
        return 0
    place, name = found[0]
    if name not in COMMANDS:
        return await refused(process, f'unknown command "{name}" for "app"\nRun \'app --help\' for usage.')
    usage = f"Usage:\n  app {name} [flags]"
    try:
        given = parse((*COMMANDS[name].flags, *LOGGING), [*words[:place], *words[place + 1 :]])
    except HelpWanted:
        await process.print(f"{usage}\n")
        return 0
    except FlagError as error:
        return await refused(process, f"{error}\n{usage}\n")
    limit = COMMANDS[name].arguments
    if limit is not None and len(given.args) > limit:
        return await refused(process, f"accepts at most {limit} arg(s), received {len(given.args)}\n{usage}\n")
    return await COMMANDS[name].run(process, given)


async def refused(process: Process, why: str) -> int:
    await process.stderr.write(f"Error: {why}\n".encode("utf-8", "surrogateescape"))
    return 1


async def log(process: Process, words: str) -> None:
    await process.stderr.write(f"{go_log_time()} {words}\n".encode("utf-8", "surrogateescape"))


async def pause(process: Process, given: Values) -> int:
    await process.print("Paused")
    return await idle(process, {signal.SIGTERM: 2, signal.SIGINT: 2})


async def liveness(process: Process, given: Values | None = None) -> int:
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


async def serve_hostname(process: Process, given: Values) -> int:
    port = given["port"]

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
            return await ask_over_udp(self.process, Address(ips[0], port), what, 5)
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


async def netexec(process: Process, given: Values) -> int:
    port, udp_port = given["http-port"], given["udp-port"]
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


async def connect(process: Process, given: Values) -> int:
    """Try a TCP connection, or ask something over UDP: TIMEOUT, REFUSED, DNS or nothing."""
    if len(given.args) != 1:
        return await refused(process, f"accepts 1 arg(s), received {len(given.args)}\nUsage:\n  app connect [flags]\n")
    host, _, port = given.args[0].rpartition(":")
    seconds = durations.parse(given["timeout"]) / 1e9 or UNLIMITED
    if given["protocol"] not in ("", "tcp", "udp"):
        await process.stderr.write(b"Unsupported protocol\n")
        return 1
    try:
        ips = await addresses(process, host, seconds)
        if given["protocol"] == "udp":
            await ask_over_udp(process, Address(ips[0], int(port)), given["udp-data"] + "\n", seconds)
        else:
            (await connect_any(process, ips, int(port), seconds)).close()
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
    return 0


async def ask_over_udp(process: Process, where: Address, what: str, seconds: float) -> str:
    socket = process.network.datagrams()
    try:
        socket.send(what.encode("utf-8", "surrogateescape"), where)
        async with asyncio.timeout(seconds):
            return (await socket.receive())[0].decode("utf-8", "replace")
    finally:
        socket.close()


async def _resolv(process: Process, keyword: str) -> list[str]:
    content = (await process.read_file("/etc/resolv.conf")).decode("utf-8", "replace")
    return next((line.split()[1:] for line in content.splitlines() if line.split()[:1] == [keyword]), [])


async def dns_suffix(process: Process, given: Values) -> int:
    await process.print(",".join(await _resolv(process, "search")))
    return 0


async def dns_server_list(process: Process, given: Values) -> int:
    await process.print(",".join(await _resolv(process, "nameserver")))
    return 0


async def etc_hosts(process: Process, given: Values) -> int:
    await process.stdout.write(await process.read_file("/etc/hosts"))
    return 0


async def entrypoint_tester(process: Process, given: Values) -> int:
    shown = " ".join(process.argv)
    await process.print(f"[{shown}]")
    return 0


async def env_vars(process: Process, given: Values) -> int:
    for name, value in process.env.items():
        await process.print(f"{name}={value}")
    return 0


async def test_webserver(process: Process, given: Values) -> int:
    async def answer(request: Request) -> Response:
        try:
            return text((await process.read_file(request.path)).decode("utf-8", "replace"))
        except OSError:
            return text("404 page not found\n", 404)

    return await HttpServer(process, answer).run([given["port"]], GO)


async def porter(process: Process, given: Values) -> int:
    """SERVE_PORT_80=words: those words on port 80."""
    wanted = {
        int(name.removeprefix("SERVE_PORT_")): value
        for name, value in process.env.items()
        if name.startswith("SERVE_PORT_") and name.removeprefix("SERVE_PORT_").isdigit()
    }

    async def answer(request: Request) -> Response:
        return text(wanted.get(request.local.port, ""))

    return await HttpServer(process, answer).run(list(wanted) or [80], GO)


async def grpc_health_checking(process: Process, given: Values) -> int:
    """gRPC's health service, and /make-serving and /make-not-serving over HTTP to change its mind."""
    port, http_port = given["port"], given["http-port"]
    health = HealthServer(process)
    health.serving[given["service"]] = True

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


COMMANDS = {
    "connect": Command(
        connect,
        (Flag("timeout", "duration"), Flag("protocol", default="tcp"), Flag("udp-data", default="hostname")),
        None,
    ),
    "dns-server-list": Command(dns_server_list),
    "dns-suffix": Command(dns_suffix),
    "entrypoint-tester": Command(entrypoint_tester, (), None),
    "env": Command(env_vars),
    "etc-hosts": Command(etc_hosts),
    "grpc-health-checking": Command(
        grpc_health_checking,
        (
            *(Flag("port", "int", default=5000), Flag("http-port", "int", default=8080), Flag("service")),
            Flag("delay-unhealthy-sec", "int", default=-1),
        ),
    ),
    "liveness": Command(liveness),
    "netexec": Command(
        netexec,
        (
            *(Flag("http-port", "int", default=8080), Flag("udp-port", "int", default=8081)),
            *(Flag("sctp-port", "int", default=-1), Flag("delay-shutdown", "int"), Flag("udp-listen-addresses")),
            *(Flag("tls-cert-file"), Flag("tls-private-key-file"), Flag("http-override")),
        ),
    ),
    "pause": Command(pause),
    "porter": Command(porter, (Flag("json-response", "bool"),)),
    "serve-hostname": Command(
        serve_hostname,
        (
            *(Flag("tcp", "bool"), Flag("udp", "bool"), Flag("http", "bool", default=True), Flag("close", "bool")),
            Flag("port", "int", default=9376),
        ),
    ),
    "test-webserver": Command(test_webserver, (Flag("port", "int", default=80),)),
}
