"""Static pods from a URL (staticPodURL): asked every 20 seconds; while it is silent, its pods stay as they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.sources.static_pods import BadManifest, static_pods

log = logging.getLogger(__name__)

TIMEOUT = 10.0


class ManifestUrl:
    def __init__(
        self,
        url: str,
        node: str,
        changed: Callable[[Sequence[Object]], None],
        *,
        headers: Mapping[str, Sequence[str]] | None = None,
        every: float = 20.0,
    ) -> None:
        self._url = url
        self._node = node
        self._changed = changed
        self._headers = [
            (name.lower().encode(), text.encode()) for name, all in (headers or {}).items() for text in all
        ]
        self._every = every
        self._text: bytes | None = None

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except (OSError, BadManifest) as error:
                log.error("Failed to read pods from URL %s: %s", self._url, error)
            await asyncio.sleep(self._every)

    async def look(self) -> None:
        from minikube_edu.lib.web.client import Client

        parts = urlsplit(self._url)
        secure = parts.scheme == "https"
        context = None
        if secure:
            from minikube_edu.lib.web import tls

            context = tls.client_context(None)
        client = Client(parts.hostname or "", parts.port or (443 if secure else 80), tls=context)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            answer = await client.request("GET", target, tuple(self._headers), b"", TIMEOUT)
        finally:
            await client.close()
        if answer.status != 200:
            raise BadManifest(f"{self._url}: {answer.status}")
        if not answer.body:
            raise BadManifest(f"zero-length data received from {self._url}")
        if answer.body == self._text:
            return
        pods = static_pods(answer.body, self._node, "http", self._url)
        self._text = answer.body
        self._changed(list({pod_facts.uid(pod): pod for pod in pods}.values()))
