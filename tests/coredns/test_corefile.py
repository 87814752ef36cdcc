"""What does a Corefile say, and what do its smaller plugins do?"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from minikube_edu.cni.contract import Address
from minikube_edu.coredns.chain import Failure, Next, Query, chained
from minikube_edu.coredns.corefile import CorefileError, parse
from minikube_edu.coredns.plugins import Cache, Errors, Hosts, LoadBalance, Log, Rewrite, WhoAmI
from minikube_edu.coredns.server import DnsServer
from minikube_edu.coredns.setup import seconds
from minikube_edu.lib import dns_messages as dns
from minikube_edu.lib.dns_messages import Message, Record


def question(name: str, kind: int = dns.A) -> Query:
    return Query(Message.query(7, name, kind), Address("10.244.0.2", 40000))


class Zone:
    """The end of a chain: names with addresses; counts how often it was asked."""

    def __init__(self, names: dict[str, list[str]], ttl: int = 30) -> None:
        self.names = names
        self.ttl = ttl
        self.asked: list[str] = []

    async def answer(self, query: Query, following: Next) -> Message:
        self.asked.append(query.name)
        if query.name not in self.names:
            raise Failure(f"{query.name} is unknown")
        found = [Record(query.asked, dns.A, ip, self.ttl) for ip in self.names[query.name]]
        return query.message.reply(dns.NOERROR, tuple(found))


def data(answer: Message) -> list[object]:
    return [record.data for record in answer.answers]


def test_is_kubeadms_corefile_understood() -> None:
    (block,) = parse(
        """.:53 {
        errors
        health {
           lameduck 5s
        }
        kubernetes cluster.local in-addr.arpa { # a comment
           pods insecure
        }
        forward . "/etc/resolv.conf"
        cache 30 {
           disable success cluster.local
        }
    }
    """
    )
    assert (block.zones, block.port) == ((".",), 53)
    assert [one.name for one in block.directives] == ["errors", "health", "kubernetes", "forward", "cache"]
    kubernetes = block.find("kubernetes")
    assert kubernetes is not None
    assert kubernetes.args == ("cluster.local", "in-addr.arpa")
    assert kubernetes.option("pods") == "insecure"
    assert block.directives[3].args == (".", "/etc/resolv.conf")


def test_are_several_blocks_snippets_and_variables_understood() -> None:
    inner = "import shared\n forward . {$UPSTREAM}"
    text = f"(shared) {{\n errors\n log\n}}\nExample.ORG:1053 other.org {{\n {inner}\n}}\n. {{\n whoami\n}}"
    first, second, third = parse(text, env={"UPSTREAM": "10.0.0.1"})
    assert (first.zones, first.port, second.zones, second.port) == (("example.org.",), 1053, ("other.org.",), 53)
    assert [one.name for one in second.directives] == ["errors", "log", "forward"]
    assert second.directives[2].args == (".", "10.0.0.1")
    assert third.zones == (".",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (".:53 {\n errors\n nonsense\n}", "Corefile:3 - Error during parsing: Unknown directive 'nonsense'"),
        (".:53 {\n errors", "Unexpected end of input, expecting '}'"),
        (".:53 {\n import nothing\n}", "Corefile:2 - Error during parsing: File to import not found: nothing"),
    ],
)
def test_what_is_said_of_a_wrong_one(text: str, words: str) -> None:
    with pytest.raises(CorefileError) as error:
        parse(text)
    assert words in str(error.value)


def test_how_long_is_a_duration() -> None:
    assert [seconds(text) for text in ("5s", "500ms", "1.5m")] == [5.0, 0.5, 90.0]
    with pytest.raises(CorefileError):
        seconds("soon")


async def test_does_the_cache_answer_for_as_long_as_the_record_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [50.0]
    monkeypatch.setattr("minikube_edu.lib.clock.monotonic", lambda: now[0])
    (block,) = parse(". {\n cache 20 {\n disable success inner.\n }\n}")
    zone = Zone({"a.org.": ["192.0.2.1"], "a.inner.": ["192.0.2.2"]})
    chain = chained([Cache(block.directives[0], block.zones), zone])
    for name in ("a.org.", "A.org.", "a.inner.", "a.inner."):
        await chain(question(name))
    assert zone.asked == ["a.org.", "a.inner.", "a.inner."]
    now[0] += 7
    assert (await chain(question("a.org."))).answers[0].ttl == 23
    now[0] += 14
    await chain(question("a.org."))
    assert zone.asked.count("a.org.") == 2


@pytest.mark.parametrize(
    ("rule", "name", "asked"),
    [
        ("name old.org new.org", "old.org.", "new.org."),
        ("name suffix .old.org .new.org", "a.old.org.", "a.new.org."),
        ("name prefix a- b-", "a-x.org.", "b-x.org."),
        ("name substring old new", "very.old.org.", "very.new.org."),
        ("name regex (.*)\\.x\\.org {1}.y.org", "a.x.org.", "a.y.org."),
        ("name old.org new.org", "other.org.", "other.org."),
    ],
)
async def test_does_rewrite_ask_for_another_name_behind_the_same_one(rule: str, name: str, asked: str) -> None:
    (block,) = parse(f". {{\n rewrite {rule}\n}}")
    zone = Zone({asked: ["192.0.2.1"]})
    answer = await chained([Rewrite(block.directives), zone])(question(name))
    assert zone.asked == [asked]
    assert (answer.answers[0].name, answer.questions[0].name) == (name, name)


async def test_what_do_hosts_know() -> None:
    (block,) = parse(". {\n hosts /etc/coredns/hosts example.org {\n 192.0.2.7 inline.example.org\n fallthrough\n }\n}")
    hosts = Hosts(block.directives[0], "192.0.2.8 file.example.org # a comment\nnonsense here\n", block.zones)
    zone = Zone({"other.example.org.": ["192.0.2.9"], "7.2.0.192.in-addr.arpa.": []})
    chain = chained([hosts, zone])
    assert data(await chain(question("inline.example.org."))) == ["192.0.2.7"]
    assert data(await chain(question("FILE.example.org."))) == ["192.0.2.8"]
    assert data(await chain(question("other.example.org."))) == ["192.0.2.9"]
    assert data(await chain(question("8.2.0.192.in-addr.arpa.", dns.PTR))) == ["file.example.org."]
    assert (await chain(question("file.example.org.", dns.AAAA))).answers == ()


async def test_does_loadbalance_change_the_order_and_nothing_else() -> None:
    ips = [f"192.0.2.{n}" for n in range(6)]
    chain = chained([LoadBalance(), Zone({"a.org.": ips})])
    orders = {tuple(map(str, data(await chain(question("a.org."))))) for _ in range(30)}
    assert len(orders) > 5
    assert {tuple(sorted(order)) for order in orders} == {tuple(ips)}


async def test_what_is_logged() -> None:
    said: list[str] = []

    async def say(line: str) -> None:
        said.append(line)

    chain = chained([Errors(say), Log(say), Zone({"a.org.": ["192.0.2.1"]})])
    await chain(question("a.org."))
    assert said[0].startswith('[INFO] 10.244.0.2:40000 - 7 "A IN a.org. udp 23 false 512" NOERROR qr,rd 39 0.')
    with pytest.raises(Failure):
        await chain(question("b.org."))
    assert '"A IN b.org. udp 23 false 512" SERVFAIL qr,rd' in said[1]
    assert said[2] == "[ERROR] plugin/errors: 2 b.org. A: b.org. is unknown"


async def test_who_am_i() -> None:
    answer = await chained([WhoAmI()])(question("x."))
    assert answer.additional[0].data == "10.244.0.2"


async def answered(server: DnsServer, data: bytes) -> tuple[Message | None, int]:
    return await server.answered(53, data, Address("10.244.0.2", 40000), "udp")


def a_server(zones: Sequence[str] = (".",)) -> DnsServer:
    zone = Zone({"a.org.": ["192.0.2.1"], "many.org.": [f"192.0.2.{n}" for n in range(60)]})
    return DnsServer(None, {53: {one: chained([zone]) for one in zones}})  # type: ignore[arg-type]  # no sockets here


async def test_what_does_a_server_say_to_strange_questions() -> None:
    server = a_server(["org."])
    cases = {
        "garbage": (b"xx", None),
        "a head alone": (b"\x00\x07" + b"\x01\x00" + b"\x00\x09" * 4, dns.FORMERR),
        "an answer": (Message.query(1, "a.org.", dns.A).reply().encode(), None),
        "another zone": (Message.query(1, "a.com.", dns.A).encode(), dns.REFUSED),
        "an unknown name": (Message.query(1, "b.org.", dns.A).encode(), dns.SERVFAIL),
        "no question": (Message(1).encode(), dns.FORMERR),
        "an update": (Message(1, opcode=5, questions=(dns.Question("a.org."),)).encode(), dns.NOTIMP),
        "a good one": (Message.query(1, "a.org.", dns.A).encode(), dns.NOERROR),
    }
    for what, (data, expected) in cases.items():
        answer, _ = await answered(server, data)
        assert (answer.rcode if answer else None) == expected, what
    assert server.counts["udp", "A", "NOERROR"] == 1


async def test_is_a_long_answer_cut_unless_the_client_takes_more() -> None:
    server = a_server()
    plain = Message.query(1, "many.org.", dns.A)
    answer, largest = await answered(server, plain.encode())
    assert answer is not None
    assert Message.decode(answer.encode(largest)).truncated
    wide = Message(1, questions=plain.questions, additional=(Record(".", dns.OPT, b"", 0, 1232),))
    answer, largest = await answered(server, wide.encode())
    assert answer is not None
    whole = Message.decode(answer.encode(largest))
    assert (whole.truncated, len(whole.answers), whole.additional[-1].type) == (False, 60, dns.OPT)
