"""nginx as a proxy: upstreams, and a request passed on to one of them."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

from minikube_edu.cni.contract import Address, NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.programs.http_serving import Response
from minikube_edu.container_runtime.simulated.programs.nginx_config import ConfigurationError, Directive
from minikube_edu.container_runtime.simulated.tools.network.encrypted import client_context, encrypt
from minikube_edu.container_runtime.simulated.tools.network.http_talk import (
    Answer,
    EmptyReply,
    Exchange,
    NotHttp,
    Url,
    parse_url,
)

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.programs.nginx_site import Handling

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "content-length"}
HIDDEN = {"date", "server", *HOP_BY_HOP}


class Upstreams:
    """Names that were resolved as nginx started, and whose turn it is."""

    def __init__(self, counts: Callable[[], tuple[int, int, int]]) -> None:
        self.counts = counts  # open connections, accepted ones, requests: for stub_status
        self.addresses: dict[str, list[Address]] = {}
        self._turn: dict[str, int] = {}

    async def resolve(self, process: Process, http: Directive) -> None:
        """All upstreams and all literal hosts of proxy_pass: nginx does not start without them."""
        for upstream in http.all("upstream"):
            found: list[Address] = []
            for server in upstream.all("server"):
                host, _, port = server.args[0].partition(":")
                found += await self._look_up(process, host, int(port or 80), server)
            if not found:
                raise ConfigurationError(f"no servers are inside upstream in {upstream.where()}")
            self.addresses[upstream.args[0]] = found
        for passing in _descend(http, "proxy_pass"):
            if passing.args and "$" not in passing.args[0]:
                url = _url(passing.args[0])
                if url.host not in self.addresses and url.authority not in self.addresses:
                    self.addresses[url.authority] = await self._look_up(process, url.host, url.port, passing)

    async def _look_up(self, process: Process, host: str, port: int, where: Directive) -> list[Address]:
        try:
            return [Address(ip, port) for ip in await process.resolve(host)]
        except OSError:
            raise ConfigurationError(f'host not found in upstream "{host}" in {where.where()}') from None

    async def next(self, process: Process, url: Url) -> list[Address]:
        """Where to try, in order: round robin."""
        for name in (url.host, url.authority):
            if addresses := self.addresses.get(name):
                turn = self._turn[name] = self._turn.get(name, -1) + 1
                return [addresses[(turn + step) % len(addresses)] for step in range(len(addresses))]
        return [Address(ip, url.port) for ip in await process.resolve(url.host)]


def _url(text: str) -> Url:
    try:
        return parse_url(text)
    except ValueError:
        raise ConfigurationError(f'invalid host in upstream "{text}"') from None


def _descend(directive: Directive, name: str) -> list[Directive]:
    found = []
    for one in directive.block or []:
        if one.name == name:
            found.append(one)
        found += _descend(one, name)
    return found


async def proxy(handling: Handling, passing: Directive, upstreams: Upstreams) -> Response:
    text = handling.expand(passing.args[0])
    url = _url(text)
    addresses: list[Address] = []
    try:
        addresses = await upstreams.next(handling.process, url)
    except NameNotFound:
        await handling.complain(f"{url.host} could not be resolved (3: Host not found)")
        return handling.page(502)
    seconds = _seconds(handling.value("proxy_connect_timeout", "60s"))
    for address in addresses:
        shown = f'upstream: "{url.scheme}://{address}{handling.uri}"'
        try:
            connection = await handling.process.network.connect(address.ip, address.port, seconds)
        except OSError as error:
            words = f"connect() failed ({error.errno}: {reason(error)}) while connecting to upstream, {shown}"
            slow = error.errno == errno.ETIMEDOUT
            await handling.complain(f"upstream timed out (110: Operation timed out), {shown}" if slow else words)
            failure = handling.page(504 if slow else 502)
            continue
        try:
            if url.scheme == "https":
                connection = await encrypt(connection, client_context(verify=False), url.host)
            exchange = Exchange(connection)
            target = _target(handling, text, url)
            method, body = handling.request.method, handling.request.body
            await exchange.send(method, target, _headers(handling, url), body)
            answer = await exchange.answer()
            return _response(answer, await exchange.whole(answer, method))
        except (OSError, EmptyReply, NotHttp, EOFError):
            await handling.complain(f"upstream prematurely closed connection while reading response header, {shown}")
            failure = handling.page(502)
        finally:
            connection.close()
    return failure


def _target(handling: Handling, text: str, url: Url) -> str:
    """A proxy_pass with a path replaces what the location matched; without one the request passes as it came."""
    rest = text.split("://", 1)[-1]
    if "/" not in rest:
        changed = handling.uri != handling.request.path
        return handling.uri + (f"?{handling.args}" if handling.args else "") if changed else handling.request.target
    location = handling.location
    if (
        location is None
        or location.modifier in ("~", "~*")
        or "$" in (location.settings.first("proxy_pass") or location.settings).args[0]
    ):
        return url.target
    return url.target + handling.uri[len(location.pattern) :] + (f"?{handling.args}" if handling.args else "")


def _headers(handling: Handling, url: Url) -> list[tuple[str, str]]:
    changed = {"host": url.authority if url.port not in (80, 443) else url.host, "connection": "close"}
    names = {"host": "Host", "connection": "Connection"}
    levels = [handling.location.settings] if handling.location else []
    for level in [*levels, handling.site.settings, handling.http]:
        if setters := level.all("proxy_set_header"):
            for one in setters:
                if len(one.args) == 2:
                    names[one.args[0].lower()] = one.args[0]
                    changed[one.args[0].lower()] = handling.expand(one.args[1])
            break
    result = [(names[name], value) for name, value in changed.items() if value]
    result += [
        (name, value)
        for name, value in handling.request.raw_headers
        if name.lower() not in changed and name.lower() not in HOP_BY_HOP
    ]
    if handling.request.body:
        result.append(("Content-Length", str(len(handling.request.body))))
    return result


def _response(answer: Answer, body: bytes) -> Response:
    kept = [(name, value) for name, value in answer.headers if name.lower() not in HIDDEN]
    kind = answer.get("content-type")
    kept = [(name, value) for name, value in kept if name.lower() != "content-type"]
    if answer.status in (204, 304):
        kind = ""
    return Response(body, answer.status, kind, kept, answer.reason)


def _seconds(text: str) -> float:
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    for unit, size in units.items():
        if text.endswith(unit) and text[: -len(unit)].isdigit():
            return int(text[: -len(unit)]) * size
    return float(text) if text.isdigit() else 60.0
