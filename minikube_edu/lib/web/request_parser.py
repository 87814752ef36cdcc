"""Bytes to requests, within limits: httptools with a memory for what it does not count.

`feed` takes what came and calls the owner with each whole request; it returns the status that the client deserves
when it sent no HTTP (400), or too much of it (431), and 0 otherwise. A body over the limit is no error here: the
request is handed out at once, marked `too_large`, and the rest of its body is thrown away as it comes (`discarding`).
"""

from __future__ import annotations

from typing import Protocol

import httptools

from minikube_edu.lib.web.limits import Limits
from minikube_edu.lib.web.messages import Peer, Request

# What the answer to a request must know about it.
KEEP_ALIVE, HTTP_1_0, SWITCHABLE = 1, 2, 4


class Owner(Protocol):
    def request_came(self, request: Request, flags: int) -> None: ...

    def body_wanted(self) -> None:
        """The client waits for `100 Continue`."""
        ...

    def body_discarded(self) -> None:
        """The rest of a body over the limit has come."""
        ...


class RequestParser:
    __slots__ = (
        "_body",
        "_body_size",
        "_fed",
        "_head_size",
        "_headers",
        "_limits",
        "_owner",
        "_parser",
        "_peer",
        "_refused",
        "_target",
        "discarding",
        "in_head",
        "in_message",
        "rest",
    )

    def __init__(self, owner: Owner, limits: Limits, peer: Peer) -> None:
        self._owner = owner
        self._limits = limits
        self._peer = peer
        self.rest = b""  # what came behind a request that asks for another protocol; for the owner to take
        self.discarding = False
        self._fresh()

    def _fresh(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self.in_message = False
        self.in_head = False
        self._refused = 0  # a status: this message is answered with it and is the last one
        self._headers: list[tuple[bytes, bytes]] = []
        self._target = b""
        self._head_size = 0  # of what httptools has handed out
        self._fed = 0  # bytes of this message given to httptools, but for those that came with its first
        self._body: list[bytes] = []
        self._body_size = 0

    def feed(self, data: bytes) -> int:
        continued = self.in_message
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            # httptools stops behind a request that asks for another protocol, whatever becomes of that.
            self._fresh()
            self.rest = data[stop.args[0] :]
        except httptools.HttpParserError:
            self.in_message = False
            return self._refused or 400
        if self._refused:
            self.in_message = False
            return self._refused
        if continued and self.in_message:
            self._fed += len(data)  # a line that does not end grows inside httptools, where nobody else counts it
            if self.in_head and self._fed > self._limits.head:
                return 431
            if self._fed > self._limits.head + 8 * self._limits.body and not self.discarding:
                return 400  # one-byte chunks, endless trailers
        return 0

    def detach(self) -> None:
        """Let go of httptools, which knows our methods: a cycle."""
        del self._parser

    # -- httptools' calls --------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.in_message = self.in_head = True
        self._headers = []
        self._target = b""
        self._head_size = self._fed = 0
        self._body = []
        self._body_size = 0

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._head_size += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._refused or not self.in_head:  # not in the head: a trailer, which nobody asked for
            return
        self._head_size += len(name) + len(value) + 4
        if self._head_size > self._limits.head or len(self._headers) >= self._limits.headers:
            self._refused = 431
        else:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.in_head = False
        if self._refused:
            return
        hosts = declared = 0
        expects = False
        for name, value in self._headers:
            if name == b"host":
                hosts += 1
            elif name == b"content-length":
                declared = int(value)  # httptools has seen to it that these are digits
            elif name == b"expect":
                expects = value.lower() == b"100-continue"
        modern = self._parser.get_http_version() != "1.0"
        if hosts != 1 and modern:
            self._refused = 400
        elif declared > self._limits.body:
            self._too_large()
        elif expects and modern:
            self._owner.body_wanted()

    def on_body(self, data: bytes) -> None:
        if self.discarding or self._refused:
            return
        self._body_size += len(data)
        if self._body_size > self._limits.body:
            self._too_large()
        else:
            self._body.append(data)

    def on_message_complete(self) -> None:
        self.in_message = False
        if self.discarding:
            self.discarding = False
            self._owner.body_discarded()
        elif not self._refused:
            self._complete(False)

    # -- a whole request ---------------------------------------------------------------------------------------------

    def _too_large(self) -> None:
        self._body.clear()
        self.discarding = True
        self._complete(True)

    def _complete(self, too_large: bool) -> None:
        parser = self._parser
        path, query = split_target(self._target)
        body = b"".join(self._body)
        self._body = []
        method = parser.get_method().decode()
        request = Request(method, path, query, tuple(self._headers), body, self._peer, too_large)
        flags = KEEP_ALIVE if parser.should_keep_alive() and not too_large else 0
        if parser.get_http_version() == "1.0":
            flags |= HTTP_1_0
        if parser.should_upgrade() and not too_large:
            flags |= SWITCHABLE | KEEP_ALIVE
        self._owner.request_came(request, flags)


def split_target(target: bytes) -> tuple[str, str]:
    """Path and query of a request's target, which may be a whole URL (as sent to proxies)."""
    if not target.startswith(b"/") and b"://" in target:
        rest = target.partition(b"://")[2]
        slash = min((at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0), default=len(rest))
        target = rest[slash:]
        if not target.startswith(b"/"):
            target = b"/" + target
    if not target.isascii():
        target = b"".join([b"%%%02X" % byte if byte > 127 else bytes((byte,)) for byte in target])
    path, _, query = target.partition(b"?")
    return path.decode(), query.decode()
