"""A resource on its way through the tree: its object, the names that it had, and what was asked for it.

An id is (group, version, kind, name, namespace). Whoever renames a resource remembers the id that it had: references
are resolved by all names that a resource ever bore.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from msgspec import Struct, field

Object = dict[str, Any]


class Id(NamedTuple):
    group: str
    version: str
    kind: str
    name: str
    namespace: str

    @property
    def cluster_scoped(self) -> bool:
        return not namespaced(self.group, self.kind)

    @property
    def effective_namespace(self) -> str:
        if self.cluster_scoped:
            return "_non_namespaceable_"
        return self.namespace or "default"

    def same(self, other: Id) -> bool:
        """Names the same thing: no namespace is the namespace default."""
        return self[:4] == other[:4] and self.effective_namespace == other.effective_namespace

    def selected(self, group: str, version: str, kind: str) -> bool:
        """Whether the type is the wanted one; "" is any."""
        return group in ("", self.group) and version in ("", self.version) and kind in ("", self.kind)

    def __str__(self) -> str:
        type_ = f"{self.kind}.{self.version or '[noVer]'}.{self.group or '[noGrp]'}"
        return f"{type_}/{self.name or '[noName]'}.{self.namespace or '[noNs]'}"


@cache
def _scopes() -> dict[tuple[str, str], bool]:
    from minikube_edu.api import scheme

    return {(found.group, found.kind): found.namespaced for found in scheme.builtin().resources.values()}


def namespaced(group: str, kind: str) -> bool:
    """Kinds that are not built in are taken for namespaced."""
    return _scopes().get((group, kind), True)


class Resource(Struct, eq=False):
    object: Object
    previous: list[Id] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    suffixes: list[str] = field(default_factory=list)
    needs_hash: bool = False
    behavior: str = "create"
    origin: Object | None = None  # with `buildMetadata`: see origins
    transformations: list[Object] = field(default_factory=list)

    @property
    def metadata(self) -> Object:
        return metadata_of(self.object)

    @property
    def name(self) -> str:
        return str(self.metadata.get("name") or "")

    @name.setter
    def name(self, name: str) -> None:
        self.metadata["name"] = name

    @property
    def namespace(self) -> str:
        return str(self.metadata.get("namespace") or "")

    @property
    def kind(self) -> str:
        return str(self.object.get("kind") or "")

    @property
    def id(self) -> Id:
        group, _, version = str(self.object.get("apiVersion") or "").rpartition("/")
        return Id(group, version, self.kind, self.name, self.namespace)

    @property
    def original_id(self) -> Id:
        return self.previous[0] if self.previous else self.id

    @property
    def ids(self) -> list[Id]:
        return [*self.previous, self.id]

    def remember(self) -> None:
        """Keep the id before it changes."""
        self.previous.append(self.id._replace(namespace=self.id.effective_namespace))


def metadata_of(obj: Object) -> Object:
    found = obj.get("metadata")
    if not isinstance(found, dict):
        found = obj["metadata"] = {}
    return found


class Resources:
    """What a kustomization has gathered, in order."""

    def __init__(self) -> None:
        self.items: list[Resource] = []

    def append(self, resource: Resource) -> None:
        mine = resource.id
        if any(mine.same(other.id) for other in self.items):
            raise ValueError(f"may not add resource with an already registered id: {mine}")
        self.items.append(resource)

    def with_id(self, wanted: Id) -> list[Resource]:
        """Those that bear the id or ever bore it."""
        return [found for found in self.items if any(wanted.same(known) for known in found.ids)]

    def only(self, wanted: Id) -> Resource:
        found = self.with_id(wanted)
        if len(found) == 1:
            return found[0]
        what = "multiple matches" if found else "no matches"
        raise ValueError(f"{what} for Id {wanted}; failed to find unique target for patch {wanted}")

    def absorb(self, resource: Resource) -> None:
        """A generated resource: a new one, or one that takes the place of its like."""
        found = self.with_id(resource.id)
        shown = _go_id(resource.id)
        if not found:
            if resource.behavior in ("merge", "replace"):
                raise ValueError(f"id {shown} does not exist; cannot merge or replace")
            self.append(resource)
            return
        if len(found) > 1:
            raise ValueError(f"found multiple objects {found} that could accept merge of {resource.id}")
        if resource.behavior == "create":
            raise ValueError(f"id {shown} exists; can not use behavior: 'create', behavior must be merge or replace")
        self._supersede(found[0], resource)

    def _supersede(self, old: Resource, new: Resource) -> None:
        for name in ("labels", "annotations"):
            merged = {**(old.metadata.get(name) or {}), **(new.metadata.get(name) or {})}
            if merged:
                new.metadata[name] = merged
        new.name = old.name
        if old.namespace:
            new.metadata["namespace"] = old.namespace
        if new.behavior == "merge":
            for name in ("data", "binaryData"):
                merged = {**(old.object.get(name) or {}), **(new.object.get(name) or {})}
                if merged:
                    new.object[name] = merged
        new.previous, new.prefixes, new.suffixes = old.previous, old.prefixes, old.suffixes
        new.origin, new.transformations = old.origin or new.origin, old.transformations
        new.needs_hash = new.needs_hash and old.needs_hash
        self.items[self.items.index(old)] = new


def _go_id(found: Id) -> str:
    gvk = f'resid.Gvk{{Group:"{found.group}", Version:"{found.version}", Kind:"{found.kind}", '
    gvk += f"isClusterScoped:{'true' if found.cluster_scoped else 'false'}}}"
    return f'resid.ResId{{Gvk:{gvk}, Name:"{found.name}", Namespace:"{found.namespace}"}}'
