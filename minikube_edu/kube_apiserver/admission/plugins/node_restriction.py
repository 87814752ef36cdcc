"""NodeRestriction: what a kubelet writes is about itself and its own pods.

The Node authorizer lets every node write nodes, pods' statuses, leases and tokens; here the objects are looked at, so
that a broken-into node cannot become another one, lure pods with labels, or ask for the tokens of pods elsewhere.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import pod_references
from minikube_edu.api.errors import NotFound
from minikube_edu.kube_apiserver.admission.chain import CREATE, DELETE, UPDATE, Attributes, Plugin
from minikube_edu.kube_apiserver.authz.node import LEASES, MIRROR, node_of

Object = dict[str, Any]

RESTRICTED = "node-restriction.kubernetes.io"
OWN_LABELS = frozenset(
    (
        "kubernetes.io/hostname", "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
        "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type", "kubernetes.io/os",
        "beta.kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/arch",
    )
)  # fmt: skip
OWN_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")
CLAIM_STATUS = ("capacity", "conditions", "allocatedResources", "allocatedResourceStatuses", "modifyVolumeStatus")


class NodeRestriction(Plugin):
    name = "NodeRestriction"
    operations = (CREATE, UPDATE, DELETE)

    def handles(self, attributes: Attributes) -> bool:
        return super().handles(attributes) and node_of(attributes.user) is not None

    def admit(self, attributes: Attributes) -> None:
        self.restrict(attributes)

    def validate(self, attributes: Attributes) -> None:
        if attributes.operation == DELETE:  # a deletion has no first round
            self.restrict(attributes)

    def restrict(self, attributes: Attributes) -> None:
        node = node_of(attributes.user)
        if not node:
            raise attributes.forbidden(f'could not determine node from user "{attributes.user.name}"')
        rule = RULES.get((attributes.context.resource.group, attributes.context.resource.name))
        if rule is not None:
            rule(self, node, attributes)

    def pod_named(self, attributes: Attributes, name: str) -> Object:
        pod = self.registry.get_object("", "pods", attributes.namespace, name)
        if pod is None:
            raise NotFound("", "pod", name)
        return pod

    # ------------------------------------------------------------ pods

    def pod(self, node: str, attributes: Attributes) -> None:
        subresource = attributes.context.subresource
        if subresource == "status":
            self.pod_status(node, attributes)
        elif subresource == "eviction":
            if self.pod_named(attributes, attributes.name)["spec"].get("nodeName") != node:
                raise attributes.forbidden(f"node {node} can only evict pods with spec.nodeName set to itself")
        elif subresource:
            raise attributes.forbidden(
                f"unexpected pod subresource \"{subresource}\", only 'status' and 'eviction' are allowed"
            )
        elif attributes.operation == CREATE:
            self.new_pod(node, attributes)
        elif attributes.operation == DELETE:
            assert attributes.old is not None
            if attributes.old["spec"].get("nodeName") != node:
                raise attributes.forbidden(f'node "{node}" can only delete pods with spec.nodeName set to itself')
        else:
            raise attributes.forbidden(
                f'unexpected operation "{attributes.operation}", node "{node}" can only create and delete mirror pods'
            )

    def new_pod(self, node: str, attributes: Attributes) -> None:
        pod = attributes.obj
        assert pod is not None
        metadata, spec = pod["metadata"], pod["spec"]
        if MIRROR not in metadata.get("annotations", {}):
            raise attributes.forbidden(
                f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods'
            )
        only = f'node "{node}" can only create pods with'
        if spec.get("nodeName") != node:
            raise attributes.forbidden(f"{only} spec.nodeName set to itself")
        self.owner(node, only, attributes, metadata.get("ownerReferences") or [])
        cannot = f'node "{node}" can not create pods that reference'
        if spec.get("serviceAccountName"):
            raise attributes.forbidden(f"{cannot} a service account")
        if pod_references.secrets(spec):
            raise attributes.forbidden(f"{cannot} secrets")
        if pod_references.config_maps(spec):
            raise attributes.forbidden(f"{cannot} configmaps")
        for volume in spec.get("volumes") or ():
            if any("clusterTrustBundle" in one for one in (volume.get("projected") or {}).get("sources") or ()):
                raise attributes.forbidden(f"{cannot} clustertrustbundles")
        if any("persistentVolumeClaim" in volume for volume in spec.get("volumes") or ()):
            raise attributes.forbidden(f"{cannot} persistentvolumeclaims")
        if spec.get("resourceClaims"):
            raise attributes.forbidden(f"{cannot} resourceclaims")

    def owner(self, node: str, only: str, attributes: Attributes, owners: list[Object]) -> None:
        """A mirror pod belongs to its node."""
        if len(owners) > 1:
            raise attributes.forbidden(f"{only} a single owner reference set to itself")
        owner = owners[0] if owners else {}
        if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
            raise attributes.forbidden(f"{only} an owner reference set to itself")
        if not owner.get("controller"):
            raise attributes.forbidden(f"{only} a controller owner reference set to itself")
        if owner.get("blockOwnerDeletion"):
            raise attributes.forbidden(f'node "{node}" must not set blockOwnerDeletion on an owner reference')
        there = self.registry.get_object("", "nodes", "", node)
        if there is None:
            raise NotFound("", "node", node)
        uid = there["metadata"]["uid"]
        if owner.get("uid") != uid:
            raise attributes.forbidden(f"node {node} UID mismatch: expected {owner.get('uid', '')} got {uid}")

    def pod_status(self, node: str, attributes: Attributes) -> None:
        if attributes.operation != UPDATE or attributes.old is None or attributes.obj is None:
            raise attributes.forbidden(f'unexpected operation "{attributes.operation}"')
        old, new = attributes.old, attributes.obj
        if old["spec"].get("nodeName") != node:
            raise attributes.forbidden(
                f'node "{node}" can only update pod status for pods with spec.nodeName set to itself'
            )
        if (old["metadata"].get("labels") or {}) != (new["metadata"].get("labels") or {}):
            raise attributes.forbidden(f'node "{node}" cannot update labels through pod status')
        field = "resourceClaimStatuses"
        if (old.get("status", {}).get(field) or []) != (new.get("status", {}).get(field) or []):
            raise attributes.forbidden(f'node "{node}" cannot update resource claim statues')

    # ------------------------------------------------------------ nodes

    def node(self, node: str, attributes: Attributes) -> None:
        if attributes.name != node:
            raise attributes.forbidden(f'node "{node}" is not allowed to modify node "{attributes.name}"')
        new, old = attributes.obj, attributes.old
        if attributes.operation == CREATE and new is not None:
            if new["spec"].get("configSource"):
                raise attributes.forbidden(f'node "{node}" is not allowed to create pods with a non-nil configSource')
            wrong = forbidden_labels(new["metadata"].get("labels") or {}, {})
            if wrong:
                raise attributes.forbidden(
                    f'node "{node}" is not allowed to set the following labels: {", ".join(wrong)}'
                )
        if attributes.operation == UPDATE and new is not None and old is not None:
            source = new["spec"].get("configSource")
            if source and source != old["spec"].get("configSource"):
                raise attributes.forbidden(
                    f'node "{node}" is not allowed to update configSource to a new non-nil configSource'
                )
            if (new["spec"].get("taints") or []) != (old["spec"].get("taints") or []):
                raise attributes.forbidden(f'node "{node}" is not allowed to modify taints')
            wrong = forbidden_labels(new["metadata"].get("labels") or {}, old["metadata"].get("labels") or {})
            if wrong:
                raise attributes.forbidden(f"is not allowed to modify labels: {', '.join(wrong)}")

    # ------------------------------------------------------------ the rest

    def claim(self, node: str, attributes: Attributes) -> None:
        if attributes.context.subresource != "status":
            raise attributes.forbidden("may only update PVC status")
        assert attributes.obj is not None
        assert attributes.old is not None
        if _without_progress(attributes.obj) != _without_progress(attributes.old):
            raise attributes.forbidden(
                f'node "{node}" is not allowed to update fields other than status.quantity and status.conditions'
            )

    def account(self, node: str, attributes: Attributes) -> None:
        if attributes.operation != CREATE or attributes.context.subresource != "token":
            return
        assert attributes.obj is not None
        reference = attributes.obj["spec"].get("boundObjectRef") or {}
        name, uid = reference.get("name"), reference.get("uid")
        if reference.get("apiVersion") != "v1" or reference.get("kind") != "Pod" or not name:
            raise attributes.forbidden("node requested token not bound to a pod")
        if not uid:
            raise attributes.forbidden("node requested token with a pod binding without a uid")
        pod = self.pod_named(attributes, name)
        if uid != pod["metadata"]["uid"]:
            raise attributes.forbidden(
                f"the UID in the bound object reference ({uid}) does not match the UID in record. "
                "The object might have been deleted and then recreated"
            )
        if pod["spec"].get("nodeName") != node:
            raise attributes.forbidden("node requested token bound to a pod scheduled on a different node")

    def lease(self, node: str, attributes: Attributes) -> None:
        if attributes.namespace != LEASES:
            raise attributes.forbidden(f'can only access leases in the "{LEASES}" system namespace')
        if attributes.name != node:
            raise attributes.forbidden("can only access node lease with the same name as the requesting node")

    def csi_node(self, node: str, attributes: Attributes) -> None:
        if attributes.name != node:
            raise attributes.forbidden("can only access CSINode with the same name as the requesting node")

    def slice(self, node: str, attributes: Attributes) -> None:
        checked = attributes.old if attributes.operation == DELETE else attributes.obj
        if checked is not None and checked["spec"].get("nodeName") != node:
            verb = {CREATE: "create", UPDATE: "update", DELETE: "delete"}[attributes.operation]
            raise attributes.forbidden(f"can only {verb} ResourceSlice with the same NodeName as the requesting node")


RULES = {
    ("", "pods"): NodeRestriction.pod,
    ("", "nodes"): NodeRestriction.node,
    ("", "persistentvolumeclaims"): NodeRestriction.claim,
    ("", "serviceaccounts"): NodeRestriction.account,
    ("coordination.k8s.io", "leases"): NodeRestriction.lease,
    ("storage.k8s.io", "csinodes"): NodeRestriction.csi_node,
    ("resource.k8s.io", "resourceslices"): NodeRestriction.slice,
}


def forbidden_labels(new: dict[str, str], old: dict[str, str]) -> list[str]:
    """Labels that changed and are not a node's to change."""
    changed = (key for key in {**new, **old} if new.get(key) != old.get(key))
    return sorted(key for key in changed if not is_own_label(key))


def is_own_label(key: str) -> bool:
    domain = key.partition("/")[0] if "/" in key else ""
    if _within(domain, (RESTRICTED,)):
        return False
    return not _within(domain, ("kubernetes.io", "k8s.io")) or key in OWN_LABELS or _within(domain, OWN_DOMAINS)


def _within(domain: str, parents: tuple[str, ...]) -> bool:
    return any(domain == parent or domain.endswith(f".{parent}") for parent in parents)


def _without_progress(claim: Object) -> Object:
    metadata = {k: v for k, v in claim["metadata"].items() if k not in ("resourceVersion", "managedFields")}
    status = {k: v for k, v in claim.get("status", {}).items() if k not in CLAIM_STATUS}
    return {**claim, "metadata": metadata, "status": status}


PLUGIN = NodeRestriction
