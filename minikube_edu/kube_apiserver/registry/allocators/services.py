"""All that one write of a Service takes and gives back: families, addresses, ports; as a whole or not at all.

One `ServiceAllocators` belongs to a registry (`of`). `create` and `update` change the Service in place and return how
to undo it. Addresses that a Service no longer carries go back when its new version arrives in the watch cache: then
the write has happened for certain.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from minikube_edu.api import ip
from minikube_edu.api.errors import GenericError, InternalError, Invalid
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation.service_addresses import family_of
from minikube_edu.api.validation.services import needs_health_check
from minikube_edu.kube_apiserver.encoding import load
from minikube_edu.kube_apiserver.registry.allocators import AddressRegistry, AllocationError, RangeFull, families
from minikube_edu.kube_apiserver.registry.allocators.cluster_ips import ClusterIPs, default_service_cidr
from minikube_edu.kube_apiserver.registry.allocators.node_ports import NodePorts, PortOperation

Object = dict[str, Any]
Undo = Callable[[], None]

log = logging.getLogger(__name__)

_ATTRIBUTE = "_service_allocators"


def of(registry: AddressRegistry) -> ServiceAllocators:
    """The allocators of a registry, made when first asked for."""
    found: ServiceAllocators | None = getattr(registry, _ATTRIBUTE, None)
    if found is None:
        found = ServiceAllocators(registry)
        setattr(registry, _ATTRIBUTE, found)  # they live and die together
    return found


def cluster_ips_of(spec: Object) -> dict[str, str]:
    """The addresses that a Service has taken: family -> address."""
    if spec.get("type") == "ExternalName":
        return {}
    return {family_of(address): address for address in spec.get("clusterIPs", ()) if address not in ("", "None")}


def wants_node_ports(spec: Object) -> bool:
    kind = spec.get("type")
    return kind == "NodePort" or (kind == "LoadBalancer" and bool(spec.get("allocateLoadBalancerNodePorts")))


class ServiceAllocators:
    def __init__(self, registry: AddressRegistry) -> None:
        self.registry = registry
        self.by_family: dict[str, ClusterIPs] = {}
        for cidr in registry.service_range.split(","):
            parsed = ip.parse_cidr(cidr.strip())
            if parsed is None:
                raise ValueError(f"invalid service IP range {cidr!r}")
            family = "IPv6" if parsed[1].version == 6 else "IPv4"
            self.by_family[family] = ClusterIPs(registry, family, parsed[1])
        self.ports = NodePorts(registry, registry.node_ports)
        self._has_range = False  # the ServiceCIDR of the flag's range has been seen
        self._background: set[asyncio.Task[None]] = set()
        services = registry.resource("", "services")
        assert services is not None
        registry.cache_of(services).listen(self._changed)

    # ------------------------------------------------------------ taking

    async def create(self, service: Object, dry_run: bool) -> Undo:
        operation = self._begin(service, dry_run)
        taken: dict[str, str] = {}
        try:
            families.settle(service, None, list(self.by_family))
            await self._all_addresses(service, dry_run, taken)
            if service["spec"].get("type") in ("NodePort", "LoadBalancer"):
                _new_node_ports(service, operation)
            if needs_health_check(service["spec"]):
                _health_check_port(service["spec"], operation)
        except BaseException:
            self._undo(service, operation, taken, dry_run)
            raise
        return lambda: self._undo(service, operation, taken, dry_run)

    async def update(self, service: Object, old: Object, dry_run: bool) -> Undo:
        spec, before = service["spec"], old["spec"]
        operation = self._begin(service, dry_run)
        taken: dict[str, str] = {}
        try:
            families.settle(service, old, list(self.by_family))
            if not families.stays_preferred(spec, before):
                await self._changed_addresses(service, before, dry_run, taken)
            if spec.get("type") in ("NodePort", "LoadBalancer"):
                _changed_node_ports(service, before, operation)
            if needs_health_check(spec) and not needs_health_check(before):
                _health_check_port(spec, operation)
        except BaseException:
            self._undo(service, operation, taken, dry_run)
            raise
        return lambda: self._undo(service, operation, taken, dry_run)

    def _begin(self, service: Object, dry_run: bool) -> PortOperation:
        metadata = service["metadata"]
        return self.ports.begin(f"{metadata['namespace']}/{metadata['name']}", dry_run)

    async def _all_addresses(self, service: Object, dry_run: bool, taken: dict[str, str]) -> None:
        """One address for each family, the named ones first come."""
        spec = service["spec"]
        if spec.get("type") == "ExternalName" or spec.get("clusterIPs") == ["None"]:
            return
        addresses = [*spec.get("clusterIPs", [])]
        addresses += [""] * (len(spec["ipFamilies"]) - len(addresses))
        for index, family in enumerate(spec["ipFamilies"]):
            addresses[index] = await self._address(service, family, addresses[index], dry_run, taken)
        spec["clusterIPs"], spec["clusterIP"] = addresses, addresses[0]

    async def _changed_addresses(self, service: Object, before: Object, dry_run: bool, taken: dict[str, str]) -> None:
        """From ExternalName: all of them. A second family: one more."""
        spec = service["spec"]
        if before.get("type") == "ExternalName":
            if spec.get("type") != "ExternalName":
                await self._all_addresses(service, dry_run, taken)
            return
        if before.get("clusterIPs") == ["None"] or spec.get("type") == "ExternalName":
            return
        wanted = spec.get("ipFamilies", [])
        if len(before.get("ipFamilies", ())) == 1 and len(wanted) == 2:
            addresses = [*spec.get("clusterIPs", []), ""][:2]
            addresses[1] = await self._address(service, wanted[1], addresses[1], dry_run, taken)
            spec["clusterIPs"] = addresses

    async def _address(self, service: Object, family: str, wish: str, dry_run: bool, taken: dict[str, str]) -> str:
        if not self._has_range:
            await default_service_cidr(self.registry)
            self._has_range = True
        source, name = self.by_family[family], service["metadata"]["name"]
        shown = service["spec"].get("clusterIPs", [])
        try:
            found = await (source.take(wish, service, dry_run) if wish else source.take_any(service, dry_run))
        except RangeFull as error:
            raise InternalError(f'failed to allocate a serviceIP for Service "{name}": {error}') from None
        except AllocationError as error:
            errors = Errors()
            errors.invalid("spec.clusterIPs", shown, f"failed to allocate IP {wish}: {error}")
            raise Invalid("", "Service", name, errors) from None
        taken[family] = found
        return found

    # ------------------------------------------------------------ giving back

    def _undo(self, service: Object, operation: PortOperation, taken: dict[str, str], dry_run: bool) -> None:
        operation.revert()
        if not dry_run and taken:
            metadata = service["metadata"]
            self._later(self.release(metadata["namespace"], metadata["name"], dict(taken)))
        taken.clear()

    async def release(self, namespace: str, name: str, addresses: dict[str, str]) -> None:
        for family, address in addresses.items():
            if family in self.by_family:
                await self.by_family[family].release(address, namespace, name)

    def _changed(self, change: Any) -> None:
        """A new version of a Service has arrived: what it has let go goes back."""
        if change.kind != "MODIFIED":
            return
        before = cluster_ips_of(load(change.before.served)["spec"])
        if not before:
            return
        now = cluster_ips_of(load(change.entry.served)["spec"])
        gone = {family: address for family, address in before.items() if now.get(family) != address}
        if gone:
            namespace, _, name = change.entry.key.partition("/")
            self._later(self.release(namespace, name, gone))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        """In the background; the repair loop finds what fails here."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("an address was not given back: %s", task.exception())


def _take(service: Object, operation: PortOperation, index: int, port: int) -> None:
    try:
        operation.take(port)
    except AllocationError as error:
        errors = Errors()
        errors.invalid(f"spec.ports[{index}].nodePort", port, str(error))
        raise Invalid("", "Service", service["metadata"]["name"], errors) from None


def _take_any(operation: PortOperation) -> int:
    try:
        return operation.take_any()
    except AllocationError as error:
        raise InternalError(f"failed to allocate a nodePort: {error}") from None


def _new_node_ports(service: Object, operation: PortOperation) -> None:
    """The same port number over TCP and over UDP shares a node port, unless told otherwise."""
    spec = service["spec"]
    ports, chosen = spec.get("ports", []), dict[int, int]()
    for index, port in enumerate(ports):
        wish = port.get("nodePort", 0)
        if not wish and not wants_node_ports(spec):
            continue
        have = chosen.get(port["port"], 0)
        if not have:
            named = next((one["nodePort"] for one in ports if one["port"] == port["port"] and one.get("nodePort")), 0)
            if named:
                _take(service, operation, index, named)
            have = named or _take_any(operation)
            port["nodePort"] = chosen[port["port"]] = have
        elif not wish:
            port["nodePort"] = have
        elif wish != have:
            _take(service, operation, index, wish)


def _changed_node_ports(service: Object, before: Object, operation: PortOperation) -> None:
    spec = service["spec"]
    had = {port["nodePort"] for port in before.get("ports", ()) if port.get("nodePort")}
    seen: set[tuple[str, int]] = set()
    taken: set[int] = set()
    for index, port in enumerate(spec.get("ports", ())):
        number = port.get("nodePort", 0)
        if not number:
            if not wants_node_ports(spec):
                continue
            number = port["nodePort"] = _take_any(operation)
        elif number not in had and number not in taken:
            _take(service, operation, index, number)
            taken.add(number)
        pair = (port.get("protocol", ""), number)
        if pair in seen:
            raise GenericError(f"duplicate nodePort: {{{pair[0]} {pair[1]}}}")
        seen.add(pair)


def _health_check_port(spec: Object, operation: PortOperation) -> None:
    wish = spec.get("healthCheckNodePort", 0)
    try:
        if wish:
            operation.take(wish)
        else:
            spec["healthCheckNodePort"] = operation.take_any()
    except AllocationError as error:
        what = f"requested HealthCheck NodePort {wish}" if wish else "a HealthCheck NodePort 0"
        raise InternalError(f"failed to allocate {what}: {error}") from None
