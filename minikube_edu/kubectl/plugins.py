"""Plugins: any program on the PATH whose name begins with `kubectl-`. `kubectl a-b c x` runs `kubectl-a_b-c x`, or
`kubectl-a_b c x` when only that is there: the longest name wins."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence


def run_if_any(words: Sequence[str]) -> None:
    """Does not return when there is one: the plugin takes this process's place."""
    names = []
    for word in words:
        if word.startswith("-"):
            break
        names.append(word.replace("-", "_"))
    for length in range(len(names), 0, -1):
        found = shutil.which("kubectl-" + "-".join(names[:length]))
        if found:
            os.execve(found, [found, *words[length:]], dict(os.environ))


def visible() -> list[str]:
    """All files that are named as plugins, in the order of the PATH."""
    found = []
    for folder in dict.fromkeys(os.environ.get("PATH", "").split(os.pathsep)):
        try:
            entries = sorted(os.listdir(folder)) if folder else []
        except OSError:
            continue
        found += [
            os.path.join(folder, entry)
            for entry in entries
            if entry.startswith("kubectl-") and not os.path.isdir(os.path.join(folder, entry))
        ]
    return found
