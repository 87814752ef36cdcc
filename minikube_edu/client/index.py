"""What an informer knows: objects by key, and by anything else that a function can read off them.

A key is `namespace/name`, or `name` for objects without a namespace. An indexer is a function from an object to the
values under which it is to be found; `NAMESPACE` is the one that everybody has. Objects belong to the index: readers
must not change them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Object = dict[str, Any]
Objects = list[Object]
Keys = list[str]
Indexer = Callable[[Object], Iterable[str]]

NAMESPACE = "namespace"


def key_of(obj: Object) -> str:
    metadata = obj["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def split_key(key: str) -> tuple[str, str]:
    """(namespace, name); the namespace is empty when there is none."""
    namespace, slash, name = key.partition("/")
    return (namespace, name) if slash else ("", key)


def by_namespace(obj: Object) -> tuple[str]:
    return (obj["metadata"].get("namespace") or "",)


def by_owner(obj: Object) -> list[str]:
    """The uids of all owners: children of an object are found without looking at everything."""
    return [owner["uid"] for owner in obj["metadata"].get("ownerReferences") or ()]


class Index:
    def __init__(self) -> None:
        self._objects: dict[str, Object] = {}
        self._indexers: dict[str, Indexer] = {NAMESPACE: by_namespace}
        # indexer -> value -> keys; a dict serves as an ordered set
        self._found: dict[str, dict[str, dict[str, None]]] = {NAMESPACE: {}}

    def __len__(self) -> int:
        return len(self._objects)

    def add_indexer(self, name: str, indexer: Indexer) -> None:
        """At any time: what is there already is indexed now."""
        self._indexers[name] = indexer
        found: dict[str, dict[str, None]] = {}
        self._found[name] = found
        for key, obj in self._objects.items():
            for value in indexer(obj):
                found.setdefault(value, {})[key] = None

    def get(self, key: str) -> Object | None:
        return self._objects.get(key)

    def find(self, name: str, namespace: str = "") -> Object | None:
        return self._objects.get(f"{namespace}/{name}" if namespace else name)

    def keys(self) -> list[str]:
        return list(self._objects)

    def list(self, namespace: str = "") -> Objects:
        return self.by(NAMESPACE, namespace) if namespace else [*self._objects.values()]

    def by(self, indexer: str, value: str) -> Objects:
        return [self._objects[key] for key in self._found[indexer].get(value, ())]

    def keys_by(self, indexer: str, value: str) -> Keys:
        return [*self._found[indexer].get(value, ())]

    def values(self, indexer: str) -> Keys:
        """All values under which the indexer has found something."""
        return [*self._found[indexer]]

    def put(self, obj: Object, key: str | None = None) -> Object | None:
        """Adds or replaces; returns the object that was there."""
        key = key or key_of(obj)
        before = self._objects.get(key)
        self._objects[key] = obj
        for name, indexer in self._indexers.items():
            found = self._found[name]
            new = indexer(obj)
            if before is not None:
                old = indexer(before)
                if old == new:  # almost always
                    continue
                new = set(new)
                for value in set(old) - new:
                    self._drop(found, value, key)
            for value in new:
                found.setdefault(value, {})[key] = None
        return before

    def remove(self, key: str) -> Object | None:
        """Returns the object that was there."""
        before = self._objects.pop(key, None)
        if before is not None:
            for name, indexer in self._indexers.items():
                for value in set(indexer(before)):
                    self._drop(self._found[name], value, key)
        return before

    @staticmethod
    def _drop(found: dict[str, dict[str, None]], value: str, key: str) -> None:
        keys = found.get(value)
        if keys is not None:
            keys.pop(key, None)
            if not keys:
                del found[value]
