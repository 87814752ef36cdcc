"""One HTTP GET to a pod, as probes and hooks send it: HTTP/1.1, no pool, redirects within the same host.

`get` answers with status and the beginning of the body, or raises `GetFailure` in the words of Go's http client:
`Get "http://10.244.0.5:80/": dial tcp 10.244.0.5:80: connect: connection refused`. A deadline is the caller's.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from urllib.parse import urljoin, urlsplit

import httptools
from msgspec import Struct, field

from minikube_edu.kubelet.pod_dialing import DialFailure, PodDialing, PodTarget, TlsWire, Wire, endpoint

LONGEST_BODY = 10 * 1024
MOST_REDIRECTS = 10
REDIRECTS = (301, 302, 303, 307, 308)

Pairs = Sequence[tuple[str, str]]


class GetFailure(Exception):
    """No answer that could be used."""


class Reply(Struct):
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    left_host: bool = False  # a redirect that was not followed, because it leads to another host


class Url(Struct, frozen=True):
    scheme: str
    host: str
    port: int
    target: str  # path and query

    def __str__(self) -> str:
        return f"{self.scheme}://{endpoint(self.host, self.port)}{self.target}"

    def relative(self, location: str) -> Url:
        found = urlsplit(urljoin(str(self), location))
        port = found.port or (443 if found.scheme == "https" else 80)
        target = (found.path or "/") + (f"?{found.query}" if found.query else "")
        return Url(found.scheme, found.hostname or "", port, target)


async def get(dialing: PodDialing, target: PodTarget, url: Url, headers: Pairs, redirects: bool = True) -> Reply:
    first = url
    for _ in range(MOST_REDIRECTS):
        reply = await _once(dialing, target, url, headers)
        location = reply.headers.get("location", "")
        if not redirects or reply.status not in REDIRECTS or not location:
            return reply
        following = url.relative(location)
        if following.host != first.host:
            reply.left_host = True
            return reply
        url = following
    raise GetFailure(f'Get "{url}": stopped after {MOST_REDIRECTS} redirects')


async def _once(dialing: PodDialing, target: PodTarget, url: Url, headers: Pairs) -> Reply:
    try:
        wire = await dialing.connect(target, url.host, url.port)
    except DialFailure as failure:
        raise GetFailure(f'Get "{url}": {failure}') from None
    try:
        if url.scheme == "https":
            secured = TlsWire(wire, url.host)
            await secured.handshake()
            return await _exchange(secured, url, headers)
        return await _exchange(wire, url, headers)
    except ssl.SSLError as error:
        plain = "HTTP_REQUEST" in str(error) or "WRONG_VERSION_NUMBER" in str(error)
        why = "http: server gave HTTP response to HTTPS client" if plain else f"remote error: tls: {error.reason}"
        raise GetFailure(f'Get "{url}": {why}') from None
    except OSError as error:
        raise GetFailure(f'Get "{url}": {error}') from None
    finally:
        await wire.close()


async def _exchange(wire: Wire, url: Url, headers: Pairs) -> Reply:
    lines = [f"GET {url.target} HTTP/1.1"]
    if not any(name.lower() == "host" for name, _ in headers):
        lines.append(f"Host: {endpoint(url.host, url.port)}")
    lines += [f"{name}: {value}" for name, value in headers]
    lines.append("Connection: close")
    wire.write("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    try:
        while not answer.complete and len(answer.reply.body) < LONGEST_BODY:
            data = await wire.read()
            if not data:
                break
            parser.feed_data(data)
            if answer.head_complete:
                answer.reply.status = parser.get_status_code()
    except httptools.HttpParserError:
        if not answer.head_complete:
            raise GetFailure(
                f'Get "{url}": net/http: HTTP/1.x transport connection broken: malformed HTTP response'
            ) from None
    if not answer.head_complete:
        raise GetFailure(f'Get "{url}": EOF')
    answer.reply.body = answer.reply.body[:LONGEST_BODY]
    return answer.reply


class _Answer:
    """What the parser calls."""

    def __init__(self) -> None:
        self.reply = Reply()
        self.head_complete = self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.reply.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.head_complete = True

    def on_body(self, data: bytes) -> None:
        self.reply.body += data

    def on_message_complete(self) -> None:
        self.complete = True
