"""A small load driver: the same request from several connections over TLS, in as many processes as are asked for.

It is Python and takes processor time from the server on a small machine: rates are a lower bound. `KBENCH` can name the
Go driver instead (see `tests.bench.__main__`).
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Callable
from typing import NamedTuple

import orjson

from minikube_edu.client.kubeconfig import connect as connect_client
from minikube_edu.client.kubeconfig import default_client_config
from minikube_edu.client.transport import Caller, Headers

JSON = ((b"content-type", b"application/json"), (b"accept", b"application/json"))
TABLE = ((b"accept", b"application/json;as=Table;v=v1;g=meta.k8s.io,application/json"),)
MAPS = "/api/v1/namespaces/bench/configmaps"
PODS = "/api/v1/namespaces/bench/pods"


class Figures(NamedTuple):
    """What a load came to."""

    requests: int
    seconds: float
    median: float  # milliseconds
    tail: float  # 99th percentile

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    def __str__(self) -> str:
        return f"{self.rate:8.0f}/s  p50 {self.median:6.2f} ms  p99 {self.tail:6.2f} ms"


def config_map(name: str) -> bytes:
    return orjson.dumps({"metadata": {"name": name, "labels": {"app": "bench"}}, "data": {"key": "x" * 200}})


def pod(name: str) -> bytes:
    container = {
        "name": "c", "image": "nginx:1.27", "ports": [{"containerPort": 80}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }  # fmt: skip
    metadata = {"name": name, "labels": {"app": "bench"}}
    return orjson.dumps({"metadata": metadata, "spec": {"containers": [container]}})


BODIES: dict[str, tuple[str, Callable[[str], bytes]]] = {"create": (MAPS, config_map), "pods": (PODS, pod)}


def caller_of(kubeconfig: str) -> Caller:
    return connect_client(default_client_config(kubeconfig)).sender.caller


async def _load(kubeconfig: str, work: str, prefix: str, numbers: range, connections: int) -> list[float]:
    """Milliseconds of each request."""
    caller = caller_of(kubeconfig)
    pending = iter(numbers)
    took: list[float] = []

    async def worker() -> None:
        for number in pending:
            begun = time.perf_counter()
            if work in BODIES:
                path, body = BODIES[work]
                answer = await caller.request("POST", path, JSON, body(f"{prefix}-{number:07d}"))
            else:
                answer = await caller.request("GET", work, JSON)
            took.append((time.perf_counter() - begun) * 1000)
            if answer.status not in (200, 201):
                raise RuntimeError(f"{work}: {answer.status} {answer.body[:300]!r}")

    await asyncio.gather(*(worker() for _ in range(connections)))
    await caller.close()
    return took


def _child(arguments: tuple[str, str, str, range, int]) -> list[float]:
    return asyncio.run(_load(*arguments))


def load(
    kubeconfig: str,
    work: str,
    count: int,
    *,
    prefix: str = "x",
    connections: int = 16,
    processes: int = 1,
    start: int = 0,
) -> Figures:
    """`work` is "create" (ConfigMaps), "pods", or a path to GET."""
    shares = [range(start + part, start + count, processes) for part in range(processes)]
    arguments = [(kubeconfig, work, prefix, share, max(1, connections // processes)) for share in shares]
    begun = time.perf_counter()
    if processes == 1:
        took = _child(arguments[0])
    else:
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            pool.map(_ready, range(processes))  # imports are not part of the measure
            begun = time.perf_counter()
            took = [one for part in pool.map(_child, arguments) for one in part]
    seconds = time.perf_counter() - begun
    took.sort()
    return Figures(len(took), seconds, took[len(took) // 2], took[len(took) * 99 // 100])


def _ready(_: int) -> None:
    time.sleep(0.05)


async def repeated(kubeconfig: str, target: str, headers: Headers, times: int) -> tuple[float, int]:
    """(median milliseconds, bytes) of a GET, one after the other."""
    caller = caller_of(kubeconfig)
    took: list[float] = []
    size = 0
    for _ in range(times):
        begun = time.perf_counter()
        answer = await caller.request("GET", target, headers)
        took.append((time.perf_counter() - begun) * 1000)
        size = len(answer.body)
    await caller.close()
    return sorted(took)[times // 2], size


async def fan_out(kubeconfig: str, watchers: int, events: int) -> tuple[float, float]:
    """(events a second over all watchers, median milliseconds from the request to the delivery)."""
    caller = caller_of(kubeconfig)
    sent: dict[bytes, float] = {}
    took: list[float] = []
    target = f"{MAPS}?watch=1&labelSelector=app=bench&resourceVersion="
    listed = await caller.request("GET", f"{MAPS}?limit=1", JSON)
    version = orjson.loads(listed.body)["metadata"]["resourceVersion"]
    streams = [await caller.stream("GET", target + version, JSON) for _ in range(watchers)]

    async def follow(number: int) -> None:
        seen = 0
        async for batch in streams[number].batches():
            now = time.perf_counter()
            for line in batch:
                at = line.find(b'"name":"fan-')
                if at > 0:
                    seen += 1
                    took.append((now - sent[line[at + 8 : line.index(b'"', at + 8)]]) * 1000)
            if seen == events:
                break
        streams[number].close()

    begun = time.perf_counter()
    followers = [asyncio.create_task(follow(number)) for number in range(watchers)]
    for number in range(events):
        name = f"fan-{number:05d}"
        sent[name.encode()] = time.perf_counter()
        await caller.request("POST", MAPS, JSON, config_map(name))
    await asyncio.gather(*followers)
    seconds = time.perf_counter() - begun
    await caller.close()
    took.sort()
    return watchers * events / seconds, took[len(took) // 2]
