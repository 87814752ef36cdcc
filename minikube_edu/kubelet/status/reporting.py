"""Brings statuses to the API: the last one of each pod, as often as it changes, and the pod's removal at its end.

Only what has changed against the API's object is sent, as a strategic merge patch that names the pod's uid, so that a
pod made anew under the same name never gets the old one's status. Of a static pod, the mirror gets it. When there is no
API server, the newest status of each pod waits until there is one.

A pod that is marked as deleted is removed (grace period 0) once it has finished here and its last status is written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import STRATEGIC_PATCH, Client, Resource
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.status.conditions import OWNED
from minikube_edu.kubelet.status.status_patch import status_patch

log = logging.getLogger(__name__)

PODS = Resource("", "v1", "pods", kind="Pod")
AT_ONCE = 8
PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)


class StatusKeeper:
    def __init__(self, client: Client | None, in_api: Callable[[str], Object | None]) -> None:
        """`in_api`: a pod's uid -> its object in the API (the mirror of a static one), as far as it is known here."""
        self.written = 0
        self._client = client
        self._in_api = in_api
        self._statuses: dict[str, Object] = {}
        self._finished: set[str] = set()
        self._dirty: dict[str, None] = {}
        self._last: dict[str, tuple[str, int, Object]] = {}  # uid -> (API uid, version, the status that the API has)
        self._writers: set[asyncio.Task[None]] = set()
        self._writing: set[str] = set()
        self._failures = 0

    def get(self, uid: str) -> Object | None:
        return self._statuses.get(uid)

    def set(self, pod: Object, status: Object) -> None:
        uid = pod_facts.uid(pod)
        if self._statuses.get(uid) != status:
            self._statuses[uid] = status
            self.sync(uid)

    def finished(self, pod: Object) -> None:
        uid = pod_facts.uid(pod)
        self._finished.add(uid)
        self.sync(uid)

    def seen(self, pod: Object) -> None:
        """The watch has told of it: what we were answered need not be kept when that is no newer."""
        uid = pod_facts.uid(pod)
        sent = self._last.get(uid)
        if sent is not None and sent[1] <= _version(pod):
            del self._last[uid]
        mine = self._statuses.get(uid)
        if mine is not None:
            self._statuses[uid] = _kept_once(mine, pod.get("status") or {})

    def forget(self, uid: str) -> None:
        self._statuses.pop(uid, None)
        self._last.pop(uid, None)
        self._finished.discard(uid)
        self._dirty.pop(uid, None)

    def sync(self, uid: str) -> None:
        """The pod's status, or its object in the API, has changed."""
        if self._client is None:
            return
        self._dirty[uid] = None
        if len(self._writers) < AT_ONCE and len(self._writers) < len(self._dirty):
            task = asyncio.get_running_loop().create_task(self._write_all(), name="pod statuses")
            self._writers.add(task)
            task.add_done_callback(self._writers.discard)

    async def flush(self, seconds: float) -> None:
        """Wait until all is written, but no longer than so."""
        if self._writers:
            await asyncio.wait(list(self._writers), timeout=seconds)

    async def close(self) -> None:
        tasks = list(self._writers)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _write_all(self) -> None:
        while True:
            uid = next((one for one in self._dirty if one not in self._writing), None)
            if uid is None:
                # At once, not when the loop gets to the callback: who asks in between needs a new writer.
                self._writers.discard(cast(asyncio.Task[None], asyncio.current_task()))
                return
            del self._dirty[uid]
            self._writing.add(uid)
            try:
                await self._write(uid)
                self._failures = 0
            except (ApiError, OSError) as error:
                self._dirty.setdefault(uid)
                pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
                self._failures += 1
                log.info("cannot write the status of pod %s, next try in %g s: %s", uid, pause, error)
                await asyncio.sleep(pause)
            finally:
                self._writing.discard(uid)

    async def _write(self, uid: str) -> None:
        assert self._client is not None
        pod, status = self._in_api(uid), self._statuses.get(uid)
        if pod is None:
            return
        name, namespace, api_uid = pod_facts.name(pod), pod_facts.namespace(pod), pod_facts.uid(pod)
        try:
            if status is not None:
                await self._patch(uid, pod, status)
            if uid in self._finished and pod_facts.is_deleted(pod) and not pod_facts.is_mirror(pod):
                options = {"gracePeriodSeconds": 0, "preconditions": {"uid": api_uid}}
                await self._client.delete(PODS, name, namespace, options=options)
        except ApiError as error:
            if error.not_found or (error.conflict and "uid" in error.message.lower()):
                return  # it is another pod by now, or none
            if error.code == 409:
                raise
            if 400 <= error.code < 500 and error.code not in (401, 403, 429):
                log.warning("the status of pod %s/%s was refused: %s", namespace, name, error)
                return
            raise

    async def _patch(self, uid: str, pod: Object, status: Object) -> None:
        assert self._client is not None
        api_uid = pod_facts.uid(pod)
        known = pod.get("status") or {}
        sent = self._last.get(uid)
        if sent is not None and sent[0] == api_uid and sent[1] > _version(pod):  # the watch is behind
            known = sent[2]
        others = [
            one for one in known.get("conditions") or () if one["type"] not in OWNED and one["type"] != DISRUPTION
        ]
        own = [one for one in status.get("conditions") or () if one["type"] in OWNED or one["type"] == DISRUPTION]
        patch = status_patch(known, {**status, "conditions": [*others, *own]})
        if not patch:
            return
        body = {"metadata": {"uid": api_uid}, "status": patch}
        answer = await self._client.patch(
            PODS, pod_facts.name(pod), body, pod_facts.namespace(pod), kind=STRATEGIC_PATCH, subresource="status"
        )
        self.written += 1
        seen = self._in_api(uid)
        if seen is None or pod_facts.uid(seen) != api_uid or _version(seen) < _version(answer):  # not by the watch yet
            self._last[uid] = (api_uid, _version(answer), answer.get("status") or {})


DISRUPTION = "DisruptionTarget"


def _kept_once(mine: Object, theirs: Object) -> Object:
    """The same status, with the API's parts where they are equal: of thousands of pods each has one then, not two."""
    return {key: theirs[key] if theirs.get(key) == value else value for key, value in mine.items()}


def _version(pod: Object) -> int:
    text = str(pod["metadata"].get("resourceVersion") or "")
    return int(text) if text.isdigit() else 0
