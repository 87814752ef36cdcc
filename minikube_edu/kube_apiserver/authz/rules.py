"""Policy rules: which requests a list of them allows, and whether one list is covered by another.

A list is compiled into one dictionary, so that a request is a handful of look-ups however long the list is: by verb,
group and resource, each as it is or as `*`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from minikube_edu.api.field_errors import go_quote
from minikube_edu.kube_apiserver.authz.chain import Attributes

Object = dict[str, Any]
EVERYTHING: list[Object] = [
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
]


class CompiledRules:
    """The rules of one role."""

    __slots__ = ("_paths", "_resources", "rules")

    def __init__(self, rules: Sequence[Object]) -> None:
        self.rules = list(rules)
        self._resources: dict[tuple[str, str, str], set[str] | None] = {}  # None: objects of all names
        self._paths: dict[str, list[str]] = {}
        for rule in rules:
            self._add(rule)

    def _add(self, rule: Object) -> None:
        names = rule.get("resourceNames")
        for verb in rule.get("verbs") or ():
            for group in rule.get("apiGroups") or ():
                for resource in rule.get("resources") or ():
                    key = (verb, group, resource)
                    if not names:
                        self._resources[key] = None
                    elif (known := self._resources.setdefault(key, set())) is not None:
                        known.update(names)
            self._paths.setdefault(verb, []).extend(rule.get("nonResourceURLs") or ())

    def allow(self, attributes: Attributes) -> bool:
        if attributes.path:
            return any(
                path_matches(path, attributes.path)
                for verb in (attributes.verb, "*")
                for path in self._paths.get(verb, ())
            )
        table = self._resources
        resources = [attributes.resource, "*"]
        if attributes.subresource:
            resources = [f"{attributes.resource}/{attributes.subresource}", "*", f"*/{attributes.subresource}"]
        for verb in (attributes.verb, "*"):
            for group in (attributes.group, "*"):
                for resource in resources:
                    key = (verb, group, resource)
                    if key in table:
                        names = table[key]
                        if names is None or (attributes.name and attributes.name in names):
                            return True
        return False


def path_matches(pattern: str, path: str) -> bool:
    if pattern in ("*", path):
        return True
    return pattern.endswith("*") and path.startswith(pattern.rstrip("*"))


# ---------------------------------------------------------------- covering


def uncovered(owned: Sequence[Object], wanted: Iterable[Object]) -> list[Object]:
    """What of `wanted` no rule of `owned` covers, in its smallest parts."""
    return [part for rule in wanted for part in parts_of(rule) if not any(covers(one, part) for one in owned)]


def parts_of(rule: Object) -> Iterator[Object]:
    """Rules of one verb for one resource (and name) or one path, which together say the same."""
    verbs = rule.get("verbs") or ()
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in verbs:
                part: Object = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                names = rule.get("resourceNames")
                if names:
                    yield from ({**part, "resourceNames": [name]} for name in names)
                else:
                    yield part
    for path in rule.get("nonResourceURLs") or ():
        yield from ({"nonResourceURLs": [path], "verbs": [verb]} for verb in verbs)


def covers(owner: Object, part: Object) -> bool:
    """Whether a rule allows all that a part of `parts_of` allows."""
    verbs = owner.get("verbs") or ()
    if "*" not in verbs and part["verbs"][0] not in verbs:
        return False
    if "nonResourceURLs" in part:
        wanted = part["nonResourceURLs"][0]
        return any(_path_covers(path, wanted) for path in owner.get("nonResourceURLs") or ())
    groups = owner.get("apiGroups") or ()
    if "*" not in groups and part["apiGroups"][0] not in groups:
        return False
    resources, resource = owner.get("resources") or (), part["resources"][0]
    if "*" not in resources and resource not in resources:
        _, slash, subresource = resource.partition("/")
        if not slash or f"*/{subresource}" not in resources:
            return False
    names = owner.get("resourceNames")
    return not names or ("resourceNames" in part and part["resourceNames"][0] in names)


def _path_covers(path: str, wanted: str) -> bool:
    return path in ("*", wanted) or (path.endswith("*") and wanted.startswith(path.rstrip("*")))


# ---------------------------------------------------------------- showing


def compact(parts: Iterable[Object]) -> list[Object]:
    """Parts of the same resource as one rule."""
    simple: dict[tuple[str, str], Object] = {}
    others: list[Object] = []
    for part in parts:
        if "resourceNames" in part or "nonResourceURLs" in part:
            others.append(part)
            continue
        key = (part["apiGroups"][0], part["resources"][0])
        known = simple.get(key)
        if known is None:
            simple[key] = {**part, "verbs": list(part["verbs"])}
        else:
            known["verbs"] += part["verbs"]
    return others + list(simple.values())


_SHOWN = (
    ("APIGroups", "apiGroups"), ("Resources", "resources"), ("NonResourceURLs", "nonResourceURLs"),
    ("ResourceNames", "resourceNames"), ("Verbs", "verbs"),
)  # fmt: skip


def shown(rule: Object) -> str:
    """`{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`"""
    return "{" + ", ".join(f"{title}:{quoted(rule[key])}" for title, key in _SHOWN if rule.get(key)) + "}"


def quoted(texts: Iterable[str]) -> str:
    return "[" + " ".join(go_quote(text) for text in texts) + "]"
