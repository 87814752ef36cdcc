"""The catalogue: which images the world has. Data, compiled.

People write catalogue/*.yaml and catalogue/files/*; `compiling` (`python -m` its module) makes catalogue.json of them,
which is read when an image is first asked for (in three milliseconds; YAML would take hundreds). A test sees to it that
the two agree.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources
from typing import Any

import orjson

from minikube_edu.container_runtime.simulated.images.entry import Definition, Entry, check, define, rules_of
from minikube_edu.container_runtime.simulated.images.reference import Reference, parse
from minikube_edu.container_runtime.simulated.images.tag_rules import TagRules

PACKAGE = "minikube_edu.container_runtime.simulated.images"

GENERIC: Entry = {
    "names": ["*"],
    "tags": {"any": True},
    "base": "debian",
    "bin": {"/usr/bin": "curl wget"},
    "entrypoint": ["/generic"],
    "programs": {"/generic": "generic:main"},
    "size": "80M",
}


@functools.cache
def compiled() -> Mapping[str, Any]:
    found: Mapping[str, Any] = orjson.loads(resources.files(PACKAGE).joinpath("catalogue.json").read_bytes())
    return found


class Catalogue:
    """The built-in entries and a user's own, which come first."""

    def __init__(self) -> None:
        self._own: dict[str, Entry] = {}
        self._rules: dict[str, TagRules] = {}
        self.registries: list[Mapping[str, Any]] = []  # a user's rules: see registry.py

    def add(self, entry: Entry, where: str = "image") -> None:
        check(entry, where)
        rules_of(entry)
        named = {**entry, "names": [parse(name).name for name in entry["names"]]}
        for name in named["names"]:
            self._own[name] = named
            self._rules.pop(name, None)

    def entry(self, reference: Reference) -> Entry | None:
        found = self._own.get(reference.name)
        if found is not None:
            return found
        data = compiled()
        number = data["index"].get(reference.name)
        return None if number is None else data["entries"][number]

    def names(self) -> list[str]:
        return sorted({*compiled()["index"], *self._own})

    def has_tag(self, entry: Entry, reference: Reference) -> bool:
        rules = self._rules.get(reference.name)
        if rules is None:
            rules = self._rules[reference.name] = rules_of(entry)
        return rules.plausible(reference.tag)

    def define(self, entry: Entry, reference: Reference, tag: str = "") -> Definition:
        data = compiled()
        return define(entry, reference, data["bases"], data["files"], tag)

    def generic(self, reference: Reference) -> Definition:
        """An image that nobody described."""
        return self.define(GENERIC, reference)
