"""RBAC: bindings give subjects the rules of roles.

A ClusterRoleBinding gives them everywhere, a RoleBinding in its namespace. All is read from the watch cache; what one
user holds is gathered once and kept, and so is each answer, until somebody changes a role or a binding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from minikube_edu.kube_apiserver.authz.chain import Attributes, Decision, Rules
from minikube_edu.kube_apiserver.authz.rules import CompiledRules
from minikube_edu.kube_apiserver.context import User
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.kube_apiserver.watch_cache import Change, Entry

Object = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"
RESOURCES = ("roles", "clusterroles", "rolebindings", "clusterrolebindings")
REMEMBERED = 16384  # answers

Subject = tuple[str, str]  # ("User", "jo"), ("Group", "system:nodes"); accounts are users


class Grant(NamedTuple):
    """One binding, seen from one of its subjects. `rules` is None when the role does not exist."""

    rules: CompiledRules | None
    binding: str  # `RoleBinding "b/default"`
    role: str  # `Role "r"`
    subject: str  # `User "jo"`
    missing: str  # what is said about a role that does not exist


class Rbac:
    """An Authorizer."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._caches = {name: registry.cache_of(registry.scheme.resources[GROUP, "v1", name]) for name in RESOURCES}
        self._compiled: dict[str, tuple[Entry, CompiledRules]] = {}
        self._bindings: dict[str, dict[Subject, list[Grant]]] | None = None  # by namespace; "" for the cluster
        self._answers: dict[tuple[object, ...], Decision] = {}
        for cache in self._caches.values():
            cache.listen(self._changed)

    def _changed(self, _: Change) -> None:
        self._bindings = None
        self._answers.clear()

    # ------------------------------------------------------------ asking

    def decide(self, attributes: Attributes) -> Decision:
        user = attributes.user
        key = (
            user.name, user.groups, attributes.verb, attributes.group, attributes.resource, attributes.subresource,
            attributes.namespace, attributes.name, attributes.path,
        )  # fmt: skip
        known = self._answers.get(key)
        if known is None:
            if len(self._answers) >= REMEMBERED:
                self._answers.clear()
            known = self._answers[key] = self._judge(attributes)
        return known

    def _judge(self, attributes: Attributes) -> Decision:
        missing: list[str] = []
        for grant in self.grants(attributes.user, "" if attributes.path else attributes.namespace):
            if grant.rules is None:
                missing.append(grant.missing)
            elif grant.rules.allow(attributes):
                return Decision(True, f"RBAC: allowed by {grant.binding} of {grant.role} to {grant.subject}")
        if missing:
            return Decision(None, "RBAC: " + (missing[0] if len(missing) == 1 else f"[{', '.join(missing)}]"))
        return Decision(None)

    def rules_for(self, user: User, namespace: str) -> Rules:
        rules = [rule for grant in self.grants(user, namespace) if grant.rules for rule in grant.rules.rules]
        errors = tuple(grant.missing for grant in self.grants(user, namespace) if grant.rules is None)
        resources = [_picked(rule, "verbs", "apiGroups", "resources", "resourceNames") for rule in rules]
        paths = [_picked(rule, "verbs", "nonResourceURLs") for rule in rules]
        return Rules([r for r in resources if r.get("resources")], [r for r in paths if "nonResourceURLs" in r], errors)

    def grants(self, user: User, namespace: str) -> Iterator[Grant]:
        """All that a user holds: in the cluster, then in the namespace."""
        bindings = self._bindings
        if bindings is None:
            bindings = self._bindings = self._gather()
        for place in ("", namespace) if namespace else ("",):
            held = bindings.get(place)
            if held:
                yield from held.get(("User", user.name), ())
                for group in user.groups:
                    yield from held.get(("Group", group), ())

    def role_rules(self, reference: Object, namespace: str) -> CompiledRules | None:
        """The rules of the role that a roleRef names."""
        cluster = reference.get("kind") == "ClusterRole"
        cache = self._caches["clusterroles" if cluster else "roles"]
        key = reference.get("name", "") if cluster else f"{namespace}/{reference.get('name', '')}"
        entry = cache.entries.get(key)
        if entry is None:
            return None
        known = self._compiled.get(cache.prefix + key)
        if known is None or known[0] is not entry:
            known = self._compiled[cache.prefix + key] = (entry, CompiledRules(entry.object().get("rules") or ()))
        return known[1]

    # ------------------------------------------------------------ gathering

    def _gather(self) -> dict[str, dict[Subject, list[Grant]]]:
        found: dict[str, dict[Subject, list[Grant]]] = {}
        for name in ("clusterrolebindings", "rolebindings"):
            for entry in self._caches[name].select():
                self._add(entry.object(), found)
        return found

    def _add(self, binding: Object, found: dict[str, dict[Subject, list[Grant]]]) -> None:
        namespace, name = binding["metadata"].get("namespace", ""), binding["metadata"]["name"]
        reference = binding["roleRef"]
        rules = self.role_rules(reference, namespace)
        role = f'{reference["kind"]} "{reference["name"]}"'
        missing = f'{reference["kind"].lower()}.{GROUP} "{reference["name"]}" not found'
        title = f'{binding["kind"]} "{name}/{namespace}"' if namespace else f'{binding["kind"]} "{name}"'
        held = found.setdefault(namespace, {})
        for subject in binding.get("subjects") or ():
            key = subject_of(subject, namespace)
            if key is not None:
                held.setdefault(key, []).append(Grant(rules, title, role, described(subject, namespace), missing))


def subject_of(subject: Object, namespace: str) -> Subject | None:
    kind = subject.get("kind")
    if kind in ("User", "Group"):
        return kind, subject.get("name", "")
    namespace = subject.get("namespace") or namespace
    if kind != "ServiceAccount" or not namespace:
        return None
    return "User", f"system:serviceaccount:{namespace}:{subject.get('name', '')}"


def described(subject: Object, namespace: str) -> str:
    name = subject.get("name", "")
    if subject.get("kind") == "ServiceAccount":
        name = f"{name}/{subject.get('namespace') or namespace}"
    return f'{subject.get("kind", "")} "{name}"'


def _picked(rule: Object, *fields: str) -> Object:
    return {field: rule[field] for field in fields if rule.get(field)}
