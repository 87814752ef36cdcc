"""Between etcd's messages (wire.py) and the contract's words, both ways: one for the face, the other for the driver."""

from __future__ import annotations

from typing import Any

from minikube_edu.etcd.contract import (
    Compare,
    Delete,
    DeleteResult,
    Event,
    EventKind,
    InvalidRequest,
    KeyValue,
    Operation,
    OperationResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    Result,
    SortOrder,
    SortTarget,
    Target,
    Txn,
    TxnResult,
    WatchRequest,
)
from minikube_edu.etcd.wire import Message

_RANGE_NUMBERS = (
    "limit",
    "revision",
    "min_mod_revision",
    "max_mod_revision",
    "min_create_revision",
    "max_create_revision",
)
_RANGE_FLAGS = ("serializable", "keys_only", "count_only")
_TARGET_FIELDS = {
    Target.VERSION: "version",
    Target.CREATE: "create_revision",
    Target.MOD: "mod_revision",
    Target.VALUE: "value",
    Target.LEASE: "lease",
}
NO_PUT, NO_DELETE = 0, 1


# Requests


def range_request(message: Message) -> Range:
    try:
        order, target = SortOrder(message["sort_order"]), SortTarget(message["sort_target"])
    except ValueError as error:
        raise InvalidRequest("etcdserver: invalid sort option") from error
    same = {name: message[name] for name in (*_RANGE_NUMBERS, *_RANGE_FLAGS)}
    return Range(message["key"], message["range_end"], sort_order=order, sort_target=target, **same)


def range_message(request: Range) -> Message:
    names = ("key", "range_end", "sort_order", "sort_target", *_RANGE_NUMBERS, *_RANGE_FLAGS)
    return {name: getattr(request, name) for name in names}


def put_request(message: Message) -> Put:
    return Put(
        message["key"],
        message["value"],
        message["lease"],
        message["prev_kv"],
        message["ignore_value"],
        message["ignore_lease"],
    )


def put_message(request: Put) -> Message:
    return {
        "key": request.key,
        "value": request.value,
        "lease": request.lease,
        "prev_kv": request.previous,
        "ignore_value": request.ignore_value,
        "ignore_lease": request.ignore_lease,
    }


def delete_request(message: Message) -> Delete:
    return Delete(message["key"], message["range_end"], message["prev_kv"])


def delete_message(request: Delete) -> Message:
    return {"key": request.key, "range_end": request.range_end, "prev_kv": request.previous}


def compare_request(message: Message) -> Compare:
    try:
        target, result = Target(message["target"]), Result(message["result"])
    except ValueError as error:
        raise InvalidRequest(f"etcdserver: compare: {error}") from error
    operand = message[_TARGET_FIELDS[target]]
    if target == Target.VALUE:
        return Compare(message["key"], target, result, value=operand or b"", range_end=message["range_end"])
    return Compare(message["key"], target, result, operand or 0, range_end=message["range_end"])


def compare_message(compare: Compare) -> Message:
    operand = compare.value if compare.target == Target.VALUE else compare.number
    return {
        "key": compare.key,
        "range_end": compare.range_end,
        "target": compare.target,
        "result": compare.result,
        _TARGET_FIELDS[compare.target]: operand,
    }


def txn_request(message: Message) -> Txn:
    return Txn(
        tuple(map(compare_request, message["compare"])),
        tuple(map(_operation, message["success"])),
        tuple(map(_operation, message["failure"])),
    )


def _operation(message: Message) -> Operation:
    if message["request_range"] is not None:
        return range_request(message["request_range"])
    if message["request_put"] is not None:
        return put_request(message["request_put"])
    if message["request_delete_range"] is not None:
        return delete_request(message["request_delete_range"])
    if message["request_txn"] is not None:
        return txn_request(message["request_txn"])
    raise InvalidRequest("etcdserver: key not found")  # what etcd says to an operation that is none


def txn_message(request: Txn) -> Message:
    return {
        "compare": list(map(compare_message, request.compare)),
        "success": list(map(_operation_message, request.success)),
        "failure": list(map(_operation_message, request.failure)),
    }


def _operation_message(operation: Operation) -> Message:
    if isinstance(operation, Range):
        return {"request_range": range_message(operation)}
    if isinstance(operation, Put):
        return {"request_put": put_message(operation)}
    if isinstance(operation, Delete):
        return {"request_delete_range": delete_message(operation)}
    return {"request_txn": txn_message(operation)}


def watch_request(message: Message) -> WatchRequest:
    return WatchRequest(
        message["key"],
        message["range_end"],
        max(0, message["start_revision"]),
        message["prev_kv"],
        NO_PUT in message["filters"],
        NO_DELETE in message["filters"],
        message["progress_notify"],
    )


def watch_message(request: WatchRequest) -> Message:
    filters = [number for number, wanted in ((NO_PUT, request.no_put), (NO_DELETE, request.no_delete)) if wanted]
    return {
        "key": request.key,
        "range_end": request.range_end,
        "start_revision": request.start_revision,
        "prev_kv": request.previous,
        "progress_notify": request.progress_notify,
        "filters": filters,
    }


# Results


def kv_message(kv: KeyValue | None) -> Message | None:
    if kv is None:
        return None
    return {
        "key": kv.key,
        "create_revision": kv.create_revision,
        "mod_revision": kv.mod_revision,
        "version": kv.version,
        "value": kv.value,
        "lease": kv.lease,
    }


def kv_result(message: Message | None) -> KeyValue | None:
    return None if message is None else _kv(message)


def _kv(message: Message) -> KeyValue:
    return KeyValue(
        message["key"],
        message["value"],
        message["create_revision"],
        message["mod_revision"],
        message["version"],
        message["lease"],
    )


def event_message(event: Event) -> Message:
    return {"type": event.kind, "kv": kv_message(event.kv), "prev_kv": kv_message(event.previous)}


def event_result(message: Message) -> Event:
    return Event(EventKind(message["type"]), _kv(message["kv"]), kv_result(message["prev_kv"]))


def result_message(result: OperationResult, header: Message | None = None) -> Message:
    """A result as etcd's response; nested ones have a header with nothing but the revision."""
    head = header if header is not None else {"revision": result.revision}
    if isinstance(result, RangeResult):
        kvs = [kv_message(kv) for kv in result.kvs]
        return {"header": head, "kvs": kvs, "more": result.more, "count": result.count}
    if isinstance(result, PutResult):
        return {"header": head, "prev_kv": kv_message(result.previous)}
    if isinstance(result, DeleteResult):
        previous = [kv_message(kv) for kv in result.previous]
        return {"header": head, "deleted": result.deleted, "prev_kvs": previous}
    responses = [{_RESPONSE_FIELDS[type(one)]: result_message(one)} for one in result.responses]
    return {"header": head, "succeeded": result.succeeded, "responses": responses}


_RESPONSE_FIELDS: dict[type[Any], str] = {
    RangeResult: "response_range",
    PutResult: "response_put",
    DeleteResult: "response_delete_range",
    TxnResult: "response_txn",
}


def range_result(message: Message) -> RangeResult:
    return RangeResult(_revision(message), tuple(map(_kv, message["kvs"])), message["more"], message["count"])


def put_result(message: Message) -> PutResult:
    return PutResult(_revision(message), kv_result(message["prev_kv"]))


def delete_result(message: Message) -> DeleteResult:
    return DeleteResult(_revision(message), message["deleted"], tuple(map(_kv, message["prev_kvs"])))


def txn_result(message: Message) -> TxnResult:
    return TxnResult(_revision(message), message["succeeded"], tuple(map(_response, message["responses"])))


def _response(message: Message) -> OperationResult:
    if message["response_range"] is not None:
        return range_result(message["response_range"])
    if message["response_put"] is not None:
        return put_result(message["response_put"])
    if message["response_delete_range"] is not None:
        return delete_result(message["response_delete_range"])
    return txn_result(message["response_txn"])


def _revision(message: Message) -> int:
    return int(message["header"]["revision"]) if message["header"] else 0
