"""The variables that tell a container of the services of its namespace, as links of old container engines did.

A service `redis-primary` with port 6379 gives REDIS_PRIMARY_SERVICE_HOST, REDIS_PRIMARY_SERVICE_PORT and seven more.
Every container is told of the service `kubernetes` in the namespace `default`; of the others in its own namespace only
with `enableServiceLinks`. Services without an address (headless, external names) give nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Object = dict[str, Any]

MASTER = ("default", "kubernetes")


def visible(services: Iterable[Object], namespace: str, links: bool) -> list[Object]:
    """The services that a pod of this namespace is told of; its own `kubernetes` comes before the cluster's."""
    found: dict[str, Object] = {}
    for service in services:
        if service["spec"].get("clusterIP") in (None, "", "None"):
            continue
        metadata = service["metadata"]
        if (metadata["namespace"], metadata["name"]) == MASTER:
            found.setdefault(metadata["name"], service)
        elif metadata["namespace"] == namespace and links:
            found[metadata["name"]] = service
    return list(found.values())


def variables(services: Iterable[Object]) -> Mapping[str, str]:
    made: dict[str, str] = {}
    for service in services:
        spec, prefix = service["spec"], variable_name(service["metadata"]["name"])
        address, ports = spec["clusterIP"], spec.get("ports") or []
        if not ports:
            continue
        made[f"{prefix}_SERVICE_HOST"] = address
        made[f"{prefix}_SERVICE_PORT"] = str(ports[0]["port"])
        for port in ports:
            if port.get("name"):
                made[f"{prefix}_SERVICE_PORT_{variable_name(port['name'])}"] = str(port["port"])
        shown = f"[{address}]" if ":" in address else address
        for index, port in enumerate(ports):
            protocol, number = port.get("protocol") or "TCP", port["port"]
            url = f"{protocol.lower()}://{shown}:{number}"
            if index == 0:
                made[f"{prefix}_PORT"] = url
            one = f"{prefix}_PORT_{number}_{protocol.upper()}"
            made[one] = url
            made[f"{one}_PROTO"] = protocol.lower()
            made[f"{one}_PORT"] = str(number)
            made[f"{one}_ADDR"] = address
    return made


def variable_name(name: str) -> str:
    return name.replace("-", "_").upper()
