"""A pod as the scheduler sees it.

What decides where a pod may go, its *shape*, is read off its object once, and pods with equal fields share one Shape:
all replicas of a Deployment have the same. Whatever is computed for one of them serves the others; plugins may keep
what they have worked out in `shape.memo`, under a key with themselves in it if it depends on more than the shape:
shapes are shared by all schedulers of a process.

The real scheduler parses each pod for itself, and since v1.35 compares signatures of pods that follow each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import orjson

from minikube_edu.api import label_selectors, pod_resources, quantity
from minikube_edu.api.label_selectors import Selector
from minikube_edu.client.index import key_of
from minikube_edu.kube_scheduler import node_selector, resizing

Object = dict[str, Any]
Amounts = dict[str, int]

DEFAULT_MILLI_CPU, DEFAULT_MEMORY = 100, 200 * 1024 * 1024  # what a container that asks for nothing is taken to use
_SHAPING = (
    "nodeSelector", "affinity", "tolerations", "overhead", "topologySpreadConstraints", "schedulerName", "priority",
    "resources", "preemptionPolicy", "hostNetwork", "resourceClaims",
)  # fmt: skip
_HARMLESS_VOLUMES = ("projected", "configMap", "secret", "emptyDir", "downwardAPI", "hostPath", "image")


class Term(NamedTuple):
    """A term of pod (anti-)affinity: pods that match `selector` in some namespaces, within one `topology_key`."""

    namespaces: frozenset[str]
    namespace_selector: Selector | None
    selector: Selector
    topology_key: str

    def matches(self, namespace: str, labels: Mapping[str, str], namespaces: Mapping[str, Mapping[str, str]]) -> bool:
        """A pod with `labels` in `namespace`; `namespaces` are the labels of all namespaces."""
        if namespace not in self.namespaces:
            selector = self.namespace_selector
            if selector is None or not selector.matches(namespaces.get(namespace) or {}):
                return False
        return self.selector.matches(labels)


class Weighted(NamedTuple):
    weight: int
    term: Term


class HostPort(NamedTuple):
    address: str
    protocol: str
    port: int

    def clashes(self, other: HostPort) -> bool:
        if self.port != other.port or self.protocol != other.protocol:
            return False
        return self.address == other.address or "0.0.0.0" in (self.address, other.address)


class Shape:
    """All that decides about a pod's node, besides its own name."""

    def __init__(self, namespace: str, labels: Mapping[str, str], spec: Object, owner: Object | None) -> None:
        self.namespace = namespace
        self.labels = labels
        self.spec = spec
        self.owner = owner
        self.memo: dict[Any, Any] = {}
        self.requests = _requests(spec)
        self.milli_cpu, self.memory = _nonzero(spec)
        self.tolerations: Sequence[Object] = spec.get("tolerations") or ()
        self.node_affinity = node_selector.Required(spec)
        self.host_ports = tuple(_host_ports(spec))
        self.volumes = tuple(_volumes(spec))
        affinity = spec.get("affinity") or {}
        together, apart = affinity.get("podAffinity") or {}, affinity.get("podAntiAffinity") or {}
        self.affinity = self._required(together)
        self.anti_affinity = self._required(apart)
        self.preferred_affinity = self._preferred(together)
        self.preferred_anti_affinity = self._preferred(apart)
        self.has_affinity = bool(
            self.affinity or self.anti_affinity or self.preferred_affinity or self.preferred_anti_affinity
        )

    @cached_property
    def best_effort(self) -> bool:
        return not any(self.requests.values())

    @cached_property
    def preferred_nodes(self) -> node_selector.Preferred:
        return node_selector.preferred(self.spec)

    def _required(self, affinity: Object) -> tuple[Term, ...]:
        specs = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        return tuple(self._term(spec) for spec in specs)

    def _preferred(self, affinity: Object) -> tuple[Weighted, ...]:
        specs = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        return tuple(Weighted(spec["weight"], self._term(spec["podAffinityTerm"])) for spec in specs)

    def _term(self, spec: Object) -> Term:
        namespaces, selector = spec.get("namespaces") or (), spec.get("namespaceSelector")
        if not namespaces and selector is None:
            namespaces = (self.namespace,)
        return Term(
            frozenset(namespaces),
            None if selector is None else label_selectors.from_object(selector),
            label_selectors.from_object(spec.get("labelSelector")),
            spec["topologyKey"],
        )


class PodInfo:
    __slots__ = ("key", "name", "namespace", "node_name", "obj", "priority", "shape", "terminating", "uid")

    def __init__(self, obj: Object, node_name: str = "") -> None:
        metadata, spec = obj["metadata"], obj["spec"]
        self.obj = obj
        self.uid: str = metadata.get("uid") or key_of(obj)
        self.name: str = metadata["name"]
        self.namespace: str = metadata.get("namespace") or ""
        self.key = f"{self.namespace}/{self.name}"
        self.priority: int = spec.get("priority") or 0
        self.node_name: str = node_name or spec.get("nodeName") or ""
        self.terminating = "deletionTimestamp" in metadata
        self.shape = shape_of(obj)

    def __repr__(self) -> str:
        return f"<Pod {self.key}>"

    @property
    def labels(self) -> Mapping[str, str]:
        return self.shape.labels

    @property
    def spec(self) -> Object:
        found: Object = self.obj["spec"]
        return found

    @property
    def status(self) -> Object:
        return self.obj.get("status") or {}

    @property
    def nominated_node(self) -> str:
        return self.status.get("nominatedNodeName") or ""

    @property
    def scheduler_name(self) -> str:
        return self.obj["spec"].get("schedulerName") or "default-scheduler"

    @property
    def revision(self) -> int | None:
        """The cause of what is done for this pod, for the step bus."""
        version = self.obj["metadata"].get("resourceVersion") or ""
        return int(version) if version.isdigit() else None


_shapes: WeakValueDictionary[bytes, Shape] = WeakValueDictionary()


def shape_of(obj: Object) -> Shape:
    metadata, spec = obj["metadata"], resizing.effective(obj)
    owner = next((o for o in metadata.get("ownerReferences") or () if o.get("controller")), None)
    labels = metadata.get("labels") or {}
    namespace = metadata.get("namespace") or ""
    signature = orjson.dumps(
        (
            namespace,
            labels,
            owner and (owner["kind"], owner["name"]),
            [spec.get(field) for field in _SHAPING],
            [_container(container) for container in spec.get("containers") or ()],
            [_container(container) for container in spec.get("initContainers") or ()],
            list(_volumes(spec)),
        )
    )
    shape = _shapes.get(signature)
    if shape is None:
        shape = _shapes[signature] = Shape(namespace, labels, spec, owner)
    return shape


def _container(spec: Object) -> tuple[Any, ...]:
    ports = spec.get("ports")
    hosts = [port for port in ports if port.get("hostPort")] if ports else None
    return spec.get("image"), spec.get("resources"), hosts, spec.get("restartPolicy")


def _volumes(spec: Object) -> Iterator[Object]:
    """Those that have a say in where a pod can go."""
    for volume in spec.get("volumes") or ():
        for kind in _HARMLESS_VOLUMES:
            if kind in volume:
                break
        else:
            if len(volume) > 1:
                yield volume


def _host_ports(spec: Object) -> Iterator[HostPort]:
    containers = list(spec.get("containers") or ())
    containers += [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in containers:
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                yield HostPort(port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"])


def amount(name: str, value: quantity.Quantity) -> int:
    return value.milli_value() if name == "cpu" else value.value()


def _requests(spec: Object) -> Amounts:
    """What the pod asks of a node: its containers at their greediest, or what the pod as a whole says; and overhead."""
    total = pod_resources.of_containers(spec, "requests")
    for name, text in ((spec.get("resources") or {}).get("requests") or {}).items():
        if pod_resources.supported_for_pods(name):
            total[name] = quantity.parse(text)
    for name, text in (spec.get("overhead") or {}).items():
        more = quantity.parse(text)
        total[name] = total[name].add(more) if name in total else more
    return {name: amount(name, value) for name, value in total.items()}


def _nonzero(spec: Object) -> tuple[int, int]:
    """(milli CPU, memory) with something in place of nothing, so that pods without requests spread too."""
    defaults = {"cpu": f"{DEFAULT_MILLI_CPU}m", "memory": str(DEFAULT_MEMORY)}
    changed = dict(spec)
    whole = (spec.get("resources") or {}).get("requests") or {}
    for kind in ("containers", "initContainers"):
        changed[kind] = [
            {**c, "resources": {"requests": {**defaults, **((c.get("resources") or {}).get("requests") or {})}}}
            for c in spec.get(kind) or ()
        ]
    found = _requests({**changed, "resources": {"requests": whole}})
    return found.get("cpu", 0), found.get("memory", 0)
