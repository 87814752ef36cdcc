"""Fields of the component configurations, so far as a misspelt one is to be found: facts/component-fields.txt."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any

Object = dict[str, Any]


def unknown_fields(kind: str, document: Object) -> list[str]:
    known = _known()[kind]
    return [f'unknown field "{key}"' for key in sorted(document) if key not in known]


@lru_cache(maxsize=1)
def _known() -> dict[str, frozenset[str]]:
    text = (files("minikube_edu.kubeadm") / "facts" / "component-fields.txt").read_text(encoding="utf-8")
    return {words[0]: frozenset(words[1:]) for words in map(str.split, text.split("\n\n"))}
