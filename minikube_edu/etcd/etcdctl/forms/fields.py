"""`-w fields`: every field of the answer, one a line."""

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
from minikube_edu.etcd.etcdctl.forms.rows import errors
from minikube_edu.etcd.etcdctl.go_text import quote


class Fields(Form):
    name = "fields"

    def _field(self, name: str, value: object) -> None:
        shown = str(value).lower() if isinstance(value, bool) else value
        self.line(f'"{name}" : {shown}')

    def _id(self, name: str, id: int, digits: int = 0) -> None:
        self._field(name, f"{id:0{digits}x}" if self.hexadecimal else id)

    def _header(self, header: Header) -> None:
        self._id("ClusterID", header.cluster_id)
        self._id("MemberID", header.member_id)
        if header.revision > 0:
            self._field("Revision", header.revision)
        self._field("RaftTerm", header.raft_term)

    def _kv(self, before: str, kv: KeyValue) -> None:
        self._field(f"{before}Key", quote(kv.key))
        self._field(f"{before}CreateRevision", kv.create_revision)
        self._field(f"{before}ModRevision", kv.mod_revision)
        self._field(f"{before}Version", kv.version)
        self._field(f"{before}Value", quote(kv.value))
        self._id(f"{before}Lease", kv.lease, 16)

    def get(self, result: RangeResult, header: Header) -> None:
        self._header(header)
        for kv in result.kvs:
            self._kv("", kv)
        self._field("More", result.more)
        self._field("Count", result.count)

    def put(self, result: PutResult, header: Header) -> None:
        self._header(header)
        if result.previous is not None:
            self._kv("Prev", result.previous)

    def delete(self, result: DeleteResult, header: Header) -> None:
        self._header(header)
        self._field("Deleted", result.deleted)
        for kv in result.previous:
            self._kv("Prev", kv)

    def txn(self, result: TxnResult, header: Header) -> None:
        self._header(header)
        self._field("Succeeded", result.succeeded)
        for response in result.responses:
            self._response(response, Header(0, 0, response.revision, 0))

    def _response(self, response: OperationResult, header: Header) -> None:
        if isinstance(response, RangeResult):
            self.get(response, header)
        elif isinstance(response, PutResult):
            self.put(response, header)
        elif isinstance(response, DeleteResult):
            self.delete(response, header)
        else:
            self.txn(response, header)

    def watch(self, batch: WatchBatch, header: Header) -> None:
        self._header(header)
        for event in batch.events:
            self._field("Type", event.kind.name)
            if event.previous is not None:
                self._kv("Prev", event.previous)
            self._kv("", event.kv)

    def _lease(self, id: int, ttl: int, header: Header) -> None:
        self._header(header)
        self._id("ID", id, 16)
        self._field("TTL", ttl)

    def granted(self, lease: LeaseStatus, header: Header) -> None:
        self._lease(lease.id, lease.granted_ttl, header)

    def revoked(self, id: int, header: Header) -> None:
        self._header(header)

    def kept_alive(self, lease: LeaseStatus, header: Header) -> None:
        self._lease(lease.id, lease.ttl, header)

    def time_to_live(self, lease: LeaseStatus, keys: bool, header: Header) -> None:
        self._lease(lease.id, lease.ttl, header)
        self._field("GrantedTTL", lease.granted_ttl)
        for key in lease.keys:
            self._field("Key", quote(key))

    def leases(self, ids: Sequence[int], header: Header) -> None:
        self._header(header)
        for id in ids:
            self._id("ID", id, 16)

    def alarms(self, alarms: Sequence[str], header: Header) -> None:
        self._header(header)
        for alarm in alarms:
            self._id("MemberID", header.member_id)
            self._field("AlarmType", alarm)
            self.line()

    def members(self, members: Sequence[Member], header: Header) -> None:
        self._header(header)
        for one in members:
            self._id("ID", one.id)
            self._field("Name", quote(one.name.encode()))
            for url in one.peer_urls:
                self._field("PeerURL", quote(url.encode()))
            for url in one.client_urls:
                self._field("ClientURL", quote(url.encode()))
            self._field("IsLearner", False)
            self.line()

    def health(self, found: Sequence[Health]) -> None:
        for one in found:
            self._field("Endpoint", quote(one.endpoint.encode()))
            self._field("Health", one.health)
            self._field("Took", one.took)
            self._field("Error", one.error)
            self.line()

    def status(self, found: Sequence[EndpointStatus]) -> None:
        for one in found:
            status = one.status
            self._header(one.header)
            self._field("Version", quote(status.version.encode()))
            self._field("StorageVersion", quote(one.storage_version.encode()))
            self._field("DBSize", status.db_size)
            self._field("DBSizeInUse", status.db_size_in_use)
            self._field("DBSizeQuota", one.quota)
            self._field("Leader", one.leader)
            self._field("IsLearner", one.learner)
            self._field("RaftIndex", one.raft_index)
            self._field("RaftAppliedIndex", one.raft_applied)
            self._field("Errors", f"[{' '.join(errors(one))}]")
            self._field("Endpoint", quote(one.endpoint.encode()))
            self._field("DowngradeTargetVersion", '""')
            self._field("DowngradeEnabled", False)
            self.line()

    def hashes(self, found: Sequence[EndpointHash]) -> None:
        for one in found:
            self._header(one.header)
            self._field("Endpoint", quote(one.endpoint.encode()))
            self._field("Hash", one.hash)
            self._field("HashRevision", one.hash_revision)
            self.line()
