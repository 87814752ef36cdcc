"""`python -m minikube_edu.kubelet`: a node's kubelet, with the real one's flags; or, with `--light-nodes N`, thousands
of nodes in one process, on which nothing runs."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path

from minikube_edu.lib import node_root, packages, version

LIGHT = "--light-nodes"


def parser() -> argparse.ArgumentParser:
    """Of light nodes."""
    made = argparse.ArgumentParser(
        prog="kubelet",
        description="Nodes for the cluster.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--light-nodes", type=int, default=0, metavar="N", help="register N nodes whose pods run at once")
    made.add_argument("--kubeconfig", default="", help="how to reach the API server")
    made.add_argument("--node-prefix", default="worker-", help="nodes are called so, with a number behind")
    made.add_argument("--node-labels", default="type=kwok", help="more labels of every node: key=value,...")
    made.add_argument("--node-annotations", default="", help="more annotations of every node: key=value,...")
    made.add_argument("--cpu", default="32", help="processors of every node")
    made.add_argument("--memory", default="256Gi", help="memory of every node")
    made.add_argument("--max-pods", default="1100", help="how many pods a node takes")
    made.add_argument("--pod-cidr", default="10.244.0.0/16", help="node K has the K-th /24 of it")
    made.add_argument("--taint", action="append", default=[], help="taint of every node: key=value:Effect")
    return made


def pairs(text: str) -> dict[str, str]:
    """`a=b,c=d`"""
    found = {}
    for part in text.split(","):
        key, _, value = part.partition("=")
        if key:
            found[key] = value
    return found


def taint(text: str) -> dict[str, str]:
    """`key=value:Effect`"""
    left, _, effect = text.rpartition(":")
    key, _, value = left.partition("=")
    return {"key": key, **({"value": value} if value else {}), "effect": effect}


async def _run(options: argparse.Namespace) -> int:
    from minikube_edu.client.kubeconfig import connect, default_client_config
    from minikube_edu.kubelet.light_nodes import LightNodes, NodeShape

    shape = NodeShape(
        prefix=options.node_prefix,
        labels=pairs(options.node_labels),
        annotations=pairs(options.node_annotations),
        capacity={"cpu": options.cpu, "memory": options.memory, "pods": options.max_pods},
        taints=tuple(taint(text) for text in options.taint),
        pod_cidr=options.pod_cidr,
    )
    client = connect(default_client_config(options.kubeconfig), user_agent="kubelet/light", field_manager="kubelet")
    task = asyncio.ensure_future(LightNodes(client, options.light_nodes, shape).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return 0
    finally:
        await client.close()
    return 1


def light_nodes(words: list[str]) -> int:
    made = parser()
    options = made.parse_args(words)
    if options.light_nodes <= 0:
        made.error("--light-nodes N: how many nodes?")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    from minikube_edu.lib import collecting

    collecting.seldom()
    if os.environ.get("MINIKUBE_EDU_UVLOOP", "1") == "1":
        with contextlib.suppress(ImportError):
            import uvloop

            return int(uvloop.run(_run(options)))
    return asyncio.run(_run(options))


def main(arguments: list[str] | None = None) -> None:
    words = sys.argv[1:] if arguments is None else arguments
    if any(word == LIGHT or word.startswith(f"{LIGHT}=") for word in words):
        sys.exit(light_nodes(words))
    from minikube_edu.kubelet.flags import is_true
    from minikube_edu.kubelet.flags import parser as flags

    options = flags().parse_args(words)
    _be_as_installed()
    if is_true(options.version):
        print(f"Kubernetes {version.running()}")
        return
    from minikube_edu.kubelet.running import run_forever

    sys.exit(run_forever(options))


def _be_as_installed() -> None:
    """The kubelet is the version of its node's package."""
    told = packages.kubelet(Path(node_root.below(packages.FILE)))
    if told:
        os.environ[version.VARIABLE] = told


if __name__ == "__main__":
    main()
