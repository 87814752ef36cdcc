"""Objects that kubeadm puts into a cluster, but for the add-ons: what nodes may read, and who may do what."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from minikube_edu.kubeadm.constants import ADMINS, NODE_BOOTSTRAPPERS
from minikube_edu.lib import clock, durations

Object = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io"
HASH = "kubeadm.kubernetes.io/component-config.hash"


def config_map(name: str, data: Mapping[str, str], namespace: str = "kube-system", *, signed: bool = False) -> Object:
    """`signed`: with the hash by which an upgrade knows that nobody has touched it."""
    metadata: Object = {"name": name, "namespace": namespace}
    if signed:
        whole = "".join(data[key] for key in sorted(data))
        metadata["annotations"] = {HASH: f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def rule(group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] = ()) -> Object:
    found: Object = {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
    return found | ({"resourceNames": list(names)} if names else {})


def role(name: str, rules: Sequence[Object], namespace: str = "") -> Object:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    kind = "Role" if namespace else "ClusterRole"
    return {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": metadata, "rules": list(rules)}


def binding(name: str, to: str, subjects: Sequence[tuple[str, str]], namespace: str = "", kind: str = "") -> Object:
    """`subjects`: ("Group", "system:nodes"), ("ServiceAccount", "coredns") of kube-system. `kind` of what is bound:
    Role in a namespace, else ClusterRole."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": kind or ("Role" if namespace else "ClusterRole"), "name": to},
        "subjects": [
            {"kind": who, "name": called} | ({"namespace": "kube-system"} if who == "ServiceAccount" else {})
            for who, called in subjects
        ],
    }


def readable(name: str, config_map_name: str, groups: Sequence[str], namespace: str = "kube-system") -> list[Object]:
    """A role that may read one ConfigMap, and its binding to groups."""
    return [
        role(name, [rule("", ["configmaps"], ["get"], [config_map_name])], namespace),
        binding(name, name, [("Group", group) for group in groups], namespace),
    ]


def cluster_admins() -> Object:
    return binding(ADMINS, "cluster-admin", [("Group", ADMINS)])


def bootstrap_secret(token: Mapping[str, Any]) -> Object:
    """The Secret of a bootstrap token, as InitConfiguration describes one."""
    identifier, secret = token["token"].split(".")
    texts = {"token-id": identifier, "token-secret": secret}
    if token.get("description"):
        texts["description"] = token["description"]
    expiration = token.get("expires") or _expiration(token.get("ttl") or "0s")
    if expiration:
        texts["expiration"] = expiration
    texts |= {f"usage-bootstrap-{usage}": "true" for usage in token.get("usages") or ()}
    if token.get("groups"):
        texts["auth-extra-groups"] = ",".join(token["groups"])
    return {
        "apiVersion": "v1",
        "data": {key: b64encode(text.encode()).decode() for key, text in texts.items()},
        "kind": "Secret",
        "metadata": {"name": f"bootstrap-token-{identifier}", "namespace": "kube-system"},
        "type": "bootstrap.kubernetes.io/token",
    }


def _expiration(ttl: str) -> str:
    seconds = durations.seconds(ttl)
    return clock.rfc3339(clock.now() + seconds) if seconds > 0 else ""


def get_nodes() -> list[Object]:
    """Nodes that are about to join look whether their name is taken."""
    name = "kubeadm:get-nodes"
    return [role(name, [rule("", ["nodes"], ["get"])]), binding(name, name, [("Group", NODE_BOOTSTRAPPERS)])]


def post_requests() -> Object:
    return binding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", [("Group", NODE_BOOTSTRAPPERS)])


def approve_bootstrap() -> Object:
    name = "system:certificates.k8s.io:certificatesigningrequests:nodeclient"
    return binding("kubeadm:node-autoapprove-bootstrap", name, [("Group", NODE_BOOTSTRAPPERS)])


def approve_rotation() -> Object:
    name = "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient"
    return binding("kubeadm:node-autoapprove-certificate-rotation", name, [("Group", "system:nodes")])


def reach_kubelets() -> Object:
    who = ("User", "kube-apiserver-kubelet-client")
    return binding("kubeadm:apiserver-kubelet-client", "system:kubelet-api-admin", [who])


def read_cluster_info() -> list[Object]:
    name, namespace = "kubeadm:bootstrap-signer-clusterinfo", "kube-public"
    return [
        role(name, [rule("", ["configmaps"], ["get"], ["cluster-info"])], namespace),
        binding(name, name, [("User", "system:anonymous")], namespace),
    ]
