"""Addresses and ports that Services get: taken when a Service is written, given back when it goes.

Charter: `families` decides which address families a Service has; `cluster_ips` keeps addresses as IPAddress objects
in the ranges of ServiceCIDR objects; `node_ports` keeps ports; `services` takes all that one write needs, as a whole
or not at all; `repair` finds what was lost. Only the strategy of Services and the server's loops call them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from minikube_edu.api.scheme import Resource, Scheme
from minikube_edu.lib import ids

Object = dict[str, Any]


class Change(Protocol):
    """One event of the watch cache; see `watch_cache.Change`."""

    kind: str
    entry: Any
    before: Any


class Cache(Protocol):
    """The cached objects of one resource."""

    entries: dict[str, Any]

    def listen(self, listener: Callable[[Any], None]) -> Callable[[], None]: ...


class AddressRegistry(Protocol):
    """What the allocators ask of the registry (`registry.store.Registry` is one)."""

    scheme: Scheme
    service_range: str  # `10.96.0.0/12`, or two ranges with a comma: --service-cluster-ip-range
    node_ports: str  # `30000-32767`: --service-node-port-range

    def resource(self, group: str, name: str) -> Resource | None: ...
    def cache_of(self, resource: Resource) -> Any: ...
    def get_object(self, group: str, resource: str, namespace: str, name: str) -> Object | None: ...
    def list_objects(self, group: str, resource: str, namespace: str | None = None) -> list[Object]: ...
    async def create(self, resource: Resource, obj: Object, context: Any = None) -> Any: ...
    async def delete_object(self, group: str, resource: str, namespace: str, name: str) -> bool: ...


class AllocationError(Exception):
    """An address or port cannot be had; the text goes behind `failed to allocate …: `."""


class RangeFull(AllocationError):
    """range is full"""

    def __init__(self) -> None:
        super().__init__("range is full")


def around(low: int, high: int) -> Iterator[int]:
    """All numbers from low to high, from a random one on and around the end."""
    if high < low:
        return
    start = ids.integer(low, high)
    yield from range(start, high + 1)
    yield from range(low, start)
