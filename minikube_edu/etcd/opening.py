"""Open a store: the one door for those who embed it."""

from __future__ import annotations

from minikube_edu.etcd.compact import AutoCompaction
from minikube_edu.etcd.contract import Store
from minikube_edu.etcd.limits import MIN_LEASE_TTL, PROGRESS_INTERVAL
from minikube_edu.etcd.sqlite import SqliteStore


async def open_store(
    path: str | None,
    *,
    fsync: bool = True,
    quota: int = 0,
    auto_compaction: AutoCompaction | None = None,
    min_lease_ttl: int = MIN_LEASE_TTL,
    progress_interval: float = PROGRESS_INTERVAL,
) -> Store:
    """The store in this file, made if it is not there; None: in memory, gone with the process.

    `quota` in bytes (0: etcd's default of 2 GiB). Raises Unavailable when another process has the file, Corrupt when
    it is damaged, read-only or not ours. `close()` it: that finishes what was asked for and leaves no task, thread or
    lock.
    """
    store = SqliteStore(
        path or ":memory:",
        fsync=fsync,
        quota=quota,
        auto_compaction=auto_compaction,
        min_lease_ttl=min_lease_ttl,
        progress_interval=progress_interval,
    )
    await store.start()
    return store
