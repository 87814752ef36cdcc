"""replacements: a value from one resource, copied into fields of others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from minikube_edu.kubectl.kustomize.patches import select
from minikube_edu.kubectl.kustomize.resource import Resource, Resources
from minikube_edu.lib.gotext import quote
from minikube_edu.lib.jsonpatch import copy_json

Object = dict[str, Any]
_CONDITION = re.compile(r"\[([^=\]]+)=(.*)\]\Z")


class Place(NamedTuple):
    """A value where it stands, and how to put another there."""

    value: Any
    put: Callable[[Any], None]


def apply(found: Resources, entry: Object) -> None:
    targets = entry.get("targets")
    if ("source" not in entry and "sourceValue" not in entry) or not targets:
        raise ValueError("replacements must specify a source and at least one target")
    value = entry["sourceValue"] if "sourceValue" in entry else _source(found, entry["source"])
    for target in targets:
        _to_target(found, target, value)


def _source(found: Resources, source: Object) -> Any:
    group, version, kind, name, space = (
        str(source.get(key) or "") for key in ("group", "version", "kind", "name", "namespace")
    )
    chosen = [
        one
        for one in found.items
        if any(
            known.selected(group, version, kind)
            and name in ("", known.name)
            and space in ("", known.effective_namespace)
            for known in one.ids
        )
    ]
    shown = f"{kind or '[noKind]'}.{version or '[noVer]'}.{group or '[noGrp]'}/{name or '[noName]'}.{space or '[noNs]'}"
    if not chosen:
        raise ValueError(f"nothing selected by {shown}")
    if len(chosen) > 1:
        raise ValueError(f"multiple matches for selector {shown}")
    path = source.get("fieldPath") or "metadata.name"
    places = list(_places(chosen[0].object, parts(path), False))
    if not places or places[0].value in (None, "", {}, []):
        raise ValueError(f"fieldPath `{path}` is missing for replacement source {shown}")
    return _piece(places[0].value, source.get("options") or {})


def _piece(value: Any, options: Object) -> Any:
    """The part between delimiters that the options ask for."""
    if not options.get("delimiter"):
        return value
    if isinstance(value, dict | list):
        raise ValueError("delimiter option can only be used with scalar nodes")
    pieces, index = str(value).split(options["delimiter"]), int(options.get("index") or 0)
    if not 0 <= index < len(pieces):
        raise ValueError(f"options.index {index} is out of bounds for value {value}")
    return pieces[index]


def _to_target(found: Resources, target: Object, value: Any) -> None:
    if not target.get("select"):
        raise ValueError("target must specify resources to select")
    rejected = [one for entry in target.get("reject") or () for one in select(found, entry)]
    options = target.get("options") or {}
    for one in select(found, target["select"]):
        if one not in rejected:
            for path in target.get("fieldPaths") or ["metadata.name"]:
                _put(one, path, value, options)


def _put(one: Resource, path: str, value: Any, options: Object) -> None:
    create = bool(options.get("create"))
    places = list(_places(one.object, parts(path), create))
    if not places:
        verb = "find or create" if create else "find"
        raise ValueError(f"unable to {verb} field {quote(path)} in replacement target")
    for place in places:
        new = copy_json(value)
        if options.get("delimiter"):
            if isinstance(place.value, dict | list):
                raise ValueError("delimiter option can only be used with scalar nodes")
            pieces, index = str(place.value or "").split(options["delimiter"]), int(options.get("index") or 0)
            if index < 0:
                pieces.insert(0, str(new))
            elif index >= len(pieces):
                pieces.append(str(new))
            else:
                pieces[index] = str(new)
            new = options["delimiter"].join(pieces)
        elif isinstance(place.value, str) and not isinstance(new, dict | list | str):
            new = str(new)  # text stays text
        elif isinstance(place.value, int) and not isinstance(place.value, bool) and isinstance(new, str):
            new = int(new) if new.lstrip("-").isdigit() else new
        place.put(new)


def parts(path: str) -> list[str]:
    """`a.b.[name=x.y].c` -> a, b, [name=x.y], c; a dot behind a backslash is one of the name."""
    pieces = re.findall(r"(?:\[[^\]]*\]|\\.|[^.\\])+", path)
    found = []
    for piece in pieces:
        if piece.startswith("[") and "=" not in piece:
            piece = piece.strip("[]")
        found.append(piece.replace("\\.", "."))
    return found


def _places(at: Any, path: list[str], create: bool) -> Iterator[Place]:
    """Every place that a path means; the last part makes its field when it may."""
    head, rest = path[0], path[1:]
    steps: list[tuple[Any, Any]] = []
    condition = _CONDITION.match(head)
    if isinstance(at, list):
        if condition:
            name, wanted = condition[1], condition[2]
            steps = [(at, index) for index, item in enumerate(at) if _is(item, name, wanted)]
            if not steps and create:
                at.append({name: wanted})
                steps = [(at, len(at) - 1)]
        elif head == "*":
            steps = [(at, index) for index in range(len(at))]
        elif head == "-" and create:
            at.append({} if rest else None)
            steps = [(at, len(at) - 1)]
        elif head.isdigit() and int(head) < len(at):
            steps = [(at, int(head))]
    elif isinstance(at, dict):
        if head == "*":
            steps = [(at, name) for name in at]
        elif head in at:
            steps = [(at, head)]
        elif create:
            at[head] = ([] if _CONDITION.match(rest[0]) or rest[0] == "-" else {}) if rest else None
            steps = [(at, head)]
    for holder, key in steps:
        if rest:
            yield from _places(holder[key], rest, create)
        else:
            yield Place(holder[key], partial(holder.__setitem__, key))


def _is(item: Any, name: str, wanted: str) -> bool:
    return isinstance(item, dict) and str(item.get(name)) == wanted
