"""How the store grows: `python -m tests.bench.etcd_growth [keys ...]` prints one line per size.

Create and get are per operation, the range page is 500 keys in the middle (now, and at an old revision after as many
changes), watch is the replay per event, compact is per compacted revision. They should stay flat; the file linear.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable

from minikube_edu.etcd.contract import Compare, Put, Range, Result, Store, Target, Txn, WatchBatch, WatchRequest
from minikube_edu.etcd.opening import open_store

PARALLEL = 16
VALUE = os.urandom(500) * 2


def name(number: int) -> bytes:
    return b"/registry/pods/namespace-%03d/pod-%08d" % (number % 100, number)


async def _timed(count: int, work: Callable[[int], Awaitable[object]]) -> float:
    """Microseconds per operation, sixteen in flight."""

    async def client(first: int) -> None:
        for number in range(first, count, PARALLEL):
            await work(number)

    start = time.perf_counter()
    await asyncio.gather(*map(client, range(PARALLEL)))
    return (time.perf_counter() - start) / count * 1e6


async def measure(store: Store, path: str, keys: int) -> None:
    async def create(number: int) -> None:
        key = name(number)
        await store.txn(Txn([Compare(key, Target.MOD, Result.EQUAL, 0)], [Put(key, VALUE)], [Range(key)]))

    async def update(number: int) -> None:
        await store.put(Put(name(number * 7 % keys), VALUE))

    async def page(revision: int) -> float:
        start = time.perf_counter()
        for _ in range(10):
            low = b"/registry/pods/namespace-050/"
            assert len((await store.range(Range(low, b"/registry/pods0", limit=500, revision=revision))).kvs) > 0
        return (time.perf_counter() - start) / 10 * 1e3

    created = await _timed(keys, create)
    got = await _timed(min(keys, 10_000), lambda number: store.range(Range(name(number))))
    paged = await page(0)
    revision = store.revision
    updated = await _timed(1000, update)
    paged_past = await page(revision)
    events = 0

    def deliver(batch: WatchBatch) -> None:
        nonlocal events
        events += len(batch.events)

    start = time.perf_counter()
    watch = await store.watch(WatchRequest(b"/registry/", b"/registry0", revision - 500), deliver)
    replayed = (time.perf_counter() - start) / events * 1e6
    watch.cancel()
    start = time.perf_counter()
    await store.compact(store.revision, physical=True)
    compacted = (time.perf_counter() - start) / store.revision * 1e6
    start = time.perf_counter()
    assert (await store.range(Range(b"/registry/", b"/registry0", count_only=True))).count == keys
    counted = (time.perf_counter() - start) * 1e6
    size = os.path.getsize(path) / 1e6
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    await store.close()
    start = time.perf_counter()
    await (await open_store(path)).close()
    opened = (time.perf_counter() - start) * 1e3
    print(
        f"{keys:>7} keys: create {created:6.1f} us  update {updated:6.1f} us  get {got:5.1f} us  page {paged:5.2f} ms"
        f"  old page {paged_past:5.2f} ms  replay {replayed:5.1f} us  count {counted:5.1f} us"
        f"  compact {compacted:5.2f} us/rev  open {opened:6.1f} ms  file {size:6.1f} MB  peak {memory:5.1f} MiB",
        flush=True,
    )


async def main() -> None:
    for keys in map(int, sys.argv[1:] or ("1000", "10000", "100000")):
        with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory:
            path = os.path.join(directory, "db")
            await measure(await open_store(path), path, keys)


if __name__ == "__main__":
    asyncio.run(main())
