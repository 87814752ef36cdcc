"""Do our etcdctl's verbs answer as the real program's do: the same text, the same messages, the same exit codes?"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.etcd.etcdctl_calls import REAL, Ours, Real, ours, real, without_ids

pytestmark = pytest.mark.skipif(not REAL, reason="no etcdctl here: install etcd-client, or name it in ETCDCTL")
Call = tuple[str, ...]
FORMS = ("simple", "json", "fields")


@pytest_asyncio.fixture
async def both() -> AsyncIterator[tuple[Ours, Real]]:
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))  # a socket's path must be short
        yield await ours(directory, stack), await real(stack)


async def compare(both: tuple[Ours, Real], calls: list[Call], given: bytes = b"") -> None:
    for call in calls:
        mine, theirs = [await one.call(*call, given=given) for one in both]
        assert (call, mine.code, mine.error, without_ids(mine.out)) == (
            call, theirs.code, theirs.error, without_ids(theirs.out),
        )  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
async def test_writing_and_reading(both: tuple[Ours, Real], form: str) -> None:
    calls: list[Call] = [
        ("put", "a", "1"), ("put", "b", "2", "--prev-kv"), ("put", "b", "3", "--prev-kv"),
        ("put", "ä/\t\"<&>", "\x01 ü\n"),
        ("put", "--", "-c", "-v"), ("put", "c", "ignored", "more"), ("put", "c", "--ignore-value", "--prev-kv"),
        ("get", "a"), ("get", "--prefix", ""), ("get", "a", "c"), ("get", "b", "--from-key"), ("get", "nothing"),
        ("get", "", "--prefix", "--keys-only"), ("get", "", "--prefix", "--limit=2"), ("get", "b", "--rev", "3"),
        ("get", "", "--prefix", "--sort-by=modify", "--order=descend"), ("get", "", "--prefix", "--sort-by", "VALUE"),
        ("get", "", "--from-key", "--sort-by=create", "--limit=3"), ("get", "", "--prefix", "--order=DESCEND"),
        ("get", "a", "--consistency=s"),
        ("del", "a", "--prev-kv"), ("del", "none"), ("del", "b", "--prefix", "--prev-kv"), ("get", "a", "--rev=2"),
        ("del", "", "--from-key"), ("get", "", "--prefix"),
    ]  # fmt: skip
    await compare(both, [(*call, f"-w={form}") if "--" not in call else ("-w", form, *call) for call in calls])


async def test_values_from_standard_input(both: tuple[Ours, Real]) -> None:
    await compare(both, [("put", "k"), ("get", "k"), ("get", "k", "-w=json")], given=b"one\ntwo\xff\n")
    await compare(both, [("put", "k")])


@pytest.mark.parametrize(
    "call",
    [
        (), ("get",), ("get", "a", "b", "--prefix"), ("get", "a", "--prefix", "--from-key"), ("get", ""),
        ("get", "a", "--rev=99"),
        ("get", "a", "--order=x"), ("get", "a", "--sort-by=x"), ("get", "a", "--consistency=x"),
        ("get", "a", "-w=foo"),
        ("get", "a", "-w", "table"), ("get", "a", "--foo"), ("get", "a", "--limit=x"), ("get", "a", "--limit"),
        ("get", "a", "--prefix=maybe"), ("get", "a", "--print-value-only", "-w=json"), ("get", "a", "-x"),
        ("foo",), ("lease", "foo"),
        ("put",), ("put", "", "v"), ("put", "k", "v", "--lease=zz"),
        ("put", "k", "v", "--lease=77"), ("put", "k", "v", "--lease=0x10"), ("put", "k", "v", "--lease"),
        ("put", "k", "--ignore-value"),
        ("put", "k", "v", "--ignore-value"), ("del",), ("del", "a", "b", "c"), ("del", "a", "--prefix", "--from-key"),
        ("compaction",), ("compaction", "x"), ("compaction", "99"), ("lease", "grant"), ("lease", "grant", "x"),
        ("lease", "grant", "99999999999999"), ("lease", "revoke"), ("lease", "revoke", "zz"),
        ("lease", "revoke", "123"),
        ("lease", "timetolive"), ("lease", "timetolive", "123"), ("lease", "timetolive", "123", "-w=json"),
        ("lease", "keep-alive"), ("lease", "keep-alive", "123"), ("lease", "keep-alive", "123", "--once"),
        ("lease", "list"),
        ("txn", "x"), ("watch",), ("watch", "a", "b", "--prefix"), ("watch", "a", "--"), ("alarm", "list", "x"),
        ("alarm", "list"), ("alarm", "list", "-w=json"), ("alarm", "disarm"), ("version", "x", "--foo"),
    ],
)  # fmt: skip
async def test_mistakes(both: tuple[Ours, Real], call: Call) -> None:
    mine, theirs = [await one.call(*call) for one in both]
    if theirs.out.startswith("NAME:"):  # help is in our own words
        mine.out = theirs.out = ""
    assert (mine.code, mine.error, mine.out) == (theirs.code, theirs.error, theirs.out)


@pytest.mark.parametrize("form", FORMS)
async def test_leases(both: tuple[Ours, Real], form: str) -> None:
    leases = []

    for one in both:
        assert (await one.call("put", "k", "v")).code == 0
        leases.append((await one.call("lease", "grant", "100")).out.split()[1])
    for words in (
        ("lease", "grant", "200"), ("put", "k", "w", "--prev-kv", "--lease=ID"), ("put", "k", "x", "--ignore-lease"),
        ("get", "k"), ("lease", "timetolive", "ID"), ("lease", "timetolive", "ID", "--keys"), ("lease", "list"),
        ("lease", "keep-alive", "ID", "--once"), ("lease", "revoke", "ID"), ("get", "k"),
        ("lease", "timetolive", "ID"),
    ):  # fmt: skip
        said = []
        for one, lease in zip(tuple[Ours | Real, ...](both), leases, strict=True):
            answer = await one.call(*(word.replace("ID", lease) for word in words), f"-w={form}")
            assert answer.code == 0, answer.err
            said.append(without_ids(answer.out).replace("99", "100"))  # a second may have passed
        assert said[0] == said[1], words


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "text",
    [
        'ver("k") = "1"\ncreate("k") != "0"\nval("k") = "v"\nmod("k") < "3"\n\nput k "a\\tb c"\nget k\n\n\n',
        'value("k") = "x"\n\nput k 1\n\ndel k --prev-kv\nget "" --prefix\nput j "x y" --prev-kv\n\n',
        "\n\n\n", "\nget none\n\n\n", "\ndel a z\nget a z --keys-only\n\n\n",
        "foo\n", 'ver(k) = "0"\n', 'xx("k") = "0"\n', 'ver("k") = "z"\n', 'c("k")>"0"\n',
        'c("k") = 0\n', "\nfoo k\n\n", "\nput\n\n",
        "\nput k v\n", "", '\nget k --foo\n\n\n', '\nput k v\nput k w\n\n\n', "\nput k v --lease=9\n\n\n",
    ],
)  # fmt: skip
async def test_transactions(both: tuple[Ours, Real], text: str, form: str) -> None:
    await compare(both, [("put", "k", "v")])
    await compare(both, [("txn", f"-w={form}"), ("txn", "-i", f"-w={form}"), ("get", "", "--prefix")], text.encode())


@pytest.mark.parametrize("form", FORMS)
async def test_a_watch_of_what_is_compacted(both: tuple[Ours, Real], form: str) -> None:
    await compare(
        both, [("put", "k", "1"), ("put", "k", "2"), ("put", "k", "3"), ("compaction", "3"), ("compaction", "2")]
    )
    await compare(both, [("watch", "k", "--rev=2", f"-w={form}"), ("get", "k", "--rev=2"), ("get", "k", "--rev=3")])


async def test_frames_around_members_and_endpoints(both: tuple[Ours, Real]) -> None:
    """The names differ; the shape must not."""
    mine, theirs = [await one.call("member", "list", "-w=table") for one in both]
    assert [line.split("|")[1:4] for line in mine.out.splitlines()] == [
        line.split("|")[1:4] for line in theirs.out.splitlines()
    ]
    for call in (("member", "list", "-w=json"), ("endpoint", "health", "-w=table"), ("endpoint", "health", "-w=json")):
        mine, theirs = [await one.call(*call) for one in both]
        assert mine.code == theirs.code == 0
        assert len(mine.out.splitlines()) == len(theirs.out.splitlines())
