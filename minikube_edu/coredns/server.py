"""Questions in, answers out: UDP and TCP on the ports of the Corefile's server blocks.

A datagram's answer may have 512 bytes, or what the client says (EDNS); a longer one is marked as truncated, and the
client asks again over TCP. A question for a zone that no block serves is REFUSED.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections import Counter
from collections.abc import Coroutine, Mapping
from typing import Any

from msgspec.structs import replace

from minikube_edu.cni.contract import Address, Connection, Datagrams, Listener, Namespace
from minikube_edu.coredns.chain import Failure, Next, Query, matching
from minikube_edu.lib import dns_messages as dns
from minikube_edu.lib.dns_messages import LARGEST, Malformed, Message, Record

Zones = Mapping[str, Next]  # zone -> its chain
IDLE_SECONDS = 10.0
EDNS_LARGEST = 4096


class DnsServer:
    def __init__(self, network: Namespace, ports: Mapping[int, Zones]) -> None:
        self.network = network
        self.ports = dict(ports)  # may be replaced while it runs: a reload
        self.counts: Counter[tuple[str, str, str]] = Counter()  # transport, type, rcode
        self._sockets: list[Datagrams | Listener] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """OSError when a port is taken."""
        for port in self.ports:
            datagrams = self.network.datagrams(port)
            self._sockets.append(datagrams)
            listener = self.network.listen(port)
            self._sockets.append(listener)
            self._spawn(self._receive(datagrams, port))
            self._spawn(self._accept(listener, port))

    def close(self) -> None:
        for socket in self._sockets:
            socket.close()
        for task in list(self._tasks):
            task.cancel()

    def _spawn(self, running: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(running)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- transports --------------------------------------------------------------------------------------------------

    async def _receive(self, socket: Datagrams, port: int) -> None:
        while True:
            try:
                data, client = await socket.receive()
            except OSError:
                return
            self._spawn(self._answer_datagram(socket, port, data, client))

    async def _answer_datagram(self, socket: Datagrams, port: int, data: bytes, client: Address) -> None:
        answer, largest = await self.answered(port, data, client, "udp")
        if answer is not None:
            with contextlib.suppress(OSError):
                socket.send(answer.encode(largest), client)

    async def _accept(self, listener: Listener, port: int) -> None:
        while True:
            try:
                connection = await listener.accept()
            except OSError as error:
                if error.errno in (errno.EINVAL, errno.EBADF):
                    return
                continue
            self._spawn(self._talk(connection, port))

    async def _talk(self, connection: Connection, port: int) -> None:
        got = b""
        try:
            while True:
                while len(got) < 2 or len(got) < 2 + int.from_bytes(got[:2], "big"):
                    async with asyncio.timeout(IDLE_SECONDS):
                        piece = await connection.read()
                    if not piece:
                        return
                    got += piece
                size = 2 + int.from_bytes(got[:2], "big")
                answer, _ = await self.answered(port, got[2:size], connection.peer, "tcp")
                got = got[size:]
                if answer is None:
                    return
                data = answer.encode()
                await connection.write(len(data).to_bytes(2, "big") + data)
        except OSError:
            pass
        finally:
            connection.close()

    # -- one question ------------------------------------------------------------------------------------------------

    async def answered(self, port: int, data: bytes, client: Address, transport: str) -> tuple[Message | None, int]:
        """(the answer, how long it may be); None for what is no question at all."""
        try:
            message = Message.decode(data)
        except Malformed:
            return (_format_error(data), LARGEST) if len(data) >= 12 else (None, 0)
        if message.response:
            return None, 0
        if message.opcode != 0:
            return message.reply(dns.NOTIMP), LARGEST
        if len(message.questions) != 1:
            return message.reply(dns.FORMERR), LARGEST
        query = Query(message, client, transport)
        zones = self.ports.get(port, {})
        chain = zones.get(matching(query.name, list(zones)))
        if chain is None:
            answer = message.reply(dns.REFUSED)
        else:
            try:
                answer = await chain(query)
            except Failure:
                answer = message.reply(dns.SERVFAIL)
        self.counts[transport, query.type_name, dns.RCODES[answer.rcode] if answer.rcode < 6 else "OTHER"] += 1
        option = next((one for one in message.additional if one.type == dns.OPT), None)
        largest = LARGEST
        if option is not None:
            largest = max(LARGEST, min(option.kind, EDNS_LARGEST))
            answer = replace(answer, additional=(*answer.additional, Record(".", dns.OPT, b"", 0, option.kind)))
        return answer, largest


def _format_error(data: bytes) -> Message:
    return Message(int.from_bytes(data[:2], "big"), True, rcode=dns.FORMERR)
