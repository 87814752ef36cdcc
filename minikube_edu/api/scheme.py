"""The table of all resources: what is served under which group and version, and where it is stored.

The facts are what v1.36.3 says in discovery (`facts/resources.json`). A kind that is served in several versions is
stored in one (`STORED_AS`); `convert` holds the ways between them. Custom resources are added to a `Scheme` while the
server runs; the built-in ones are there from the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import orjson
from msgspec import Struct, field

from minikube_edu.api import schema


class Kind(NamedTuple):
    """Group, version and kind."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        """As Go prints a GroupVersionKind."""
        return f"{self.api_version}, Kind={self.kind}"


def split_api_version(text: str) -> tuple[str, str]:
    """`apps/v1` -> ("apps", "v1"); `v1` -> ("", "v1"); ValueError for more than one slash."""
    if text.count("/") > 1:
        raise ValueError(f"unexpected GroupVersion string: {text}")
    group, _, version = text.rpartition("/")
    return group, version


class Subresource(Struct, frozen=True):
    name: str
    kind: Kind
    verbs: tuple[str, ...]


class Resource(Struct, eq=False):
    """One resource in one served version. Identity is what counts: there is one object for each."""

    group: str
    version: str
    name: str  # plural, as in paths
    singular: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    storage_hash: str = ""
    subresources: dict[str, Subresource] = field(default_factory=dict)
    custom: Any = None  # the definition that a custom resource comes from; None for the built-in ones
    # filled in below
    gvk: Kind = Kind("", "", "")
    api_version: str = ""
    type_name: str | None = None  # in the schema facts; None for custom resources
    stored_version: tuple[str, str] = ("", "")  # group and version in which objects are stored
    prefix: str = ""  # the key prefix, with a slash at its end

    def __post_init__(self) -> None:
        self.gvk = Kind(self.group, self.version, self.kind)
        self.api_version = self.gvk.api_version
        self.type_name = None if self.custom else schema.type_of(self.group, self.version, self.kind)
        self.stored_version = STORED_AS.get((self.group, self.name), (self.group, self.version))
        group, _ = self.stored_version
        place = PREFIXES.get((group, self.name)) or (
            f"{group}/{self.name}" if self.custom or group in PREFIXED else self.name
        )
        self.prefix = f"/registry/{place}/"

    @property
    def collection_path(self) -> str:
        """`/apis/apps/v1` or `/api/v1`."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def key(self, namespace: str, name: str) -> str:
        return f"{self.prefix}{namespace}/{name}" if self.namespaced else f"{self.prefix}{name}"


# Kinds of several versions are stored in one; events of either group are one and the same.
STORED_AS: dict[tuple[str, str], tuple[str, str]] = {
    ("events.k8s.io", "events"): ("", "v1"),
    ("autoscaling", "horizontalpodautoscalers"): ("autoscaling", "v2"),
}

# Where the store's keys differ from the resource's name, for reasons of history.
PREFIXES = {
    ("", "replicationcontrollers"): "controllers",
    ("", "endpoints"): "services/endpoints",
    ("", "services"): "services/specs",
    ("", "nodes"): "minions",
    ("networking.k8s.io", "ingresses"): "ingress",
}
PREFIXED = ("apiextensions.k8s.io", "apiregistration.k8s.io")


# Versions of old that clients may still send, to be told which one is expected (an old Eviction is accepted).
OLD_VERSIONS = {
    Kind("apps", "v1beta1", "Scale"): "autoscaling.v1.Scale",
    Kind("apps", "v1beta2", "Scale"): "autoscaling.v1.Scale",
    Kind("extensions", "v1beta1", "Scale"): "autoscaling.v1.Scale",
    Kind("policy", "v1beta1", "Eviction"): "policy.v1.Eviction",
}


class Scheme:
    """The resources that one server serves: the built-in ones, and those that definitions add."""

    def __init__(self) -> None:
        self.groups: dict[str, list[str]] = {}  # group -> versions, the preferred first; in discovery's order
        self.resources: dict[tuple[str, str, str], Resource] = {}  # (group, version, plural) -> resource
        self.kinds: dict[Kind, Resource] = {}
        self.virtual = dict(OLD_VERSIONS)  # kinds that are not served, but known when they are sent -> type name

    def add(self, resource: Resource) -> None:
        versions = self.groups.setdefault(resource.group, [])
        if resource.version not in versions:
            versions.append(resource.version)
        self.resources[resource.group, resource.version, resource.name] = resource
        self.kinds[resource.gvk] = resource

    def remove(self, resource: Resource) -> None:
        self.resources.pop((resource.group, resource.version, resource.name), None)
        self.kinds.pop(resource.gvk, None)
        if not any(key[:2] == (resource.group, resource.version) for key in self.resources):
            self.groups[resource.group].remove(resource.version)
            if not self.groups[resource.group]:
                del self.groups[resource.group]

    def find(self, group: str, version: str, name: str) -> Resource | None:
        return self.resources.get((group, version, name))

    def of_group_version(self, group: str, version: str) -> Iterator[Resource]:
        return (r for r in self.resources.values() if r.group == group and r.version == version)


@cache
def _facts() -> dict[str, list[dict[str, Any]]]:
    return dict(orjson.loads(files("minikube_edu.api").joinpath("facts/resources.json").read_bytes()))


def builtin() -> Scheme:
    """A scheme of all that v1.36.3 serves before any definition is added."""
    scheme = Scheme()
    for group_version, entries in _facts().items():
        group, version = split_api_version(group_version)
        for entry in entries:
            name, _, sub = entry["name"].partition("/")
            verbs = tuple(entry["verbs"])
            kind = Kind(entry.get("group", group), entry.get("version", version), entry["kind"])
            if sub:
                scheme.resources[group, version, name].subresources[sub] = Subresource(sub, kind, verbs)
                continue
            scheme.add(
                Resource(
                    group,
                    version,
                    name,
                    entry.get("singularName", ""),
                    entry["kind"],
                    entry["namespaced"],
                    verbs,
                    tuple(entry.get("shortNames", ())),
                    tuple(entry.get("categories", ())),
                    entry.get("storageVersionHash", ""),
                )
            )
    return scheme
