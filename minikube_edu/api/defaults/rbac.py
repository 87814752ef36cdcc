"""Defaults of roles' bindings: references without a group mean RBAC's own kinds; users and groups too."""

from __future__ import annotations

from minikube_edu.api.defaults import Defaulter, Object

GROUP = "rbac.authorization.k8s.io"


def binding(obj: Object) -> None:
    reference = obj["roleRef"]
    reference["apiGroup"] = reference.get("apiGroup") or GROUP
    for subject in obj.get("subjects", ()):
        if subject["kind"] in ("User", "Group") and not subject.get("apiGroup"):
            subject["apiGroup"] = GROUP


DEFAULTS: dict[tuple[str, str], Defaulter] = {("v1", "RoleBinding"): binding, ("v1", "ClusterRoleBinding"): binding}
