"""Are events counted, combined and held back as they should be?"""

from __future__ import annotations

import asyncio

import pytest

from minikube_edu.client.events import COMBINED, EventRecorder, reference
from minikube_edu.client.rest import Client
from minikube_edu.client.sending import Sender
from minikube_edu.lib.web.inprocess import InProcess
from minikube_edu.lib.web.messages import Response
from tests.client.server import Object, Server, failure

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "default", "uid": "u"}}


def recorder(server: Server) -> EventRecorder:
    return EventRecorder(Client(Sender(InProcess(server), retries=0)), "kubelet", "worker-1")


def events(server: Server) -> list[Object]:
    return [obj for (kind, _), obj in server.objects.items() if kind == "events"]


async def test_what_does_an_event_look_like() -> None:
    server = Server()
    told = recorder(server)
    told.event(POD, "Normal", "Pulled", "Image is there", {"a": "b"})
    await told.flush()
    (event,) = events(server)
    assert event["involvedObject"] == reference(POD)
    assert event["source"] == {"component": "kubelet", "host": "worker-1"}
    assert event["metadata"]["name"].startswith("web.")
    assert event["metadata"]["namespace"] == "default"
    assert event["metadata"]["annotations"] == {"a": "b"}
    assert (event["type"], event["reason"], event["count"]) == ("Normal", "Pulled", 1)
    assert event["reportingComponent"] == "kubelet"


async def test_is_the_same_event_counted_instead_of_repeated() -> None:
    server = Server()
    told = recorder(server)
    for _ in range(3):
        told.event(POD, "Warning", "BackOff", "Back-off restarting")
        await asyncio.sleep(30)
    await told.flush()
    (event,) = events(server)
    assert event["count"] == 3
    assert event["firstTimestamp"] < event["lastTimestamp"]
    assert len(server.asked("POST")) == 1


async def test_are_many_similar_events_combined() -> None:
    server = Server()
    told = recorder(server)
    for number in range(15):
        told.event(POD, "Warning", "Failed", f"try {number}")
    await told.flush()
    found = events(server)
    assert len(found) == 10
    combined = [event for event in found if event["message"].startswith(COMBINED)]
    assert [event["message"] for event in combined] == [COMBINED + "try 14"]
    assert combined[0]["count"] == 6


async def test_may_one_object_fill_the_store() -> None:
    server = Server()
    told = recorder(server)
    for _ in range(40):
        told.event(POD, "Warning", "BackOff", "again")
    await told.flush()
    assert told.written == 25
    assert told.dropped == 15
    await asyncio.sleep(310)
    told.event(POD, "Warning", "BackOff", "again")
    await told.flush()
    assert told.written == 26
    assert events(server)[0]["count"] == 41


async def test_does_an_expired_event_begin_anew() -> None:
    server = Server()
    told = recorder(server)
    told.event(POD, "Normal", "Pulled", "x")
    await told.flush()
    server.drop("events", events(server)[0]["metadata"]["name"])
    await asyncio.sleep(1)
    told.event(POD, "Normal", "Pulled", "x")
    await told.flush()
    assert events(server)[0]["count"] == 2


@pytest.mark.parametrize(("answer", "written"), [(Response(500, b""), 1), (failure(403, "Forbidden"), 0)])
async def test_is_a_failed_write_tried_again_only_when_it_may_help(answer: Response, written: int) -> None:
    server = Server()
    answers = [answer] * 3
    server.before = lambda request: answers.pop() if answers else None
    told = recorder(server)
    told.event(POD, "Normal", "Pulled", "x")
    await told.flush()
    assert told.written == written
    assert told.dropped == 1 - written


async def test_does_a_dead_server_stop_the_loop() -> None:
    server = Server()
    server.before = lambda request: Response(500, b"")
    told = recorder(server)
    for number in range(1100):
        told.event({**POD, "metadata": {"name": f"p{number}"}}, "Normal", "Pulled", "x")
    assert told.dropped >= 90
    await told.stop()
