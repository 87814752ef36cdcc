"""Names that other resources bear follow when a resource is renamed, and `$(VAR)`s are filled in.

A reference is a field that by its place names a resource of some type. The resource is the one that ever had that
name, in the namespace of whoever refers, and, if there are several, the one that came through the same overlays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from minikube_edu.kubectl.kustomize import default_specs
from minikube_edu.kubectl.kustomize.default_specs import Names
from minikube_edu.kubectl.kustomize.field_paths import Spec, apply, split
from minikube_edu.kubectl.kustomize.resource import Id, Resource, Resources

Object = dict[str, Any]


def follow(found: Resources, more: Sequence[default_specs.Names] = ()) -> None:
    """Write the new names into all references."""
    renamed = [one for one in found.items if one.previous]
    if not renamed:
        return
    for referrer in found.items:
        mine = referrer.original_id
        candidates = _reachable(referrer, renamed)
        for names in (*default_specs.NAME_REFERENCES, *more):
            wanted = [spec for spec in names.specs if mine.selected(spec.group, spec.version, spec.kind)]
            for spec in wanted:
                anywhere = Spec(spec.path)
                role = spec.path.endswith("roleRef/name")
                apply(referrer, [anywhere], partial(_renamed, referrer, names, candidates, role))


def _reachable(referrer: Resource, every: list[Resource]) -> list[Resource]:
    mine = referrer.id
    if mine.cluster_scoped:
        return every
    spaces = set()
    if referrer.kind == "RoleBinding":
        subjects = referrer.object.get("subjects") or ()
        spaces = {subject.get("namespace") for subject in subjects if subject.get("kind") == "ServiceAccount"}
    return [
        one
        for one in every
        if one.id.cluster_scoped or one.id.effective_namespace == mine.effective_namespace or one.namespace in spaces
    ]


def _renamed(referrer: Resource, names: Names, candidates: list[Resource], role: bool, value: Any) -> Any:
    if isinstance(value, str):
        chosen = _select(value, referrer, names, candidates, role)
        return chosen.name if chosen else value
    if isinstance(value, list):
        return [_renamed(referrer, names, candidates, role, item) for item in value]
    if isinstance(value, dict) and "name" in value:
        return _renamed_map(value, referrer, names, candidates)
    return value


def _renamed_map(value: Object, referrer: Resource, names: Names, candidates: list[Resource]) -> Object:
    """A reference with a name and, perhaps, a namespace."""
    if "namespace" in value:
        space = value["namespace"]
        first = [one for one in candidates if one.original_id.effective_namespace == space]
        candidates = first or [one for one in candidates if one.id.effective_namespace == space]
    chosen = _select(value["name"], referrer, names, candidates, False)
    if chosen is None:
        return value
    value = {**value, "name": chosen.name}
    if chosen.namespace:
        value["namespace"] = chosen.namespace
    return value


def _select(name: str, referrer: Resource, names: Names, candidates: list[Resource], role: bool) -> Resource | None:
    found = [one for one in candidates if any(known.name == name for known in one.previous)]
    found = [one for one in found if any(k.selected(names.group, names.version, names.kind) for k in one.previous)]
    if role and found:
        reference = referrer.object.get("roleRef") or {}
        group, kind = reference.get("apiGroup") or "", reference.get("kind") or ""
        found = [one for one in found if any(known.selected(group, "", kind) for known in one.previous)]
    mine = referrer.id
    if not mine.cluster_scoped:
        space = mine.effective_namespace
        found = [
            one
            for one in found
            if one.id.cluster_scoped or one.kind == "ServiceAccount" or one.id.effective_namespace == space
        ]
    if len(found) > 1:
        found = [one for one in found if _same_way(one, referrer, lenient=True)]
    if len(found) > 1:
        found = [one for one in found if _same_way(one, referrer, lenient=False)]
    if len({(one.name, one.namespace) for one in found}) > 1:
        shown = ", ".join(str(one.id) for one in found)
        raise ValueError(f"found multiple possible referrals: {shown}")
    return found[0] if found else None


def _same_way(one: Resource, other: Resource, lenient: bool) -> bool:
    """Through the same overlays, as far as one of them went."""
    for mine, theirs in ((one.prefixes, other.prefixes), (one.suffixes, other.suffixes)):
        if lenient and (not mine or not theirs):
            continue
        if not _same_end(mine, theirs):
            return False
    return True


def _same_end(a: list[str], b: list[str]) -> bool:
    count = min(len(a), len(b))
    return a[len(a) - count :] == b[len(b) - count :]


# ---------------------------------------------------------------- variables

_VARIABLE = re.compile(r"\$\(([-A-Za-z0-9._]+)\)|\$\$")


def fill_in(found: Resources, variables: list[Object], more: Sequence[Spec] = ()) -> None:
    """The old `vars`: `$(NAME)` in the places where such things are expected."""
    values = {str(entry.get("name") or ""): _value(found, entry) for entry in variables}
    if not values:
        return

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$$"
        return str(values[match[1]]) if match[1] in values else match[0]

    def change(value: Any) -> Any:
        if isinstance(value, str):
            whole = _VARIABLE.fullmatch(value)
            if whole and whole[1] in values:
                return values[whole[1]]
            return _VARIABLE.sub(replace, value)
        if isinstance(value, list):
            return [change(item) for item in value]
        return {key: change(item) for key, item in value.items()} if isinstance(value, dict) else value

    for one in found.items:
        apply(one, [*default_specs.VARIABLES, *more], change)


def _value(found: Resources, entry: Object) -> Any:
    wanted = entry.get("objref") or {}
    path = (entry.get("fieldref") or {}).get("fieldpath") or "metadata.name"
    for one in found.items:
        if any(_names(wanted, known) for known in one.ids):
            value: Any = one.object
            for part in split(path.replace(".", "/")):
                value = value.get(part) if isinstance(value, dict) else None
            return value
    raise ValueError(f"var '{entry.get('name')}' cannot be mapped to a field in the set of known resources")


def _names(wanted: Object, known: Id) -> bool:
    group, _, version = str(wanted.get("apiVersion") or "").rpartition("/")
    in_space = wanted.get("namespace") in (None, "", known.effective_namespace)
    typed = known.selected(group, version, wanted.get("kind") or "")
    return in_space and typed and bool(known.name == wanted.get("name"))
