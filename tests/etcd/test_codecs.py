"""Does what is packed come out again, and does nonsense get refused instead of believed?"""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.etcd import frames, translation, wire
from minikube_edu.etcd.contract import (
    Compacted,
    Compare,
    Corrupt,
    Delete,
    DeleteResult,
    Event,
    EventKind,
    InvalidRequest,
    KeyValue,
    LeaseNotFound,
    NoSpace,
    Put,
    PutResult,
    Range,
    RangeResult,
    Result,
    SortOrder,
    SortTarget,
    StoreError,
    Target,
    Txn,
    TxnResult,
    Unavailable,
    Unsupported,
    WatchBatch,
    WatchRequest,
)
from minikube_edu.etcd.grpc_driver import store_error

NUMBERS = st.integers(-(2**63), 2**63 - 1)
BYTES = st.binary(max_size=20)


def many(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(items, max_size=3).map(tuple)


kvs = st.builds(KeyValue, BYTES, BYTES, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
ranges = st.builds(
    Range,
    BYTES,
    BYTES,
    NUMBERS,
    NUMBERS,
    st.sampled_from(SortOrder),
    st.sampled_from(SortTarget),
    *[st.booleans()] * 3,
    *[NUMBERS] * 4,
)
puts = st.builds(Put, BYTES, BYTES, NUMBERS, *[st.booleans()] * 3)
deletes = st.builds(Delete, BYTES, BYTES, st.booleans())
numbers = st.builds(
    Compare, BYTES, st.sampled_from([Target.MOD, Target.LEASE]), st.sampled_from(Result), NUMBERS, range_end=BYTES
)
values = st.builds(Compare, BYTES, st.just(Target.VALUE), st.sampled_from(Result), value=BYTES, range_end=BYTES)


def txns(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(Txn, many(numbers | values), many(inner), many(inner))


def txn_results(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(TxnResult, NUMBERS, st.booleans(), many(inner))


operations = st.recursive(ranges | puts | deletes, txns, max_leaves=5)
range_results = st.builds(RangeResult, NUMBERS, many(kvs), st.booleans(), NUMBERS)
put_results = st.builds(PutResult, NUMBERS, st.none() | kvs)
delete_results = st.builds(DeleteResult, NUMBERS, NUMBERS, many(kvs))
results = st.recursive(range_results | put_results | delete_results, txn_results, max_leaves=5)
events = st.builds(Event, st.sampled_from(EventKind), kvs, st.none() | kvs)
batches = st.builds(WatchBatch, NUMBERS, many(events))
watches = st.builds(WatchRequest, BYTES, BYTES, st.integers(0, 2**40), *[st.booleans()] * 4)


def unframe(data: bytes) -> Any:
    length, number, type_ = frames.HEADER.unpack_from(data)
    assert (length, number) == (len(data) - frames.HEADER.size, 7)
    return frames.message(type_, data[frames.HEADER.size :])


@given(operations | results | batches | watches)
def test_does_a_frame_carry_every_message(message: Any) -> None:
    assert unframe(frames.frame(7, message)) == message


@given(st.integers(0, len(frames.MESSAGES) + 2), st.binary(max_size=60))
def test_is_a_frame_of_noise_refused_or_exactly_one_message(type_: int, noise: bytes) -> None:
    try:
        found = frames.message(type_, noise)
    except frames.Malformed:
        return
    # Not byte for byte: any number but 0 is a true flag.
    assert frames.message(type_, frames.frame(0, found)[frames.HEADER.size :]) == found


@pytest.mark.parametrize("error", [Compacted(5), LeaseNotFound(), NoSpace(), Corrupt("x"), StoreError("y")])
def test_does_an_error_survive_the_socket(error: StoreError) -> None:
    batch = unframe(frames.frame(7, WatchBatch(3, (), error)))
    assert (type(batch.error), str(batch.error), batch.error.code) == (type(error), str(error), error.code)
    assert getattr(batch.error, "compact_revision", None) == getattr(error, "compact_revision", None)


@given(operations)
def test_does_protobuf_carry_every_request(operation: Any) -> None:
    there_and_back: dict[type[Any], tuple[str, Any, Any]] = {
        Range: ("RangeRequest", translation.range_message, translation.range_request),
        Put: ("PutRequest", translation.put_message, translation.put_request),
        Delete: ("DeleteRangeRequest", translation.delete_message, translation.delete_request),
        Txn: ("TxnRequest", translation.txn_message, translation.txn_request),
    }
    name, there, back = there_and_back[type(operation)]
    assert back(wire.decode(name, wire.encode(name, there(operation)), strict=True)) == operation


@given(results)
def test_does_protobuf_carry_every_result(result: Any) -> None:
    names: dict[type[Any], tuple[str, Any]] = {
        RangeResult: ("RangeResponse", translation.range_result),
        PutResult: ("PutResponse", translation.put_result),
        DeleteResult: ("DeleteRangeResponse", translation.delete_result),
        TxnResult: ("TxnResponse", translation.txn_result),
    }
    name, back = names[type(result)]
    assert back(wire.decode(name, wire.encode(name, translation.result_message(result)))) == result


@given(watches)
def test_does_protobuf_carry_a_watch(request: WatchRequest) -> None:
    data = wire.encode("WatchCreateRequest", translation.watch_message(request))
    assert translation.watch_request(wire.decode("WatchCreateRequest", data)) == request


def test_are_the_bytes_those_that_etcd_writes() -> None:
    assert wire.encode("PutRequest", {"key": b"k", "value": b"v", "lease": 300, "prev_kv": True}) == (
        b"\x0a\x01k\x12\x01v\x18\xac\x02\x20\x01"
    )
    assert wire.decode("WatchCreateRequest", b"\x2a\x02\x00\x01")["filters"] == (0, 1)  # packed
    assert wire.decode("WatchCreateRequest", b"\x28\x00\x28\x01")["filters"] == [0, 1]  # not packed
    assert wire.decode("Compare", b"\x20\x00")["version"] == 0
    assert wire.decode("Compare", b"")["version"] is None


@given(st.sampled_from(["TxnRequest", "WatchRequest", "RangeResponse"]), st.binary(max_size=60))
def test_is_noise_refused_as_malformed(name: str, noise: bytes) -> None:
    with contextlib.suppress(InvalidRequest):  # and nothing else
        wire.decode(name, noise)


def test_is_a_field_from_the_future_refused_by_its_number() -> None:
    with pytest.raises(Unsupported, match="field 31 of RangeRequest"):
        wire.decode("RangeRequest", b"\x0a\x01k\xf8\x01\x01", strict=True)
    assert wire.decode("RangeRequest", b"\x0a\x01k\xf8\x01\x01")["key"] == b"k"


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("OUT_OF_RANGE", "etcdserver: mvcc: required revision has been compacted", Compacted),
        ("NOT_FOUND", "etcdserver: requested lease not found", LeaseNotFound),
        ("UNAVAILABLE", "etcdserver: request timed out", Unavailable),
        ("INTERNAL", "who knows", StoreError),
    ],
)
def test_is_a_status_of_grpc_understood(code: str, message: str, kind: type[StoreError]) -> None:
    error = store_error(code, message)
    assert (type(error), error.code, str(error)) == (kind, code, message)
