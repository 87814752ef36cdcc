"""The Node authorizer: a kubelet may read what its own pods need, and little else.

A kubelet is a user `system:node:NAME` of the group `system:nodes`. A secret, a config map, a claim, a volume or an
account is its business while a pod that is bound to its node refers to it. Who refers to what is an index over pods and
volumes that is brought up to date when somebody asks: a pod's change costs nothing before. For everything else there is
one list of rules for all nodes; the NodeRestriction admission plugin looks at what they write.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from minikube_edu.api import pod_references
from minikube_edu.kube_apiserver import bootstrap
from minikube_edu.kube_apiserver.authz.chain import NO_RULES, Attributes, Decision, Rules
from minikube_edu.kube_apiserver.authz.rules import CompiledRules
from minikube_edu.kube_apiserver.context import User
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.kube_apiserver.watch_cache import Change

Object = dict[str, Any]
Vertex = tuple[str, str, str]  # resource, namespace, name

NODES_GROUP, PREFIX = "system:nodes", "system:node:"
LEASES = "kube-node-lease"
MIRROR = "kubernetes.io/config.mirror"
YES, NO_OPINION = Decision(True), Decision(None)


def node_of(user: User) -> str | None:
    """The node that a user is; None when it is none."""
    if NODES_GROUP not in user.groups or not user.name.startswith(PREFIX):
        return None
    return user.name[len(PREFIX) :]


@cache
def node_rules() -> CompiledRules:
    """What every node may do: the rules of the cluster role `system:node`."""
    role = next(o for o in bootstrap.objects() if o["kind"] == "ClusterRole" and o["metadata"]["name"] == "system:node")
    return CompiledRules(role["rules"])


class NodeAuthorizer:
    """An Authorizer."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.references = References(registry)

    def rules_for(self, user: User, namespace: str) -> Rules:
        if node_of(user) is None:
            return NO_RULES
        return Rules([], [], ("node authorizer does not support user rule resolution",))

    def decide(self, attributes: Attributes) -> Decision:
        node = node_of(attributes.user)
        if node is None:
            return NO_OPINION
        if not node:
            return Decision(None, f'unknown node for user "{attributes.user.name}"')
        special = None if attributes.path else SPECIAL.get((attributes.group, attributes.resource))
        if special is not None:
            return special(self, node, attributes)
        return YES if node_rules().allow(attributes) else NO_OPINION

    # ------------------------------------------------------------ by resource

    def related(self, node: str, attributes: Attributes) -> Decision:
        if not attributes.name:
            return Decision(None, "No Object name found")
        if self.references.leads_to(node, (attributes.resource, attributes.namespace, attributes.name)):
            return YES
        return Decision(None, f"no relationship found between node '{node}' and this object")

    def read(self, node: str, attributes: Attributes) -> Decision:
        if attributes.verb not in ("get", "list", "watch"):
            return Decision(None, "can only read resources of this type")
        if attributes.subresource:
            return Decision(None, "cannot read subresource")
        if not attributes.namespace:
            return Decision(None, "can only read namespaced object of this type")
        return self.related(node, attributes)

    def get(self, node: str, attributes: Attributes) -> Decision:
        if attributes.verb != "get":
            return Decision(None, "can only get individual resources of this type")
        if attributes.subresource:
            return Decision(None, "cannot get subresource")
        return self.related(node, attributes)

    def claim(self, node: str, attributes: Attributes) -> Decision:
        if attributes.subresource != "status":
            return self.get(node, attributes)
        if attributes.verb not in ("update", "patch"):
            return Decision(None, "can only get/update/patch this type")
        return self.related(node, attributes)

    def account(self, node: str, attributes: Attributes) -> Decision:
        if attributes.verb != "create" or not attributes.name:
            return Decision(None, "can only create tokens for individual service accounts")
        if attributes.subresource != "token":
            return Decision(None, "can only create token subresource of serviceaccount")
        return self.related(node, attributes)

    def lease(self, node: str, attributes: Attributes) -> Decision:
        if attributes.verb not in ("get", "create", "update", "patch", "delete"):
            return Decision(None, "can only get, create, update, patch, or delete a node lease")
        if attributes.namespace != LEASES:
            return Decision(None, f'can only access leases in the "{LEASES}" system namespace')
        if attributes.verb != "create" and attributes.name != node:
            return Decision(None, "can only access node lease with the same name as the requesting node")
        return YES

    def csi_node(self, node: str, attributes: Attributes) -> Decision:
        if attributes.verb not in ("get", "create", "update", "patch", "delete"):
            return Decision(None, "can only get, create, update, patch, or delete a CSINode")
        if attributes.subresource:
            return Decision(None, "cannot authorize CSINode subresources")
        if attributes.verb != "create" and attributes.name != node:
            return Decision(None, "can only access CSINode with the same name as the requesting node")
        return YES

    def slice(self, node: str, attributes: Attributes) -> Decision:
        if attributes.subresource:
            return Decision(None, "cannot authorize ResourceSlice subresources")
        if attributes.verb == "create":
            return YES
        if attributes.verb in ("get", "update", "patch", "delete"):
            return self.related(node, attributes)
        if attributes.verb in ("list", "watch", "deletecollection"):
            if _selects(attributes, "spec.nodeName", node) or _selects(attributes, "nodeName", node):
                return YES
            return Decision(None, "can only list/watch/deletecollection resourceslices with nodeName field selector")
        return Decision(
            None,
            "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, "
            "delete, deletecollection",
        )

    def node(self, node: str, attributes: Attributes) -> Decision:
        verb, name = attributes.verb, attributes.name
        if attributes.subresource == "status":
            return YES if verb in ("update", "patch") else NO_OPINION
        if attributes.subresource:
            return NO_OPINION
        if verb in ("create", "update", "patch"):
            return YES
        if verb in ("get", "list", "watch"):
            if name == node:
                return YES
            if not name:
                return Decision(None, f"node '{node}' cannot read all nodes, only its own Node object")
            return Decision(None, f"node '{node}' cannot read '{name}', only its own Node object")
        return NO_OPINION

    def pod(self, node: str, attributes: Attributes) -> Decision:
        verb = attributes.verb
        if attributes.subresource == "status":
            return YES if verb in ("update", "patch") else NO_OPINION
        if attributes.subresource == "eviction":
            return YES if verb == "create" else NO_OPINION
        if attributes.subresource:
            return NO_OPINION
        if verb == "get":
            return self.related(node, attributes)
        if verb in ("list", "watch"):
            if _selects(attributes, "spec.nodeName", node):
                return YES
            if attributes.name:
                return self.related(node, attributes)
            return Decision(None, "can only list/watch pods with spec.nodeName field selector")
        return YES if verb in ("create", "delete") else NO_OPINION


SPECIAL = {
    ("", "secrets"): NodeAuthorizer.read,
    ("", "configmaps"): NodeAuthorizer.read,
    ("", "persistentvolumeclaims"): NodeAuthorizer.claim,
    ("", "persistentvolumes"): NodeAuthorizer.get,
    ("resource.k8s.io", "resourceclaims"): NodeAuthorizer.get,
    ("storage.k8s.io", "volumeattachments"): NodeAuthorizer.get,
    ("", "serviceaccounts"): NodeAuthorizer.account,
    ("coordination.k8s.io", "leases"): NodeAuthorizer.lease,
    ("storage.k8s.io", "csinodes"): NodeAuthorizer.csi_node,
    ("resource.k8s.io", "resourceslices"): NodeAuthorizer.slice,
    ("", "nodes"): NodeAuthorizer.node,
    ("", "pods"): NodeAuthorizer.pod,
}


def _selects(attributes: Attributes, field: str, value: str) -> bool:
    """Whether the request is only for objects whose field has this value."""
    terms = attributes.field_selector.split(",")
    return f"{field}={value}" in terms or f"{field}=={value}" in terms


# ---------------------------------------------------------------- who refers to what


class References:
    """From objects to the nodes that need them."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.of_pod: dict[str, tuple[str, set[Vertex]]] = {}  # pod's key -> its node, what it refers to
        self.pods: dict[Vertex, set[str]] = {}  # the other way round
        self.of_volume: dict[str, tuple[str, str, set[Vertex]]] = {}  # volume -> its claim, its secrets
        self.volumes: dict[Vertex, set[str]] = {}  # secret -> volumes
        self._stale_pods: set[str] = set()
        self._stale_volumes: set[str] = set()
        self._complete = False  # what was there before the first change is not announced
        self._watched = (("pods", self._stale_pods), ("persistentvolumes", self._stale_volumes))
        for name, stale in self._watched:
            registry.cache_of(registry.scheme.resources["", "v1", name]).listen(_marker(stale))

    def leads_to(self, node: str, vertex: Vertex) -> bool:
        """Whether something on the node needs the object."""
        self._refresh()
        resource, namespace, name = vertex
        if resource == "pods":
            return self.of_pod.get(f"{namespace}/{name}", ("", set()))[0] == node
        if resource in ("volumeattachments", "resourceslices"):
            group = "storage.k8s.io" if resource == "volumeattachments" else "resource.k8s.io"
            found = self.registry.get_object(group, resource, "", name)
            return found is not None and found["spec"].get("nodeName") == node
        if resource == "persistentvolumes":
            return self._volume_leads_to(node, name)
        if any(self.of_pod[key][0] == node for key in self.pods.get(vertex, ())):
            return True
        return any(self._volume_leads_to(node, volume) for volume in self.volumes.get(vertex, ()))

    def _volume_leads_to(self, node: str, name: str) -> bool:
        namespace, claim, _ = self.of_volume.get(name, ("", "", set()))
        return bool(claim) and self.leads_to(node, ("persistentvolumeclaims", namespace, claim))

    # ------------------------------------------------------------ keeping up

    def _refresh(self) -> None:
        if not self._complete:
            self._complete = True
            for name, stale in self._watched:
                stale.update(self.registry.cache_of(self.registry.scheme.resources["", "v1", name]).entries)
        while self._stale_pods:
            self._read_pod(self._stale_pods.pop())
        while self._stale_volumes:
            self._read_volume(self._stale_volumes.pop())

    def _read_pod(self, key: str) -> None:
        before = self.of_pod.pop(key, None)
        for vertex in before[1] if before else ():
            self.pods[vertex].discard(key)
            if not self.pods[vertex]:
                del self.pods[vertex]
        namespace, _, name = key.partition("/")
        pod = self.registry.get_object("", "pods", namespace, name)
        node = pod["spec"].get("nodeName") if pod else None
        if pod is None or not node:
            return
        vertices = needed_by(pod)
        self.of_pod[key] = (node, vertices)
        for vertex in vertices:
            self.pods.setdefault(vertex, set()).add(key)

    def _read_volume(self, name: str) -> None:
        before = self.of_volume.pop(name, None)
        for vertex in before[2] if before else ():
            self.volumes[vertex].discard(name)
        volume = self.registry.get_object("", "persistentvolumes", "", name)
        claim = (volume or {}).get("spec", {}).get("claimRef")
        if volume is None or not claim:
            return
        secrets = {
            ("secrets", ns or claim.get("namespace", ""), secret) for ns, secret in volume_secrets(volume["spec"])
        }
        self.of_volume[name] = (claim.get("namespace", ""), claim.get("name", ""), secrets)
        for vertex in secrets:
            self.volumes.setdefault(vertex, set()).add(name)


def _marker(stale: set[str]) -> Any:
    def mark(change: Change) -> None:
        stale.add(change.entry.key)

    return mark


def needed_by(pod: Object) -> set[Vertex]:
    """What a pod refers to. A mirror pod opens no doors: its node has made it."""
    if MIRROR in pod["metadata"].get("annotations", {}):
        return set()
    namespace, spec = pod["metadata"]["namespace"], pod["spec"]
    found: set[Vertex] = {("secrets", namespace, name) for name in pod_references.secrets(spec)}
    found.update(("configmaps", namespace, name) for name in pod_references.config_maps(spec))
    found.update(("persistentvolumeclaims", namespace, name) for name in pod_references.claims(pod))
    found.update(("resourceclaims", namespace, name) for name in pod_references.resource_claims(pod))
    if spec.get("serviceAccountName"):
        found.add(("serviceaccounts", namespace, spec["serviceAccountName"]))
    return found


def volume_secrets(spec: Object) -> set[tuple[str, str]]:
    """(namespace or "", name) of the secrets that a persistent volume is mounted with."""
    found = set()
    for source in spec.values():
        if not isinstance(source, dict):
            continue
        for field, value in source.items():
            if field.endswith(("secretRef", "SecretRef")) and isinstance(value, dict) and value.get("name"):
                found.add((value.get("namespace", ""), value["name"]))
    if azure := spec.get("azureFile"):
        found.add((azure.get("secretNamespace", ""), azure.get("secretName", "")))
    return found
