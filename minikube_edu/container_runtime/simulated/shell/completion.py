"""What the tab key offers: commands at the beginning of a command, files elsewhere, variables after a dollar."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell

_WORD = re.compile(r"(?:[^\s;|&()<>]|\\.)*\Z")


def candidates(shell: Shell, text: str) -> list[str]:
    """Whole words that could stand for the last one of `text`, sorted."""
    found = _WORD.search(text)
    word = found[0] if found else ""
    before = text[: len(text) - len(word)].rstrip()
    if word.startswith("$") and "/" not in word:
        return sorted(f"${name}" for name in shell.variables.table if name.startswith(word[1:]))
    is_command = not before or before[-1] in ";|&(" or before.split()[-1] in ("then", "do", "else", "exec", "command")
    if is_command and "/" not in word:
        return _commands(shell, word)
    return _files(shell, word)


def _commands(shell: Shell, word: str) -> list[str]:
    names = {name for name in (*shell.builtins, *shell.functions, *shell.aliases) if name.startswith(word)}
    for folder in (shell.variables.get("PATH") or "").split(":"):
        try:
            names.update(name for name in shell.process.listdir(folder or ".") if name.startswith(word))
        except OSError:
            continue
    return sorted(names)


def _files(shell: Shell, word: str) -> list[str]:
    folder, slash, start = word.rpartition("/")
    place = folder + slash
    if place.startswith("~/"):
        place = (shell.variables.get("HOME") or "~") + place[1:]
    try:
        names = shell.process.listdir(place or ".")
    except OSError:
        return []
    found = []
    for name in sorted(names):
        if not name.startswith(start) or (name.startswith(".") and not start.startswith(".")):
            continue
        try:
            directory = stat.S_ISDIR(shell.process.stat(f"{place}{name}").mode)
        except OSError:
            directory = False
        found.append(folder + slash + re.sub(r"([\s'\"\\$;&|()<>*?])", r"\\\1", name) + ("/" if directory else ""))
    return found
