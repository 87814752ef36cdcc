"""get and list: straight from the watch cache."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from minikube_edu.api.conversion import convert
from minikube_edu.api.errors import BadRequest, GenericError, Gone, NotAcceptable, NotFound
from minikube_edu.api.scheme import Resource
from minikube_edu.api.wire import negotiation
from minikube_edu.etcd.contract import Compacted, FutureRevision, Range, StoreError
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.encoding import load
from minikube_edu.kube_apiserver.handlers import answers
from minikube_edu.kube_apiserver.handlers.options import (
    ListOptions,
    Resume,
    TooLargeVersion,
    decode_token,
    encode_token,
    parse,
    revision_of,
)
from minikube_edu.kube_apiserver.query import Query, first
from minikube_edu.kube_apiserver.registry.store import storage_failure
from minikube_edu.kube_apiserver.selection import Selection
from minikube_edu.kube_apiserver.watch_cache import Entry
from minikube_edu.lib.web.messages import Answer, Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]

PIECE = 64  # items of a list that are joined to one piece of the answer: it never stands in memory as a whole
FRESHNESS_PATIENCE = 3.0  # seconds that a read waits for a revision that has not come yet


def get(server: ApiServer, request: Request, context: Context, query: Query) -> Answer | Awaitable[Answer]:
    if query and (version := first(query, "resourceVersion")):
        try:
            wanted = revision_of(version)
        except ValueError as error:
            raise GenericError(str(error)) from None
        if wanted > server.registry.cache.revision:
            return _get_later(server, request, context, query, wanted)
    elif not server.registry.cache.current:
        return _get_fresh(server, request, context, query)
    return get_now(server, request, context, query)


def get_now(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    resource = context.resource
    entry = server.registry.entry(resource, context.namespace, context.name)
    if entry is None:
        raise NotFound(resource.group, resource.name, context.name)
    return answers.respond(request, query, context, entry.served, resource)


async def _get_fresh(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    await server.registry.cache.fresh()
    return get_now(server, request, context, query)


async def _get_later(server: ApiServer, request: Request, context: Context, query: Query, wanted: int) -> Response:
    cache = server.registry.cache
    if not await cache.wait_for(wanted, FRESHNESS_PATIENCE):
        raise TooLargeVersion(wanted, cache.revision)
    return get_now(server, request, context, query)


def list_objects(server: ApiServer, request: Request, context: Context, query: Query) -> Answer | Awaitable[Answer]:
    options = parse(query, watch=False)
    selection = Selection(query, context.resource, server.registry.strategy(context.resource))
    cache = server.registry.cache
    try:
        wanted = revision_of(options.version)
    except ValueError as error:
        raise BadRequest(f"invalid resource version: {error}") from None
    if options.resume or options.match == "Exact":
        return _list_past(server, request, context, query, options, selection, wanted)
    if wanted > cache.revision or (options.version == "" and not cache.current):
        return _list_later(server, request, context, query, options, selection, wanted)
    return list_now(server, request, context, query, options, selection)


async def _list_later(
    server: ApiServer, request: Request, context: Context, query: Query, options: ListOptions, selection: Selection,
    wanted: int,
) -> Response:  # fmt: skip
    cache = server.registry.cache
    if not wanted:
        await cache.fresh()
    elif not await cache.wait_for(wanted, FRESHNESS_PATIENCE):
        raise TooLargeVersion(wanted, cache.revision)
    return list_now(server, request, context, query, options, selection)


def below_of(context: Context) -> str:
    return f"{context.namespace}/" if context.namespace and context.resource.namespaced else ""


def list_now(
    server: ApiServer, request: Request, context: Context, query: Query, options: ListOptions, selection: Selection
) -> Response:
    """The newest state, from the cache."""
    cache = server.registry.cache_of(context.resource)
    below = below_of(context)
    if selection.name is not None and (below or not context.resource.namespaced):
        one = below + selection.name
        keys = [one] if one in cache.entries else []
    else:
        keys = cache.keys(below)
    entries = map(cache.entries.__getitem__, keys)
    # resourceVersion=0 is answered whole: the real cache knows no pages there
    limit = options.limit if options.version != "0" and options.limit > 0 else 0
    revision = server.registry.cache.revision
    return page(server, request, context, query, entries, len(keys), selection, limit, revision)


def page(
    server: ApiServer, request: Request, context: Context, query: Query, entries: Iterable[Entry], count: int,
    selection: Selection, limit: int, revision: int,
) -> Response:  # fmt: skip
    """One page of a list: `entries` (there are `count`) in order, cut at the limit."""
    chosen = entries if selection.matches is None else filter(selection.matches, entries)
    if not limit:
        return respond_list(server, request, context, query, list(chosen), revision, {})
    if selection.matches is None:
        found = list(islice(chosen, limit))
        rest = count - len(found)
    else:
        found = list(islice(chosen, limit + 1))  # one more tells whether there are more
        rest = len(found[limit:])
        del found[limit:]
    metadata: dict[str, object] = {}
    if rest:
        metadata["continue"] = encode_token(_after(context, found[-1].key), revision)
        if selection.matches is None:
            metadata["remainingItemCount"] = rest
    return respond_list(server, request, context, query, found, revision, metadata)


def _after(context: Context, key: str) -> str:
    """Where the next page starts: below the namespace, when there is one, as the real tokens have it."""
    below = below_of(context)
    return key[len(below) :] + "\0"


async def _list_past(
    server: ApiServer, request: Request, context: Context, query: Query, options: ListOptions, selection: Selection,
    wanted: int,
) -> Response:  # fmt: skip
    """A list at an older revision: the next page, or resourceVersionMatch=Exact."""
    below = below_of(context)
    resume = Resume(wanted, "")
    if options.resume:
        resume = decode_token(options.resume)
        if options.version not in ("", "0"):
            raise BadRequest("specifying resource version is not allowed when using continue")
    cache = server.registry.cache
    if resume.revision > 0 and not await cache.wait_for(resume.revision, FRESHNESS_PATIENCE):
        raise TooLargeVersion(resume.revision, cache.revision)
    limit = max(options.limit, 0)
    mine = server.registry.cache_of(context.resource)
    if resume.revision < 0 or mine.changed <= resume.revision:
        keys = mine.keys(below, below + resume.start)
        entries = map(mine.entries.__getitem__, keys)
        revision = resume.revision if resume.revision > 0 else cache.revision
        return page(server, request, context, query, entries, len(keys), selection, limit, revision)
    prefix = context.resource.prefix
    start = (prefix + below + resume.start).encode()
    top = (prefix + below).encode()
    end = top[:-1] + bytes([top[-1] + 1])
    try:
        some = limit if selection.matches is None else 0
        result = await server.registry.store.range(Range(start, end, limit=some, revision=resume.revision))
    except Compacted:
        raise expired(server, context, options, resume) from None
    except FutureRevision:
        raise TooLargeVersion(resume.revision, cache.revision) from None
    except StoreError as error:
        raise storage_failure(error) from error
    past = [Entry.stored(kv.key.decode()[len(prefix) :], kv.value, kv.mod_revision) for kv in result.kvs]
    return page(server, request, context, query, past, result.count, selection, limit, resume.revision)


def expired(server: ApiServer, context: Context, options: ListOptions, resume: Resume) -> Gone:
    """The revision is compacted away; a continuing client is told how to go on without consistency."""
    if not options.resume:
        return Gone("The resourceVersion for the provided list is too old.")
    error = Gone(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
    status = error.status
    token = encode_token(resume.start, -1)
    error.status = lambda: status() | {"metadata": {"continue": token}}  # type: ignore[method-assign]
    return error


def respond_list(
    server: ApiServer, request: Request, context: Context, query: Query, entries: Sequence[Entry], revision: int,
    metadata: dict[str, object],
) -> Response:  # fmt: skip
    resource = context.resource
    metadata = {"resourceVersion": str(revision), **metadata}
    headers = answers.warning_headers(context.warnings) if context.warnings else ()
    if request.header(b"accept") in answers.PLAIN_JSON and not answers.wants_pretty(request, query):
        return Response(200, list_pieces(resource, entries, metadata), b"application/json", headers)
    form = answers.form_of(request, resource, collection=True)
    if form.is_table:
        from minikube_edu.kube_apiserver.handlers.tabular import table_of_entries

        include = answers.include_object(query)
        pretty = answers.wants_pretty(request, query)
        table = table_of_entries(resource, entries, metadata, include, form.api_version)
        body: bytes | Sequence[bytes] = table
        if pretty or form.media_type != negotiation.JSON:
            body, content_type = answers.encoded(load(b"".join(table)), form, pretty)
        return Response(200, body, form.media_type.encode(), headers)
    if form.is_partial:
        if form.kind != "PartialObjectMetadataList":
            raise ShapeMismatch(form.kind, resource)
        items = [answers.partial(load(entry.served), form.api_version) for entry in entries]
        whole = {
            "kind": "PartialObjectMetadataList", "apiVersion": form.api_version, "metadata": metadata, "items": items,
        }  # fmt: skip
        body, content_type = answers.encoded(whole, form, answers.wants_pretty(request, query))
        return Response(200, body, content_type, headers)
    pieces = b"".join(list_pieces(resource, entries, metadata))
    if form.media_type == negotiation.JSON and not answers.wants_pretty(request, query):
        return Response(200, pieces, b"application/json", headers)
    body, content_type = answers.encoded(load(pieces), form, answers.wants_pretty(request, query))
    return Response(200, body, content_type, headers)


class ShapeMismatch(NotAcceptable):
    """One object's shape was asked for, and the answer is a list."""

    def __init__(self, shape: str, resource: Resource) -> None:
        super().__init__("")
        package = resource.group.split(".", 1)[0] or "core"
        self.message = f"you requested {shape}, but the requested object is a list (*{package}.{list_kind(resource)})"


def list_kind(resource: Resource) -> str:
    return str(resource.custom.list_kind) if resource.custom is not None else resource.kind + "List"


def list_pieces(resource: Resource, entries: Sequence[Entry], metadata: dict[str, object]) -> list[bytes]:
    """A list is a join of bytes. Items of built-in kinds come without kind and apiVersion, as Go's typed lists have
    them."""
    if resource.custom is not None:
        metadata = {"continue": "", **metadata}
    head = orjson.dumps({"kind": list_kind(resource), "apiVersion": resource.api_version, "metadata": metadata})
    start = head[:-1] + b',"items":['
    if resource.stored_version != (resource.group, resource.version):
        items = [orjson.dumps(_bare(convert(e.object(), resource.api_version))) for e in entries]
        return [start, b",".join(items), b"]}\n"]
    if not entries:
        return [start, b"]}\n"]
    front = b"{" if resource.custom is None else entries[0].front
    tails = [entry.tail for entry in entries]
    tails[0] = start + front + tails[0]
    tails[-1] += b"]}\n"
    separator = b"," + front
    if len(tails) <= PIECE:
        return [separator.join(tails)]
    starts = range(0, len(tails), PIECE)
    return [(separator if at else b"") + separator.join(tails[at : at + PIECE]) for at in starts]


def _bare(item: Object) -> Object:
    return {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}
