"""`kubectl create rolebinding` and `kubectl create clusterrolebinding`."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import generating
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag

RBAC = "rbac.authorization.k8s.io"
ROLE_BINDINGS = Resource(RBAC, "v1", "rolebindings", kind="RoleBinding")
CLUSTER_ROLE_BINDINGS = Resource(RBAC, "v1", "clusterrolebindings", namespaced=False, kind="ClusterRoleBinding")


def subjects(call: Call) -> list[dict[str, Any]]:
    flags = call.flags
    found: list[dict[str, Any]] = []
    for kind, flag in (("User", "user"), ("Group", "group")):
        found += [{"kind": kind, "apiGroup": RBAC, "name": name} for name in flags[flag]]
    for text in flags["serviceaccount"]:
        namespace, _, name = text.partition(":")
        if not namespace or not name or ":" in name:
            raise CommandError("serviceaccount must be <namespace>:<name>")
        found.append({"kind": "ServiceAccount", "name": name, "namespace": namespace})
    return found


async def role_binding(call: Call) -> None:
    flags = call.flags
    name = call.exactly_one_name()
    if bool(flags["role"]) == bool(flags["clusterrole"]):
        raise CommandError("exactly one of clusterrole or role must be specified")
    kind, role = ("Role", flags["role"]) if flags["role"] else ("ClusterRole", flags["clusterrole"])
    obj = _binding("RoleBinding", name, kind, role, call, call)
    await generating.create(call, ROLE_BINDINGS, obj, "failed to create rolebinding: ")


async def cluster_role_binding(call: Call) -> None:
    name = call.exactly_one_name()
    obj = _binding("ClusterRoleBinding", name, "ClusterRole", call.flags["clusterrole"], call, None)
    await generating.create(call, CLUSTER_ROLE_BINDINGS, obj, "failed to create clusterrolebinding: ")


def _binding(kind: str, name: str, role_kind: str, role: str, call: Call, namespaced: Call | None) -> dict[str, Any]:
    obj = generating.header(kind, f"{RBAC}/v1", name, namespaced)
    if bound := subjects(call):
        obj["subjects"] = bound
    return {**obj, "roleRef": {"apiGroup": RBAC, "kind": role_kind, "name": role}}


_FLAGS = (
    *generating.FLAGS,
    Flag("clusterrole", help="ClusterRole this binding should reference"),
    Flag("group", "array", help="Groups to bind to the role."),
    Flag("serviceaccount", "array", help="Service accounts to bind to the role, in the format <namespace>:<name>."),
    Flag("user", "array", help="Usernames to bind to the role."),
)
COMMANDS = {
    "rolebinding": Command(
        "rolebinding",
        role_binding,
        use="NAME --clusterrole=NAME|--role=NAME [--user=username] [--group=groupname] "
        "[--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]",
        long="Create a role binding for a particular role or cluster role.",
        flags=(*_FLAGS, Flag("role", help="Role this RoleBinding should reference")),
    ),
    "clusterrolebinding": Command(
        "clusterrolebinding",
        cluster_role_binding,
        use="NAME --clusterrole=NAME [--user=username] [--group=groupname] "
        "[--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]",
        long="Create a cluster role binding for a particular cluster role.",
        required=("clusterrole",),
        flags=_FLAGS,
    ),
}
