"""No way up: nobody gives what he does not hold.

Who writes a role or a binding must hold all the rules that it gives, or be allowed to `escalate` that role, to `bind`
it. It is asked as the last of mutating admission, right before the object is judged, where the real server asks it too
(in the registry of these kinds).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikube_edu.api.errors import NotFound
from minikube_edu.kube_apiserver.admission.chain import CREATE, UPDATE, Plugin
from minikube_edu.kube_apiserver.admission.chain import Attributes as Write
from minikube_edu.kube_apiserver.authz.chain import MASTERS, Attributes
from minikube_edu.kube_apiserver.authz.rbac import GROUP, Rbac
from minikube_edu.kube_apiserver.authz.rules import EVERYTHING, compact, quoted, shown, uncovered

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.registry.store import Registry

Object = dict[str, Any]
ROLES = ("roles", "clusterroles")
BINDINGS = ("rolebindings", "clusterrolebindings")


class Escalation(Plugin):
    name = "(escalation)"
    operations = (CREATE, UPDATE)
    resources = tuple((GROUP, name) for name in (*ROLES, *BINDINGS))

    def __init__(self, registry: Registry, rbac: Rbac) -> None:
        super().__init__(registry)
        self.rbac = rbac

    def handles(self, attributes: Write) -> bool:
        return super().handles(attributes) and MASTERS not in attributes.user.groups

    def admit(self, attributes: Write) -> None:
        assert attributes.obj is not None
        if attributes.context.resource.name in ROLES:
            self.judge_role(attributes, attributes.obj, attributes.old)
        else:
            self.judge_binding(attributes, attributes.obj, attributes.old)

    def judge_role(self, write: Write, new: Object, old: Object | None) -> None:
        same = old is not None and all(old.get(field) == new.get(field) for field in ("rules", "aggregationRule"))
        resource = write.context.resource.name
        if same or self.allowed(write, "escalate", resource, write.name if old else ""):
            return
        self.confirm(write, new.get("rules") or [])
        if any(role and role.get("aggregationRule") for role in (new, old)) and self.missing(write, EVERYTHING):
            raise write.forbidden("must have cluster-admin privileges to use the aggregationRule")

    def judge_binding(self, write: Write, new: Object, old: Object | None) -> None:
        if old is not None and all(old.get(field) == new.get(field) for field in ("roleRef", "subjects")):
            return
        reference = new["roleRef"]
        resource = "clusterroles" if reference.get("kind") == "ClusterRole" else "roles"
        if self.allowed(write, "bind", resource, reference.get("name", "")):
            return
        rules = self.rbac.role_rules(reference, write.namespace)
        if rules is None:
            raise NotFound(GROUP, resource[:-1], reference.get("name", ""))
        self.confirm(write, rules.rules)

    def allowed(self, write: Write, verb: str, resource: str, name: str) -> bool:
        assert self.authorization is not None
        asked = Attributes(write.user, verb, GROUP, "*", resource, namespace=write.namespace, name=name)
        return self.authorization.decide(asked).allowed is True

    def missing(self, write: Write, rules: list[Object]) -> list[Object]:
        held = [r for grant in self.rbac.grants(write.user, write.namespace) if grant.rules for r in grant.rules.rules]
        return uncovered(held, rules)

    def confirm(self, write: Write, rules: list[Object]) -> None:
        missing = self.missing(write, rules)
        if not missing:
            return
        lines = sorted({shown(rule) for rule in compact(missing)})
        what = (
            f'user "{write.user.name}" (groups={quoted(write.user.groups)}) is attempting to grant RBAC permissions '
            "not currently held:\n" + "\n".join(lines)
        )
        unknown = [grant.missing for grant in self.rbac.grants(write.user, write.namespace) if grant.rules is None]
        if unknown:
            complaints = unknown[0] if len(unknown) == 1 else f"[{', '.join(unknown)}]"
            what += f"; resolution errors: [{complaints}]"
        raise write.forbidden(what)
