"""Waiting for the cluster: until an object is gone, or until it is as it shall be.

Watches, not polls; a watch that ends is begun anew. The deadline is kept by the caller's `Deadline`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl.factory import query_text
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.info import Info
from minikube_edu.kubectl.interrupts import Interrupts
from minikube_edu.lib import clock

Object = dict[str, Any]
WEEK = 7 * 24 * 3600.0


class Deadline:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = clock.monotonic() + seconds

    @property
    def left(self) -> float:
        return max(0.0, self._end - clock.monotonic())


async def until(
    info: Info, holds: Callable[[Object | None], bool], deadline: Deadline, begin: Object | None = None
) -> Object | None:
    """Follows one object until `holds(object)`; None stands for an object that is gone. TimeoutError at the end."""
    current = begin if begin is not None else await _get(info)
    version = ((current or {}).get("metadata") or {}).get("resourceVersion") or ""

    async def follow() -> Object | None:
        nonlocal version, current
        while True:
            try:
                if not version:
                    listed = await info.factory.send(
                        "GET", info.path(collection=True), fieldSelector=f"metadata.name={info.name}"
                    )
                    version = (listed.get("metadata") or {}).get("resourceVersion") or ""
                    items = listed.get("items") or []
                    current = items[0] if items else None
                    if holds(current):
                        return current
                found = await _watch(info, version, holds)
                if found is not _ENDED:
                    return found
            except ApiError as error:
                if not error.expired:
                    raise
            version = ""

    with Interrupts():
        if holds(current):
            return current
        return await asyncio.wait_for(follow(), deadline.left)


_ENDED: Any = object()


async def _watch(info: Info, version: str, holds: Callable[[Object | None], bool]) -> Object | None:
    query: dict[str, Any] = {"watch": True, "resourceVersion": version, "fieldSelector": f"metadata.name={info.name}"}
    stream = await info.factory.client.sender.stream("GET", info.path(collection=True) + query_text(query))
    try:
        async for lines in stream.batches():
            for line in lines:
                if not line:
                    continue
                event = orjson.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"])
                if event["type"] == "BOOKMARK":
                    continue
                obj = None if event["type"] == "DELETED" else event["object"]
                if holds(obj):
                    return obj
    except ConnectionError:
        pass
    finally:
        stream.close()
    found: Object | None = _ENDED
    return found


async def _get(info: Info) -> Object | None:
    try:
        return await info.factory.send("GET", info.path())
    except ApiError as error:
        if error.not_found:
            return None
        raise


async def until_gone(infos: list[Info], uids: dict[str, str], deadline: Deadline) -> None:
    """Until each is gone, or another one has taken its name."""
    for info in infos:
        uid = uids.get(info.path(), "")

        def gone(obj: Object | None, uid: str = uid) -> bool:
            return obj is None or bool(uid and (obj.get("metadata") or {}).get("uid") != uid)

        await in_time(until(info, gone, deadline), info)


async def in_time(waiting: Awaitable[Object | None], info: Info) -> Object | None:
    try:
        return await waiting
    except TimeoutError:
        raise CommandError(f"timed out waiting for the condition on {info.plural_name}") from None
