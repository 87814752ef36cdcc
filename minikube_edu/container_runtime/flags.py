"""The runtime's command line. containerd is told by a file, config.toml; a node of ours needs only these."""

from __future__ import annotations

import argparse

from minikube_edu.lib import program_flags

RUN: dict[str, tuple[object, str]] = {
    "address": ("", "socket to listen on; none: ROOT/run/containerd/containerd.sock"),
    "root": ("", "the node's directory (MINIKUBE_EDU_NODE_ROOT when not given)"),
    "node-name": ("", "name of the node: the hostname of pods on its network"),
    "node-ip": ("", "the node's own address (MINIKUBE_EDU_NODE_ADDRESS when not given)"),
    "machine": (
        "",
        "socket of the node's machine, which runs the control plane's programs; none: they cannot run here",
    ),
    "ready-fd": ("", "file descriptor that is closed when the socket answers"),
}
NETWORK: dict[str, tuple[object, str]] = {
    "pod-cidr": ("", "addresses of this node's pods, until the kubelet says them"),
    "wire": ("", "directory where the runtimes of a cluster's nodes find each other's pods"),
    "api-port": ("", "port of the cluster's API servers (MINIKUBE_EDU_API_PORT when not given; 6443)"),
    "doors": ("true", "whether services' node ports are opened on this host, at the node's loopback address"),
    "expose": ("false", "whether ports of the node's own network are opened on this host"),
}
CONTAINERS: dict[str, tuple[object, str]] = {
    "cpus": (4, "processors that containers see"),
    "memory": ("8Gi", "memory that containers see"),
    "disk": ("100Gi", "size of the disk that images and containers share"),
    "pause-image": ("registry.k8s.io/pause:3.10.1", "the sandbox's image: never collected"),
    "shared-volumes": ("", "directory of volumes that all nodes of a cluster share (the kubelet's flag, once more)"),
    "image-dir": ("", "directory with images of your own (docs/images.md)"),
    "unknown-images": ("run", "what images that nobody described do: run, fail"),
    "mood": ("fast", "how containers behave: fast, general, slow, chaos, or one of --mood-file (docs/moods.md)"),
    "mood-file": ("", "TOML file with moods of your own"),
    "seed": ("", "a number: the same moods go wrong in the same way"),
}
UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def parser() -> argparse.ArgumentParser:
    tables = {"Runtime flags": RUN, "Network flags": NETWORK, "Container flags": CONTAINERS}
    return program_flags.parser("containerd", "The simulated container runtime of one node", tables)


def size(text: str) -> int:
    """`8Gi`, `500M`, `1000`"""
    for unit, factor in UNITS.items():
        if text.endswith(unit):
            return int(float(text.removesuffix(unit)) * factor)
    return int(text)
