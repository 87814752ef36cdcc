"""Does one lead, does another take over, and does a leader stop before that?"""

from __future__ import annotations

import asyncio

import pytest

from minikube_edu.client.leader import LeaderElector, LeadershipLost
from minikube_edu.client.rest import Client
from minikube_edu.client.sending import Sender
from minikube_edu.lib import clock
from minikube_edu.lib.web.inprocess import InProcess
from minikube_edu.lib.web.messages import Request
from tests.client.server import Server, failure


class Candidate:
    def __init__(self, server: Server, identity: str, release: bool = True) -> None:
        self.led: list[tuple[str, float]] = []
        self.leaders: list[str] = []
        self.elector = LeaderElector(
            Client(Sender(InProcess(server), refused_retries=0)),
            "kube-system",
            "loop",
            identity,
            release=release,
            on_new_leader=self.leaders.append,
        )
        self.task = asyncio.create_task(self.elector.run(self.lead))

    async def lead(self) -> None:
        self.led.append(("begin", clock.monotonic()))
        try:
            await asyncio.Event().wait()
        finally:
            self.led.append(("end", clock.monotonic()))

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def spec(server: Server) -> dict[str, object]:
    found: dict[str, object] = server.objects["leases", "kube-system/loop"]["spec"]
    return found


async def test_does_one_lead_and_the_other_wait() -> None:
    server = Server()
    a = Candidate(server, "a")
    await asyncio.sleep(1)
    b = Candidate(server, "b")
    await asyncio.sleep(120)
    assert a.elector.is_leader()
    assert len(a.led) == 1
    assert b.led == []
    assert b.elector.leader == "a"
    assert b.leaders == ["a"]
    assert spec(server)["leaseTransitions"] == 0
    assert spec(server)["leaseDurationSeconds"] == 15
    await b.kill()
    await a.kill()


async def test_does_a_leader_that_leaves_give_the_crown_back() -> None:
    server = Server()
    a = Candidate(server, "a")
    await asyncio.sleep(1)
    b = Candidate(server, "b")
    await asyncio.sleep(10)
    await a.kill()
    assert spec(server)["holderIdentity"] == ""
    left = clock.monotonic()
    await asyncio.sleep(10)
    assert b.elector.is_leader()
    assert b.led[0][1] - left < 6
    assert spec(server)["leaseTransitions"] == 1
    await b.kill()


async def test_does_a_dead_leader_s_lease_have_to_run_out() -> None:
    server = Server()
    a = Candidate(server, "a", release=False)
    await asyncio.sleep(1)
    b = Candidate(server, "b")
    await asyncio.sleep(10)
    await a.kill()
    left = clock.monotonic()
    await asyncio.sleep(40)
    assert b.elector.is_leader()
    assert 12 < b.led[0][1] - left < 25  # seen up to two looks late
    await b.kill()


async def test_does_a_leader_cut_off_stop_before_another_begins() -> None:
    server = Server()
    a = Candidate(server, "a")
    await asyncio.sleep(1)
    b = Candidate(server, "b")
    await asyncio.sleep(10)
    cut_off = b'"holderIdentity":"a"'

    def deaf(request: Request) -> object:
        return failure(500, "InternalError") if cut_off in request.body else None

    server.before = deaf  # type: ignore[assignment]
    await asyncio.sleep(60)
    with pytest.raises(LeadershipLost):
        await a.task
    assert a.led[1][0] == "end"
    assert b.led[0][0] == "begin"
    assert a.led[1][1] < b.led[0][1]
    await b.kill()


async def test_does_the_work_s_own_end_end_the_reign() -> None:
    server = Server()
    client = Client(Sender(InProcess(server)))

    async def work() -> None:
        await asyncio.sleep(30)

    elector = LeaderElector(client, "kube-system", "loop", "a")
    await elector.run(work)
    assert spec(server)["holderIdentity"] == ""

    async def fail() -> None:
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        await elector.run(fail)


def test_are_impossible_times_refused() -> None:
    client = Client(Sender(InProcess(Server())))
    with pytest.raises(ValueError, match="leaseDuration must be greater than renewDeadline"):
        LeaderElector(client, "n", "l", "i", lease_duration=5, renew_deadline=5)
    with pytest.raises(ValueError, match="renewDeadline must be greater than retryPeriod"):
        LeaderElector(client, "n", "l", "i", retry_period=9)
