"""Where things lie on a node, and that nothing leads out of it.

A node is a directory that looks like a machine's root. A path that a user wrote (hostPath, subPath) is taken inside of
it, or inside of a volume: symbolic links are followed as in a chroot, so that neither `..` nor a link to /etc reaches
the real machine.
"""

from __future__ import annotations

import os
from pathlib import Path

LINKS = 40  # as many as the kernel follows

PODS = "var/lib/kubelet/pods"


class Escapes(Exception):
    """The path leads out of the directory that it should stay in."""


def below(root: Path, path: str) -> Path:
    """`path`, absolute or relative, seen from a machine whose root is `root`: `..` stops there, absolute links begin
    there. The end need not exist. OSError (ELOOP) for links in a circle."""
    parts = _split(path)
    found: list[str] = []
    links = 0
    while parts:
        part = parts.pop()
        if part == "..":
            if found:
                found.pop()
            continue
        here = os.path.join(root, *found, part)
        try:
            target = os.readlink(here)
        except OSError:
            found.append(part)
            continue
        links += 1
        if links > LINKS:
            raise OSError(40, "too many levels of symbolic links", path)
        if target.startswith("/"):
            found = []
        parts += _split(target)
    return root.joinpath(*found)


def inside(volume: Path, path: str) -> Path:
    """`path` in a volume, where all links lead; Escapes when it is somewhere else."""
    base = os.path.realpath(volume)
    found = os.path.realpath(os.path.join(base, path))
    if found != base and not found.startswith(base.rstrip("/") + "/"):
        raise Escapes(path)
    return Path(found)


def pod_directory(root: Path, uid: str) -> Path:
    return root / PODS / uid


def volume_directory(root: Path, uid: str, plugin: str, name: str) -> Path:
    """`.../volumes/kubernetes.io~configmap/settings`"""
    return pod_directory(root, uid) / "volumes" / plugin.replace("/", "~") / name


def _split(path: str) -> list[str]:
    """The parts, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]
