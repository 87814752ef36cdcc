"""watch: what has changed since a version, then every change as it happens.

A watcher is a listener on the resource's cache. An event is encoded once and the bytes are shared by all watchers of
the same form. A watcher with selectors sees an object that begins to match as ADDED and one that ceases to as DELETED.
One that does not keep up is cut off, as the real server does; its client starts anew from the last version that it
saw. What there was before it came (all pods of a great cluster, say) is sent as fast as it takes that: meanwhile its
changes wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import orjson

from minikube_edu.api.errors import ApiError, Gone
from minikube_edu.api.scheme import Resource
from minikube_edu.api.wire import negotiation
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.encoding import load
from minikube_edu.kube_apiserver.handlers import answers
from minikube_edu.kube_apiserver.handlers.options import ListOptions, TooLargeVersion, parse, revision_of
from minikube_edu.kube_apiserver.handlers.reading import FRESHNESS_PATIENCE, below_of
from minikube_edu.kube_apiserver.query import Query
from minikube_edu.kube_apiserver.selection import Selection
from minikube_edu.kube_apiserver.watch_cache import Change, Entry
from minikube_edu.lib import ids
from minikube_edu.lib.web.messages import Answer, BodyWriter, Request, Streaming

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

UNSENT_LIMIT = 8 * 1024 * 1024  # bytes that a watcher may lag behind before it is cut off
PORTION = 1024 * 1024  # bytes of what was before; then the watcher has to take them
MOST_LATE = 50_000  # changes that wait for a watcher that is still told what was before
BOOKMARK_SECONDS = 60.0
MIN_WATCH_SECONDS = 1800

Encoder = Callable[[str, Entry], bytes]


async def watch(server: ApiServer, request: Request, context: Context, query: Query) -> Answer:
    options = parse(query, watch=True)
    resource = context.resource
    selection = Selection(query, resource, server.registry.strategy(resource))
    form = answers.form_of(request, resource, stream=True)
    include = answers.include_object(query) if form.is_table else ""
    cache = server.registry.cache
    try:
        wanted = revision_of(options.version)
    except ValueError as error:
        from minikube_edu.api.errors import GenericError

        raise GenericError(str(error)) from None
    if options.version == "":
        await cache.fresh()
    elif (options.send_initial or options.match) and not await cache.wait_for(wanted, FRESHNESS_PATIENCE):
        raise TooLargeVersion(wanted, cache.revision)
    if context.name:  # the old /watch/…/NAME form
        selection.name = context.name
    watcher = Watcher(server, resource, below_of(context), selection, options, form, include)
    return Streaming(watcher.start, stream_type(form), headers=answers.warning_headers(context.warnings))


class Watcher:
    """One open watch."""

    def __init__(
        self, server: ApiServer, resource: Resource, below: str, selection: Selection, options: ListOptions,
        form: negotiation.Form, include: str,
    ) -> None:  # fmt: skip
        self.server = server
        self.resource = resource
        self.cache = server.registry.cache_of(resource)
        self.below = below
        self.selection = selection
        self.options = options
        self.form = form
        self.include = include
        self.encode_key = (form.media_type, form.kind, form.version, include, resource.api_version)
        self.writer: BodyWriter
        self.columns_sent = False
        self.sent_revision = 0
        self.ending: Exception | None = None
        self.late: deque[Change] | None = None  # changes that wait until all is told that was before

    def start(self, writer: BodyWriter) -> Awaitable[None] | None:
        """What was before is laid hold of in the turn of the subscription: nothing can change between the two."""
        self.writer = writer
        self.server.watchers.add(self)
        loop = asyncio.get_running_loop()
        timers: list[asyncio.TimerHandle] = []
        stop: list[Callable[[], None]] = []

        def finish() -> None:
            self.server.watchers.discard(self)
            for undo in stop:
                undo()
            for timer in timers:
                timer.cancel()

        writer.on_close(finish)
        past = self.past()
        if past is None:
            writer.end()
            return None
        whole = self._go_on(past)
        if not whole:
            self.late = deque()
        stop.append(self.cache.listen(self.take if whole else self._take_late))
        timers.append(loop.call_later(self._seconds(), writer.end))
        if self.options.bookmarks:

            def bookmark() -> None:
                self.bookmark()
                timers[-1] = loop.call_later(BOOKMARK_SECONDS, bookmark)

            timers.append(loop.call_later(ids.uniform(0.8, 1.0) * BOOKMARK_SECONDS, bookmark))
        return None if whole else self._catch_up(past)

    def _seconds(self) -> float:
        if self.options.timeout is not None and self.options.timeout > 0:
            return self.options.timeout
        return ids.uniform(1.0, 2.0) * MIN_WATCH_SECONDS

    # ------------------------------------------------------------ what was

    def past(self) -> Iterator[None] | None:
        """The events up to now: each step sends one. None when the watch is over already."""
        wanted = revision_of(self.options.version)
        initial = self.options.send_initial
        if initial or (wanted == 0 and initial is None):
            return self._send_present(list(self._present()), bool(initial and self.options.bookmarks))
        if wanted == 0:  # from now on
            return iter(())
        changes = self.cache.changes_after(wanted)
        if changes is None:
            self.fail(Gone(f"too old resource version: {wanted} ({self.cache.ring_start})"))
            return None
        return map(self.take, changes)

    def _send_present(self, entries: list[Entry], bookmark: bool) -> Iterator[None]:
        revision = self.server.registry.cache.revision
        for entry in entries:
            if self.selection.matches is None or self.selection.matches(entry):
                self.send("ADDED", entry, {})
                yield
        if bookmark:
            self.bookmark(initial_end=revision)
            yield

    def _go_on(self, past: Iterator[None]) -> bool:
        """Send a portion; False when there is more."""
        return all(self.writer.unsent < PORTION for _ in past)

    async def _catch_up(self, past: Iterator[None]) -> None:
        """The rest of what was before, then what has changed meanwhile."""
        while not self._go_on(past):
            await self.writer.drained()
        assert self.late is not None
        while self.late:
            self.take(self.late.popleft())
            if self.writer.unsent > PORTION:
                await self.writer.drained()
        self.late = None

    def _take_late(self, change: Change) -> None:
        if self.late is None:
            self.take(change)
        elif len(self.late) < MOST_LATE:
            self.late.append(change)
        else:
            self.writer.abort()

    def _present(self) -> Iterable[Entry]:
        entries: Iterable[Entry] = self.cache.select(self.below)
        if self.selection.name is not None:
            entry = self.cache.entries.get(self.below + self.selection.name)
            entries = [entry] if entry else []
        return entries

    # ------------------------------------------------------------ what comes

    def take(self, change: Change) -> None:
        """One change of the resource, from the cache."""
        entry = change.entry
        if self.below and not entry.key.startswith(self.below):
            return
        kind = change.kind
        if self.selection.name is not None and entry.key != self.below + self.selection.name:
            return
        if self.selection.matches is not None:
            now = kind != "DELETED" and self.selection.matches(entry)
            before = change.before is not None and self.selection.matches(change.before)
            if not now and not before:
                return
            if kind != "ADDED":
                kind = "MODIFIED" if now and before else "ADDED" if now else "DELETED"
            if kind == "DELETED" and change.kind != "DELETED":
                assert change.before is not None
                self.send(kind, change.before.at(change.revision), {})
                return
        self.send(kind, entry, change.encoded)

    def send(self, kind: str, entry: Entry, encoded: dict[object, bytes]) -> None:
        if self.form.is_table and not self.columns_sent:
            self.columns_sent = True
            data = self.encode(kind, entry, columns=True)
        else:
            key = (kind, self.encode_key)
            found = encoded.get(key)
            if found is None:
                found = encoded[key] = self.encode(kind, entry)
            data = found
        if self.writer.unsent > UNSENT_LIMIT:
            self.writer.abort()
            return
        self.writer.write(data)
        self.sent_revision = entry.revision

    def encode(self, kind: str, entry: Entry, columns: bool = False) -> bytes:
        if self.form.is_table:
            from minikube_edu.kube_apiserver.handlers.tabular import event_table

            inner = orjson.dumps(
                event_table(self.resource, entry.object(), self.include, self.form.api_version, columns)
            )
        elif self.form.is_partial:
            inner = orjson.dumps(answers.partial(entry.object(), self.form.api_version))
        else:
            inner = answers.in_version(entry.served, self.resource)
        return self.frame(kind, inner)

    def frame(self, kind: str, inner: bytes) -> bytes:
        if self.form.media_type == negotiation.PROTOBUF:
            return protobuf_frame(kind, load(inner))
        return b'{"type":"%s","object":%s}\n' % (kind.encode(), inner.rstrip(b"\n"))

    def bookmark(self, initial_end: int = 0) -> None:
        """How far the stream has come; nothing else in it. `initial_end`: so far the initial events have come."""
        if self.late is not None and not initial_end:
            return
        metadata: dict[str, object] = {"resourceVersion": str(initial_end or self.server.registry.cache.revision)}
        if initial_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        if self.form.is_table:
            from minikube_edu.kube_apiserver.handlers.tabular import event_table

            empty = bookmark_object(self.resource, {"name": "", **metadata})
            table = event_table(self.resource, empty, self.include, self.form.api_version, not self.columns_sent)
            for row in table["rows"]:
                row.get("object", {"metadata": {}})["metadata"].pop("name", None)
            inner = orjson.dumps(table)
            self.columns_sent = True
        elif self.form.is_partial:
            inner = orjson.dumps({"kind": "PartialObjectMetadata", "apiVersion": answers.META, "metadata": metadata})
        else:
            inner = orjson.dumps(bookmark_object(self.resource, metadata))
        self.writer.write(self.frame("BOOKMARK", inner))

    def fail(self, error: ApiError) -> None:
        self.writer.write(self.frame("ERROR", orjson.dumps(error.status())))

    def end(self) -> None:
        """The server goes down."""
        if not self.writer.closed:
            self.writer.end()


def stream_type(form: negotiation.Form) -> bytes:
    return form.media_type.encode() + (b";stream=watch" if form.media_type == negotiation.PROTOBUF else b"")


def protobuf_frame(kind: str, obj: dict[str, object]) -> bytes:
    """A watch event in protobuf: its length in four bytes, then the event with the object inside."""
    from minikube_edu.api.wire import protobuf

    raw = protobuf.encode_watch_event(kind, obj)
    return len(raw).to_bytes(4, "big") + raw


def bookmark_object(resource: Resource, metadata: dict[str, object]) -> dict[str, object]:
    """An empty object of the kind: what Go's encoder always writes is there."""
    obj: dict[str, object] = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    if resource.type_name:
        from minikube_edu.api import schema

        obj = {**obj, **{k: v for k, v in schema.zero("=" + resource.type_name).items() if k not in obj}}
    return obj
