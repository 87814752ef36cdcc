"""Protocol buffers, as much as etcd's API needs: tables of field numbers, and a codec that reads them.

The tables below are facts of etcd's public API (rpc.proto, kv.proto). A message is a dict with every field in it,
absent ones with their default. Generated stubs would say the same in thousands of lines, and need the protobuf
package at run time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from minikube_edu.etcd.contract import InvalidRequest, Unsupported

Message = dict[str, Any]

# name = number : type; `*` repeated; types: int (all varints; signed 64 bits), uint, bool, bytes, str, or a message.
# A field of a `oneof` is `?`: absent means None.
TABLES = """
ResponseHeader: cluster_id=1:uint member_id=2:uint revision=3:int raft_term=4:uint
KeyValue: key=1:bytes create_revision=2:int mod_revision=3:int version=4:int value=5:bytes lease=6:int
Event: type=1:int kv=2:KeyValue prev_kv=3:KeyValue
RangeRequest: key=1:bytes range_end=2:bytes limit=3:int revision=4:int sort_order=5:int sort_target=6:int \
serializable=7:bool keys_only=8:bool count_only=9:bool min_mod_revision=10:int max_mod_revision=11:int \
min_create_revision=12:int max_create_revision=13:int
RangeResponse: header=1:ResponseHeader kvs=2:*KeyValue more=3:bool count=4:int
PutRequest: key=1:bytes value=2:bytes lease=3:int prev_kv=4:bool ignore_value=5:bool ignore_lease=6:bool
PutResponse: header=1:ResponseHeader prev_kv=2:KeyValue
DeleteRangeRequest: key=1:bytes range_end=2:bytes prev_kv=3:bool
DeleteRangeResponse: header=1:ResponseHeader deleted=2:int prev_kvs=3:*KeyValue
RequestOp: request_range=1:RangeRequest request_put=2:PutRequest request_delete_range=3:DeleteRangeRequest \
request_txn=4:TxnRequest
ResponseOp: response_range=1:RangeResponse response_put=2:PutResponse response_delete_range=3:DeleteRangeResponse \
response_txn=4:TxnResponse
Compare: result=1:int target=2:int key=3:bytes version=4:?int create_revision=5:?int mod_revision=6:?int \
value=7:?bytes lease=8:?int range_end=64:bytes
TxnRequest: compare=1:*Compare success=2:*RequestOp failure=3:*RequestOp
TxnResponse: header=1:ResponseHeader succeeded=2:bool responses=3:*ResponseOp
CompactionRequest: revision=1:int physical=2:bool
CompactionResponse: header=1:ResponseHeader
WatchRequest: create_request=1:WatchCreateRequest cancel_request=2:WatchCancelRequest \
progress_request=3:WatchProgressRequest
WatchCreateRequest: key=1:bytes range_end=2:bytes start_revision=3:int progress_notify=4:bool filters=5:*int \
prev_kv=6:bool watch_id=7:int fragment=8:bool
WatchCancelRequest: watch_id=1:int
WatchProgressRequest:
WatchResponse: header=1:ResponseHeader watch_id=2:int created=3:bool canceled=4:bool compact_revision=5:int \
cancel_reason=6:str fragment=7:bool events=11:*Event
LeaseGrantRequest: TTL=1:int ID=2:int
LeaseGrantResponse: header=1:ResponseHeader ID=2:int TTL=3:int error=4:str
LeaseRevokeRequest: ID=1:int
LeaseRevokeResponse: header=1:ResponseHeader
LeaseKeepAliveRequest: ID=1:int
LeaseKeepAliveResponse: header=1:ResponseHeader ID=2:int TTL=3:int
LeaseTimeToLiveRequest: ID=1:int keys=2:bool
LeaseTimeToLiveResponse: header=1:ResponseHeader ID=2:int TTL=3:int grantedTTL=4:int keys=5:*bytes
LeaseLeasesRequest:
LeaseStatus: ID=1:int
LeaseLeasesResponse: header=1:ResponseHeader leases=2:*LeaseStatus
Member: ID=1:uint name=2:str peerURLs=3:*str clientURLs=4:*str isLearner=5:bool
MemberListRequest: linearizable=1:bool
MemberListResponse: header=1:ResponseHeader members=2:*Member
AlarmRequest: action=1:int memberID=2:uint alarm=3:int
AlarmMember: memberID=1:uint alarm=2:int
AlarmResponse: header=1:ResponseHeader alarms=2:*AlarmMember
StatusRequest:
StatusResponse: header=1:ResponseHeader version=2:str dbSize=3:int leader=4:uint raftIndex=5:uint raftTerm=6:uint \
raftAppliedIndex=7:uint errors=8:*str dbSizeInUse=9:int isLearner=10:bool storageVersion=11:str dbSizeQuota=12:int \
downgradeInfo=13:DowngradeInfo
DowngradeInfo: enabled=1:bool targetVersion=2:str
HashKVRequest: revision=1:int
HashKVResponse: header=1:ResponseHeader hash=2:uint compact_revision=3:int hash_revision=4:int
DefragmentRequest:
DefragmentResponse: header=1:ResponseHeader
SnapshotRequest:
SnapshotResponse: header=1:ResponseHeader remaining_bytes=2:uint blob=3:bytes version=4:str
AuthStatusRequest:
AuthStatusResponse: header=1:ResponseHeader enabled=2:bool authRevision=3:uint
"""

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_DEFAULTS: dict[str, Any] = {"int": 0, "uint": 0, "bool": False, "bytes": b"", "str": ""}


class Field(NamedTuple):
    name: str
    number: int
    type: str
    repeated: bool
    optional: bool

    @property
    def default(self) -> Any:
        return () if self.repeated else None if self.optional else _DEFAULTS.get(self.type)


class Table:
    def __init__(self, name: str, fields: list[Field]) -> None:
        self.name = name
        self.fields = {field.number: field for field in fields}
        self.defaults = {field.name: field.default for field in fields}
        self.in_order = [(field, _varint(field.number << 3 | _wire_type(field))) for field in fields]


def encode(name: str, message: Message) -> bytes:
    out: list[bytes] = []
    _encode(_TABLES[name], message, out.append)
    return b"".join(out)


def _encode(table: Table, message: Message, write: Callable[[bytes], object]) -> None:
    for field, tag in table.in_order:
        value = message.get(field.name)
        if value is None or (value == field.default and not field.optional):
            continue
        for item in value if field.repeated else (value,):
            write(tag)
            if field.type in ("int", "uint", "bool"):
                write(_varint(int(item) & 0xFFFFFFFFFFFFFFFF))
                continue
            data = item if field.type == "bytes" else item.encode() if field.type == "str" else encode(field.type, item)
            write(_varint(len(data)))
            write(data)


def decode(name: str, data: bytes, *, strict: bool = False) -> Message:
    """The message; `strict` refuses fields that the table does not know instead of skipping them, as a server must that
    promises to do what it was asked."""
    table = _TABLES[name]
    message = dict(table.defaults)
    at, end = 0, len(data)
    try:
        while at < end:
            tag, at = _read_varint(data, at)
            value, at = _read(tag & 7, data, at)
            field = table.fields.get(tag >> 3)
            if field is None:
                if strict:
                    raise Unsupported(f"etcdserver: field {tag >> 3} of {name} is not supported")
                continue
            _take(message, field, tag & 7, value, strict)
    except (IndexError, ValueError, TypeError) as error:
        raise InvalidRequest(f"etcdserver: malformed {name}: {error}") from error
    return message


def _take(message: Message, field: Field, wire_type: int, value: Any, strict: bool) -> None:
    if field.repeated and wire_type == LENGTH and _wire_type(field) == VARINT:  # packed numbers
        at, items = 0, []
        while at < len(value):
            number, at = _read_varint(value, at)
            items.append(_number(field.type, number))
        message[field.name] = (*message[field.name], *items)
        return
    if wire_type != _wire_type(field):
        raise ValueError(f"{field.name} has wire type {wire_type}")
    item: Any
    if wire_type == VARINT:
        item = _number(field.type, value)
    elif field.type == "bytes":
        item = value
    elif field.type == "str":
        item = value.decode()
    else:
        item = decode(field.type, value, strict=strict)
    if field.repeated:
        if not message[field.name]:
            message[field.name] = []
        message[field.name].append(item)
    else:
        message[field.name] = item


def _number(type_: str, value: int) -> int | bool:
    if type_ == "bool":
        return value != 0
    return value - (1 << 64) if type_ == "int" and value >= 1 << 63 else value


def _read(wire_type: int, data: bytes, at: int) -> tuple[Any, int]:
    if wire_type == VARINT:
        return _read_varint(data, at)
    if wire_type == LENGTH:
        length, at = _read_varint(data, at)
    elif wire_type in (FIXED64, FIXED32):
        length = 8 if wire_type == FIXED64 else 4
    else:
        raise ValueError(f"wire type {wire_type}")
    if at + length > len(data):
        raise ValueError("it ends too early")
    return data[at : at + length], at + length


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    if byte < 128:
        return byte, at + 1
    value, shift = byte & 127, 7
    while True:
        at += 1
        byte = data[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, at + 1
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")


def _varint(value: int) -> bytes:
    if value < 128:
        return _SMALL[value]
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _wire_type(field: Field) -> int:
    return VARINT if field.type in ("int", "uint", "bool") else LENGTH


def _parse(line: str) -> Table:
    name, _, rest = line.partition(":")
    fields = []
    for word in rest.split():
        field, _, described = word.partition("=")
        number, _, type_ = described.partition(":")
        fields.append(Field(field, int(number), type_.lstrip("*?"), type_[0] == "*", type_[0] == "?"))
    return Table(name, fields)


_SMALL = [bytes((value,)) for value in range(128)]
_TABLES = {table.name: table for table in map(_parse, TABLES.strip().splitlines())}
