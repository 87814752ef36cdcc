"""The chain of authorizers, and the attributes of a request that they judge.

`--authorization-mode` names its links: AlwaysAllow, AlwaysDeny, RBAC, Node, in this order. Members of `system:masters`
may do everything, whatever the mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from minikube_edu.kube_apiserver.context import User

Object = dict[str, Any]

MASTERS = "system:masters"


class Attributes(Struct, frozen=True):
    """What is asked for, as RBAC sees it: a resource request, or a path."""

    user: User
    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""  # of a request that is not for a resource
    field_selector: str = ""
    label_selector: str = ""

    @property
    def is_resource(self) -> bool:
        return not self.path


class Decision(NamedTuple):
    """allowed: True, False, or None for no opinion."""

    allowed: bool | None
    reason: str = ""


class Rules(NamedTuple):
    """What somebody may do, as far as it can be listed."""

    resources: list[Object]  # PolicyRules
    paths: list[Object]  # the same, with nonResourceURLs
    errors: tuple[str, ...] = ()  # why the list may be incomplete


NO_RULES = Rules([], [])


class Authorizer(Protocol):
    def decide(self, attributes: Attributes) -> Decision: ...

    def rules_for(self, user: User, namespace: str) -> Rules:
        """For SelfSubjectRulesReviews."""
        ...


class AlwaysAllow:
    def decide(self, attributes: Attributes) -> Decision:
        return Decision(True)

    def rules_for(self, user: User, namespace: str) -> Rules:
        return Rules(
            [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}], [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
        )


class AlwaysDeny:
    def decide(self, attributes: Attributes) -> Decision:
        return Decision(None, "Everything is forbidden.")

    def rules_for(self, user: User, namespace: str) -> Rules:
        return NO_RULES


class Masters:
    """`system:masters` is above all rules: the way back in when the rules are broken."""

    def decide(self, attributes: Attributes) -> Decision:
        return Decision(True if MASTERS in attributes.user.groups else None)

    def rules_for(self, user: User, namespace: str) -> Rules:
        return NO_RULES


class AuthorizationChain:
    def __init__(self, links: Sequence[Authorizer]) -> None:
        self.links: list[Authorizer] = [Masters(), *links]
        self.allows_all = any(isinstance(link, AlwaysAllow) for link in links)

    def decide(self, attributes: Attributes) -> Decision:
        reasons = []
        for link in self.links:
            decision = link.decide(attributes)
            if decision.allowed is not None:
                return decision
            if decision.reason:
                reasons.append(decision.reason)
        return Decision(None, "\n".join(reasons))

    def rules_for(self, user: User, namespace: str) -> Rules:
        """The rules of all links."""
        found = [link.rules_for(user, namespace) for link in self.links]
        return Rules(
            [rule for rules in found for rule in rules.resources],
            [rule for rules in found for rule in rules.paths],
            tuple(error for rules in found for error in rules.errors),
        )


def denial(attributes: Attributes, reason: str) -> str:
    """`User "jane" cannot list resource "pods" in API group "" in the namespace "default"`"""
    who = f'User "{attributes.user.name}" cannot {attributes.verb}'
    if not attributes.is_resource:
        text = f'{who} path "{attributes.path}"'
    else:
        resource = attributes.resource + (f"/{attributes.subresource}" if attributes.subresource else "")
        where = f'in the namespace "{attributes.namespace}"' if attributes.namespace else "at the cluster scope"
        text = f'{who} resource "{resource}" in API group "{attributes.group}" {where}'
    return f"{text}: {reason}" if reason else text
