"""/metrics in Prometheus' text form, under the real server's names.

The hot path keeps plain dicts (`server.requests`); only when somebody scrapes are they turned into metrics.
prometheus-client is imported then. A key of `server.requests` is (verb, resource, code), or (verb, group, version,
resource, subresource, scope, dry run, code) for those who count more finely.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from minikube_edu.kube_apiserver.request_info import Route, parse
from minikube_edu.lib import clock, version
from minikube_edu.lib.web.messages import Answer, Request, Response, Upgrade

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.context import Context
    from minikube_edu.kube_apiserver.server import ApiServer

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
_REQUEST_LABELS = ("code", "component", "dry_run", "group", "resource", "scope", "subresource", "verb", "version")
_STARTED = clock.now()


def answer(server: ApiServer, request: Request) -> Response | None:
    path = request.path.rstrip("/")
    if path == "/metrics":
        return Response(200, _text(_Server(server)) + version.metric(), CONTENT_TYPE)
    if path == "/metrics/slis":
        return Response(200, _text(_Health(server)), CONTENT_TYPE)
    return None


def _text(collector: Any) -> bytes:
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return generate_latest(registry)


_VERBS = {"create": "POST", "update": "PUT"}  # the others are called as they are


def answered(requests: dict[tuple[Any, ...], int], request: Request, answer: Answer) -> None:
    """One more request. Called for every one of them: `request.memo` is the context that dispatch has made; of what was
    refused before that, the path tells."""
    code = 101 if isinstance(answer, Upgrade) else answer.status
    context: Context | None = request.memo
    if context is None:
        route = parse(request.path)
        place = (route.group or "", route.version, route.resource, route.subresource, _scope(route, request.method))
        key = (request.method, *place, "", code)
    else:
        kind = context.resource
        scope = (
            "resource" if context.name or context.verb == "create" else "namespace" if context.namespace else "cluster"
        )
        dry_run = "All" if context.dry_run else ""
        key = (context.verb, kind.group, kind.version, kind.name, context.subresource, scope, dry_run, code)
    requests[key] = requests.get(key, 0) + 1


def _scope(route: Route, method: str) -> str:
    if route.group is None:
        return ""
    return "resource" if route.name or method == "POST" else "namespace" if route.namespace else "cluster"


def count(requests: dict[tuple[Any, ...], int], *key: Any) -> None:
    """One more request."""
    requests[key] = requests.get(key, 0) + 1


class _Server:
    """Reads the server's counters when it is scraped."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server

    def describe(self) -> Iterable[Any]:
        return ()

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        server = self.server
        requests = CounterMetricFamily(
            "apiserver_request", "Requests that were answered, by verb, resource and code.", labels=_REQUEST_LABELS
        )
        for key, number in list(server.requests.items()):
            requests.add_metric(_labels(key), number)
        yield requests
        running = GaugeMetricFamily(
            "apiserver_longrunning_requests", "Watches that are open.", labels=("component", "verb")
        )
        running.add_metric(("apiserver", "WATCH"), len(server.watchers))
        yield running
        inflight = GaugeMetricFamily(
            "apiserver_current_inflight_requests", "Writes that are under way.", labels=("request_kind",)
        )
        inflight.add_metric(("mutating",), len(server.writes))
        yield inflight
        stored = GaugeMetricFamily("apiserver_storage_objects", "Objects in the store.", labels=("resource",))
        for name, number in sorted(_stored(server).items()):
            stored.add_metric((name,), number)
        yield stored
        yield from _process()


def _labels(key: tuple[Any, ...]) -> list[str]:
    if len(key) == 3:
        verb, resource, code = key
        group = version = subresource = scope = dry_run = ""
    else:
        verb, group, version, resource, subresource, scope, dry_run, code = key
    told = "apiserver", dry_run, group, resource, scope, subresource, _VERBS.get(verb, str(verb).upper()), version
    return [str(code), *map(str, told)]


def _stored(server: ApiServer) -> dict[str, int]:
    """How many objects there are of each resource."""
    found: dict[str, int] = {}
    for resource in server.scheme.resources.values():
        if resource.stored_version == (resource.group, resource.version) and "list" in resource.verbs:
            name = f"{resource.name}.{resource.group}" if resource.group else resource.name
            found[name] = len(server.registry.cache_of(resource).entries)
    return found


def _process() -> Iterator[Any]:
    import resource
    import sys

    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = usage.ru_utime + usage.ru_stime
    yield CounterMetricFamily("process_cpu_seconds", "Seconds of CPU, of the user and the system.", value=cpu)
    size = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    yield GaugeMetricFamily("process_resident_memory_bytes", "The most memory that was resident.", value=size)
    yield GaugeMetricFamily("process_start_time_seconds", "When the process began.", value=_STARTED)


class _Health:
    """/metrics/slis: the checks of health as numbers."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server

    def describe(self) -> Iterable[Any]:
        return ()

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        from minikube_edu.kube_apiserver import health

        checks = getattr(self.server, "checks", None) or health.default_checks(self.server)
        found = GaugeMetricFamily("kubernetes_healthcheck", "1 for a check that is well.", labels=("name", "type"))
        for place, names in health.CHECKS.items():
            for name in names:
                found.add_metric((name, place), 0 if health.reason_of(checks, name) else 1)
        yield found
