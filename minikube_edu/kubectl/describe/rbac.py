"""Roles, and bindings of roles to subjects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from minikube_edu.kubectl.describe.page import Object, Page


class _Rule(NamedTuple):
    groups: list[str]
    resources: list[str]
    names: list[str]
    urls: list[str]
    verbs: list[str]

    def __str__(self) -> str:
        """How Go prints a rule: the order of the table."""
        fields = {"Verbs": self.verbs, "APIGroups": self.groups, "Resources": self.resources}
        fields |= {"ResourceNames": self.names, "NonResourceURLs": self.urls}
        return "&PolicyRule{" + "".join(f"{name}:[{' '.join(found)}]," for name, found in fields.items()) + "}"


async def role(page: Page, obj: Object, client: Any) -> None:
    page.named(obj, namespaced=False)
    page.marked(obj)
    page.line(0, "PolicyRule:")
    page.header(1, "Resources", "Non-Resource URLs", "Resource Names", "Verbs")
    for rule in sorted(_compact(obj.get("rules") or []), key=str):
        page.columns(1, _target(rule), rule.urls, rule.names, rule.verbs)


def _compact(rules: list[Object]) -> list[_Rule]:
    """One rule a resource (and name), with all its verbs; URLs stay one rule a verb."""
    simple: dict[tuple[str, str, tuple[str, ...]], _Rule] = {}
    others: list[_Rule] = []
    for rule in (single for whole in rules for single in _singles(whole)):
        if rule.urls:
            others.append(rule)
            continue
        known = simple.setdefault((rule.groups[0], rule.resources[0], tuple(rule.names)), rule)
        known.verbs.extend(verb for verb in rule.verbs if verb not in known.verbs)
    return others + list(simple.values())


def _singles(rule: Object) -> Iterator[_Rule]:
    names = [[name] for name in rule.get("resourceNames") or ()] or [[]]
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in rule.get("verbs") or ():
                for name in names:
                    yield _Rule([group], [resource], name, [], [verb])
    for url in rule.get("nonResourceURLs") or ():
        for verb in rule.get("verbs") or ():
            yield _Rule([], [], [], [url], [verb])


def _target(rule: _Rule) -> str:
    """`deployments.apps/scale`."""
    if not rule.resources:
        return ""
    resource, slash, sub = rule.resources[0].partition("/")
    return resource + (f".{rule.groups[0]}" if rule.groups and rule.groups[0] else "") + slash + sub


async def binding(page: Page, obj: Object, client: Any) -> None:
    page.named(obj, namespaced=False)
    page.marked(obj)
    reference = obj.get("roleRef") or {}
    page.line(0, "Role:")
    page.field(1, "Kind", reference.get("kind") or "")
    page.field(1, "Name", reference.get("name") or "")
    page.line(0, "Subjects:")
    page.header(1, "Kind", "Name", "Namespace")
    for subject in obj.get("subjects") or ():
        page.columns(1, *(subject.get(name) or "" for name in ("kind", "name", "namespace")))
