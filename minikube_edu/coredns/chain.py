"""How a question goes through a server's plugins, and what they all need to answer it.

A plugin answers, or asks the rest of the chain (`following`) and may change the question before and the answer after.
At the end of the chain nobody knows: SERVFAIL, as with the real one's `no next plugin found`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from minikube_edu.cni.contract import Address
from minikube_edu.lib import dns_messages as dns
from minikube_edu.lib.dns_messages import Message, Record


class Query(Struct, frozen=True):
    message: Message
    client: Address
    transport: str = "udp"

    @property
    def name(self) -> str:
        """Lower case, absolute."""
        return self.message.questions[0].name.lower()

    @property
    def asked(self) -> str:
        """As the client wrote it: answers have the same capitals."""
        return self.message.questions[0].name

    @property
    def type(self) -> int:
        return self.message.questions[0].type

    @property
    def type_name(self) -> str:
        return dns.TYPE_NAMES.get(self.type, f"TYPE{self.type}")

    def renamed(self, name: str) -> Query:
        question = replace(self.message.questions[0], name=name)
        return replace(self, message=replace(self.message, questions=(question,)))


Next = Callable[[Query], Awaitable[Message]]


class Failure(Exception):
    """A plugin has no answer: SERVFAIL for the client, the text for the `errors` plugin."""


class Plugin(Protocol):
    async def answer(self, query: Query, following: Next) -> Message: ...


def chained(plugins: Sequence[Plugin]) -> Next:
    async def end(query: Query) -> Message:
        raise Failure("plugin/forward: no next plugin found")

    def before(plugin: Plugin, following: Next) -> Next:
        async def serve(query: Query) -> Message:
            return await plugin.answer(query, following)

        return serve

    first: Next = end
    for plugin in reversed(plugins):
        first = before(plugin, first)
    return first


def matching(name: str, zones: Sequence[str]) -> str:
    """The longest zone that contains the name; empty when none does."""
    found = [zone for zone in zones if zone == "." or name == zone or name.endswith("." + zone)]
    return max(found, key=len, default="")


def soa(zone: str, ttl: int, serial: int) -> Record:
    joined = "." + zone if zone != "." else "."
    data = (f"ns.dns{joined}", f"hostmaster{joined}", serial, 7200, 1800, 86400, ttl)
    return Record(zone, dns.SOA, data, min(ttl, 300))
