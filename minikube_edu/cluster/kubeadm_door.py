"""kubeadm, on a node of this host: `kubeadm init`, `kubeadm join …`, `kubeadm token create`, …

Which node: the one that the shell is in; else the control plane, or for `join` the next worker, which is made. `init`
and `join` begin with a machine that runs, as a course does with a fresh virtual machine.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from typing import TextIO

from minikube_edu.cluster import early_key, nodes, room, unfinished
from minikube_edu.cluster.failures import CannotStart
from minikube_edu.cluster.kubeadm_host import RUNTIME_SOCKET, NodeHost
from minikube_edu.cluster.layout import Layout, Request
from minikube_edu.cluster.machine import preload, starter
from minikube_edu.cluster.nodes import Node
from minikube_edu.cluster.words import say

NEEDS_A_MACHINE = ("init", "join")
HELP = {"-h", "--help"}


def run(words: Sequence[str]) -> int:
    """The command, on the node that it means."""
    layout = Layout()
    if works(words):
        try:
            room.refuse_bad_place(layout, 1)
        except CannotStart as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    if works(words) and (layout.read_request() or Request()).bare:
        if "phase" not in words:
            print(f"error: {say('bare-nodes')}", file=sys.stderr)
            return 1
        return asyncio.run(on_node(layout, None, words))  # certificates, kubeconfigs: anywhere
    node = chosen(layout, list(words))
    if node is not None and works(words) and not starter.runs(layout.machine_socket):
        with suppress(OSError):  # who needs it will meet the reason
            path = nodes.machine_socket(layout, node)
            starter.start(path, node.root, node.environment(layout)).close()
            nodes.boot_early(layout, [node])
            if "init" in words and "phase" not in words:
                early_key.begin()
        preload.foreign()
    return asyncio.run(on_node(layout, node, words))


def works(words: Sequence[str]) -> bool:
    """Does it do what needs a machine, rather than only tell how?"""
    return next((word for word in words if not word.startswith("-")), "") in NEEDS_A_MACHINE and not HELP & set(words)


def chosen(layout: Layout, words: list[str]) -> Node | None:
    request = layout.read_request() or Request()
    here = os.environ.get("MINIKUBE_EDU_NODE", "")
    if here and (node := nodes.find(layout, here)):
        return node
    verb = next((word for word in words if not word.startswith("-")), "") if works(words) else ""
    if verb == "init":
        port = _flag(words, "--apiserver-bind-port")
        request.port = int(port) if port.isdigit() else request.port
        layout.write_request(request)
        return nodes.prepare(layout, request, nodes.CONTROL_PLANE, _flag(words, "--apiserver-advertise-address"))
    if verb == "join":
        return next_worker(layout, request, _endpoint(words))
    return next(iter(nodes.of(layout)), None)


def _flag(words: list[str], name: str) -> str:
    for place, word in enumerate(words):
        if word.startswith(name + "="):
            return word.partition("=")[2]
        if word == name and place + 1 < len(words):
            return words[place + 1]
    return ""


def _endpoint(words: list[str]) -> str:
    """The host of `join HOST:PORT`."""
    after = words[words.index("join") + 1 :]
    return next((word.rpartition(":")[0] for word in after if ":" in word and not word.startswith("-")), "")


def next_worker(layout: Layout, request: Request, endpoint: str = "") -> Node:
    """The first that has not joined yet, or a new one. Where the control plane is another host, this host is the
    worker: by its own name, at its own address."""
    address = nodes.towards(endpoint) if endpoint else ""
    known = nodes.of(layout)
    for node in known:
        if node.index and not node.initialized:
            return node
    index = next(number for number in range(1, len(known) + 2) if all(node.index != number for node in known))
    name = socket.gethostname().lower() if address else nodes.default_name(index)
    return nodes.prepare(layout, request, name, address)


async def on_node(
    layout: Layout,
    node: Node | None,
    words: Sequence[str],
    out: TextIO | None = None,
    err: TextIO | None = None,
    *,
    hurry: bool = False,
) -> int:
    from minikube_edu.kubeadm import app

    if node is None:
        return await app.run(words, None, out=out, err=err)
    working = works(words)
    host = NodeHost(node, nodes.machine_socket(layout, node), hurry=hurry)
    if working:
        was_on = node.path(RUNTIME_SOCKET).exists()
        host.switching_on = asyncio.ensure_future(switch_on(layout, node, host))
        if was_on or words[0] != "init":
            await host.switching_on
            host.switching_on = None
    elif starter.runs(nodes.machine_socket(layout, node)):
        await host.attach_runtime(0.0)
    try:
        with unfinished.marked(node) if working else nullcontext():
            return await app.run(words, host, out=out, err=err)
    finally:
        if host.switching_on is not None:
            await host.switching_on
        await host.close()
        take_kubeconfig(layout)


async def switch_on(layout: Layout, node: Node, host: NodeHost) -> None:
    await asyncio.to_thread(nodes.boot, layout, node)
    await host.attach_runtime()


def take_kubeconfig(layout: Layout) -> None:
    """The administrator's kubeconfig is the user's, as `cp /etc/kubernetes/admin.conf ~/.kube/config` would do it."""
    for node in nodes.of(layout):
        admin = node.root / "etc/kubernetes/admin.conf"
        if admin.exists():
            text = admin.read_text()
            if not layout.kubeconfig.exists() or layout.kubeconfig.read_text() != text:
                layout.kubeconfig.touch(mode=0o600)
                layout.kubeconfig.write_text(text)
            return
