"""`minikube-edu node …`: machines added to a cluster, taken away, switched off and on."""

from __future__ import annotations

import asyncio
import shutil
import time

from minikube_edu.cluster import kubeadm_door, kubeadm_way, nodes
from minikube_edu.cluster.layout import Layout, Request
from minikube_edu.cluster.light.place import PREFIX, UNIT, LightPlace
from minikube_edu.cluster.machine import starter
from minikube_edu.cluster.nodes import Node

READY_SECONDS = 30.0
LETS_GO_SECONDS = 20.0


def add(layout: Layout, request: Request) -> Node:
    """One worker more: made, booted, joined."""
    first = nodes.of(layout)[0]
    node = kubeadm_door.next_worker(layout, request)
    if request.network != "none":
        kubeadm_way.write_network(first, node)
    asyncio.run(_join(layout, first, node))
    request.nodes = len(nodes.of(layout))
    layout.write_request(request)
    return node


async def _join(layout: Layout, first: Node, node: Node) -> None:
    words = await kubeadm_way.join_words(layout, first)
    await kubeadm_way.kubeadm(layout, node, [*words, f"--node-name={node.name}"])


def remove(layout: Layout, request: Request, node: Node) -> None:
    """Switched off, forgotten by the API, its directory gone."""
    starter.end(nodes.machine_socket(layout, node))
    api = kubeadm_way.door(layout, nodes.of(layout)[0])
    if api is not None:
        with api:
            api.delete(f"/api/v1/nodes/{node.name}")
    shutil.rmtree(node.root, ignore_errors=True)
    request.nodes = len(nodes.of(layout))
    layout.write_request(request)


def remove_light(layout: Layout, name: str) -> bool:
    """The same for a light node; False: there is none of this name. Its process lets go of it first."""
    place = LightPlace(layout)
    number = number_of_light(name)
    if not 0 < number <= place.count or number in place.gone:
        return False
    place.gone |= {number}
    deadline = time.monotonic() + LETS_GO_SECONDS
    while (place.root / name).exists() and time.monotonic() < deadline and _runs(layout):
        time.sleep(0.05)
    shutil.rmtree(place.root / name, ignore_errors=True)
    api = kubeadm_way.door(layout, nodes.of(layout)[0])
    if api is not None:
        with api:
            api.delete(f"/api/v1/nodes/{name}")
    return True


def number_of_light(name: str) -> int:
    """0: it is no light node's name."""
    digits = name.removeprefix(PREFIX)
    return int(digits) if name.startswith(PREFIX) and digits.isdecimal() and not digits.startswith("0") else 0


def _runs(layout: Layout) -> bool:
    """Does the process of the light nodes?"""
    machine = starter.find(nodes.machine_socket(layout, nodes.of(layout)[0]))
    if machine is None:
        return False
    with machine:
        return any(
            unit["pid"] and unit["name"] == f"{UNIT}.service" for unit in machine.ask("unit", verb="list")["units"]
        )


def switch_off(layout: Layout, node: Node) -> None:
    starter.end(nodes.machine_socket(layout, node))


def switch_on(layout: Layout, node: Node) -> None:
    kubeadm_way.switch_on(layout, node)
