"""Which requests make sense: the checks that come before anything is read or written.

They depend on the request alone, never on what is stored, so all stores share them. The messages are etcd's own.
A real etcd lets two overlaps pass that are refused here: a put in one nested transaction and a deletion of the same key
in a later one of the same level, and a put together with a deletion that has no end. So a key changes at most once in a
revision.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikube_edu.etcd.contract import Delete, InvalidRequest, Operation, Put, Range, SortOrder, SortTarget, Txn
from minikube_edu.etcd.limits import MAX_REQUEST_BYTES, MAX_TXN_OPERATIONS

Interval = tuple[bytes, bytes | None]  # [low, high); high None: no end

EMPTY_KEY = "etcdserver: key is not provided"
DUPLICATE_KEY = "etcdserver: duplicate key given in txn request"
TOO_MANY = "etcdserver: too many operations in txn request"
TOO_LARGE = "etcdserver: request is too large"
KEY_NOT_FOUND = "etcdserver: key not found"


def interval(key: bytes, range_end: bytes) -> Interval:
    """The half-open interval that a key and range end name; a single key is [key, key + NUL)."""
    if not range_end:
        return key, key + b"\0"
    return (key, None) if range_end == b"\0" else (key, range_end)


def check_range(request: Range) -> None:
    if not request.key:
        raise InvalidRequest(EMPTY_KEY)
    if (
        request.sort_order not in SortOrder._value2member_map_
        or request.sort_target not in SortTarget._value2member_map_
    ):
        raise InvalidRequest("etcdserver: invalid sort option")


def check_put(request: Put) -> None:
    if not request.key:
        raise InvalidRequest(EMPTY_KEY)
    if request.ignore_value and request.value:
        raise InvalidRequest("etcdserver: value is provided")
    if request.ignore_lease and request.lease:
        raise InvalidRequest("etcdserver: lease is provided")
    if len(request.key) + len(request.value) > MAX_REQUEST_BYTES:
        raise InvalidRequest(TOO_LARGE)


def check_delete(request: Delete) -> None:
    if not request.key:
        raise InvalidRequest(EMPTY_KEY)


def check_txn(request: Txn) -> None:
    if _size(request) > MAX_REQUEST_BYTES:
        raise InvalidRequest(TOO_LARGE)
    _check_operations(request, MAX_TXN_OPERATIONS)
    for branch in (request.success, request.failure):
        if len(branch) > 1:
            _touched(branch)


def _size(request: Txn) -> int:
    size = sum(len(compare.key) + len(compare.value) for compare in request.compare)
    for operation in (*request.success, *request.failure):
        if isinstance(operation, Put):
            size += len(operation.key) + len(operation.value)
        elif isinstance(operation, Txn):
            size += _size(operation)
    return size


def _check_operations(request: Txn, allowed: int) -> None:
    most = max(len(request.compare), len(request.success), len(request.failure))
    if most > allowed:
        raise InvalidRequest(TOO_MANY)
    for compare in request.compare:
        if not compare.key:
            raise InvalidRequest(EMPTY_KEY)
    for operation in (*request.success, *request.failure):
        if isinstance(operation, Put):
            check_put(operation)
        elif isinstance(operation, Range):
            check_range(operation)
        elif isinstance(operation, Delete):
            check_delete(operation)
        else:
            _check_operations(operation, allowed - most)


def _touched(operations: Sequence[Operation]) -> tuple[set[bytes], list[Interval]]:
    """The keys put and the intervals deleted by one branch; refuses a branch that could change a key twice."""
    puts: set[bytes] = set()
    deletes = [interval(op.key, op.range_end) for op in operations if isinstance(op, Delete)]
    for operation in operations:
        if isinstance(operation, Put):
            _add(puts, {operation.key})
        elif isinstance(operation, Txn):
            then_puts, then_deletes = _touched(operation.success)
            else_puts, else_deletes = _touched(operation.failure)
            _add(puts, then_puts | else_puts)  # only one of the two branches happens, so they may overlap
            deletes += then_deletes + else_deletes
    for low, high in deletes:
        if any(low <= key and (high is None or key < high) for key in puts):
            raise InvalidRequest(DUPLICATE_KEY)
    return puts, deletes


def _add(puts: set[bytes], more: set[bytes]) -> None:
    if not puts.isdisjoint(more):
        raise InvalidRequest(DUPLICATE_KEY)
    puts |= more
