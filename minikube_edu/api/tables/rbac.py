"""Rows of role bindings; roles have the default row."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.tables.ages import age

Object = dict[str, Any]


def binding(obj: Object) -> list[Any]:
    role = obj.get("roleRef") or {}
    users: list[str] = []
    groups: list[str] = []
    accounts: list[str] = []
    for subject in obj.get("subjects") or ():
        match subject.get("kind"):
            case "User":
                users.append(subject["name"])
            case "Group":
                groups.append(subject["name"])
            case "ServiceAccount":
                accounts.append(f"{subject.get('namespace', '')}/{subject['name']}")
    named = f"{role.get('kind', '')}/{role.get('name', '')}"
    return [obj["metadata"]["name"], named, age(obj), ", ".join(users), ", ".join(groups), ", ".join(accounts)]


PRINTERS = {"ClusterRoleBinding": binding, "RoleBinding": binding}
