"""The `forward` plugin: questions that this server cannot answer go to others.

An upstream is a server inside the cluster's network (a stub domain's, in a pod); the internet's are not reachable from
there. As the real one does, it keeps upstreams that do not answer out of the way for a while (its health check), so
that a client hears SERVFAIL soon and does not wait. An upstream on localhost would be this server itself: it is never
asked, which is also what the `loop` plugin watches for.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from minikube_edu.cni.contract import Address, Namespace
from minikube_edu.coredns.chain import Failure, Next, Query, matching
from minikube_edu.coredns.corefile import CorefileError, Directive, absolute
from minikube_edu.lib import clock, ids
from minikube_edu.lib import dns_messages as dns
from minikube_edu.lib.dns_messages import Message

READ_TIMEOUT = 2.0
KNOCK_TIMEOUT = 0.05
DOWN_SECONDS = 15.0  # before a dead upstream is tried again
Read = Callable[[str], Awaitable[bytes]]


class Upstream(Struct):
    address: Address
    down_until: float = 0.0
    known_until: float = 0.0  # that a way leads there


class Forward:
    def __init__(self, zone: str, upstreams: Sequence[Upstream], directive: Directive, network: Namespace) -> None:
        self._zone = zone
        self._upstreams = list(upstreams)
        self._except = tuple(absolute(word) for line in directive.options("except") for word in line)
        self._policy = directive.option("policy", "random")
        self._force_tcp = bool(directive.options("force_tcp"))
        self._network = network
        self._turn = 0
        self.requests = 0

    @classmethod
    async def of(cls, directive: Directive, read: Read, network: Namespace) -> Forward:
        if len(directive.args) < 2:
            raise CorefileError("plugin/forward: Wrong argument count or unexpected line ending after 'forward'")
        upstreams: list[Upstream] = []
        for word in directive.args[1:]:
            if word.startswith("/"):
                upstreams += [Upstream(Address(ip, 53)) for ip in await _nameservers(word, read)]
            else:
                upstreams.append(Upstream(_address(word)))
        return cls(absolute(directive.args[0]), upstreams, directive, network)

    async def answer(self, query: Query, following: Next) -> Message:
        if not matching(query.name, [self._zone]) or matching(query.name, self._except):
            return await following(query)
        self.requests += 1
        failure = "no healthy upstreams"
        for upstream in self._in_order():
            if not await self._is_up(upstream):
                failure = f"read udp {self._own_ip()}:{ids.integer(32768, 60999)}->{upstream.address}: i/o timeout"
                continue
            try:
                return await self._ask(upstream, query)
            except (OSError, TimeoutError, dns.Malformed):
                upstream.down_until = clock.monotonic() + DOWN_SECONDS
                failure = f"read udp {self._own_ip()}:{ids.integer(32768, 60999)}->{upstream.address}: i/o timeout"
        raise Failure(failure)

    def _own_ip(self) -> str:
        return self._network.ips[0] if self._network.ips else "127.0.0.1"

    def _in_order(self) -> list[Upstream]:
        if not self._upstreams or self._policy == "sequential":
            return self._upstreams
        self._turn = self._turn + 1 if self._policy == "round_robin" else ids.integer(0, len(self._upstreams) - 1)
        start = self._turn % len(self._upstreams)
        return [*self._upstreams[start:], *self._upstreams[:start]]

    async def _is_up(self, upstream: Upstream) -> bool:
        """Where no way leads, nobody need wait. Who does not answer to ping may still answer questions: a service."""
        now = clock.monotonic()
        if now < upstream.down_until or ipaddress.ip_address(upstream.address.ip).is_loopback:
            return False
        if now >= upstream.known_until:
            try:
                await self._network.ping(upstream.address.ip, KNOCK_TIMEOUT)
            except OSError as error:
                if error.errno == errno.ENETUNREACH:
                    upstream.down_until = now + DOWN_SECONDS
                    return False
            upstream.known_until = clock.monotonic() + DOWN_SECONDS
        return True

    async def _ask(self, upstream: Upstream, query: Query) -> Message:
        question = Message.query(ids.integer(0, 65535), query.name, query.type)
        async with asyncio.timeout(READ_TIMEOUT):
            if query.transport == "tcp" or self._force_tcp:
                answer = await self._over_tcp(upstream.address, question)
            else:
                answer = await self._over_udp(upstream.address, question)
        reply = query.message.reply(
            answer.rcode, answer.answers, authority=answer.authority, truncated=answer.truncated
        )
        return reply

    async def _over_udp(self, to: Address, question: Message) -> Message:
        socket = self._network.datagrams()
        try:
            socket.send(question.encode(), to)
            while True:
                data, _ = await socket.receive()
                answer = Message.decode(data)
                if answer.response and answer.id == question.id:
                    return answer
        finally:
            socket.close()

    async def _over_tcp(self, to: Address, question: Message) -> Message:
        connection = await self._network.connect(to.ip, to.port, READ_TIMEOUT)
        answer = await dns.over_stream(connection, question.encode())
        if answer is None:
            raise ConnectionResetError
        return Message.decode(answer)


async def _nameservers(path: str, read: Read) -> list[str]:
    try:
        text = (await read(path)).decode("utf-8", "replace")
    except OSError as error:
        raise CorefileError(f"plugin/forward: open {path}: {(error.strerror or str(error)).lower()}") from None
    found = []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if len(words) > 1 and words[0] == "nameserver":
            found.append(words[1].partition("%")[0])
    return found


def _address(word: str) -> Address:
    """`10.0.0.1`, `10.0.0.1:5353`, `dns://…`; what speaks TLS is not spoken to."""
    plain = word.split("://", 1)[-1].partition("%")[0]
    host, colon, port = plain.rpartition(":")
    if not colon or ":" in host:
        host, port = plain, "53"
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise CorefileError(f'plugin/forward: not an IP address or file: "{word}"') from None
    return Address(host.strip("[]"), int(port) if port.isdigit() else 53)
