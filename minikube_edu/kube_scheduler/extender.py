"""An extender: another program, asked over HTTP, that filters, scores, preempts or binds besides the plugins.

Bodies are those of k8s.io/kube-scheduler/extender/v1. An extender is only asked about pods that use the resources it
manages, if it names some. An ignorable one that fails is left out; another one fails the pod's attempt.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import orjson

from minikube_edu.api.durations import parse as parse_duration
from minikube_edu.kube_scheduler.diagnosis import Diagnosis, SchedulingError
from minikube_edu.kube_scheduler.framework import Code, Status
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo

Object = dict[str, Any]

DEFAULT_TIMEOUT = 5.0
FACTOR = 10  # an extender's scores are 0..10
PLUGIN = "Extender"  # stands for extenders among those that rejected a pod


class Extender:
    def __init__(self, spec: Object) -> None:
        self.url: str = spec["urlPrefix"].rstrip("/")
        self._spec = spec
        self.filters = bool(spec.get("filterVerb"))
        self.prioritizes = bool(spec.get("prioritizeVerb"))
        self.binds = bool(spec.get("bindVerb"))
        self.preempts = bool(spec.get("preemptVerb"))
        self.ignorable = bool(spec.get("ignorable"))
        self._names_only = bool(spec.get("nodeCacheCapable"))
        timeout = spec.get("httpTimeout")
        self._timeout = parse_duration(timeout) / 1e9 if isinstance(timeout, str) else DEFAULT_TIMEOUT
        self._managed = {one["name"] for one in spec.get("managedResources") or ()}
        self.ignored_resources = {
            one["name"] for one in spec.get("managedResources") or () if one.get("ignoredByScheduler")
        }
        self._client: Any = None

    def interested(self, pod: PodInfo) -> bool:
        return not self._managed or any(name in self._managed for name in pod.shape.requests)

    async def filter(self, pod: PodInfo, nodes: list[Node], diagnosis: Diagnosis) -> list[Node]:
        """The nodes that are left; the others' reasons go into the diagnosis."""
        try:
            result = await self._ask("filterVerb", self._arguments(pod, nodes))
            if problem := _get(result, "Error"):
                raise SchedulingError(problem)
        except (OSError, ValueError, SchedulingError) as error:
            if self.ignorable:
                return nodes
            raise SchedulingError(str(error)) from error
        names = _get(result, "NodeNames")
        if names is None:
            names = [node["metadata"]["name"] for node in (_get(result, "Nodes") or {}).get("items") or ()]
        unresolvable = _get(result, "FailedAndUnresolvableNodes") or {}
        for name, message in (_get(result, "FailedNodes") or {}).items():
            diagnosis.nodes[name] = Status(Code.UNSCHEDULABLE, (message,), PLUGIN)
        for name, message in unresolvable.items():
            diagnosis.nodes[name] = Status(Code.UNRESOLVABLE, (message,), PLUGIN)
        left = set(names)
        if len(left) != len(nodes):
            diagnosis.plugins.add(PLUGIN)
        return [node for node in nodes if node.name in left]

    async def prioritize(self, pod: PodInfo, nodes: list[Node], totals: list[int]) -> list[int]:
        """The totals with the extender's opinion; without, when it has none."""
        try:
            result = await self._ask("prioritizeVerb", self._arguments(pod, nodes))
        except (OSError, ValueError, SchedulingError):
            return totals
        scores = {_get(one, "Host"): _get(one, "Score") or 0 for one in result}
        weight = (self._spec.get("weight") or 1) * FACTOR
        return [total + weight * scores.get(node.name, 0) for total, node in zip(totals, nodes, strict=True)]

    async def bind(self, pod: PodInfo, node: str) -> Status | None:
        arguments = {"PodName": pod.name, "PodNamespace": pod.namespace, "PodUID": pod.uid, "Node": node}
        try:
            result = await self._ask("bindVerb", arguments)
            problem = _get(result, "Error")
        except (OSError, ValueError, SchedulingError) as error:
            problem = str(error)
        return Status(Code.ERROR, (problem,)) if problem else None

    async def preempt(
        self, pod: PodInfo, victims: dict[str, tuple[list[PodInfo], int]]
    ) -> dict[str, tuple[list[str], int]]:
        """Node -> (uids of the victims, violated budgets), of the candidates that are left."""
        told = {
            node: {"Pods": [{"UID": p.uid} for p in pods], "NumPDBViolations": violations}
            for node, (pods, violations) in victims.items()
        }
        result = await self._ask("preemptVerb", {"Pod": pod.obj, "NodeNameToMetaVictims": told})
        found = {}
        for node, one in (_get(result, "NodeNameToMetaVictims") or {}).items():
            uids = [_get(p, "UID") for p in _get(one, "Pods") or ()]
            if not uids and not self.ignorable:
                raise SchedulingError(f'expected at least one victim pod on node "{node}"')
            if uids:
                found[node] = uids, _get(one, "NumPDBViolations") or 0
        return found

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def _arguments(self, pod: PodInfo, nodes: list[Node]) -> Object:
        if self._names_only:
            return {"Pod": pod.obj, "Nodes": None, "NodeNames": [node.name for node in nodes]}
        listed = {"apiVersion": "v1", "kind": "NodeList", "metadata": {}, "items": [node.obj for node in nodes]}
        return {"Pod": pod.obj, "Nodes": listed, "NodeNames": None}

    async def _ask(self, verb: str, arguments: Object) -> Any:
        from minikube_edu.lib.web import client, tls

        where = urlsplit(self.url)
        if self._client is None:
            secure = where.scheme == "https" or bool(self._spec.get("enableHTTPS"))
            settings = self._spec.get("tlsConfig") or {}
            context = None
            if secure:
                context = tls.client_context(
                    settings.get("caFile"),
                    settings.get("certFile"),
                    settings.get("keyFile"),
                    verify=not settings.get("insecure"),
                )
            self._client = client.Client(where.hostname or "", where.port or (443 if secure else 80), tls=context)
        path = f"{where.path}/{self._spec[verb]}"
        headers = [(b"content-type", b"application/json")]
        answer = await self._client.request("POST", path, headers, orjson.dumps(arguments), timeout=self._timeout)
        if answer.status != 200:
            raise SchedulingError(f"failed {self._spec[verb]} with extender at URL {self.url}, code {answer.status}")
        return orjson.loads(answer.body)


def _get(obj: Object, name: str) -> Any:
    """Go reads keys in any case."""
    if name in obj:
        return obj[name]
    wanted = name.lower()
    return next((value for key, value in obj.items() if key.lower() == wanted), None)
