"""What somebody may do here: each path is a subresource of this node, and the API server says who may use it.

    /stats/…  nodes/stats      /metrics/…  nodes/metrics     /logs/…  nodes/log      /checkpoint/…  nodes/checkpoint
    /pods, /runningpods  nodes/pods    /healthz  nodes/healthz    /configz, /flagz  nodes/configz    others  nodes/proxy

Where a finer right exists, `nodes/proxy` does as well (it is the right to everything, exec included, so it should be
given to nobody who only reads). The verb is that of the HTTP method. Answers are kept: yes for five minutes, no for
thirty seconds.
"""

from __future__ import annotations

from collections import OrderedDict

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client, Resource
from minikube_edu.kubelet.server.identity import Who
from minikube_edu.lib import clock

REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", namespaced=False)
VERBS = {"POST": "create", "GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
ALONE = (
    ("/stats", "stats"), ("/metrics", "metrics"), ("/logs", "log"), ("/checkpoint", "checkpoint"),
    ("/statusz", "statusz"), ("/flagz", "configz"),
)  # fmt: skip
BESIDE_PROXY = (("/healthz", "healthz"), ("/pods", "pods"), ("/runningpods", "pods"), ("/configz", "configz"))
YES_SECONDS, NO_SECONDS, REMEMBERED = 300.0, 30.0, 2048


class ReviewFailed(Exception):
    """The API server could not say."""


def subresources(path: str) -> list[str]:
    """Each of them suffices."""
    for prefix, name in ALONE:
        if _is_below(path, prefix):
            return [name]
    for prefix, name in BESIDE_PROXY:
        if _is_below(path, prefix):
            return [name, "proxy"]
    return ["proxy"]


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix + "/")


class Permission:
    """`client` None: whoever is somebody may do everything (AlwaysAllow)."""

    def __init__(self, client: Client | None, node_name: str) -> None:
        self.client, self.node_name = client, node_name
        self._known: OrderedDict[tuple[str, tuple[str, ...], str, str], tuple[float, bool]] = OrderedDict()

    async def refusal(self, who: Who, method: str, path: str) -> str:
        """Empty when it is allowed; else what the client is told. ReviewFailed when nobody knows."""
        if self.client is None:
            return ""
        verb, names = VERBS.get(method, ""), subresources(path)
        for name in names:
            if await self._allowed(who, verb, name):
                return ""
        shown = f"[{' '.join(names)}]"
        return f"Forbidden (user={who.name}, verb={verb}, resource=nodes, subresource(s)={shown})\n"

    async def _allowed(self, who: Who, verb: str, name: str) -> bool:
        key = (who.name, who.groups, verb, name)
        known = self._known.get(key)
        if known is not None and clock.monotonic() < known[0]:
            return known[1]
        answer = await self._ask(who, verb, name)
        self._known[key] = (clock.monotonic() + (YES_SECONDS if answer else NO_SECONDS), answer)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return answer

    async def _ask(self, who: Who, verb: str, name: str) -> bool:
        failed = f"Authorization error (user={who.name}, verb={verb}, resource=nodes, subresource={name})"
        assert self.client is not None
        attributes = {
            "verb": verb, "version": "v1", "resource": "nodes", "subresource": name, "name": self.node_name,
        }  # fmt: skip
        spec = {"user": who.name, "groups": list(who.groups), "uid": who.uid, "resourceAttributes": attributes}
        if who.extra:
            spec["extra"] = {key: list(values) for key, values in who.extra.items()}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        try:
            answer = await self.client.create(REVIEWS, review)
        except (ApiError, OSError):
            raise ReviewFailed(failed) from None
        return bool((answer.get("status") or {}).get("allowed"))
