"""`minikube-edu node …`: machines added to a cluster, taken away, switched off and on."""

from __future__ import annotations

import asyncio
import shutil

from minikube_edu.cluster import kubeadm_door, kubeadm_way, nodes
from minikube_edu.cluster.layout import Layout, Request
from minikube_edu.cluster.machine import starter
from minikube_edu.cluster.nodes import Node

READY_SECONDS = 30.0


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


def switch_off(layout: Layout, node: Node) -> None:
    starter.end(nodes.machine_socket(layout, node))


def switch_on(layout: Layout, node: Node) -> None:
    kubeadm_way.switch_on(layout, node)
