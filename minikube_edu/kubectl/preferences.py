"""kuberc: a user's own defaults for flags, and aliases for commands (`~/.kube/kuberc`, KUBERC, --kuberc).

Nothing is read when there is no file. `expanded` replaces an alias by what it stands for, `default_flags` gives flags
that were not typed the values that the user prefers.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minikube_edu.kubectl.command import Command
    from minikube_edu.kubectl.flags import Values


def path(words: Sequence[str] = ()) -> str:
    """Where the preferences are; "" when they are switched off."""
    for index, word in enumerate(words):
        if word.startswith("--kuberc="):
            return word[9:]
        if word == "--kuberc" and index + 1 < len(words):
            return words[index + 1]
        if word == "--":
            break
    named = os.environ.get("KUBERC", "")
    if named:
        return "" if named == "off" else named
    return os.path.join(os.environ.get("HOME") or os.path.expanduser("~"), ".kube", "kuberc")


def load(where: str) -> dict[str, Any]:
    from minikube_edu.api.wire import yaml_form

    with open(where, "rb") as file:
        found = yaml_form.parse(file.read())
    return found if isinstance(found, dict) else {}


_loaded: dict[str, Any] = {}


def expanded(words: list[str]) -> list[str]:
    _loaded.clear()
    where = path(words)
    if not where or not os.path.exists(where):
        return words
    _loaded.update(load(where))
    for index, word in enumerate(words):
        if word.startswith("-"):
            continue
        for alias in _loaded.get("aliases") or ():
            if alias.get("name") == word:
                return _alias(words, index, alias)
        break
    return words


def _alias(words: list[str], index: int, alias: dict[str, Any]) -> list[str]:
    rest = words[index + 1 :]
    typed = {word.split("=")[0] for word in rest if word.startswith("-")}
    options = [
        f"--{option['name']}={option.get('default', '')}"
        for option in alias.get("options") or ()
        if f"--{option['name']}" not in typed and not (option["name"] == "output" and _has_short(typed, "-o"))
    ]
    before, after = list(alias.get("prependArgs") or ()), list(alias.get("appendArgs") or ())
    return [*words[:index], *alias["command"].split(), *before, *rest, *after, *options]


def _has_short(typed: set[str], short: str) -> bool:
    return any(word.startswith(short) for word in typed)


def default_flags(chain: Sequence[Command], values: Values) -> None:
    command = " ".join(one.name for one in chain[1:])
    for entry in _loaded.get("defaults") or ():
        if entry.get("command") != command:
            continue
        for option in entry.get("options") or ():
            flag = values.flags.get(option.get("name") or "")
            if flag is not None and not values.changed(flag.name):
                values.set(flag, str(option.get("default", "")))
