"""`kubectl port-forward`: ports of this machine that lead to ports of a pod."""

from __future__ import annotations

import asyncio
import datetime
import errno
import ipaddress
import os
import signal
from collections.abc import Callable
from typing import Any

from minikube_edu.client import remote
from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import attaching
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.interrupts import Interrupts
from minikube_edu.lib import clock
from minikube_edu.lib.gotext import quote
from minikube_edu.lib.streams.byte_stream import StreamReset

Object = dict[str, Any]
Pair = tuple[int, int]


async def run(call: Call) -> None:
    if len(call.args) < 2:
        raise call.usage("TYPE/NAME and list of ports are required for port-forward")
    what, ports = call.args[0], call.args[1:]
    info = (await Builder(call).arguments([what] if "/" in what else ["pods", what]).all())[0]
    pod = await attaching.pod_of(info, attaching.running_timeout(call))
    wanted = [_translated(info.object, pod, text) for text in ports]
    phase = (pod.get("status") or {}).get("phase")
    if phase != "Running":
        raise CommandError(f"unable to forward port because pod is not running. Current status={phase}")
    await Forwarder(call, pod).serve([_pair(text) for text in wanted])


def _translated(obj: Object, pod: Object, text: str) -> str:
    """`8080:http` with the number of the pod's port; for a service, the pod's port behind the service's."""
    local, colon, there = text.rpartition(":") if text.count(":") == 1 else ("", "", text.partition(":")[0])
    if not colon:
        local = there
    if obj.get("kind") == "Service":
        wanted = [
            one for one in obj["spec"].get("ports") or () if str(one["port"]) == there or one.get("name") == there
        ]
        if not wanted:
            if there.isdigit():
                raise CommandError(f"Service {obj['metadata']['name']} does not have a service port {there}")
            raise CommandError(f"Service '{obj['metadata']['name']}' does not have a named port '{there}'")
        if not colon:
            local = str(wanted[0]["port"])
        target = wanted[0].get("targetPort", wanted[0]["port"])
        if obj["spec"].get("clusterIP") == "None":
            target = wanted[0]["port"]
        there = str(target)
    if not there.isdigit() and there:
        number = _named(pod, there)
        if not number and obj.get("kind") != "Service" and there and not there[0].isdigit():
            raise CommandError(f"Pod '{pod['metadata']['name']}' does not have a named port '{there}'")
        if not colon and obj.get("kind") != "Service":
            local = str(number)
        there = str(number)
    return f"{local}:{there}"


def _named(pod: Object, name: str) -> int:
    for container in pod["spec"].get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") == name:
                return int(port["containerPort"])
    return 0


def _pair(text: str) -> Pair:
    if text.count(":") > 1:
        raise CommandError(f"invalid port format '{text}'")
    local, colon, there = text.rpartition(":")
    if not colon:
        local = there
    for one, what in ((local or "0", "local"), (there, "remote")):
        if not one.isdigit() or int(one) > 65535:
            why = "value out of range" if one.isdigit() else "invalid syntax"
            raise CommandError(f"error parsing {what} port '{one}': strconv.ParseUint: parsing {quote(one)}: {why}")
    if int(there) == 0:
        raise CommandError("remote port must be > 0")
    return int(local or 0), int(there)


def _addresses(given: list[str]) -> list[tuple[str, bool]]:
    """In order, each with whether it must succeed: of localhost's two addresses, one is enough."""
    found: dict[str, bool] = {}
    for one in given:
        if one == "localhost":
            found.setdefault("127.0.0.1", False)
            found.setdefault("::1", False)
            continue
        try:
            ipaddress.ip_address(one)
        except ValueError:
            raise CommandError(f"{one} is not a valid IP") from None
        found[one] = True
    return sorted(found.items())


class Forwarder:
    """The listeners, and the connections that came to them, until Ctrl-C or until the pod is lost."""

    def __init__(self, call: Call, pod: Object) -> None:
        self._call = call
        self._namespace, self._name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._lost = asyncio.Event()

    async def serve(self, pairs: list[Pair]) -> None:
        addresses = _addresses(self._call.flags["address"])
        with Interrupts(0, (signal.SIGINT,)):
            try:
                opened = [await self._listen(local, there, addresses) for local, there in pairs]
                if not any(opened):
                    shown = " ".join(f"{{{local} {there}}}" for local, there in pairs)
                    raise CommandError(f"unable to listen on any of the requested ports: [{shown}]")
                self._call.out.flush()
                await self._lost.wait()
                raise CommandError("lost connection to pod")
            finally:
                for server in self._servers:
                    server.close()
                for task in self._connections:
                    task.cancel()
                await asyncio.gather(*self._connections, return_exceptions=True)

    async def _listen(self, local: int, there: int, addresses: list[tuple[str, bool]]) -> bool:
        problems, failed, opened, optional = [], False, False, False
        wanted = local
        for host, must in addresses:
            shown = f"[{host}]" if ":" in host else host
            try:
                server = await asyncio.start_server(self._take(there), host, local)
            except OSError as error:
                failed = failed or must
                optional = optional or not must
                family = "tcp6" if ":" in host else "tcp4"
                problems.append(f"unable to create listener: Error listen {family} {shown}:{local}: {_words(error)}")
                continue
            self._servers.append(server)
            local = server.sockets[0].getsockname()[1]
            self._call.say(f"Forwarding from {shown}:{local} -> {there}")
            opened = True
        if failed or (optional and not opened):
            listed = " ".join(problems)
            self._call.warn(
                f"Unable to listen on port {wanted}: Listeners failed to create with the following errors: [{listed}]"
            )
            return False
        return True

    def _take(self, port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(self._connection(port, reader, writer))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

        return take

    async def _connection(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        local = writer.get_extra_info("sockname")[1]
        self._call.say(f"Handling connection for {local}")
        self._call.out.flush()
        problem = ""
        try:
            async with remote.forward(self._call.factory.client, self._namespace, self._name, port) as opened:
                problem = await _both_ways(opened, reader, writer)
        except StreamReset:
            pass  # the local end has what came
        except (ApiError, OSError) as error:
            problem = str(error)
        finally:
            writer.close()
        if problem:
            text = f'"Unhandled Error" err={quote(f"an error occurred forwarding {local} -> {port}: {problem}")}'
            self._call.warn(f"E{klog_time()} {os.getpid():>7} portforward.go:424] {text}")
            self._lost.set()


def _words(error: OSError) -> str:
    what = "socket: " if error.errno == errno.EAFNOSUPPORT else "bind: "
    return what + os.strerror(error.errno or 0).lower()


def klog_time() -> str:
    moment = datetime.datetime.fromtimestamp(clock.now())
    return moment.strftime("%m%d %H:%M:%S.%f")


async def _both_ways(opened: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """Until the pod has said all, or why it could not: that is the answer."""

    async def up() -> None:
        try:
            while data := await reader.read(65536):
                opened.data.write(data)
                await opened.data.drained()
            opened.data.end()
        except ConnectionError:
            opened.close()

    async def down() -> bytes:
        while data := await opened.data.read():
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
        return b""

    upward = asyncio.create_task(up())
    answers: list[asyncio.Task[bytes]] = [asyncio.create_task(down()), asyncio.create_task(opened.errors.read())]
    try:
        while answers:
            done, pending = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
            answers = list(pending)
            if problem := b"".join(task.result() for task in done):
                return problem.decode("utf-8", "replace")
        return ""
    finally:
        for task in (upward, *answers):
            task.cancel()


COMMAND = Command(
    "port-forward",
    run,
    use="TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]",
    long="Forward one or more local ports to a pod. It ends when it is interrupted.",
    examples="""# Listen on ports 5000 and 6000 locally, forwarding data to/from ports 5000 and 6000 in the pod
kubectl port-forward pod/mypod 5000 6000

# Listen on port 8443 locally, forwarding to the targetPort of the service's port named "https"
kubectl port-forward service/myservice 8443:https""",
    flags=(
        Flag("address", "strings", default=["localhost"], help="Addresses to listen on (comma separated)."),
        Flag("pod-running-timeout", "duration", default="1m0s", help="How long to wait until a pod runs."),
    ),
)
