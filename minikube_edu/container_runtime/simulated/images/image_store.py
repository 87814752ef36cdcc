"""The images that a node has: by id, with the names that point at them.

Pulling costs what the mood says: a moment for the registry, then the bytes of those layers that are not here yet.
Whoever pulls an image that is being pulled waits for that pull. The names survive a restart of the runtime (a file with
one name a line); what they mean is looked up again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from msgspec import Struct, field

from minikube_edu.container_runtime.cri import Credentials, Image, NotFound, RuntimeFailure
from minikube_edu.container_runtime.simulated.images.entry import Definition
from minikube_edu.container_runtime.simulated.images.reference import Reference, parse
from minikube_edu.container_runtime.simulated.images.registry import Registry

# (bytes to fetch, name) -> returns when they are here; raises RuntimeFailure
Download = Callable[[int, str], Awaitable[None]]
CHUNK = 16_000_000  # bytes between two reports of progress


async def at_once(_size: int, _name: str) -> None:
    """The download that takes no time."""


class Stored(Struct):
    definition: Definition
    tags: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    pinned: bool = False

    def image(self) -> Image:
        made = self.definition
        return Image(
            made.id, tuple(self.tags), tuple(self.digests), made.size, made.user.partition(":")[0], self.pinned
        )


class ImageStore:
    def __init__(self, registry: Registry, file: Path | None = None, pinned: Iterable[str] = ()) -> None:
        self.registry = registry
        self.pulling: dict[str, int] = {}  # name -> bytes that are still to come
        self._file = file
        self._pinned = [parse(name) for name in pinned]
        self._stored: dict[str, Stored] = {}  # by id
        self._names: dict[str, str] = {}  # tag or digest reference -> id
        self._layers: dict[str, int] = {}  # digest -> holders
        self._downloads: dict[str, asyncio.Future[None]] = {}  # by id
        self._recalled = file is None

    # -- asking ------------------------------------------------------------------------------------------------------

    def find(self, image: str) -> Stored | None:
        """By name or by id (or the beginning of one, as crictl takes it)."""
        self._recall()
        if image in self._stored:
            return self._stored[image]
        bare = image.removeprefix("sha256:")
        if len(bare) >= 12 and all(letter in "0123456789abcdef" for letter in bare):
            for id, stored in self._stored.items():
                if id.startswith(f"sha256:{bare}"):
                    return stored
        try:
            reference = parse(image)
        except RuntimeFailure:
            return None
        if reference.digest:
            found = self._names.get(f"{reference.name}@{reference.digest}")
        else:
            found = self._names.get(str(reference))
        return None if found is None else self._stored.get(found)

    def all(self) -> list[Stored]:
        self._recall()
        return list(self._stored.values())

    def used_bytes(self) -> int:
        """Layers that images share count once."""
        self._recall()
        sizes = {layer.digest: layer.size for stored in self._stored.values() for layer in stored.definition.layers}
        return sum(sizes.values())

    @property
    def layer_count(self) -> int:
        return len(self._layers)

    # -- pulling -----------------------------------------------------------------------------------------------------

    async def pull(self, image: str, credentials: Sequence[Credentials] = (), download: Download = at_once) -> Stored:
        self._recall()
        reference = parse(image)
        definition = self.registry.resolve(reference, credentials)
        under_way = self._downloads.get(definition.id)
        while under_way is not None:  # for somebody else; should that fail, it is our turn
            await asyncio.wait([under_way])
            under_way = self._downloads.get(definition.id)
        if definition.id not in self._stored and download is not at_once:
            await self._fetch(definition, str(reference), download)
        stored = self._keep(definition, reference)
        self._remember()
        return stored

    async def _fetch(self, definition: Definition, name: str, download: Download) -> None:
        done = self._downloads[definition.id] = asyncio.get_running_loop().create_future()
        size = sum(layer.size for layer in definition.layers if layer.digest not in self._layers)
        self.pulling[name] = size
        try:
            await download(0, name)  # the registry's own moment
            while (left := self.pulling[name]) > 0:
                await download(min(CHUNK, left), name)
                self.pulling[name] = left - CHUNK
        finally:
            del self.pulling[name]
            del self._downloads[definition.id]
            done.set_result(None)

    def _keep(self, definition: Definition, reference: Reference) -> Stored:
        stored = self._stored.get(definition.id)
        if stored is None:
            stored = self._stored[definition.id] = Stored(definition)
            for layer in definition.layers:
                self._layers[layer.digest] = self._layers.get(layer.digest, 0) + 1
        for pinned in self._pinned:
            if pinned.name == reference.name and pinned.tag == reference.tag:
                stored.pinned = True
        digest = f"{reference.name}@{definition.digest}"
        self._point(digest, stored, stored.digests)
        if reference.tag and not reference.digest:
            self._point(str(reference), stored, stored.tags)
        return stored

    def _point(self, name: str, stored: Stored, names: list[str]) -> None:
        """`name` is this image's from now on: a tag that moved is taken from the image that had it."""
        before = self._names.get(name)
        if before is not None and before != stored.definition.id:
            old = self._stored[before]
            if name in old.tags:
                old.tags.remove(name)
        self._names[name] = stored.definition.id
        if name not in names:
            names.append(name)

    # -- forgetting --------------------------------------------------------------------------------------------------

    def remove(self, image: str) -> None:
        """All names of it, and the layers that nobody else has."""
        stored = self.find(image)
        if stored is None:
            return
        del self._stored[stored.definition.id]
        for name in (*stored.tags, *stored.digests):
            if self._names.get(name) == stored.definition.id:
                del self._names[name]
        for layer in stored.definition.layers:
            left = self._layers.get(layer.digest, 1) - 1
            if left:
                self._layers[layer.digest] = left
            else:
                self._layers.pop(layer.digest, None)
        self._remember()

    def need(self, image: str) -> Stored:
        stored = self.find(image)
        if stored is None:
            raise NotFound(f'failed to resolve image "{image}": not found')
        return stored

    # -- across restarts ---------------------------------------------------------------------------------------------

    def _remember(self) -> None:
        if self._file is None:
            return
        names = [name for stored in self._stored.values() for name in (*stored.tags, *stored.digests)]
        text = "\n".join(names) + "\n" if names else ""
        temporary = self._file.with_suffix(".new")
        try:
            temporary.write_text(text, encoding="utf-8")
        except FileNotFoundError:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, self._file)

    def _recall(self) -> None:
        if self._recalled or self._file is None:
            return
        self._recalled = True
        try:
            names = self._file.read_text(encoding="utf-8").split()
        except FileNotFoundError:
            return
        for name in names:
            reference = parse(name)
            entry = self.registry.catalogue.entry(reference)
            found = self._names.get(f"{reference.name}@{reference.digest}") if reference.digest else None
            if found is None:
                catalogue = self.registry.catalogue
                made = catalogue.generic(reference) if entry is None else catalogue.define(entry, reference)
                self._keep(made, reference)
