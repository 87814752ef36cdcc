"""Node ports: which ports of every node lead to a Service. Health check ports are taken from the same range.

Who has which port is read from the Services themselves, as the watch cache delivers them; so nothing is lost when a
server dies. What a write under way has taken is reserved until its Service arrives, or until the write gives it back.

The real server keeps a bitmap in the store (`/registry/ranges/servicenodeports`), which several servers share and a
loop repairs. Here two servers over one store could give the same port at the same moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from minikube_edu.kube_apiserver.encoding import load
from minikube_edu.kube_apiserver.registry.allocators import AddressRegistry, AllocationError, RangeFull, around

Object = dict[str, Any]

DUMMY_START = 32768  # what a dry run shows for a port that would have been chosen


def ports_of(spec: Object) -> Iterator[int]:
    """All ports that a Service holds; TCP and UDP may share one."""
    found = {port["nodePort"] for port in spec.get("ports", ()) if port.get("nodePort")}
    if spec.get("healthCheckNodePort"):
        found.add(spec["healthCheckNodePort"])
    return iter(found)


class NodePorts:
    def __init__(self, registry: AddressRegistry, port_range: str) -> None:
        low, _, high = port_range.partition("-")
        self.low, self.high = int(low), int(high or low)
        self.used: Counter[int] = Counter()
        self.reserved: dict[int, str] = {}  # port -> key of the service whose write is under way
        services = registry.resource("", "services")
        assert services is not None
        cache = registry.cache_of(services)
        for entry in cache.entries.values():
            self.used.update(ports_of(entry.object()["spec"]))
        cache.listen(self.changed)

    def changed(self, change: Any) -> None:
        """A Service has been written: the cache's listener."""
        if change.before is not None:
            self.used.subtract(ports_of(load(change.before.served)["spec"]))
        if change.kind != "DELETED":
            self.used.update(ports_of(load(change.entry.served)["spec"]))
        for port in [port for port, key in self.reserved.items() if key == change.entry.key]:
            del self.reserved[port]

    def is_taken(self, port: int) -> bool:
        return self.used[port] > 0 or port in self.reserved

    @property
    def band(self) -> int:
        """How many ports at the start are left to those who ask for one."""
        size = self.high - self.low + 1
        return 0 if size <= 16 else min(max(16, size // 32), 128)

    def begin(self, key: str, dry_run: bool) -> PortOperation:
        return PortOperation(self, key, dry_run)


class PortOperation:
    """The ports that one write takes: all of them, or none (`revert`)."""

    def __init__(self, ports: NodePorts, key: str, dry_run: bool) -> None:
        self.ports = ports
        self.key = key
        self.dry_run = dry_run
        self.taken: list[int] = []

    def take(self, port: int) -> None:
        ports = self.ports
        if not self.dry_run and not ports.low <= port <= ports.high:
            raise AllocationError(
                f"provided port is not in the valid range. The range of valid ports is {ports.low}-{ports.high}"
            )
        if port in self.taken or ports.is_taken(port):
            raise AllocationError("provided port is already allocated")
        self._have(port)

    def take_any(self) -> int:
        if self.dry_run:
            port = max(self.taken, default=DUMMY_START - 1) + 1
            self._have(port)
            return port
        ports = self.ports
        middle = ports.low + ports.band
        for low, high in ((middle, ports.high), (ports.low, middle - 1)):
            for port in around(low, high):
                if not ports.is_taken(port):
                    self._have(port)
                    return port
        raise RangeFull()

    def _have(self, port: int) -> None:
        self.taken.append(port)
        if not self.dry_run:
            self.ports.reserved[port] = self.key

    def revert(self) -> None:
        for port in self.taken:
            if self.ports.reserved.get(port) == self.key:
                del self.ports.reserved[port]
        self.taken.clear()
