"""CoreDNS's HTTP ports: health, ready, metrics."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, text
from minikube_edu.coredns.server import DnsServer
from minikube_edu.coredns.setup import Site


class WebFace:
    def __init__(self, process: Process, version: str) -> None:
        self.process = process
        self.version = version
        self.site = Site()
        self.dns: DnsServer | None = None
        self.server = HttpServer(process, self._answer)

    async def serve(self) -> int:
        """Until `stop`; OSError when a port is taken."""
        site, network = self.site, self.process.network
        ports = dict.fromkeys(port for port in (site.health, site.ready, site.metrics) if port)
        listeners = []
        try:
            for port in ports:
                listeners.append(network.listen(port))  # noqa: PERF401  # those that are open are closed below
        except OSError:
            for listener in listeners:
                listener.close()
            raise
        return await self.server.serve(listeners)

    async def _answer(self, request: Request) -> Response:
        port, site = request.local.port, self.site
        if port == site.health and request.path == "/health":
            return text("OK")
        if port == site.ready and request.path == "/ready":
            is_ready = self.dns is not None and (site.view is None or site.view.synced)
            return text("OK") if is_ready else text("kubernetes", 503)
        if port == site.metrics and request.path == "/metrics":
            return text(self.metrics(), content_type="text/plain; version=0.0.4; charset=utf-8")
        return text("404 page not found\n", 404)

    def metrics(self) -> str:
        counts = self.dns.counts if self.dns is not None else {}
        requests: dict[tuple[str, str], int] = {}
        responses: dict[str, int] = {}
        for (transport, kind, code), number in counts.items():
            requests[transport, kind] = requests.get((transport, kind), 0) + number
            responses[code] = responses.get(code, 0) + number
        where = 'server="dns://:53",view="",zone="."'
        lines = [
            "# HELP coredns_build_info A metric with a constant '1' value labeled by version, revision, and goversion "
            "from which CoreDNS was built.",
            "# TYPE coredns_build_info gauge",
            f'coredns_build_info{{goversion="go1.25.2",revision="1db4568",version="{self.version}"}} 1',
            "# HELP coredns_dns_requests_total Counter of DNS requests made per zone, protocol and family.",
            "# TYPE coredns_dns_requests_total counter",
        ]
        lines += [
            f'coredns_dns_requests_total{{family="1",proto="{transport}",type="{kind}",{where}}} {number}'
            for (transport, kind), number in sorted(requests.items())
        ]
        lines += [
            "# HELP coredns_dns_responses_total Counter of response status codes.",
            "# TYPE coredns_dns_responses_total counter",
        ]
        lines += [
            f'coredns_dns_responses_total{{plugin="",rcode="{code}",{where}}} {number}'
            for code, number in sorted(responses.items())
        ]
        return "\n".join(lines) + "\n"
