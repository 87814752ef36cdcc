"""Asking a container once: exec, httpGet, tcpSocket, grpc.

Three outcomes: success, failure (with what the event says), and `ProbeError`, when it could not be asked at all. A
timeout is a failure, each way in its own words.
"""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec import Struct

from minikube_edu.api import durations
from minikube_edu.container_runtime.cri import ContainerRuntime, RuntimeFailure
from minikube_edu.kubelet import http_get
from minikube_edu.kubelet.container_ports import port_number
from minikube_edu.kubelet.http_get import GetFailure, Url
from minikube_edu.kubelet.pod_dialing import DialFailure, PodDialing, PodTarget, endpoint
from minikube_edu.kubelet.probes import grpc_health

Object = dict[str, Any]

AGENT = "kube-probe/1.36"


class ProbeError(Exception):
    """The question could not be put."""


class Outcome(Struct, frozen=True):
    passed: bool
    output: str = ""
    warning: bool = False  # passed, but something is odd


class Checks:
    def __init__(self, runtime: ContainerRuntime, dialing: PodDialing) -> None:
        self.runtime, self.dialing = runtime, dialing

    async def check(self, probe: Object, container: Object, container_id: str, target: PodTarget) -> Outcome:
        seconds = float(probe.get("timeoutSeconds") or 1)
        try:
            if "exec" in probe:
                return await self.exec(container_id, probe["exec"].get("command") or [], seconds)
            if "httpGet" in probe:
                return await self.http(probe["httpGet"], container, target, seconds)
            if "tcpSocket" in probe:
                action = probe["tcpSocket"]
                host = action.get("host") or target.address
                return await self.tcp(host, port_number(action["port"], container), target, seconds)
            if "grpc" in probe:
                action = probe["grpc"]
                return await self.grpc(action["port"], action.get("service") or "", target, seconds)
        except ValueError as error:
            raise ProbeError(str(error)) from None
        raise ProbeError("missing probe handler")

    async def exec(self, container_id: str, command: list[str], seconds: float) -> Outcome:
        try:
            answer = await self.runtime.exec_sync(container_id, command, seconds)
        except RuntimeFailure as failure:
            if failure.code == "DeadlineExceeded":
                shown = durations.from_seconds(seconds)
                return Outcome(False, f'command timed out: "{" ".join(command)}" timed out after {shown}')
            raise ProbeError(str(failure)) from None
        output = (answer.stdout + answer.stderr)[: http_get.LONGEST_BODY].decode(errors="replace")
        return Outcome(answer.exit_code == 0, output)

    async def http(self, action: Object, container: Object, target: PodTarget, seconds: float) -> Outcome:
        url = url_of(action, container, target.address)
        headers = [(one["name"], one["value"]) for one in action.get("httpHeaders") or ()]
        names = {name.lower() for name, _ in headers}
        headers += [pair for pair in (("User-Agent", AGENT), ("Accept", "*/*")) if pair[0].lower() not in names]
        # A header with an empty value takes a default away.
        headers = [pair for pair in headers if pair[1] or pair[0].lower() not in ("user-agent", "accept")]
        try:
            async with asyncio.timeout(seconds):
                reply = await http_get.get(self.dialing, target, url, headers)
        except TimeoutError:
            why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            return Outcome(False, f'Get "{url}": {why}')
        except GetFailure as failure:
            return Outcome(False, str(failure))
        body = reply.body.decode(errors="replace")
        if reply.left_host or 300 <= reply.status < 400:
            return Outcome(True, f"Probe terminated redirects, Response body: {body}", warning=True)
        if 200 <= reply.status < 400:
            return Outcome(True, body)
        return Outcome(False, f"HTTP probe failed with statuscode: {reply.status}")

    async def tcp(self, host: str, port: int, target: PodTarget, seconds: float) -> Outcome:
        try:
            async with asyncio.timeout(seconds):
                wire = await self.dialing.connect(target, host, port)
        except TimeoutError:
            return Outcome(False, f"dial tcp {endpoint(host, port)}: i/o timeout")
        except DialFailure as failure:
            return Outcome(False, str(failure))
        await wire.close()
        return Outcome(True)

    async def grpc(self, port: int, service: str, target: PodTarget, seconds: float) -> Outcome:
        where, shown = endpoint(target.address, port), durations.from_seconds(seconds)
        wire = None
        try:
            async with asyncio.timeout(seconds):
                try:
                    wire = await self.dialing.connect(target, target.address, port)
                except DialFailure as failure:  # the real client tries again until its time is over
                    why = f'timeout: failed to connect service "{where}" within {shown}: {failure}'
                    return Outcome(False, why.rpartition(": dial")[0] + ": context deadline exceeded")
                answer = await grpc_health.check(wire, where, service)
        except TimeoutError:
            if wire is None:
                why = f'timeout: failed to connect service "{where}" within {shown}: context deadline exceeded'
                return Outcome(False, why)
            return Outcome(False, f"timeout: health rpc did not complete within {shown}")
        except OSError as error:
            return Outcome(False, f'error: failed to connect service at "{where}": {error}')
        finally:
            if wire is not None:
                await wire.close()
        if answer.code == grpc_health.UNIMPLEMENTED:
            why = "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"
            return Outcome(False, f"{why}: {answer.message}")
        if answer.code:
            words = f"rpc error: code = {grpc_health.CODES.get(answer.code, answer.code)} desc = {answer.message}"
            return Outcome(False, f"error: health rpc probe failed: {words}")
        if answer.status != "SERVING":
            return Outcome(False, f'service unhealthy (responded with "{answer.status}")')
        return Outcome(True, "service healthy")


def url_of(action: Object, container: Object, address: str) -> Url:
    path = action.get("path") or "/"
    return Url(
        (action.get("scheme") or "HTTP").lower(),
        action.get("host") or address,
        port_number(action["port"], container),
        path if path.startswith("/") else f"/{path}",
    )
