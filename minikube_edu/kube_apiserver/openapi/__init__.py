"""OpenAPI: what every type and path looks like, for kubectl explain, client-side checks and generators of clients.

`/openapi/v3` is an index; each group version has a document of its own behind it. `/openapi/v2` is all of them in one.
They are made from the schema facts and the scheme when somebody asks, and kept encoded; custom resources come in with
their definitions' schemas. The hash in the index names a document's content: a client may keep a document for ever
under that name.

Version 2 is served in protobuf, too; version 3 in JSON alone, where the real server has both.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from weakref import WeakKeyDictionary

import orjson

from minikube_edu.api.scheme import Resource, Scheme
from minikube_edu.kube_apiserver.openapi import documents
from minikube_edu.lib import version
from minikube_edu.lib.web.messages import Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

JSON = b"application/json"


def answer(server: ApiServer, request: Request) -> Response | None:
    accept = (request.header(b"accept") or b"").decode("latin-1")
    etag = (request.header(b"if-none-match") or b"").decode("latin-1")
    return respond(server.scheme, request.path, request.query, accept, etag)


def respond(scheme: Scheme, path: str, query: str = "", accept: str = "", if_none_match: str = "") -> Response | None:
    """The answer to one path of OpenAPI, from the scheme alone."""
    books = _books(scheme)
    bare = path.rstrip("/")
    if bare == "/openapi/v2":
        return _swagger(books, accept, if_none_match)
    if bare == "/openapi/v3":
        return Response(200, books.index(), b"text/plain; charset=utf-8")
    if not bare.startswith("/openapi/v3/"):
        return None
    name = bare.removeprefix("/openapi/v3/")
    if name not in books.names:
        return Response(404, b"", b"")
    if not _json_will_do(accept):
        return Response(406, b"", b"")
    wanted = parse_qs(query).get("hash", [""])[0]
    current = books.hash_of(name)
    if wanted and wanted != current:
        return Response(301, b"", b"", [(b"Location", f"{bare}?hash={current}".encode())])
    forever = [(b"Cache-Control", b"public, immutable")] if wanted else []
    return _kept(books.document(name), if_none_match, forever)


def _swagger(books: _Books, accept: str, if_none_match: str) -> Response:
    from minikube_edu.kube_apiserver.openapi import binary

    for part in accept.split(",") if accept else ():
        if part.partition(";")[0].strip() in binary.MEDIA_TYPES:
            return _kept(books.binary(), if_none_match, content_type=binary.CONTENT_TYPE)
        if _json_will_do(part):
            break
    else:
        if accept:
            return Response(406, b"", b"")
    return _kept(books.swagger(), if_none_match)


def _json_will_do(accept: str) -> bool:
    if not accept:
        return True
    ranges = {part.partition(";")[0].strip() for part in accept.split(",")}
    return bool(ranges & {"application/json", "application/*", "*/*"})


def _kept(
    body: bytes, if_none_match: str, headers: list[tuple[bytes, bytes]] | None = None, content_type: bytes = JSON
) -> Response:
    etag = f'"{_digest(body)}"'
    given = [*(headers or []), (b"Vary", b"Accept"), (b"Etag", etag.encode())]
    if etag in if_none_match:
        return Response(304, b"", b"", given)
    return Response(200, body, content_type, given)


def _digest(data: bytes) -> str:
    return hashlib.sha512(data).hexdigest().upper()


class _Books:
    """The documents of one state of the scheme, each made when it is first read."""

    def __init__(self, scheme: Scheme, resources: list[Resource]) -> None:
        self.scheme = scheme
        self.resources = resources
        self.names = documents.names(scheme)
        self.encoded: dict[str, bytes] = {}

    def hash_of(self, name: str) -> str:
        """From what the document is made of, so that the index does not have to make them all."""
        parts: list[Any] = [version.running(), name]
        for resource in self.resources:
            if resource.collection_path.strip("/") == name:
                parts.append([resource.name, resource.kind, resource.verbs, list(resource.subresources)])
                if resource.custom is not None:
                    parts.append(resource.custom.get("spec"))
        return _digest(orjson.dumps(parts))

    def index(self) -> bytes:
        if "index" not in self.encoded:
            paths = {
                name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={self.hash_of(name)}"} for name in self.names
            }
            self.encoded["index"] = orjson.dumps({"paths": paths})
        return self.encoded["index"]

    def document(self, name: str) -> bytes:
        if name not in self.encoded:
            self.encoded[name] = orjson.dumps(documents.make(self.scheme, name))
        return self.encoded[name]

    def swagger(self) -> bytes:
        if "v2" not in self.encoded:
            from minikube_edu.kube_apiserver.openapi import swagger

            every = [documents.make(self.scheme, name) for name in self.names]
            self.encoded["v2"] = orjson.dumps(swagger.document(every))
        return self.encoded["v2"]

    def binary(self) -> bytes:
        if "v2 binary" not in self.encoded:
            from minikube_edu.kube_apiserver.openapi import binary

            self.encoded["v2 binary"] = binary.document(orjson.loads(self.swagger()))
        return self.encoded["v2 binary"]


_kept_books: WeakKeyDictionary[Scheme, _Books] = WeakKeyDictionary()


def _books(scheme: Scheme) -> _Books:
    resources = list(scheme.resources.values())
    found = _kept_books.get(scheme)
    if found is None or found.resources != resources:
        found = _kept_books[scheme] = _Books(scheme, resources)
    return found
