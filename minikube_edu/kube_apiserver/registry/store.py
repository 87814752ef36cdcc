"""The registry: objects of all kinds, behind one set of verbs; on top of the watch cache and the store.

Reads come from the cache. A write reads the newest version there, makes the new one, and commits it with a compare on
the version that it was made from; when somebody else was faster, it is made again from theirs, or refused as a
conflict when the client named a version. The verbs that write are in `creating`, `updating` and `deleting`.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api.errors import GenericError, ServerTimeout, ServiceUnavailable
from minikube_edu.api.scheme import Resource, Scheme
from minikube_edu.etcd.contract import (
    Compare,
    Delete,
    NoSpace,
    Put,
    Range,
    RangeResult,
    Result,
    Store,
    StoreError,
    Target,
    Txn,
    Unavailable,
)
from minikube_edu.kube_apiserver.admission.chain import Chain
from minikube_edu.kube_apiserver.context import Context, User
from minikube_edu.kube_apiserver.registry.strategy import Strategy, strategy_of
from minikube_edu.kube_apiserver.watch_cache import Entry, ResourceCache, WatchCache

Object = dict[str, Any]

SYSTEM = User("system:apiserver", groups=("system:masters",))


class Registry:
    """All objects of one cluster, for handlers, admission plugins and the server's own loops."""

    def __init__(self, scheme: Scheme, store: Store) -> None:
        self.scheme = scheme
        self.store = store
        self.cache = WatchCache(store)
        self.admission = Chain(())
        self.service_range = "10.96.0.0/12"
        self.node_ports = "30000-32767"
        self.event_ttl = 3600
        self._leases: dict[int, tuple[int, float, int]] = {}
        for resource in scheme.resources.values():
            if "list" in resource.verbs and "watch" in resource.verbs:
                self.cache.of(resource.prefix)

    def configure(self, *, service_range: str, node_ports: str, event_ttl: int) -> None:
        """What the flags decide about the registry."""
        self.service_range = service_range
        self.node_ports = node_ports
        self.event_ttl = event_ttl

    # ------------------------------------------------------------ reading

    def cache_of(self, resource: Resource) -> ResourceCache:
        return self.cache.of(resource.prefix)

    def entry(self, resource: Resource, namespace: str, name: str) -> Entry | None:
        key = f"{namespace}/{name}" if resource.namespaced else name
        return self.cache.of(resource.prefix).entries.get(key)

    def resource(self, group: str, name: str) -> Resource | None:
        """The resource in the group's preferred version."""
        for version in self.scheme.groups.get(group, ()):
            found = self.scheme.find(group, version, name)
            if found is not None:
                return found
        return None

    def get_object(self, group: str, resource: str, namespace: str, name: str) -> Object | None:
        """A copy of the object as stored, or None; for plugins, allocators and loops."""
        found = self.resource(group, resource)
        entry = self.entry(found, namespace, name) if found else None
        return entry.object() if entry else None

    def list_objects(self, group: str, resource: str, namespace: str | None = None) -> list[Object]:
        found = self.resource(group, resource)
        if found is None:
            return []
        below = f"{namespace}/" if namespace and found.namespaced else ""
        return [entry.object() for entry in self.cache_of(found).select(below)]

    def strategy(self, resource: Resource) -> Strategy:
        return resource.custom.strategy if resource.custom is not None else strategy_of(resource)

    def system_context(self, resource: Resource, verb: str, namespace: str = "", name: str = "") -> Context:
        """The server's own doing."""
        return Context(SYSTEM, verb, resource, namespace, name, manager="kube-apiserver", user_agent="kube-apiserver")

    # ------------------------------------------------------------ writing, for the server's own parts

    async def create(self, resource: Resource, obj: Object, context: Context | None = None) -> bytes:
        """Create an object on behalf of the server; raises AlreadyExists and all that a client would get."""
        from minikube_edu.kube_apiserver.registry.creating import create, prepare

        metadata = obj["metadata"]
        context = context or self.system_context(
            resource, "create", metadata.get("namespace", ""), metadata.get("name", "")
        )
        return await create(self, context, prepare(self, context, obj))

    async def delete_object(self, group: str, resource: str, namespace: str, name: str) -> bool:
        """Delete at once, without grace; False when it was not there."""
        found = self.resource(group, resource)
        entry = self.entry(found, namespace, name) if found else None
        if found is None or entry is None:
            return False
        return await self.commit_delete(found, entry)

    # ------------------------------------------------------------ the store

    async def commit_create(self, resource: Resource, key: str, value: bytes, lease: int = 0) -> Entry | None:
        """Put a key that must not exist; None when it does."""
        full = (resource.prefix + key).encode()
        try:
            result = await self.store.txn(
                Txn((Compare(full, Target.MOD, Result.EQUAL, 0),), (Put(full, value, lease=lease),))
            )
        except StoreError as error:
            raise storage_failure(error) from error
        if not result.succeeded:
            return None
        return self._written(resource, key, value, result.revision)

    async def commit_update(
        self, resource: Resource, old: Entry, value: bytes, lease: int = 0
    ) -> tuple[Entry | None, Entry | None]:
        """Put a new version of `old`. Returns (the new entry, None), or (None, what is there instead)."""
        full = (resource.prefix + old.key).encode()
        try:
            result = await self.store.txn(
                Txn(
                    (Compare(full, Target.MOD, Result.EQUAL, old.revision),),
                    (Put(full, value, lease=lease),),
                    (Range(full),),
                )
            )
        except StoreError as error:
            raise storage_failure(error) from error
        if result.succeeded:
            return self._written(resource, old.key, value, result.revision), None
        return None, _entry_of(old.key, result.responses[0])

    async def commit_delete(self, resource: Resource, old: Entry) -> bool:
        """Delete the version `old`; False when it is no longer the newest."""
        return (await self.try_delete(resource, old))[0]

    async def try_delete(self, resource: Resource, old: Entry) -> tuple[bool, int]:
        """Delete the version `old`: (done, the revision)."""
        full = (resource.prefix + old.key).encode()
        try:
            result = await self.store.txn(
                Txn((Compare(full, Target.MOD, Result.EQUAL, old.revision),), (Delete(full),), (Range(full),))
            )
        except StoreError as error:
            raise storage_failure(error) from error
        return result.succeeded, result.revision

    def _written(self, resource: Resource, key: str, value: bytes, revision: int) -> Entry:
        """The entry of our own write: the cache has it already, or will soon."""
        entry = self.cache.of(resource.prefix).entries.get(key)
        if entry is not None and entry.revision == revision:
            return entry
        return Entry.stored(key, value, revision)

    async def newest(self, resource: Resource, key: str) -> Entry | None:
        """The newest version, past the cache: asked for after a lost race."""
        try:
            result = await self.store.range(Range((resource.prefix + key).encode()))
        except StoreError as error:
            raise storage_failure(error) from error
        return _entry_of(key, result)

    def time_to_live(self, resource: Resource) -> int:
        """After how many seconds objects vanish by themselves; 0: they stay. Only events do."""
        return self.event_ttl if resource.kind == "Event" and resource.custom is None else 0

    async def lease(self, seconds: int) -> int:
        """A lease for objects that vanish by themselves (events). One lease serves all of about the same age."""
        from minikube_edu.lib import clock

        now = clock.monotonic()
        found = self._leases.get(seconds)
        if found and now < found[1] and found[2] < 1000:
            self._leases[seconds] = (found[0], found[1], found[2] + 1)
            return found[0]
        slack = max(seconds // 20, 1)
        status = await self.store.grant(seconds + slack)
        self._leases[seconds] = (status.id, now + slack, 1)
        return status.id


def _entry_of(key: str, result: Any) -> Entry | None:
    if not isinstance(result, RangeResult) or not result.kvs:
        return None
    kv = result.kvs[0]
    return Entry.stored(key, kv.value, kv.mod_revision, kv.lease)


def storage_failure(error: StoreError) -> Exception:
    """The answer to a client when the store did not do its part."""
    if isinstance(error, Unavailable):
        return (
            ServerTimeout("etcdserver: request timed out")
            if "timed out" in str(error)
            else ServiceUnavailable(str(error))
        )
    if isinstance(error, NoSpace):
        return GenericError(str(error))
    return GenericError(str(error))
