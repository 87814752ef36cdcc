"""hostPath: a file or directory of the node, checked to be of the type that the pod expects.

"The node" is the node's directory: `/` is its root, and no link or `..` leads out of it. Without a type nothing is
checked; a path that is not there becomes a directory, as the runtime would make it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from minikube_edu.kubelet.node_paths import below
from minikube_edu.kubelet.volumes.payload import Unmountable

Object = dict[str, Any]

_KINDS = {
    "Directory": (stat.S_ISDIR, "directory"),
    "File": (stat.S_ISREG, "file"),
    "Socket": (stat.S_ISSOCK, "socket file"),
    "CharDevice": (stat.S_ISCHR, "character device"),
    "BlockDevice": (stat.S_ISBLK, "block device"),
}


def set_up(root: Path, source: Object) -> Path:
    shown, kind = source["path"], source.get("type") or ""
    try:
        path = below(root, shown)
        if not path.exists():
            _create(path, kind)
    except OSError as error:
        raise Unmountable(f"hostPath {shown}: {(error.strerror or str(error)).lower()}") from None
    if kind:
        _check(path, shown, kind.removesuffix("OrCreate"))
    return path


def _create(path: Path, kind: str) -> None:
    if kind in ("", "DirectoryOrCreate"):
        path.mkdir(parents=True, exist_ok=True)
    elif kind == "FileOrCreate":  # whose directory must be there
        os.close(os.open(path, os.O_CREAT, 0o644))


def _check(path: Path, shown: str, kind: str) -> None:
    if kind not in _KINDS:
        raise Unmountable(f"{kind} is an invalid volume type")
    is_kind, words = _KINDS[kind]
    try:
        mode = path.stat().st_mode
    except OSError:
        raise Unmountable(f"hostPath type check failed: {shown} is not a {words}") from None
    if not is_kind(mode):
        raise Unmountable(f"hostPath type check failed: {shown} is not a {words}")
