"""`minikube-edu up`, from its flags to what it prints. Without Typer: time is lost there before a cluster begins.

`flags` reads the plain forms; whatever it does not know (a mistake, `--help`) is left to the command line of `cli`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from minikube_edu.cluster.layout import Layout, Request
from minikube_edu.cluster.words import say

NUMBERS = {"--nodes": (0, 10_000), "--port": (1, 65_535)}


def flags(words: Sequence[str]) -> dict[str, Any] | None:
    """nodes, port, network, bare; None when something else was typed."""
    found: dict[str, Any] = {"bare": False}
    left = list(words)
    while left:
        name, equals, value = left.pop(0).partition("=")
        if name == "--bare" and not equals:
            found["bare"] = True
            continue
        if name not in (*NUMBERS, "--network") or (not equals and not left):
            return None
        value = value if equals else left.pop(0)
        if name in NUMBERS:
            low, high = NUMBERS[name]
            if not value.isdigit() or not low <= int(value) <= high:
                return None
            found[name[2:]] = int(value)
        else:
            found["network"] = value
    return found


def run(nodes: int | None = None, port: int | None = None, network: str | None = None, bare: bool = False) -> int:
    """Start the cluster, or bring it back; then show it."""
    from minikube_edu.cluster import control_plane
    from minikube_edu.cluster.failures import CannotStart
    from minikube_edu.cluster.light.place import split

    layout = Layout()
    request = layout.read_request() or Request()
    if nodes is not None and nodes < (0 if bare or request.bare else 1):
        return fail(f"--nodes {nodes}: a cluster has at least one node")
    if nodes is not None:
        request.nodes, light = (nodes, 0) if bare or request.bare else split(nodes)
        request.light = max(request.light, light)
    request.port = request.port if port is None else port
    request.network = request.network if network is None else network
    request.bare = request.bare or bare
    try:
        control_plane.up(layout, request)
    except CannotStart as error:
        return fail(str(error))
    show(layout)
    print()
    what_next()
    return 0


def show(layout: Layout) -> bool:
    """Print the seats; True when all run."""
    from minikube_edu.cluster import control_plane

    request = layout.read_request()
    seats = control_plane.status(layout)
    print(f"cluster   https://127.0.0.1:{request.port if request else '?'}   ({layout.root})")
    for seat in seats:
        name = f"{seat.node}/{seat.name}" if seat.node else seat.name
        print(f"{name:<40}{say('running', pid=seat.pid) if seat.pid else say('seat-stopped')}")
    return all(seat.pid for seat in seats)


def what_next() -> None:
    layout = Layout()
    print(say("next"))
    request = layout.read_request() or Request()
    hints = [("get nodes", "next-nodes"), ("run web --image=nginx", "next-run")]
    if not request.bare:
        hints += [("exec -it web -- sh", "next-exec"), ("shell", "next-shell")]
    for command, key in [*hints, ("down", "next-down")]:
        print(f"  minikube-edu {command:<22}  {say(key)}")
    print(f"{say('next-kubectl')}\n  export KUBECONFIG={layout.kubeconfig}")


def fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1
