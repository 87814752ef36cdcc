"""Nodes for the tests: a fabric each, with a CNI configuration in its root and a range of pod addresses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from minikube_edu.cni.contract import Attachment, Namespace
from minikube_edu.cni.fabric import NodeFabric
from minikube_edu.cni.wire import Wire
from tests.client.conftest import virtual_time

__all__ = ["virtual_time"]  # autouse: minutes pass at once

BRIDGE = {"cniVersion": "1.0.0", "name": "mynet", "plugins": [{"type": "bridge", "ipam": {"type": "host-local"}}]}

MakeFabric = Callable[..., NodeFabric]
AddPod = Callable[[NodeFabric, str], Awaitable[Namespace]]


def configure(root: Path, document: Any = BRIDGE, name: str = "10-bridge.conflist") -> None:
    directory = root / "etc/cni/net.d"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(document if isinstance(document, str) else json.dumps(document))


@pytest.fixture
async def make_fabric(tmp_path: Path) -> AsyncIterator[MakeFabric]:
    made: list[NodeFabric] = []

    def make(name: str = "node", cidr: str = "10.244.0.0/24", wire: Wire | None = None, **options: Any) -> NodeFabric:
        root = tmp_path / name
        root.mkdir(exist_ok=True)
        configure(root)
        fabric = NodeFabric(root, pod_cidr=cidr, wire=wire, **options)
        made.append(fabric)
        return fabric

    yield make
    for fabric in made:
        await fabric.close()


async def add(fabric: NodeFabric, name: str) -> Namespace:
    return await fabric.add(Attachment(f"id-of-{name}", "default", name))
