"""/healthz, /livez and /readyz: is the server well, should it be left alone, may it be asked?

Each is a list of named checks, each check a path of its own (`/livez/etcd`). `?verbose` tells them one by one,
`?exclude=` leaves one out. What starts once at boot in the real server (its post-start hooks) is reported well as soon
as we answer at all. Reasons of failures are withheld from the summary, as this path is open to everybody; the single
check tells them.

    server.checks["etcd"] = lambda: "no leader"      # whoever knows better than "well" puts a function there
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from minikube_edu.lib.web.messages import Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Check = Callable[[], str | None]  # None: well; else the reason why not

_HOOKS = (
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/priority-and-fairness-filter",
    "poststarthook/storage-object-count-tracker-hook",
    "poststarthook/start-apiextensions-informers",
    "poststarthook/start-apiextensions-controllers",
    "poststarthook/crd-informer-synced",
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/peer-endpoint-reconciler-controller",
    "poststarthook/start-cluster-authentication-info-controller",
    "poststarthook/start-kube-apiserver-identity-lease-controller",
    "poststarthook/start-kube-apiserver-identity-lease-garbage-collector",
    "poststarthook/storage-readiness",
    "poststarthook/start-legacy-token-tracking-controller",
    "poststarthook/start-service-ip-repair-controllers",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/priority-and-fairness-config-producer",
    "poststarthook/bootstrap-controller",
    "poststarthook/start-kubernetes-service-cidr-controller",
    "poststarthook/aggregator-reload-proxy-client-cert",
    "poststarthook/start-kube-aggregator-informers",
    "poststarthook/apiservice-status-local-available-controller",
    "poststarthook/apiservice-status-remote-available-controller",
    "poststarthook/apiservice-registration-controller",
    "poststarthook/apiservice-discovery-controller",
    "poststarthook/kube-apiserver-autoregistration",
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
)
# In the order in which they are told.
CHECKS: dict[str, tuple[str, ...]] = {
    "healthz": ("ping", "log", "loopback-serving-certificate", "etcd", *_HOOKS),
    "livez": ("ping", "log", "loopback-serving-certificate", "etcd", *_HOOKS),
    "readyz": ("ping", "log", "etcd", "etcd-readiness", "informer-sync", *_HOOKS, "shutdown"),
}
_TEXT = b"text/plain; charset=utf-8"
_NOSNIFF = [(b"X-Content-Type-Options", b"nosniff")]


def answer(server: ApiServer, request: Request) -> Response | None:
    """The answer to a path of health, None for a check that does not exist."""
    checks: dict[str, Check] = getattr(server, "checks", None) or default_checks(server)
    return respond(checks, request.path, request.query)


def default_checks(server: ApiServer) -> dict[str, Check]:
    """What the server itself can tell: whether its cache has been filled from the store."""

    def filled() -> str | None:
        return None if server.registry.cache.ready.is_set() else "the cache has not been filled from the store yet"

    return {"informer-sync": filled, "etcd-readiness": filled}


def respond(checks: dict[str, Check], path: str, query: str = "") -> Response | None:
    place, _, name = path.strip("/").partition("/")
    names = CHECKS.get(place)
    if names is None or (name and name not in names):
        return None
    if name:
        reason = reason_of(checks, name)
        if reason:
            return Response(500, f"internal server error: {reason}\n".encode(), _TEXT, _NOSNIFF)
        return Response(200, b"ok", _TEXT, _NOSNIFF)
    return _summary(checks, place, names, parse_qs(query, keep_blank_values=True) if query else {})


def reason_of(checks: dict[str, Check], name: str) -> str | None:
    check = checks.get(name)
    try:
        return check() if check else None
    except Exception as error:  # a check that breaks is a check that fails
        return str(error) or type(error).__name__


def _summary(checks: dict[str, Check], place: str, names: tuple[str, ...], query: dict[str, list[str]]) -> Response:
    excluded = [part for value in query.get("exclude", ()) for part in value.split(",")]
    lines, failed = [], False
    for name in names:
        if name in excluded:
            lines.append(f"[+]{name} excluded: ok\n")
        elif reason_of(checks, name):
            failed = True
            lines.append(f"[-]{name} failed: reason withheld\n")
        else:
            lines.append(f"[+]{name} ok\n")
    strangers = sorted({name for name in excluded if name not in names})
    if strangers:
        told = ", ".join(f'"{name}"' for name in strangers)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {told}\n")
    if failed:
        return Response(500, f"{''.join(lines)}{place} check failed\n".encode(), _TEXT, _NOSNIFF)
    if "verbose" not in query:
        return Response(200, b"ok", _TEXT, _NOSNIFF)
    return Response(200, f"{''.join(lines)}{place} check passed\n".encode(), _TEXT, _NOSNIFF)
