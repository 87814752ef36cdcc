"""Where the directories of provisioned volumes lie on this host, and how one is removed.

A storage vendor's program does that on the node itself. Here all nodes of a cluster have their roots on one host, side
by side, or with the light nodes; a node of another host is out of reach, and what is on it stays there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from minikube_edu.lib.node_root import SHARED_VOLUMES, VARIABLE, below

Object = dict[str, Any]


def folders(volume: Object, root: str, environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Every place in which the volume may have a directory; `root`: where a node keeps them."""
    spec = volume["spec"]
    if "csi" in spec:
        path, name, shared = root, spec["csi"].get("volumeHandle") or "", environment.get(SHARED_VOLUMES, "")
    else:
        path, name = os.path.split((spec.get("hostPath") or {}).get("path") or "")
        shared = ""
    if not name.startswith("pvc-") or "/" in name or path != root or not environment.get(VARIABLE):
        return []
    places = [Path(shared)] if shared else []
    return [place / name for place in (*places, *_of_nodes(root, environment)) if (place / name).is_dir()]


def _of_nodes(root: str, environment: Mapping[str, str]) -> Iterator[Path]:
    nodes = Path(environment[VARIABLE]).parent
    light = Path(environment["MINIKUBE_EDU_HOME"]) / "light" if environment.get("MINIKUBE_EDU_HOME") else nodes
    for group in dict.fromkeys((nodes, light)):
        for node in group.glob("*/"):
            yield Path(below(root, {VARIABLE: str(node)}))


def remove(volume: Object, root: str) -> None:
    for folder in folders(volume, root):
        shutil.rmtree(folder, ignore_errors=True)
