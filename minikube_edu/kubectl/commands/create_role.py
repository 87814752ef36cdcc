"""`kubectl create role` and `kubectl create clusterrole`."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import generating
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, PlainError
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.mapping import NoResource

RBAC = "rbac.authorization.k8s.io"
ROLES = Resource(RBAC, "v1", "roles", kind="Role")
CLUSTER_ROLES = Resource(RBAC, "v1", "clusterroles", namespaced=False, kind="ClusterRole")
VERBS = (
    "get",
    "delete",
    "list",
    "create",
    "update",
    "patch",
    "watch",
    "deletecollection",
    "impersonate",
    "use",
    "bind",
    "escalate",
    "approve",
    "sign",
    "attest",
    "proxy",
    "*",
)
Rule = dict[str, Any]


async def role(call: Call) -> None:
    name = call.exactly_one_name()
    rules = await _rules(call)
    obj = generating.header("Role", f"{RBAC}/v1", name, call) | {"rules": rules}
    await generating.create(call, ROLES, obj)


async def cluster_role(call: Call) -> None:
    flags = call.flags
    name = call.exactly_one_name()
    obj = generating.header("ClusterRole", f"{RBAC}/v1", name)
    if flags["aggregation-rule"]:
        pairs = dict(part.partition("=")[::2] for part in flags["aggregation-rule"])
        obj |= {"rules": None, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": pairs}]}}
    else:
        urls = [url for url in flags["non-resource-url"] if url]
        rules = await _rules(call, urls_given=bool(urls))
        if any(url != "*" and not url.startswith("/") for url in urls):
            raise CommandError("nonResourceURL should start with /")
        if urls:
            rules.append({"verbs": _unique(flags["verb"]), "nonResourceURLs": urls})
        obj["rules"] = rules
    await generating.create(call, CLUSTER_ROLES, obj)


def _unique(entries: list[str]) -> list[str]:
    found = list(dict.fromkeys(entry for entry in entries if entry))
    return ["*"] if "*" in found else found


async def _rules(call: Call, *, urls_given: bool = False) -> list[Rule]:
    flags = call.flags
    verbs = _unique(flags["verb"])
    if not verbs:
        raise CommandError("at least one verb must be specified")
    if not flags["resource"]:
        if urls_given:
            return []
        raise CommandError("at least one resource must be specified")
    names = [name for name in flags["resource-name"] if name]
    for verb in verbs:
        if verb not in VERBS:
            call.warn(f"Warning: '{verb}' is not a standard resource verb")
    groups: dict[str, list[str]] = {}
    for text in flags["resource"]:
        resource, _, subresource = text.partition("/")
        plural, group = await _resolved(call, resource)
        shown = f"{plural}/{subresource}" if subresource else plural
        found = groups.setdefault(group, [])
        if shown not in found:
            found.append(shown)
    rules = []
    for group, resources in groups.items():
        rule: Rule = {"verbs": verbs, "apiGroups": [group], "resources": resources}
        rules.append({**rule, "resourceNames": names} if names else rule)
    return rules


async def _resolved(call: Call, text: str) -> tuple[str, str]:
    name, _, group = text.partition(".")
    if name == "*":  # of a group, or of the core group
        return "*", group
    try:
        resource = (await call.factory.mapper.find(text)).resource
    except NoResource:
        if not group:
            raise PlainError(f'the server doesn\'t have a resource type "{name}"') from None
        raise PlainError(f'the server doesn\'t have a resource type "{name}" in group "{group}"') from None
    return resource.plural, resource.group


_FLAGS = (
    *generating.FLAGS,
    Flag("resource", "strings", help="Resource that the rule applies to"),
    Flag(
        "resource-name",
        "array",
        help="Resource in the white list that the rule applies to, repeat this flag for multiple items",
    ),
    Flag("verb", "strings", help="Verb that applies to the resources contained in the rule"),
)
COMMANDS = {
    "role": Command(
        "role",
        role,
        use="NAME --verb=verb --resource=resource.group/subresource [--resource-name=resourcename] "
        "[--dry-run=server|client|none]",
        long="Create a role with single rule.",
        examples='# Create a role named "pod-reader" that allows user to perform "get", "watch" and "list" on pods\n'
        "kubectl create role pod-reader --verb=get --verb=list --verb=watch --resource=pods",
        flags=_FLAGS,
    ),
    "clusterrole": Command(
        "clusterrole",
        cluster_role,
        use="NAME --verb=verb --resource=resource.group [--resource-name=resourcename] [--dry-run=server|client|none]",
        long="Create a cluster role.",
        flags=(
            *_FLAGS,
            Flag("aggregation-rule", "pairs", help="An aggregation label selector for combining ClusterRoles."),
            Flag("non-resource-url", "strings", help="A partial url that user should have access to."),
        ),
    ),
}
