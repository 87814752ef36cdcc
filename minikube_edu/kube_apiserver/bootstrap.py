"""What a cluster has before anybody has done anything: namespaces, priority classes, the `kubernetes` service, …

The facts are what v1.36.3 makes (`facts/bootstrap.json`). Each object is created if it is not there; none is changed.
"""

from __future__ import annotations

import asyncio
import logging
from importlib.resources import files
from typing import Any

import orjson

from minikube_edu.api.errors import AlreadyExists, ApiError, NotFound
from minikube_edu.kube_apiserver.registry.store import Registry

log = logging.getLogger(__name__)

Object = dict[str, Any]


def objects() -> list[Object]:
    """In the order in which they are made: namespaces first."""
    raw = files("minikube_edu.kube_apiserver").joinpath("facts/bootstrap.json").read_bytes()
    found: list[Object] = orjson.loads(raw)
    return found


async def make(registry: Registry) -> None:
    """Create what is missing."""
    found = objects()
    await asyncio.gather(*(_make_one(registry, obj) for obj in found if obj["kind"] == "Namespace"))
    await asyncio.gather(*(_make_one(registry, obj) for obj in found if obj["kind"] != "Namespace"))


async def _make_one(registry: Registry, obj: Object) -> None:
    group = obj["apiVersion"].rpartition("/")[0]
    version = obj["apiVersion"].rpartition("/")[2]
    resource = registry.scheme.kinds.get((group, version, obj["kind"]))  # type: ignore[call-overload]
    metadata = obj["metadata"]
    if resource is None or registry.entry(resource, metadata.get("namespace", ""), metadata["name"]) is not None:
        return
    try:
        await registry.create(resource, obj)
    except (AlreadyExists, NotFound):
        return
    except ApiError as error:
        log.error("bootstrap: %s", error)
