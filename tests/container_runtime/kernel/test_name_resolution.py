"""Names: /etc/hosts, then the servers, with search lists, retries and aliases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from minikube_edu.cni.contract import Address, NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.kernel.name_resolution import ResolvConf, candidates, parse_resolv_conf
from minikube_edu.lib import clock
from minikube_edu.lib.dns_messages import AAAA, CNAME, NXDOMAIN, SERVFAIL, A, Message, Record
from tests.container_runtime.world import NoNetwork, world

Answer = Callable[[Message], Message | None]
CLUSTER = "search default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"


def silent(query: Message) -> Message | None:
    return None


class Socket:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.address = Address("10.0.0.2", 40000)
        self.inbox: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()

    def send(self, data: bytes, to: Address) -> None:
        query = Message.decode(data)
        self.network.asked.append((to.ip, query.questions[0].name, query.questions[0].type))
        answer = self.network.servers.get(to.ip, silent)(query)
        if answer is not None:
            self.inbox.put_nowait((b"noise", to))
            self.inbox.put_nowait((answer.encode(), to))

    async def receive(self) -> tuple[bytes, Address]:
        return await self.inbox.get()

    def close(self) -> None:
        self.network.closed += 1


class Network(NoNetwork):
    """Servers that answer by a function."""

    def __init__(self, servers: dict[str, Answer]) -> None:
        super().__init__()
        self.servers = servers
        self.asked: list[tuple[str, str, int]] = []
        self.closed = 0

    def datagrams(self, port: int = 0, ip: str = "0.0.0.0") -> Socket:
        return Socket(self)


def zone(**records: Sequence[str]) -> Answer:
    """Names with `_` for dots; an address, or another name."""
    names = {name.replace("_", ".") + ".": values for name, values in records.items()}

    def answer(query: Message) -> Message:
        question = query.questions[0]
        if question.name not in names:
            return query.reply(NXDOMAIN)
        found: list[Record] = []
        pending = [question.name]
        while pending:
            name = pending.pop()
            for value in names.get(name, ()):
                if value.endswith("."):
                    found.append(Record(name, CNAME, value))
                    pending.append(value)
                elif (":" in value) == (question.type == AAAA):
                    found.append(Record(name, question.type, value))
        return query.reply(answers=tuple(found))

    return answer


async def resolved(network: Network, name: str, conf: str, hosts: str = "127.0.0.1 localhost\n") -> list[str] | str:
    got: list[list[str] | str] = []

    async def asks(process: Process) -> int:
        try:
            got.append(await process.resolve(name))
        except NameNotFound as error:
            got.append(error.kind)
        return 0

    async with world({"/etc/resolv.conf": conf, "/etc/hosts": hosts}, {"asks": asks}, [], network) as w:
        assert (await w.run(["asks"], timeout=1000)).code == 0
    assert network.closed == len(network.asked)
    return got[0]


WEB = zone(
    web_default_svc_cluster_local=["10.96.0.5"],
    example_com=["192.0.2.1", "2001:db8::1"],
    www_example_com=["example.com."],
    only_six=["2001:db8::6"],
)


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("web", ["10.96.0.5"]),
        ("web.default", ["10.96.0.5"]),
        ("web.default.svc", ["10.96.0.5"]),
        ("web.default.svc.cluster.local", ["10.96.0.5"]),
        ("web.", "NXDOMAIN"),
        ("example.com", ["192.0.2.1", "2001:db8::1"]),
        ("www.example.com.", ["192.0.2.1", "2001:db8::1"]),
        ("only.six", ["2001:db8::6"]),
        ("nobody", "NXDOMAIN"),
        ("box", ["10.244.0.9", "fd00::9"]),
        ("BOX.local", ["10.244.0.9"]),
        ("10.1.2.3", ["10.1.2.3"]),
        ("localhost", ["127.0.0.1"]),
    ],
)
async def test_a_name_has_addresses(name: str, addresses: list[str] | str) -> None:
    hosts = "127.0.0.1 localhost\nfd00::9 box # a comment\n10.244.0.9\tbox box.local\n"
    assert await resolved(Network({"10.96.0.10": WEB}), name, f"nameserver 10.96.0.10\n{CLUSTER}", hosts) == addresses


def test_names_are_tried_in_libcs_order() -> None:
    conf = ResolvConf((), ("default.svc.cluster.local", "lan"), ndots=2)
    assert candidates("a.b", conf) == ["a.b.default.svc.cluster.local.", "a.b.lan.", "a.b."]
    assert candidates("a.b.c", conf) == ["a.b.c.", "a.b.c.default.svc.cluster.local.", "a.b.c.lan."]
    assert candidates("a.", conf) == ["a."]


async def test_a_silent_server_is_followed_by_the_next() -> None:
    network = Network({"10.0.0.2": WEB})
    start = clock.now()
    conf = "nameserver 10.0.0.1\nnameserver 10.0.0.2\noptions timeout:3 attempts:2\n"
    assert await resolved(network, "example.com", conf) == ["192.0.2.1", "2001:db8::1"]
    assert 3 <= clock.now() - start < 4


async def test_when_no_server_answers_it_takes_all_attempts() -> None:
    network = Network({})
    start = clock.now()
    assert await resolved(network, "example.com", "nameserver 10.0.0.1\n") == "TIMEOUT"
    assert 10 <= clock.now() - start < 11
    assert network.asked.count(("10.0.0.1", "example.com.", A)) == 2


async def test_a_server_that_fails_says_so() -> None:
    network = Network({"10.0.0.1": lambda query: query.reply(SERVFAIL)})
    assert await resolved(network, "example.com", "nameserver 10.0.0.1\n") == "SERVFAIL"


async def test_without_a_network_names_fail_and_nothing_else() -> None:
    async def asks(process: Process) -> int:
        with pytest.raises(NameNotFound):
            await process.resolve("example.com")
        return 0

    async with world(programs={"asks": asks}, tools=[]) as w:
        assert (await w.run(["asks"])).code == 0


def test_resolv_conf_is_read_leniently() -> None:
    conf = parse_resolv_conf(
        "; a comment\nnameserver\nnameserver 1.1.1.1 # one\ndomain old\nsearch a b\noptions ndots:99 timeout:x rotate\n"
    )
    assert conf == ResolvConf(["1.1.1.1"], ["a", "b"], 15, 5.0, 2)
    assert parse_resolv_conf("").servers == ["127.0.0.1"]
