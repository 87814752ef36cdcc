"""The step bus: is everything heard by those who listen, and nothing paid by the others?"""

from __future__ import annotations

import logging

import pytest

from minikube_edu.lib import clock, steps
from minikube_edu.lib.steps import Record, Step


def test_is_nobody_listening_at_first_and_after_the_last_has_gone() -> None:
    assert not steps.listening
    with Record() as record:
        assert steps.listening
        steps.emit("etcd.put", cause="r1", revision=5)
    assert not steps.listening
    steps.emit("etcd.put", revision=6)
    assert [step["revision"] for step in record] == [5]


def test_does_a_step_say_what_when_and_why() -> None:
    before = clock.install(clock.ManualClock(100.0))
    try:
        with Record() as record:
            steps.emit("scheduler.bound", cause=7, pod="default/web")
            steps.emit("kubelet.started")
    finally:
        clock.install(before)
    first, second = record
    assert (first.time, first.name, first.cause, first.facts) == (100.0, "scheduler.bound", 7, {"pod": "default/web"})
    assert second.number == first.number + 1
    assert second.cause is None


def test_are_listeners_asked_for_what_they_chose_alone() -> None:
    heard: list[Step] = []
    with steps.subscribe(heard.append, "etcd.", lambda step: step.facts.get("key") == "a"):
        steps.emit("etcd.put", key="a")
        steps.emit("etcd.put", key="b")
        steps.emit("kubelet.put", key="a")
    assert [(step.name, step["key"]) for step in heard] == [("etcd.put", "a")]


def test_does_a_record_forget_the_oldest_and_count_them() -> None:
    with Record(limit=3) as record:
        for number in range(5):
            steps.emit("x.y", number=number)
    assert [step["number"] for step in record] == [2, 3, 4]
    assert (len(record), record.dropped) == (3, 2)
    assert len(record.named("x.")) == 3


def test_can_the_story_of_one_request_be_followed() -> None:
    with Record() as record:
        steps.emit("apiserver.admitted", cause="req-1")
        steps.emit("etcd.put", cause="req-1", revision=10)
        steps.emit("etcd.put", cause="req-2", revision=11)
        steps.emit("deployment.synced", cause=10)
        steps.emit("etcd.put", cause=10, revision=12)
        steps.emit("scheduler.bound", cause=12)
        steps.emit("other.thing", cause=11)
    names = [step.name for step in record.follow("req-1")]
    assert names == ["apiserver.admitted", "etcd.put", "deployment.synced", "etcd.put", "scheduler.bound"]


def test_does_a_failing_listener_not_reach_the_emitter(caplog: pytest.LogCaptureFixture) -> None:
    def fails(step: Step) -> None:
        raise RuntimeError("deaf")

    heard: list[Step] = []
    with caplog.at_level(logging.ERROR), steps.subscribe(fails), steps.subscribe(heard.append):
        steps.emit("a.b")
    assert len(heard) == 1
    assert "a listener failed at step a.b" in caplog.text
