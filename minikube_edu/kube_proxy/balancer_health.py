"""healthCheckNodePort: where a load balancer asks whether a node has endpoints of a service of its own.

One small HTTP server a service with `externalTrafficPolicy: Local`, in the node's network; 503 without local endpoints.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from minikube_edu.cni.contract import Listener
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response
from minikube_edu.kube_proxy.rules import Rules


class BalancerHealth:
    def __init__(self, process: Process, rules: Rules, is_synced: Callable[[], bool]) -> None:
        self._process = process
        self._rules = rules
        self._is_synced = is_synced
        self._listeners: dict[str, tuple[int, Listener]] = {}  # by service
        self._tasks: set[asyncio.Task[int]] = set()

    def follow(self, services: set[str]) -> None:
        """These have new rules."""
        for key in services:
            rules = self._rules.by_service.get(key, [])
            wanted = next((rule.port.health_check_port for rule in rules if rule.port.health_check_port), 0)
            have = self._listeners.get(key)
            if have is not None and have[0] != wanted:
                self._listeners.pop(key)[1].close()
            if wanted and (have is None or have[0] != wanted):
                self._open(key, wanted)

    def _open(self, key: str, port: int) -> None:
        try:
            listener = self._process.network.listen(port)
        except OSError:
            return  # another service's, or a host port; the API server gives each to one service only
        self._listeners[key] = (port, listener)

        async def answer(request: Request) -> Response:
            return self._answer(key)

        server = HttpServer(self._process, answer)
        task = asyncio.get_running_loop().create_task(server.serve([listener]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _answer(self, key: str) -> Response:
        namespace, _, name = key.partition("/")
        local = {(one.ip, one.node) for rule in self._rules.by_service.get(key, []) for one in rule.choice.local}
        body = {
            "service": {"namespace": namespace, "name": name},
            "localEndpoints": len(local),
            "serviceProxyHealthy": self._is_synced(),
        }
        return Response(json.dumps(body).encode(), 200 if local else 503, "application/json")

    def close(self) -> None:
        for _, listener in self._listeners.values():
            listener.close()
        for task in self._tasks:
            task.cancel()
