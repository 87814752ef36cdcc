"""Several --endpoints: which of them is asked, what is said of one that is down, and for how long one is waited for."""

from __future__ import annotations

import asyncio
import io
import json
import re
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack

import pytest

from minikube_edu.etcd.contract import Put, Range, Store
from minikube_edu.etcd.etcdctl import command_line
from minikube_edu.etcd.etcdctl.__main__ import dialling, divided, main
from minikube_edu.etcd.etcdctl.balancer import Dial
from minikube_edu.etcd.etcdctl.session import NoConnection
from minikube_edu.etcd.keyspace_hash import hash_of
from minikube_edu.etcd.memory import MemoryStore
from minikube_edu.lib import clock
from minikube_edu.testing import virtual_time
from tests.etcd.etcdctl_calls import REAL, Real, Said

REFUSED = "transport: Error while dialing: dial tcp 127.0.0.1:1: connect: connection refused"
WHERE = {"endpoints": "x", "cacert": "", "cert": "", "key": ""}


class Network:
    """Stores by the names of their endpoints; `down` refuses, `silent` never answers."""

    def __init__(self, *names: str) -> None:
        self.stores: Mapping[str, Store] = {name: Unclosable() for name in names}
        self.dialled: list[str] = []

    async def dial(self, endpoint: str, patience: float) -> Store:
        self.dialled.append(endpoint)
        if endpoint == "silent":
            await asyncio.sleep(patience)
            raise NoConnection("transport: Error while dialing: dial tcp 10.0.0.1:1: i/o timeout")
        if endpoint not in self.stores:
            raise NoConnection(REFUSED)
        return self.stores[endpoint]

    async def call(self, endpoints: str, *words: str) -> Said:
        return await call(self.dial, endpoints, *words)


class Unclosable(MemoryStore):
    """etcdctl closes its connection, not the server."""

    async def close(self) -> None: ...


async def call(dial: Dial, endpoints: str, *words: str) -> Said:
    out, err = io.BytesIO(), io.BytesIO()
    code = await command_line.run(words, dial, endpoints.split(","), io.BytesIO(), out, err)
    return Said(code, out.getvalue().decode(), err.getvalue().decode())


def timed(story: Callable[[], Awaitable[Said]]) -> tuple[Said, float]:
    """What was said, and how many seconds that took of a time that costs nothing."""

    async def measured() -> tuple[Said, float]:
        began = clock.monotonic()
        return await story(), clock.monotonic() - began

    return virtual_time.run(measured())


def without_logs(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("{")]


@pytest.mark.parametrize("verb", ["status", "hashkv"])
def test_is_there_a_line_for_every_endpoint_and_a_complaint_for_one_that_is_down(verb: str) -> None:
    said, _ = timed(lambda: Network("a", "b").call("a,down,b", "endpoint", verb))
    what = "status" if verb == "status" else "hash"
    assert [line.partition(",")[0] for line in said.out.splitlines()] == ["a", "b"]
    assert without_logs(said.err)[0] == f"Failed to get the {what} of endpoint down (context deadline exceeded)"
    assert said.code == 1
    assert said.error == ("" if verb == "status" else "Error: context deadline exceeded")
    log = json.loads(said.err.splitlines()[0])
    assert log["method"] == f"/etcdserverpb.Maintenance/{'Status' if verb == 'status' else 'HashKV'}"
    assert log["target"].endswith("/down")
    assert REFUSED in log["error"]


def test_does_health_name_the_healthy_and_the_others() -> None:
    said, _ = timed(lambda: Network("a", "b").call("down,a,b", "endpoint", "health"))
    took = "is healthy: successfully committed proposal: took = "
    assert sorted(line.partition(took)[0].strip() for line in said.out.splitlines()) == ["a", "b"]
    assert without_logs(said.err) == [
        "down is unhealthy: failed to commit proposal: context deadline exceeded",
        "Error: unhealthy cluster",
    ]
    assert said.code == 1


@pytest.mark.parametrize("form", ["json", "table", "fields"])
def test_do_the_other_forms_have_a_row_for_the_unhealthy_as_well(form: str) -> None:
    said, _ = timed(lambda: Network("a").call("down,a", "endpoint", "health", "-w", form))
    assert said.code == 1
    assert without_logs(said.err) == ["Error: unhealthy cluster"]
    if form == "json":
        rows = [(row["endpoint"], row["health"], row.get("error")) for row in json.loads(said.out)]
        assert rows == [("a", True, None), ("down", False, "context deadline exceeded")]
    elif form == "table":
        cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in said.out.splitlines()[3:5]]
        assert [[row[0], row[1], row[3]] for row in cells] == [
            ["a", "true", ""],
            ["down", "false", "context deadline exceeded"],
        ]
    else:
        assert re.findall('"Health" : (.*)', said.out) == ["true", "false"]
        assert re.findall('"Error" : (.*)', said.out) == ["", "context deadline exceeded"]


@pytest.mark.parametrize("form", ["json", "table", "fields"])
def test_is_a_hash_shown_in_every_form(form: str) -> None:
    async def story() -> Said:
        network = Network("a")
        await network.stores["a"].put(Put(b"k", b"v"))
        said = await network.call("a", "endpoint", "hashkv", "-w", form)
        expected = await hash_of(network.stores["a"])
        assert str(expected.hash) in said.out
        return said

    said, _ = timed(story)
    if form == "json":
        assert json.loads(said.out)[0]["HashKV"]["compact_revision"] == -1
        assert json.loads(said.out)[0]["HashKV"]["hash_revision"] == 2
    elif form == "table":
        assert said.out.splitlines()[1].split() == ["|", "ENDPOINT", "|", "HASH", "|", "HASH", "REVISION", "|"]
    else:
        assert '"HashRevision" : 2\n' in said.out


async def test_does_a_hash_tell_stores_apart_and_revisions() -> None:
    one, other = MemoryStore(), MemoryStore()
    for number in range(1200):  # more than one page
        for store in (one, other):
            await store.put(Put(b"%d" % number, b"v"))
    assert await hash_of(one) == await hash_of(other)
    before = await hash_of(one)
    await one.put(Put(b"1199", b"w"))
    assert (await hash_of(one)).hash != before.hash
    assert await hash_of(one, before.revision) == before
    await one.close()
    await other.close()


def test_is_a_hash_of_the_future_refused() -> None:
    said, took = timed(lambda: Network("a").call("a", "endpoint", "hashkv", "--rev=9"))
    reason = "etcdserver: mvcc: required revision is a future revision"
    assert said.err.splitlines() == [f"Failed to get the hash of endpoint a ({reason})", f"Error: {reason}"]
    assert said.code == 1
    assert took < 1


@pytest.mark.parametrize("endpoints", ["down,a", "silent,a", "a,down", "down,silent,down,a"])
def test_does_a_command_go_to_the_endpoint_that_answers_at_once(endpoints: str) -> None:
    network = Network("a")
    said, took = timed(lambda: network.call(endpoints, "put", "k", "v"))
    assert (said.code, said.out, said.err) == (0, "OK\n", "")
    assert took < 1


async def test_does_only_one_of_several_get_the_write() -> None:
    network = Network("a", "b")
    assert (await network.call("a,b", "put", "k", "v")).code == 0
    assert sum([len((await store.range(Range(b"k"))).kvs) for store in network.stores.values()]) == 1


def test_is_an_endpoint_dialled_again_until_it_is_up() -> None:
    network = Network("a")

    async def dial(endpoint: str, patience: float) -> Store:
        if len(network.dialled) < 3:
            return await network.dial("down", patience)
        return await network.dial(endpoint, patience)

    said, took = timed(lambda: call(dial, "a", "get", "k"))
    assert (said.code, said.err) == (0, "")
    assert 0 < took < 5


@pytest.mark.parametrize("endpoints", ["down", "silent", "down,silent"])
@pytest.mark.parametrize("limit", ["1s", "5s", "60s"])
def test_does_the_command_end_when_its_time_is_up(endpoints: str, limit: str) -> None:
    said, took = timed(lambda: Network().call(endpoints, "get", "k", f"--command-timeout={limit}"))
    assert said.error == "Error: context deadline exceeded"
    assert said.code == 1
    assert 0.85 * int(limit[:-1]) < took < 1.15 * int(limit[:-1])


def test_has_every_endpoint_of_a_status_the_whole_time() -> None:
    _, took = timed(lambda: Network("a").call("down,silent,a", "endpoint", "status", "--command-timeout=3s"))
    assert 5 < took < 7


def test_is_one_attempt_as_long_as_the_dial_timeout() -> None:
    network = Network()
    timed(lambda: network.call("silent", "get", "k", "--dial-timeout=20s", "--command-timeout=60s"))
    slow = len(network.dialled)
    timed(lambda: network.call("silent", "get", "k", "--dial-timeout=1s", "--command-timeout=60s"))
    assert slow < 5
    assert len(network.dialled) - slow > 20


def test_may_the_environment_say_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETCDCTL_COMMAND_TIMEOUT", "30s")
    _, took = timed(lambda: Network().call("down", "get", "k"))
    assert took > 25
    monkeypatch.setenv("ETCDCTL_COMMAND_TIMEOUT", "soon")
    said, _ = timed(lambda: Network().call("down", "get", "k"))
    assert said.error == 'Error: invalid value "soon" for ETCDCTL_COMMAND_TIMEOUT: time: invalid duration "soon"'


def test_are_all_endpoints_taken_from_flags_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETCDCTL_ENDPOINTS", "a:1,b:2")
    assert divided(["get", "k"])[0]["endpoints"] == "a:1,b:2"
    monkeypatch.delenv("ETCDCTL_ENDPOINTS")
    assert divided(["--endpoints=c:3", "get", "k", "--endpoints", "d:4,e:5"])[0]["endpoints"] == "c:3,d:4,e:5"


def test_is_an_endpoint_of_flag_and_environment_a_conflict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ETCDCTL_ENDPOINTS", "a:1")
    assert main(["--endpoints=a:1", "get", "k"]) == 1
    said = json.loads(capsys.readouterr().err)
    assert said["level"] == "fatal"
    assert said["msg"].startswith("conflicting environment variable is shadowed by corresponding command-line flag")
    assert said["environment-variable"] == "ETCDCTL_ENDPOINTS"


def test_is_defrag_done_at_every_endpoint_that_is_there() -> None:
    said, _ = timed(lambda: Network("a", "b").call("a,down,b", "defrag"))
    assert [line.partition(".")[0] for line in said.out.splitlines()] == [
        "Finished defragmenting etcd member[a]",
        "Finished defragmenting etcd member[b]",
    ]
    assert re.fullmatch(
        r"Failed to defragment etcd member\[down\]. took .*s. \(context deadline exceeded\)", without_logs(said.err)[0]
    )
    assert said.code == 1


def test_is_a_snapshot_of_several_refused() -> None:
    said, _ = timed(lambda: Network("a", "b").call("a,b", "snapshot", "save", "x"))
    assert said.error == "Error: snapshot must be requested to one selected node, not multiple [a b]"
    assert said.code == 5


def test_is_a_member_list_that_nobody_gives_said_to_be_missing() -> None:
    said, _ = timed(lambda: Network().call("down", "endpoint", "status", "--cluster"))
    why = "failed to fetch endpoints from etcd cluster member list: context deadline exceeded"
    assert without_logs(said.err) == [f"Error: {why}"]
    assert json.loads(said.err.splitlines()[0])["method"] == "/etcdserverpb.Cluster/MemberList"


# Over gRPC, beside the real program


async def served(stack: AsyncExitStack) -> tuple[str, str]:
    """(an etcd's endpoint, one where nobody listens)"""
    from minikube_edu.etcd.contract import Member
    from minikube_edu.etcd.grpc_face import GrpcFace

    store = MemoryStore()
    stack.push_async_callback(store.close)
    closed = stack.enter_context(socket.socket())
    closed.bind(("127.0.0.1", 0))  # bound and not listening: refused as long as we have it
    chosen = socket.socket()
    chosen.bind(("127.0.0.1", 0))
    port = chosen.getsockname()[1]
    chosen.close()
    face = GrpcFace(store, member=Member("m", ("http://127.0.0.1:1",), (f"http://127.0.0.1:{port}",)))
    stack.push_async_callback(face.close)
    await face.listen(f"127.0.0.1:{port}")
    return f"127.0.0.1:{port}", f"127.0.0.1:{closed.getsockname()[1]}"


async def test_does_cluster_ask_where_the_members_say_they_are() -> None:
    async with AsyncExitStack() as stack:
        alive, _ = await served(stack)
        said = await call(dialling(WHERE), alive, "endpoint", "health", "--cluster")
        assert said.out.startswith(f"http://{alive} is healthy: ")
        said = await call(dialling(WHERE), alive, "endpoint", "status", "--cluster", "-w=json")
        assert [row["Endpoint"] for row in json.loads(said.out)] == [f"http://{alive}"]


@pytest.mark.skipif(not REAL, reason="no etcdctl here: install etcd-client, or name it in ETCDCTL")
async def test_is_it_all_as_the_real_one_says_it() -> None:
    """Of both streams: the real one's versions do not agree which of them hears of the healthy."""
    calls = [
        ("endpoint", "health"), ("endpoint", "health", "-w=json"), ("endpoint", "status"), ("endpoint", "hashkv"),
        ("endpoint", "hashkv", "-w=fields"), ("endpoint", "status", "-w=json"), ("get", "k"), ("member", "list"),
        ("endpoint", "health", "--cluster"), ("defrag",), ("snapshot", "save", "nowhere"),
    ]  # fmt: skip
    async with AsyncExitStack() as stack:
        alive, down = await served(stack)
        dial, endpoints, patience = dialling(WHERE), f"{down},{alive}", "--command-timeout=3s"
        for said in (await Real(endpoints).call("put", "k", "v"), await call(dial, endpoints, "put", "k", "v")):
            assert (said.code, said.out) == (0, "OK\n")
        found = await asyncio.gather(
            *(call(dial, endpoints, *words, patience) for words in calls),
            *(Real(endpoints).call(*words, patience) for words in calls),
        )
    for words, one, other in zip(calls, found[: len(calls)], found[len(calls) :], strict=True):
        assert (words, comparable(one)) == (words, comparable(other))


def comparable(said: Said) -> tuple[int, list[str]]:
    """The exit code and every line without times, ids of indexes, and the columns that an older one does not have."""
    found = []
    for line in [*said.out.splitlines(), *without_logs(said.err)]:
        if line.startswith("[{"):
            rows = json.loads(line)
            found += [f"{row.get('Endpoint', row.get('endpoint'))} {row.get('health')}" for row in rows]
        elif "HashRevision" not in line:
            short = re.sub(r"(\.? took (= )?\S*s\b\.?)", "", line)
            found.append(", ".join(short.split(", ")[:2]) if re.match(r"127\.0\.0\.1:\d+, ", line) else short)
    return said.code, sorted(found)
