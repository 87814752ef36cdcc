"""HashKV: one number for all keys and values at a revision, so that two members can be compared.

The real etcd hashes what its backend file holds since the last compaction; a number of ours is over the keys as they
were at the revision, and so compares stores of ours with each other, not with a bbolt file. A store that is somebody
else's (grpc_driver.py) has a `hash_kv` of its own and is asked.
"""

from __future__ import annotations

import zlib
from typing import Protocol, runtime_checkable

from msgspec import Struct

from minikube_edu.etcd.contract import FutureRevision, Range, Store

PAGE = 500  # keys
NEVER = -1  # the compact revision of a store that nobody has compacted


class KeyspaceHash(Struct, frozen=True):
    hash: int
    compact_revision: int
    revision: int


@runtime_checkable
class Hashing(Protocol):
    async def hash_kv(self, revision: int) -> KeyspaceHash: ...


async def hash_of(store: Store, revision: int = 0) -> KeyspaceHash:
    """Of the keys at that revision; 0: now. Raises Compacted and FutureRevision."""
    if isinstance(store, Hashing):
        return await store.hash_kv(revision)
    status = await store.status()
    if revision > status.revision:
        raise FutureRevision
    at = revision or status.revision
    value, key = zlib.crc32(b"key"), b"\0"
    while True:
        page = await store.range(Range(key, b"\0", limit=PAGE, revision=at))
        for kv in page.kvs:
            numbers = f"{kv.create_revision} {kv.mod_revision} {kv.version} {kv.lease} {len(kv.key)} {len(kv.value)}"
            for data in (numbers.encode(), kv.key, kv.value):
                value = zlib.crc32(data, value)
        if not page.more:
            return KeyspaceHash(value, status.compact_revision or NEVER, at)
        key = page.kvs[-1].key + b"\0"
