"""Paths into objects, as kustomize's configuration writes them: `spec/template/metadata/labels`.

Lists need no mention (a path goes on in each item), `\\/` is a slash in a name. `create` makes what is missing on the
way. A spec also says on which types it works.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from minikube_edu.kubectl.kustomize.resource import Resource

Object = dict[str, Any]
Change = Callable[[Any], Any]


class Spec(NamedTuple):
    path: str
    kind: str = ""
    group: str = ""
    version: str = ""
    create: bool = False


@lru_cache(maxsize=512)
def split(path: str) -> tuple[str, ...]:
    parts = re.split(r"(?<!\\)/", path.lstrip("/"))
    return tuple(part.replace("\\/", "/") for part in parts)


def apply(resource: Resource, specs: Iterable[Spec], change: Change, empty: Callable[[], Any] | None = None) -> None:
    """Replace the value at each path by what `change` makes of it; with `empty`, where nothing is and a spec creates,
    it is asked for the value to begin with."""
    mine = resource.id
    for spec in specs:
        if mine.selected(spec.group, spec.version, spec.kind):
            _walk(resource.object, split(spec.path), change, empty if spec.create else None, resource)


def _walk(at: Any, path: tuple[str, ...], change: Change, empty: Callable[[], Any] | None, resource: Resource) -> None:
    if isinstance(at, list):
        for item in at:
            _walk(item, path, change, empty, resource)
        return
    if at is None:
        return
    if not isinstance(at, dict):
        raise ValueError(
            f"considering field '{'/'.join(path)}' of object {resource.id}: expected sequence or mapping node"
        )
    name = path[0].removesuffix("[]")
    listed = path[0].endswith("[]")
    if at.get(name) is None:
        if empty is None or listed:
            return
        at[name] = empty() if len(path) == 1 else {}
    if len(path) == 1:
        at[name] = change(at[name])
    else:
        _walk(at[name], path[1:], change, empty, resource)
