"""Cluster IPs: one IPAddress object for each address that is taken, in the ranges that ServiceCIDR objects give.

Creating the object is taking the address: whoever is second gets AlreadyExists, so that several servers over one
store cannot give the same address twice. A range is used while one of its ServiceCIDRs is ready and not being
deleted. Addresses that nobody asked for by name come from the upper part of a range; the lower part (`band`) is left
to those who ask.
"""

from __future__ import annotations

import logging
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from minikube_edu.api import ip
from minikube_edu.api.errors import AlreadyExists
from minikube_edu.kube_apiserver.registry.allocators import AddressRegistry, AllocationError, RangeFull, around
from minikube_edu.lib import clock

Object = dict[str, Any]
Network = IPv4Network | IPv6Network

log = logging.getLogger(__name__)

GROUP = "networking.k8s.io"
FAMILY_LABEL = "ipaddress.kubernetes.io/ip-family"
MANAGED_LABEL = "ipaddress.kubernetes.io/managed-by"
MANAGER = "ipallocator.k8s.io"
DEFAULT_NAME = "kubernetes"

# What the server's own client would be noted as the manager of.
_FIELDS: Object = {
    "f:metadata": {"f:labels": {".": {}, f"f:{FAMILY_LABEL}": {}, f"f:{MANAGED_LABEL}": {}}},
    "f:spec": {"f:parentRef": {".": {}, "f:name": {}, "f:namespace": {}, "f:resource": {}}},
}
_MISMATCH = "the provided network does not match the current range"


def band(network: Network) -> int:
    """How many addresses at the start of a range are kept for those who ask for one: a sixteenth, from 16 to 256."""
    size = network.num_addresses
    return 0 if size <= 16 else min(max(16, size // 16), 256)


def first_and_last(network: Network) -> tuple[int, int]:
    """Without the network's own address, and for IPv4 without the broadcast."""
    first = int(network.network_address) + 1
    return first, int(network.broadcast_address) - (1 if network.version == 4 else 0)


def _managed(fields: Object) -> Object:
    return {
        "manager": "kube-apiserver",
        "operation": "Update",
        "apiVersion": f"{GROUP}/v1",
        "time": clock.rfc3339(),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def address_object(address: str, service: Object) -> Object:
    metadata = service["metadata"]
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "IPAddress",
        "metadata": {
            "name": address,
            "labels": {FAMILY_LABEL: "IPv6" if ":" in address else "IPv4", MANAGED_LABEL: MANAGER},
            "managedFields": [_managed(_FIELDS)],
        },
        "spec": {
            "parentRef": {"resource": "services", "namespace": metadata["namespace"], "name": metadata["name"]},
        },
    }


async def default_service_cidr(registry: AddressRegistry) -> None:
    """The range of the server's flag as an object, as every cluster has it. Created if it is not there."""
    resource = registry.resource(GROUP, "servicecidrs")
    if resource is None or registry.get_object(GROUP, "servicecidrs", "", DEFAULT_NAME) is not None:
        return
    cidrs = [cidr.strip() for cidr in registry.service_range.split(",")]
    obj = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": DEFAULT_NAME, "managedFields": [_managed({"f:spec": {"f:cidrs": {}}})]},
        "spec": {"cidrs": cidrs},
    }
    try:
        await registry.create(resource, obj)
    except AlreadyExists:
        return


class ClusterIPs:
    """The addresses of one family."""

    def __init__(self, registry: AddressRegistry, family: str, configured: Network) -> None:
        self.registry = registry
        self.version = 6 if family == "IPv6" else 4
        self.configured = configured  # the range of the server's flag

    def ranges(self, usable: bool = True) -> list[Network]:
        """The ranges of all ServiceCIDRs; `usable`: only those from which addresses may be taken."""
        found: dict[Network, bool] = {}
        for obj in self.registry.list_objects(GROUP, "servicecidrs"):
            ready = _is_ready(obj)
            for cidr in obj["spec"].get("cidrs", ()):
                parsed = ip.parse_cidr(cidr)
                if parsed is not None and parsed[1].version == self.version:
                    found[parsed[1]] = found.get(parsed[1], False) or ready
        return [network for network, ready in found.items() if ready or not usable]

    async def take(self, address: str, service: Object, dry_run: bool) -> str:
        """Exactly this one."""
        parsed = ip.parse_ip(address)
        if parsed is None:
            raise AllocationError(f'failed to parse service IP "{address}"')
        if dry_run:
            self._check_dry(parsed)
            return address
        if not any(_holds(network, parsed) for network in self.ranges()):
            raise AllocationError(_MISMATCH)
        if not await self._create(str(parsed), service):
            raise AllocationError("provided IP is already allocated")
        return address

    def _check_dry(self, address: IPv4Address | IPv6Address) -> None:
        """A dry run only looks whether the address is in a range; nobody else may have it for long."""
        network = next(iter(self.ranges(usable=False)), self.configured)
        if not _holds(network, address):
            raise AllocationError(
                f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {network}"
            )

    async def take_any(self, service: Object, dry_run: bool) -> str:
        if dry_run:
            return str(next(iter(self.ranges(usable=False)), self.configured).network_address)
        for network in self.ranges():
            first, last = first_and_last(network)
            offset = band(network)
            for low, high in ((first + offset, last), (first, first + offset - 1)):
                address = await self._take_between(low, high, service)
                if address is not None:
                    return address
        raise RangeFull()

    async def _take_between(self, low: int, high: int, service: Object) -> str | None:
        """The next free one from a random place on, around the end."""
        addresses = self.registry.resource(GROUP, "ipaddresses")
        taken = self.registry.cache_of(addresses).entries if addresses else {}
        make = IPv6Address if self.version == 6 else IPv4Address
        for number in around(low, high):
            name = str(make(number))
            if name not in taken and await self._create(name, service):
                return name
        return None

    async def _create(self, address: str, service: Object) -> bool:
        """False when somebody has it."""
        resource = self.registry.resource(GROUP, "ipaddresses")
        assert resource is not None
        try:
            await self.registry.create(resource, address_object(address, service))
        except AlreadyExists:
            return False
        return True

    async def release(self, address: str, namespace: str, name: str) -> None:
        """Give an address back, if it is still that service's."""
        parsed = ip.parse_ip(address)
        found = self.registry.get_object(GROUP, "ipaddresses", "", str(parsed)) if parsed else None
        parent = found["spec"].get("parentRef", {}) if found else {}
        if found and (parent.get("resource"), parent.get("namespace"), parent.get("name")) == (
            "services",
            namespace,
            name,
        ):
            await self.registry.delete_object(GROUP, "ipaddresses", "", found["metadata"]["name"])


def _is_ready(obj: Object) -> bool:
    """One without a condition is ready: its controller may not be running."""
    if "deletionTimestamp" in obj["metadata"]:
        return False
    conditions = obj.get("status", {}).get("conditions", ())
    return next((one.get("status") == "True" for one in conditions if one.get("type") == "Ready"), True)


def _holds(network: Network, address: IPv4Address | IPv6Address) -> bool:
    if network.version != address.version:
        return False
    first, last = first_and_last(network)
    return first <= int(address) <= last
