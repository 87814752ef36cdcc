"""File names that match a pattern: *, ? and [...] in arguments."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.shell import patterns

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.contract import Process


def _pieces(pattern: str) -> list[str]:
    """Between the slashes; those in brackets count as well, as in every shell."""
    return pattern.split("/")


def matching(process: Process, pattern: str, extended: bool = False, dotfiles: bool = False) -> list[str]:
    """Sorted; empty when nothing matches."""
    pieces = _pieces(pattern)
    found = [""]
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        slash = "" if last else "/"
        if not patterns.is_magic(piece, extended):
            name = patterns.unescape(piece)
            found = [path + name + slash for path in found]
            if (last and name) or (not last and any(patterns.is_magic(before, extended) for before in pieces[:number])):
                found = [path for path in found if _exists(process, path)]
            continue
        expression = patterns.compiled(piece, extended)
        hidden = piece.startswith((".", "\\."))
        reached: list[str] = []
        for path in found:
            names = [name for name in _names(process, path or ".", hidden, dotfiles) if expression.match(name)]
            reached.extend(path + name + slash for name in sorted(names) if last or _is_directory(process, path + name))
        found = reached
    return found


def _names(process: Process, path: str, hidden: bool, dotfiles: bool) -> list[str]:
    try:
        names = process.listdir(path)
    except OSError:
        return []
    if hidden:
        return [".", "..", *names]
    return names if dotfiles else [name for name in names if not name.startswith(".")]


def _exists(process: Process, path: str) -> bool:
    try:
        process.lstat(path.rstrip("/") or "/")
    except OSError:
        return False
    return True


def _is_directory(process: Process, path: str) -> bool:
    try:
        return stat.S_ISDIR(process.stat(path).mode)
    except OSError:
        return False
