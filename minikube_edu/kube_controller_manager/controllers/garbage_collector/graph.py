"""The owner graph: every object that can be deleted, by uid, and who depends on whom.

Edges are kept even when the owner has not been seen: its dependents are found the moment it appears or is known to be
absent. The graph is behind the server, as informers are; whoever acts on it uses preconditions.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from msgspec import Struct, field

from minikube_edu.client.rest import Resource

Object = dict[str, Any]

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
ABSENT_REMEMBERED = 10_000


class Node(Struct):
    """An object as last seen."""

    resource: Resource
    metadata: Object
    owners: dict[str, Object] = field(default_factory=dict)  # uid -> reference

    @property
    def uid(self) -> str:
        return str(self.metadata["uid"])

    @property
    def name(self) -> str:
        return str(self.metadata["name"])

    @property
    def namespace(self) -> str:
        return str(self.metadata.get("namespace") or "")

    @property
    def deleting(self) -> bool:
        return "deletionTimestamp" in self.metadata

    def has(self, finalizer: str) -> bool:
        return finalizer in (self.metadata.get("finalizers") or ())

    @property
    def deleting_dependents(self) -> bool:
        return self.deleting and self.has(FOREGROUND)

    def reference(self) -> Object:
        """An ObjectReference, for events."""
        found = {"apiVersion": self.resource.api_version, "kind": self.resource.kind, "name": self.name}
        return {**found, "uid": self.uid, **({"namespace": self.namespace} if self.namespace else {})}


class Graph:
    """Changed by events alone. Each change answers with the uids that have to be looked at."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.dependents: dict[str, dict[str, None]] = {}  # owner uid -> uids, seen or unseen
        self._absent: OrderedDict[tuple[str, str], None] = OrderedDict()  # (uid, namespace it was looked for in)

    def seen(self, resource: Resource, obj: Object) -> list[str]:
        metadata = obj["metadata"]
        uid = metadata["uid"]
        node = self.nodes.get(uid)
        references = metadata.get("ownerReferences")
        same = node is not None and (references or []) == [*node.owners.values()]
        if node is not None and same and "deletionTimestamp" not in metadata and not node.deleting:
            node.metadata = metadata  # the most frequent case
            return []
        before = node.owners if node is not None else {}
        owners = {reference["uid"]: reference for reference in references or ()}
        touched = [] if node is not None else self._mismatched(resource, metadata, uid)
        self.nodes[uid] = current = Node(resource, metadata, owners)
        if owners != before:
            touched += self._relink(uid, before, owners)
        if current.deleting and (current.has(FOREGROUND) or current.has(ORPHAN)):
            touched.append(uid)
        if current.deleting and (node is None or not node.deleting):
            # Owners that wait for it may have to wait longer, or for others.
            touched += [owner for owner in owners if self.waits(owner)]
        return touched

    def gone(self, uid: str) -> list[str]:
        node = self.nodes.pop(uid, None)
        touched = list(self.dependents.get(uid, ()))
        if node is not None:
            self.absent(uid, node.namespace)
            touched += self._relink(uid, node.owners, {})
        return touched

    def waits(self, uid: str) -> bool:
        """Whether the object is being deleted in the foreground."""
        node = self.nodes.get(uid)
        return node is not None and node.deleting_dependents

    def dependents_of(self, uid: str) -> list[Node]:
        return [self.nodes[child] for child in self.dependents.get(uid, ()) if child in self.nodes]

    def absent(self, uid: str, namespace: str) -> None:
        self._absent[uid, namespace] = None
        if len(self._absent) > ABSENT_REMEMBERED:
            self._absent.popitem(last=False)

    def is_absent(self, uid: str, namespace: str) -> bool:
        """Known not to exist there; uids do not come again."""
        return (uid, namespace) in self._absent or (uid, "") in self._absent

    def _relink(self, uid: str, before: dict[str, Object], owners: dict[str, Object]) -> list[str]:
        touched = []
        for owner in before.keys() - owners.keys():
            children = self.dependents.get(owner)
            if children is not None:
                children.pop(uid, None)
                if not children:
                    del self.dependents[owner]
        for owner in owners.keys() - before.keys():
            self.dependents.setdefault(owner, {})[uid] = None
            known = self.nodes.get(owner)
            if known is None or known.deleting or not self.fits(self.nodes[uid], known):
                touched.append(uid)
        changed = {owner for owner in before.keys() | owners.keys() if before.get(owner) != owners.get(owner)}
        return touched + [owner for owner in changed if self.waits(owner)]

    def _mismatched(self, resource: Resource, metadata: Object, uid: str) -> list[str]:
        """An owner has appeared: which of those that name it may not, because it lives in another namespace?"""
        if uid not in self.dependents:
            return []
        owner = Node(resource, metadata)
        return [child.uid for child in self.dependents_of(uid) if not self.fits(child, owner)]

    @staticmethod
    def fits(child: Node, owner: Node) -> bool:
        """Owners live in the same namespace, or in none."""
        return not owner.namespace or owner.namespace == child.namespace
