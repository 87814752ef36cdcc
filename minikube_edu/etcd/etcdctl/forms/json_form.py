"""`-w json`: the answers as etcd's client library encodes them; keys and values are in base64."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from minikube_edu.etcd.contract import (
    Compacted,
    DeleteResult,
    Event,
    KeyValue,
    LeaseStatus,
    OperationResult,
    PutResult,
    RangeResult,
    TxnResult,
    WatchBatch,
)
from minikube_edu.etcd.etcdctl.forms.form import EndpointHash, EndpointStatus, Form, Header, Health, Member
from minikube_edu.etcd.etcdctl.forms.rows import errors
from minikube_edu.etcd.etcdctl.go_text import encode

Object = dict[str, Any]


class Json(Form):
    name = "json"

    def _print(self, value: object) -> None:
        self.line(encode(value))

    def get(self, result: RangeResult, header: Header) -> None:
        self._print(_range(result, _header(header)))

    def put(self, result: PutResult, header: Header) -> None:
        self._print(_put(result, _header(header)))

    def delete(self, result: DeleteResult, header: Header) -> None:
        self._print(_delete(result, _header(header)))

    def txn(self, result: TxnResult, header: Header) -> None:
        self._print(_txn(result, _header(header)))

    def watch(self, batch: WatchBatch, header: Header) -> None:
        compacted = batch.error.compact_revision if isinstance(batch.error, Compacted) else 0
        self._print(
            {
                "Header": _header(header),
                "Events": [_event(event) for event in batch.events],
                "CompactRevision": compacted,
                "Canceled": batch.error is not None,
                "Created": False,
            }
        )

    def granted(self, lease: LeaseStatus, header: Header) -> None:
        self._print({**_header(header), "ID": lease.id, "TTL": lease.granted_ttl, "Error": ""})

    def revoked(self, id: int, header: Header) -> None:
        self._print({"header": _header(header)})

    def kept_alive(self, lease: LeaseStatus, header: Header) -> None:
        self._print({**_header(header), "ID": lease.id, "TTL": lease.ttl})

    def time_to_live(self, lease: LeaseStatus, keys: bool, header: Header) -> None:
        found = [_base64(key) for key in lease.keys] or None
        times = {"id": lease.id, "ttl": lease.ttl, "granted-ttl": lease.granted_ttl, "keys": found}
        self._print({**_header(header), **times})

    def leases(self, ids: Sequence[int], header: Header) -> None:
        self._print({**_header(header), "leases": [{"id": id} for id in ids]})

    def alarms(self, alarms: Sequence[str], header: Header) -> None:
        raised = [{"memberID": header.member_id, "alarm": 1} for _ in alarms]  # NOSPACE is the only one we know
        self._print({"header": _header(header), **_filled(alarms=raised)})

    def members(self, members: Sequence[Member], header: Header) -> None:
        head = _header(header)
        if self.hexadecimal:
            head |= {"cluster_id": f"{header.cluster_id:x}", "member_id": f"{header.member_id:x}"}
        self._print({"header": head, "members": [self._member(one) for one in members]})

    def _member(self, one: Member) -> Object:
        urls = _filled(peerURLs=list(one.peer_urls), clientURLs=list(one.client_urls))
        return {"ID": f"{one.id:x}" if self.hexadecimal else one.id, "name": one.name, **urls}

    def health(self, found: Sequence[Health]) -> None:
        self._print(
            [
                {"endpoint": one.endpoint, "health": one.health, "took": one.took, **_filled(error=one.error)}
                for one in found
            ]
        )

    def status(self, found: Sequence[EndpointStatus]) -> None:
        self._print([{"Endpoint": one.endpoint, "Status": _status(one)} for one in found])

    def hashes(self, found: Sequence[EndpointHash]) -> None:
        self._print([{"Endpoint": one.endpoint, "HashKV": _hash(one)} for one in found])


def _filled(**fields: object) -> Object:
    """Go leaves out what is empty."""
    return {name: value for name, value in fields.items() if value}


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _header(header: Header) -> Object:
    names = ("cluster_id", "member_id", "revision", "raft_term")
    return _filled(**{name: getattr(header, name) for name in names})


def _kv(kv: KeyValue) -> Object:
    return _filled(
        key=_base64(kv.key),
        create_revision=kv.create_revision,
        mod_revision=kv.mod_revision,
        version=kv.version,
        value=_base64(kv.value),
        lease=kv.lease,
    )


def _event(event: Event) -> Object:
    previous = None if event.previous is None else _kv(event.previous)
    return {**_filled(type=int(event.kind)), "kv": _kv(event.kv), **_filled(prev_kv=previous)}


def _range(result: RangeResult, header: Object) -> Object:
    kvs = [_kv(kv) for kv in result.kvs]
    return {"header": header, **_filled(kvs=kvs, more=result.more, count=result.count)}


def _put(result: PutResult, header: Object) -> Object:
    return {"header": header, **_filled(prev_kv=None if result.previous is None else _kv(result.previous))}


def _delete(result: DeleteResult, header: Object) -> Object:
    return {"header": header, **_filled(deleted=result.deleted, prev_kvs=[_kv(kv) for kv in result.previous])}


def _txn(result: TxnResult, header: Object) -> Object:
    responses = [{"Response": _response(one, {"revision": one.revision})} for one in result.responses]
    return {"header": header, **_filled(succeeded=result.succeeded, responses=responses)}


def _response(result: OperationResult, header: Object) -> Object:
    if isinstance(result, RangeResult):
        return {"ResponseRange": _range(result, header)}
    if isinstance(result, PutResult):
        return {"ResponsePut": _put(result, header)}
    if isinstance(result, DeleteResult):
        return {"ResponseDeleteRange": _delete(result, header)}
    return {"ResponseTxn": _txn(result, header)}


def _hash(one: EndpointHash) -> Object:
    numbers = _filled(hash=one.hash, compact_revision=one.compact_revision, hash_revision=one.hash_revision)
    return {"header": _header(one.header), **numbers}


def _status(one: EndpointStatus) -> Object:
    status = one.status
    return {
        "header": _header(one.header),
        "version": status.version,
        "dbSize": status.db_size,
        "leader": one.leader,
        "raftIndex": one.raft_index,
        "raftTerm": one.header.raft_term,
        "raftAppliedIndex": one.raft_applied,
        **_filled(errors=errors(one)),
        "dbSizeInUse": status.db_size_in_use,
        **_filled(isLearner=one.learner, storageVersion=one.storage_version, dbSizeQuota=one.quota),
        "downgradeInfo": {},
    }
