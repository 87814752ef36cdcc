"""Putting right what crashes leave behind: addresses without a Service, Services without their addresses.

`keep_repaired` runs as long as the server does. An address object is young while its Service may still be under way;
it is left alone for a minute. Node ports need no repair: they are read from the Services.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from minikube_edu.api.errors import AlreadyExists, ApiError
from minikube_edu.kube_apiserver.registry.allocators import AddressRegistry, services
from minikube_edu.kube_apiserver.registry.allocators.cluster_ips import (
    FAMILY_LABEL,
    GROUP,
    MANAGED_LABEL,
    MANAGER,
    address_object,
)
from minikube_edu.lib import clock

Object = dict[str, Any]

log = logging.getLogger(__name__)

INTERVAL = 180.0
YOUNG = 60.0


async def keep_repaired(registry: AddressRegistry) -> None:
    """Every three minutes, as the real one."""
    while True:
        await asyncio.sleep(INTERVAL)
        try:
            await repair(registry)
        except ApiError as error:
            log.warning("repair of cluster IPs: %s", error)


async def repair(registry: AddressRegistry) -> list[str]:
    """One round; returns what was put right, in words."""
    done: list[str] = []
    held = {
        address: obj["metadata"]
        for obj in registry.list_objects("", "services")
        for address in services.cluster_ips_of(obj["spec"]).values()
    }
    addresses = {obj["metadata"]["name"]: obj for obj in registry.list_objects(GROUP, "ipaddresses")}
    for name, obj in addresses.items():
        if _is_ours(obj) and not _is_young(obj) and not _belongs(obj, held.get(name)):
            await registry.delete_object(GROUP, "ipaddresses", "", name)
            done.append(f"released {name}: no service has it")
    resource = registry.resource(GROUP, "ipaddresses")
    for address, metadata in held.items():
        if address not in addresses and resource is not None:
            try:
                await registry.create(resource, address_object(address, {"metadata": metadata}))
            except AlreadyExists:
                continue
            done.append(f"took {address} for {metadata['namespace']}/{metadata['name']}")
    for line in done:
        log.info("repair of cluster IPs: %s", line)
    return done


def _is_ours(obj: Object) -> bool:
    labels = obj["metadata"].get("labels", {})
    return labels.get(MANAGED_LABEL) == MANAGER and FAMILY_LABEL in labels


def _is_young(obj: Object) -> bool:
    return clock.now() - clock.parse_rfc3339(obj["metadata"]["creationTimestamp"]) < YOUNG


def _belongs(obj: Object, service: Object | None) -> bool:
    parent = obj["spec"].get("parentRef", {})
    return service is not None and (parent.get("namespace"), parent.get("name")) == (
        service["namespace"],
        service["name"],
    )
