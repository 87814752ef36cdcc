"""`-w simple`, the default: keys and values line by line, sentences for the rest."""

from __future__ import annotations

from collections.abc import Sequence

from minikube_edu.etcd.contract import (
    DeleteResult,
    KeyValue,
    LeaseStatus,
    OperationResult,
    PutResult,
    RangeResult,
    TxnResult,
    WatchBatch,
)
from minikube_edu.etcd.etcdctl.forms.form import EndpointHash, EndpointStatus, Form, Header, Health, Member
from minikube_edu.etcd.etcdctl.forms.rows import hash_rows, member_rows, status_rows


class Simple(Form):
    name = "simple"

    def _kv(self, kv: KeyValue) -> None:
        for data in (kv.value,) if self.value_only else (kv.key, kv.value):
            self.line("".join(f"\\x{byte:02x}" for byte in data) if self.hexadecimal else data)

    def get(self, result: RangeResult, header: Header | None = None) -> None:
        for kv in result.kvs:
            self._kv(kv)

    def put(self, result: PutResult, header: Header | None = None) -> None:
        self.line("OK")
        if result.previous is not None:
            self._kv(result.previous)

    def delete(self, result: DeleteResult, header: Header | None = None) -> None:
        self.line(str(result.deleted))
        for kv in result.previous:
            self._kv(kv)

    def txn(self, result: TxnResult, header: Header | None = None) -> None:
        self.line("SUCCESS" if result.succeeded else "FAILURE")
        for response in result.responses:
            self.line()
            self._response(response)

    def _response(self, response: OperationResult) -> None:
        if isinstance(response, RangeResult):
            self.get(response)
        elif isinstance(response, PutResult):
            self.put(response)
        elif isinstance(response, DeleteResult):
            self.delete(response)
        else:
            self.txn(response)

    def watch(self, batch: WatchBatch, header: Header) -> None:
        for event in batch.events:
            self.line(event.kind.name)
            if event.previous is not None:
                self._kv(event.previous)
            self._kv(event.kv)

    def granted(self, lease: LeaseStatus, header: Header) -> None:
        self.line(f"lease {lease.id:016x} granted with TTL({lease.granted_ttl}s)")

    def revoked(self, id: int, header: Header) -> None:
        self.line(f"lease {id:016x} revoked")

    def kept_alive(self, lease: LeaseStatus, header: Header) -> None:
        self.line(f"lease {lease.id:016x} keepalived with TTL({lease.ttl})")

    def time_to_live(self, lease: LeaseStatus, keys: bool, header: Header) -> None:
        if lease.ttl < 0:
            self.line(f"lease {lease.id:016x} already expired")
            return
        text = f"lease {lease.id:016x} granted with TTL({lease.granted_ttl}s), remaining({lease.ttl}s)"
        attached = b", attached keys([%b])" % b" ".join(lease.keys) if keys else b""
        self.line(text.encode() + attached)

    def leases(self, ids: Sequence[int], header: Header) -> None:
        self.line(f"found {len(ids)} leases")
        for id in ids:
            self.line(f"{id:016x}")

    def alarms(self, alarms: Sequence[str], header: Header) -> None:
        for alarm in alarms:
            self.line(f"memberID:{header.member_id} alarm:{alarm} ")

    def members(self, members: Sequence[Member], header: Header) -> None:
        for row in member_rows(members):
            self.line(", ".join(row))

    def health(self, found: Sequence[Health]) -> None:
        for one in found:  # the unhealthy are named on standard error, by the verb
            if not one.error:
                self.line(f"{one.endpoint} is healthy: successfully committed proposal: took = {one.took}")

    def status(self, found: Sequence[EndpointStatus]) -> None:
        for row in status_rows(found):
            self.line(", ".join(row))

    def hashes(self, found: Sequence[EndpointHash]) -> None:
        for row in hash_rows(found):
            self.line(", ".join(row))
