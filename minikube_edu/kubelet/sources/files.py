"""Static pods from a directory: every file that is not hidden is a manifest; the source is what lies there now.

A file that cannot be read, parsed or accepted is logged and left out, the others are not disturbed; a pod that such a
file had before goes. Changes act at once where the kernel tells of them (`inotify`), and are looked for every 20
seconds in any case. The path may also be a single file, and may appear later.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence

from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.sources.inotify import Watch
from minikube_edu.kubelet.sources.static_pods import BadManifest, static_pods
from minikube_edu.lib.klog import keyed
from minikube_edu.lib.node_root import shown

log = logging.getLogger(__name__)

SETTLE = 0.01  # a file is often written in several steps
POLL, POLL_IDLE, IDLE_AFTER = 0.2, 1.0, 60.0  # without inotify

Stamp = tuple[int, int, int]  # mtime, size, inode


class ManifestDirectory:
    def __init__(
        self, path: str, node: str, changed: Callable[[Sequence[Object]], None], *, every: float = 20.0
    ) -> None:
        """`changed` gets all pods of the directory whenever they are others than before, and once at the start."""
        self._path = path
        self._node = node
        self._changed = changed
        self._every = every
        self._known: dict[str, tuple[Stamp, list[Object]]] = {}
        self._told: list[str] | None = None
        self._signal = asyncio.Event()
        self._watch: Watch | None = None

    def look(self) -> None:
        """Read what has changed, and tell if the pods have."""
        found: dict[str, tuple[Stamp, list[Object]]] = {}
        for path, stamp in self._files():
            before = self._known.get(path)
            found[path] = before if before is not None and before[0] == stamp else (stamp, self._read(path))
        self._known = found
        pods: dict[str, Object] = {}
        for _, of_file in found.values():
            for pod in of_file:
                name = pod_facts.full_name(pod)
                if any(pod_facts.full_name(other) == name for other in pods.values()):
                    log.warning("two manifests in %s are of pod %s: one is left out", self._path, name)
                    continue
                pods[pod_facts.uid(pod)] = pod
        if self._told != sorted(pods):
            self._told = sorted(pods)
            self._changed(list(pods.values()))

    async def run(self) -> None:
        """Follow changes until cancelled. `look` has been called once before, or is now."""
        try:
            quiet = 0.0
            while True:
                self._signal.clear()
                self._listen()
                self.look()
                wait = self._every if self._watch is not None else POLL_IDLE if quiet >= IDLE_AFTER else POLL
                told = self._told
                try:
                    async with asyncio.timeout(wait):
                        await self._signal.wait()
                    await asyncio.sleep(SETTLE)
                except TimeoutError:
                    pass
                quiet = quiet + wait if self._told == told else 0.0
        finally:
            if self._watch is not None:
                self._watch.close()

    def _listen(self) -> None:
        if self._watch is not None and os.path.isdir(self._path):
            return
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        directory = self._path if os.path.isdir(self._path) else os.path.dirname(self._path)
        try:
            self._watch = Watch(directory, self._signal.set)
        except (OSError, NotImplementedError):  # a loop without readers
            self._watch = None

    def _files(self) -> list[tuple[str, Stamp]]:
        """Path and stamp of each manifest, by name."""
        try:
            if not os.path.isdir(self._path):
                return [(self._path, _stamp(os.stat(self._path)))]
            with os.scandir(self._path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:
            return []
        except OSError as error:
            log.error("%s", keyed("Unable to read config path", path=shown(self._path), err=str(error)))
            return []
        found = []
        for entry in listed:
            if entry.name.startswith("."):
                continue
            try:
                status = entry.stat()
                if entry.is_file():
                    found.append((entry.path, _stamp(status)))
            except OSError as error:
                log.error("%s", keyed("Could not get metadata", path=shown(entry.path), err=str(error)))
        return found

    def _read(self, path: str) -> list[Object]:
        try:
            with open(path, "rb") as file:
                text = file.read()
            if not text.strip():
                return []
            return static_pods(text, self._node, "file", path)
        except (OSError, BadManifest) as error:
            log.error("%s", keyed("Could not process manifest file", path=shown(path), err=f"{shown(path)}: {error}"))
            return []


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_mtime_ns, status.st_size, status.st_ino
