"""Objects of kinds that have no describer: all their fields, their names turned into words."""

from __future__ import annotations

import re
from typing import Any

from minikube_edu.kubectl.describe.page import Object, Page
from minikube_edu.lib.govalue import show

_SKIPPED = frozenset(
    (".metadata.managedFields", ".metadata.name", ".metadata.namespace", ".metadata.labels", ".metadata.annotations")
)
_ACRONYMS = frozenset(("API", "URL", "UID", "GUID"))


async def generic(page: Page, obj: Object, client: Any) -> None:
    page.named(obj)
    page.marked(obj)
    _content(page, 0, obj, "")


def _content(page: Page, level: int, content: Object, path: str) -> None:
    for name in sorted(content):
        where, value = f"{path}.{name}", content[name]
        if where in _SKIPPED:
            continue
        if isinstance(value, dict):
            page.line(level, f"{label(name)}:")
            _content(page, level + 1, value, where)
        elif isinstance(value, list):
            page.line(level, f"{label(name)}:")
            for item in value:
                if isinstance(item, dict):
                    _content(page, level + 1, item, where)
                else:
                    page.line(level + 1, show(item))
        else:
            page.field(level, label(name), show(value))


def label(name: str) -> str:
    """`lastTransitionTime` -> `Last Transition Time`; names with other signs than letters and dashes stay."""
    if any(not char.isalpha() and char != "-" for char in name):
        return name
    parts = _merged(_split(name))
    words = []
    for part in parts:
        if part.upper() in _ACRONYMS:
            words.append(part.upper())
        elif part.lower() == part:
            words.append(part.title())
        else:
            words.append(part)
    return " ".join(words)


def _split(name: str) -> list[str]:
    """At changes of case: a run of capitals gives its last one to the small letters behind it."""
    runs = [found[0] for found in re.finditer(r"[A-Z]+|[a-z]+|[^A-Za-z]+", name)]
    for index in range(len(runs) - 1):
        if runs[index].isupper() and runs[index + 1].islower():
            runs[index + 1] = runs[index][-1] + runs[index + 1]
            runs[index] = runs[index][:-1]
    return [run for run in runs if run]


def _merged(parts: list[str]) -> list[str]:
    """An acronym stays with the word behind it: `CIDR` `Blocks` is one word, `CIDRBlocks`."""
    merged: list[str] = []
    at = 0
    while at < len(parts):
        part = parts[at]
        following = parts[at + 1] if at + 1 < len(parts) else ""
        letters = [char for char in part if char.isalpha()]
        if len(part) >= 2 and all(char.isupper() for char in letters) and following[:1].isupper():
            part, at = part + following, at + 1
        merged.append(part)
        at += 1
    return merged
