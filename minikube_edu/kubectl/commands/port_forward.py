"""`kubectl port-forward`: ports of this machine that lead to ports of a pod."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

from minikube_edu.client import remote
from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import attaching
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]
Pair = tuple[int, int]


async def run(call: Call) -> None:
    if len(call.args) < 2:
        raise call.usage("TYPE/NAME and list of ports are required for port-forward")
    what, ports = call.args[0], call.args[1:]
    info = (await Builder(call).arguments([what] if "/" in what else ["pods", what]).all())[0]
    pod = await attaching.pod_of(info)
    wanted = [_translated(info.object, pod, text) for text in ports]
    phase = (pod.get("status") or {}).get("phase")
    if phase != "Running":
        raise CommandError(f"unable to forward port because pod is not running. Current status={phase}")
    await _serve(call, pod, [_pair(text) for text in wanted])


def _translated(obj: Object, pod: Object, text: str) -> str:
    """`8080:http` with the number of the pod's port; for a service, the pod's port behind the service's."""
    local, colon, there = text.rpartition(":")
    if not colon:
        local, there = text, text
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
    local, _, there = text.partition(":")
    for one, what in ((local or "0", "local"), (there, "remote")):
        if not one.isdigit() or int(one) > 65535:
            why = "value out of range" if one.isdigit() else "invalid syntax"
            raise CommandError(
                f"error parsing {what} port {quote(one)}: strconv.ParseUint: parsing {quote(one)}: {why}"
            )
    if int(there) == 0:
        raise CommandError("remote port must be > 0")
    return int(local or 0), int(there)


async def _serve(call: Call, pod: Object, pairs: list[Pair]) -> None:
    servers: list[asyncio.Server] = []
    for local, there in pairs:
        opened = False
        for address in call.flags["address"]:
            for host in ("127.0.0.1", "::1") if address == "localhost" else (address,):
                try:
                    server = await asyncio.start_server(_connection(call, pod, there), host, local)
                except OSError as error:
                    if host != "::1" and error.errno == errno.EADDRINUSE:
                        call.warn(
                            f"Unable to listen on port {local}: Listeners failed to create with the following "
                            f"errors: [unable to create listener: Error listen tcp4 {host}:{local}: bind: address "
                            f"already in use]"
                        )
                    continue
                servers.append(server)
                local = server.sockets[0].getsockname()[1]
                shown = f"[{host}]" if ":" in host else host
                call.say(f"Forwarding from {shown}:{local} -> {there}")
                opened = True
        if not opened:
            raise CommandError(f"unable to listen on any of the requested ports: [{{{local} {there}}}]")
    call.out.flush()
    try:
        await asyncio.Event().wait()
    finally:
        for server in servers:
            server.close()


def _connection(call: Call, pod: Object, port: int) -> Any:
    metadata = pod["metadata"]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call.say(f"Handling connection for {writer.get_extra_info('sockname')[1]}")
        call.out.flush()
        try:
            async with remote.forward(call.factory.client, metadata["namespace"], metadata["name"], port) as opened:
                await _both_ways(opened, reader, writer, call)
        except (ApiError, ConnectionError, OSError) as error:
            call.warn(f"error forwarding port {port} to pod {metadata['name']}: {error}")
        finally:
            writer.close()

    return serve


async def _both_ways(opened: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call: Call) -> None:
    async def up() -> None:
        while data := await reader.read(65536):
            opened.data.write(data)
        opened.data.end()

    async def down() -> None:
        while data := await opened.data.read():
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    upward = asyncio.create_task(up())
    try:
        await down()
    finally:
        upward.cancel()


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
