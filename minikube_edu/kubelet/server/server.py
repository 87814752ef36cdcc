"""The table of the kubelet's paths, and the door before it: who is asking, and may they?

    server = KubeletServer(host, usage, Identity(client), Permission(client, name))
    port = await server.start(address, 10250, certfile, keyfile, client_ca)

`handle` is the same handler without a socket, for a cluster in one process. Errors are plain text, as the real one's;
the API server turns them into its own.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from minikube_edu.container_runtime.cri import ContainerState, RuntimeFailure, SandboxState, Streams
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import KubeletHost
from minikube_edu.kubelet.probes.prober import Prober
from minikube_edu.kubelet.server import container_logs, node_logs
from minikube_edu.kubelet.server.identity import Identity, Unauthenticated
from minikube_edu.kubelet.server.permission import Permission, ReviewFailed
from minikube_edu.kubelet.server.port_forwarding import PortForwards
from minikube_edu.kubelet.server.remote_command import SUCCESS, RemoteCommands, Wishes, exited, told
from minikube_edu.kubelet.stats import cadvisor, exposition, own_metrics, resource_metrics, summary
from minikube_edu.kubelet.stats.exposition import Family
from minikube_edu.kubelet.stats.usage import Usage
from minikube_edu.lib import localhost
from minikube_edu.lib.web import tls
from minikube_edu.lib.web.messages import Answer, Request, Response
from minikube_edu.lib.web.server import Server, serve

log = logging.getLogger(__name__)

Object = dict[str, Any]
Query = Mapping[str, Sequence[str]]
Parts = list[str]

PORT, HEALTH_PORT = 10250, 10248
TEXT = b"text/plain; charset=utf-8"
CHECKS = ("ping", "log", "syncloop")
READ_ONLY = frozenset(
    ("pods", "runningpods", "containerLogs", "stats", "metrics", "configz", "logs", "healthz", "statusz", "flagz")
)


class KubeletServer:
    def __init__(
        self,
        host: KubeletHost,
        usage: Usage,
        identity: Identity,
        permission: Permission,
        prober: Prober | None = None,
    ) -> None:
        self.host, self.usage, self.identity, self.permission = host, usage, identity, permission
        self.prober = prober
        self.commands = RemoteCommands()
        self.forwards = PortForwards(host.runtime)
        self.requests: Counter[tuple[str, str]] = Counter()  # (method, first part of the path)
        self._servers: list[Server] = []

    # ---------------------------------------------------------------- life

    async def start(self, address: str, port: int, certfile: str, keyfile: str, client_ca: str | None) -> int:
        """Listen, with TLS, on what `address` means here; returns the port."""
        context = tls.server_context(certfile, keyfile, client_ca)
        for place in localhost.listening(address):
            server = await serve(self.handle, place, port, tls=context, name="kubelet")
            self._servers.append(server)
            port = server.port
        return port

    async def start_health(self, address: str = "127.0.0.1", port: int = HEALTH_PORT) -> int:
        """/healthz alone, without TLS and for everybody on this host."""
        for place in localhost.listening(address):
            server = await serve(self.handle_health, place, port, name="kubelet healthz")
            self._servers.append(server)
            port = server.port
        return port

    async def close(self) -> None:
        await self.commands.close()
        await self.forwards.close()
        servers, self._servers = self._servers, []
        for server in servers:
            await server.close()

    # ---------------------------------------------------------------- the door

    async def handle(self, request: Request) -> Answer:
        path = unquote(request.path)
        first = path.split("/")[1] if "/" in path else ""
        self.requests[request.method, first] += 1
        try:
            who = await self.identity.of(request)
        except Unauthenticated:
            return Response(401, b"Unauthorized", TEXT)
        try:
            refusal = await self.permission.refusal(who, request.method, path)
        except ReviewFailed as failure:
            return Response(500, str(failure).encode(), TEXT)
        if refusal:
            return Response(403, refusal.encode(), TEXT)
        if first in READ_ONLY and request.method != "GET":
            return Response(405, b"Method Not Allowed", TEXT, [(b"Allow", b"GET")])
        try:
            return await self.route(request, first, path)
        except RuntimeFailure as failure:
            return Response(404 if failure.code == "NotFound" else 500, str(failure).encode(), TEXT)

    def handle_health(self, request: Request) -> Answer:
        if request.path == "/healthz" or request.path.startswith("/healthz/"):
            return self.healthz(request.path, request.query)
        return Response(404, b"404 page not found\n", TEXT)

    async def route(self, request: Request, first: str, path: str) -> Answer:
        query, parts = parse_qs(request.query, keep_blank_values=True), path.split("/")[2:]
        if first == "containerLogs" and len(parts) == 3:
            return await container_logs.answer(self.host, parts[0], parts[1], parts[2], query)
        if first in ("exec", "attach", "run", "portForward"):
            return await self.into_pod(request, first, parts, query)
        if first == "healthz":
            return self.healthz(path, request.query)
        if first == "logs":
            return node_logs.answer(self.host.identity.root, request.path.removeprefix("/logs").lstrip("/"))
        page = self.pages().get(path.rstrip("/"))
        if page is None:
            return Response(404, b"404: Page Not Found", TEXT)
        return await page(query)

    def pages(self) -> Mapping[str, Callable[[Query], Awaitable[Answer]]]:
        return {
            "/pods": self.pods,
            "/runningpods": self.running_pods,
            "/configz": self.configz,
            "/stats/summary": self.stats_summary,
            "/metrics": self.metrics,
            "/metrics/resource": self.metrics_resource,
            "/metrics/cadvisor": self.metrics_cadvisor,
            "/metrics/probes": self.metrics_probes,
        }

    # ---------------------------------------------------------------- into pods

    async def into_pod(self, request: Request, verb: str, parts: Parts, query: Query) -> Answer:
        forward = verb == "portForward"
        if len(parts) not in ((2, 3) if forward else (3, 4)):
            return Response(404, b"404: Page Not Found", TEXT)
        if verb in ("exec", "attach"):
            try:
                wishes = Wishes.of(query)
            except ValueError as error:
                return Response(400, str(error).encode(), TEXT)
        pod = container_logs.pod_named(self.host, parts[0], parts[1])
        if pod is None:
            return Response(404, b"pod does not exist", TEXT)
        uid = parts[2] if len(parts) > (2 if forward else 3) else ""
        if forward:
            if uid and uid != pod_facts.uid(pod):
                return Response(404, b"pod not found", TEXT)
            return await self.port_forward(request, query, pod)
        container = parts[-1]
        found = self.host.find_container(parts[0], parts[1], uid, container)
        if found is None:
            return Response(500, f'container not found ("{container}")'.encode(), TEXT)
        if verb == "run":
            return await self.run(found[1], query)
        if verb == "exec":
            return self.exec(request, found[1], list(query.get("command", ())), wishes)
        return self.attach(request, found[1], wishes)

    def exec(self, request: Request, container_id: str, command: list[str], wishes: Wishes) -> Answer:
        async def work(streams: Streams) -> Object:
            return exited(command, await self.host.runtime.exec(container_id, command, streams))

        return self.commands.answer(request, wishes, lambda streams: told("executing command in", work(streams)))

    def attach(self, request: Request, container_id: str, wishes: Wishes) -> Answer:
        async def work(streams: Streams) -> Object:
            await self.host.runtime.attach(container_id, streams)
            return SUCCESS

        return self.commands.answer(request, wishes, lambda streams: told("attaching to", work(streams)))

    async def run(self, container_id: str, query: Query) -> Answer:
        command = query.get("cmd", ("",))[0].split(" ")
        answer = await self.host.runtime.exec_sync(container_id, command)
        output = answer.stdout + answer.stderr
        if answer.exit_code:
            words = f"command '{' '.join(command)}' exited with {answer.exit_code}: "
            return Response(500, words.encode() + answer.stderr, TEXT)
        return Response(200, output)

    async def port_forward(self, request: Request, query: Query, pod: Object) -> Answer:
        labels = {pod_facts.POD_UID: pod_facts.uid(pod)}
        sandboxes = [one for one in await self.host.runtime.list_sandboxes(labels) if one.state is SandboxState.READY]
        if not sandboxes:
            name = f"{pod_facts.name(pod)}_{pod_facts.namespace(pod)}"
            return Response(500, f'failed to find sandbox for pod "{name}"'.encode(), TEXT)
        newest = max(sandboxes, key=lambda one: one.created_at)
        return self.forwards.answer(request, query, pod, newest.id)

    # ---------------------------------------------------------------- about the node

    def healthz(self, path: str, query: str) -> Answer:
        healthy, wanted = self.host.healthy(), path.removeprefix("/healthz").strip("/")
        if wanted and wanted not in CHECKS:
            return Response(404, b"404 page not found\n", TEXT)
        lines = [
            f"[+]{name} ok" if healthy or name != "syncloop" else f"[-]{name} failed: reason withheld"
            for name in CHECKS
        ]
        if wanted in ("ping", "log") or healthy:
            if wanted or "verbose" not in query:
                return Response(200, b"ok", TEXT)
            return Response(200, "\n".join([*lines, "healthz check passed", ""]).encode(), TEXT)
        return Response(500, "\n".join([*lines, "healthz check failed", ""]).encode(), TEXT)

    async def pods(self, _: Query) -> Answer:
        return _pod_list(list(self.host.pods()))

    async def running_pods(self, _: Query) -> Answer:
        """As the runtime sees them: only what it knows."""
        found = []
        containers = await self.host.runtime.list_containers()
        for sandbox in await self.host.runtime.list_sandboxes():
            inside = [one for one in containers if one.sandbox_id == sandbox.id and one.state is ContainerState.RUNNING]
            if sandbox.state is SandboxState.READY:
                config = sandbox.config
                metadata = {"name": config.name, "namespace": config.namespace, "uid": config.uid}
                spec = {"containers": [{"name": one.config.name, "image": one.config.image} for one in inside]}
                found.append({"metadata": metadata, "spec": spec, "status": {}})
        return _pod_list(found)

    async def configz(self, _: Query) -> Answer:
        return Response(200, orjson.dumps({"kubeletconfig": self.host.configuration()}))

    async def stats_summary(self, query: Query) -> Answer:
        brief = query.get("only_cpu_and_memory", ("",))[0] == "true"
        return Response(200, orjson.dumps(summary.document(await self.usage.collect(), self.host.identity.name, brief)))

    async def metrics_resource(self, _: Query) -> Answer:
        return _page(resource_metrics.families(await self.usage.collect()))

    async def metrics_cadvisor(self, _: Query) -> Answer:
        return _page(cadvisor.families(await self.usage.collect()))

    async def metrics_probes(self, _: Query) -> Answer:
        return _page(own_metrics.of_probes(self.prober))

    async def metrics(self, _: Query) -> Answer:
        return _page(await own_metrics.of_kubelet(self.host, self.requests))


def _pod_list(pods: list[Object]) -> Response:
    return Response(200, orjson.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods}))


def _page(families: list[Family]) -> Response:
    return Response(200, exposition.page(families), exposition.CONTENT_TYPE)
