"""kube-proxy's two ports: health (10256, for load balancers and probes) and metrics (10249, on localhost)."""

from __future__ import annotations

import json
import signal
from collections.abc import Awaitable, Callable

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, text
from minikube_edu.kube_proxy.configuration import Configuration, host_and_port
from minikube_edu.kube_proxy.proxier import Proxier
from minikube_edu.lib import clock, version

Say = Callable[[str, str, str], Awaitable[None]]
DELETED = "ToBeDeletedByClusterAutoscaler"


class Health:
    def __init__(self, process: Process, config: Configuration, proxier: Proxier) -> None:
        self.process = process
        self.config = config
        self.proxier = proxier

    async def run(self) -> int:
        """Serve until the program is told to end."""
        healthz, metrics = host_and_port(self.config.healthz), host_and_port(self.config.metrics)
        self._healthz_port = healthz[1]
        server = HttpServer(self.process, self._answer)
        for number in (signal.SIGTERM, signal.SIGINT):
            self.process.on_signal(number, lambda _: server.stop(0))
        network = self.process.network
        listeners = []
        for host, port in (healthz, metrics):
            try:
                listeners.append(network.listen(port, host))
            except OSError as error:
                words = f"failed to start: listen tcp {host}:{port}: bind: {str(error.strerror).lower()}\n"
                await self.process.stderr.write(words.encode())
                for listener in listeners:
                    listener.close()
                return 1
        return await server.serve(listeners)

    async def _answer(self, request: Request) -> Response:
        if request.local.port == self._healthz_port:
            return self._health(request.path)
        if request.path == "/healthz":
            return text("ok")
        if request.path == "/proxyMode":
            return text(self.config.mode)
        if request.path == "/metrics":
            build = version.metric(version.of_program_in(self.process.container.image)).decode()
            return text(self.metrics() + build, content_type="text/plain; version=0.0.4; charset=utf-8")
        return text("404 page not found\n", 404)

    def _health(self, path: str) -> Response:
        if path not in ("/healthz", "/livez"):
            return text("404 page not found\n", 404)
        eligible = not (path == "/healthz" and self._being_deleted())
        now = clock.rfc3339()
        body = {"lastUpdated": now, "currentTime": now, "nodeEligible": eligible}
        healthy = self.proxier.synced and eligible
        return Response(json.dumps(body).encode(), 200 if healthy else 503, "application/json")

    def _being_deleted(self) -> bool:
        node = self.proxier.nodes.index.find(self.proxier.node)
        if node is None:
            return False
        taints = (node.get("spec") or {}).get("taints") or ()
        return "deletionTimestamp" in node["metadata"] or any(one.get("key") == DELETED for one in taints)

    def metrics(self) -> str:
        rules = self.proxier.rules
        ports = [rule for found in rules.by_service.values() for rule in found]
        endpoints = sum(len(rule.choice.cluster) for rule in ports)
        empty = sum(1 for rule in ports if rule.port.internal_local and rule.choice.any and not rule.choice.local)
        return (
            "# HELP kubeproxy_sync_proxy_rules_iptables_total Number of iptables rules owned by kube-proxy\n"
            "# TYPE kubeproxy_sync_proxy_rules_iptables_total gauge\n"
            f'kubeproxy_sync_proxy_rules_iptables_total{{table="nat"}} {len(rules.by_address) + endpoints}\n'
            "# HELP kubeproxy_sync_proxy_rules_no_local_endpoints_total Number of services with a Local traffic policy "
            "and no endpoints\n"
            "# TYPE kubeproxy_sync_proxy_rules_no_local_endpoints_total gauge\n"
            f'kubeproxy_sync_proxy_rules_no_local_endpoints_total{{traffic_policy="internal"}} {empty}\n'
            "# HELP kubeproxy_sync_proxy_rules_duration_seconds_count Number of syncs\n"
            "# TYPE kubeproxy_sync_proxy_rules_duration_seconds_count counter\n"
            f"kubeproxy_sync_proxy_rules_duration_seconds_count {self.proxier.syncs}\n"
        )
