"""A real etcd (or anybody's) as the store: the contract spoken in gRPC.

`exclusive` is never true: others write to it as well, and a consistent read asks for the revision. The order "events
before the result" cannot be promised either; callers that need it wait for the revision on their watch. Each watch is
a call of its own, so that one that lags holds up nobody else.

With several endpoints the calls go to one of them; when it does not answer, the next one is used from then on.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import grpc.aio

from minikube_edu.etcd import contract, translation
from minikube_edu.etcd.contract import (
    Compacted,
    Delete,
    DeleteResult,
    FutureRevision,
    LeaseExists,
    LeaseNotFound,
    LeaseStatus,
    Member,
    NoSpace,
    Put,
    PutResult,
    Range,
    RangeResult,
    Status,
    StoreError,
    Txn,
    TxnResult,
    Unavailable,
    Watch,
    WatchBatch,
    WatchRequest,
)
from minikube_edu.etcd.hub import Deliver, hand_over
from minikube_edu.etcd.keyspace_hash import KeyspaceHash
from minikube_edu.etcd.wire import Message, decode, encode

OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.use_local_subchannel_pool", 1),
]
ALARMS = {1: "NOSPACE", 2: "CORRUPT"}


class GrpcStore:
    """Make one with `open`."""

    exclusive = False

    def __init__(self, channels: Sequence[Any]) -> None:
        self.revision = 0
        self._channels = channels
        self._chosen = 0
        self._watches: set[GrpcWatch] = set()
        self._closed = False

    @classmethod
    async def open(
        cls,
        endpoints: Sequence[str],
        *,
        cafile: str | None = None,
        certfile: str | None = None,
        keyfile: str | None = None,
        patience: float = 10.0,
    ) -> GrpcStore:
        """Connect to `https://host:port` or `http://host:port`; waits `patience` seconds, then raises Unavailable."""
        credentials = grpc.ssl_channel_credentials(*map(_content, (cafile, keyfile, certfile)))
        channels = []
        for endpoint in endpoints:
            target = re.sub(r"^https?://", "", endpoint).rstrip("/")
            if endpoint.startswith("https://"):
                channels.append(grpc.aio.secure_channel(target, credentials, options=OPTIONS))
            else:
                channels.append(grpc.aio.insecure_channel(target, options=OPTIONS))
        store = cls(channels)
        try:
            async with asyncio.timeout(patience):
                while True:
                    try:
                        await store.current_revision()
                        return store
                    except Unavailable:
                        await asyncio.sleep(0.05)
        except TimeoutError as error:
            await store.close()
            raise Unavailable(f"etcd: {', '.join(endpoints)}: no answer in {patience:g} s") from error

    async def close(self) -> None:
        self._closed = True
        for watch in list(self._watches):
            watch.cancel()
            await asyncio.gather(watch.task, return_exceptions=True)
        for channel in self._channels:
            await channel.close()

    # Calls

    async def _call(self, path: str, request: str, response: str, message: Message) -> Message:
        if self._closed:
            raise Unavailable("etcd: closed")
        call = self._channels[self._chosen].unary_unary(f"/etcdserverpb.{path}")
        try:
            data: bytes = await call(encode(request, message))
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error
        answer = decode(response, data)
        self._saw(answer)
        return answer

    def _saw(self, message: Message) -> None:
        header = message["header"]
        if header and header["revision"] > self.revision:
            self.revision = header["revision"]

    def _refusal(self, error: Any) -> StoreError:
        refusal = store_error(error.code().name, error.details() or "")
        if isinstance(refusal, Unavailable):
            self._chosen = (self._chosen + 1) % len(self._channels)
        return refusal

    async def current_revision(self) -> int:
        return (await self.range(Range(b"\0", count_only=True))).revision

    async def range(self, request: Range) -> RangeResult:
        message = translation.range_message(request)
        return translation.range_result(await self._call("KV/Range", "RangeRequest", "RangeResponse", message))

    async def put(self, request: Put) -> PutResult:
        message = translation.put_message(request)
        return translation.put_result(await self._call("KV/Put", "PutRequest", "PutResponse", message))

    async def delete(self, request: Delete) -> DeleteResult:
        message = translation.delete_message(request)
        answer = await self._call("KV/DeleteRange", "DeleteRangeRequest", "DeleteRangeResponse", message)
        return translation.delete_result(answer)

    async def txn(self, request: Txn) -> TxnResult:
        message = translation.txn_message(request)
        return translation.txn_result(await self._call("KV/Txn", "TxnRequest", "TxnResponse", message))

    async def compact(self, revision: int, physical: bool = False) -> int:
        message = {"revision": revision, "physical": physical}
        answer = await self._call("KV/Compact", "CompactionRequest", "CompactionResponse", message)
        return int(answer["header"]["revision"])

    async def watch(self, request: WatchRequest, deliver: Deliver) -> Watch:
        if self._closed:
            raise Unavailable("etcd: closed")
        watch = GrpcWatch(self, self._channels[self._chosen].stream_stream("/etcdserverpb.Watch/Watch"), deliver)
        self._watches.add(watch)
        watch.task.add_done_callback(lambda _: self._watches.discard(watch))
        await watch.begin(request)
        if request.start_revision > 0:
            await self._check_past(watch, request)
        return watch

    async def _check_past(self, watch: GrpcWatch, request: WatchRequest) -> None:
        """etcd says "created" before it looks whether the past is still there; find out before anybody relies on it."""
        try:
            await self.range(Range(request.key, revision=request.start_revision, count_only=True, serializable=True))
        except FutureRevision:
            pass
        except Compacted:
            async with asyncio.timeout(10):
                await asyncio.gather(watch.task, return_exceptions=True)
            raise watch.error or Compacted() from None

    # Leases

    async def grant(self, ttl: int, id: int = 0) -> LeaseStatus:
        answer = await self._call("Lease/LeaseGrant", "LeaseGrantRequest", "LeaseGrantResponse", {"TTL": ttl, "ID": id})
        return LeaseStatus(answer["ID"], answer["TTL"], answer["TTL"])

    async def revoke(self, id: int) -> None:
        await self._call("Lease/LeaseRevoke", "LeaseRevokeRequest", "LeaseRevokeResponse", {"ID": id})

    async def keep_alive(self, id: int) -> LeaseStatus:
        call = self._channels[self._chosen].stream_stream("/etcdserverpb.Lease/LeaseKeepAlive")()
        try:
            await call.write(encode("LeaseKeepAliveRequest", {"ID": id}))
            answer = decode("LeaseKeepAliveResponse", await call.read())
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error
        finally:
            call.cancel()
        if answer["TTL"] <= 0:
            raise LeaseNotFound
        return LeaseStatus(id, answer["TTL"], answer["TTL"])

    async def time_to_live(self, id: int, keys: bool = False) -> LeaseStatus:
        message = {"ID": id, "keys": keys}
        answer = await self._call("Lease/LeaseTimeToLive", "LeaseTimeToLiveRequest", "LeaseTimeToLiveResponse", message)
        if answer["TTL"] < 0:
            raise LeaseNotFound
        return LeaseStatus(id, answer["TTL"], answer["grantedTTL"], tuple(sorted(answer["keys"])))

    async def leases(self) -> Sequence[int]:
        answer = await self._call("Lease/LeaseLeases", "LeaseLeasesRequest", "LeaseLeasesResponse", {})
        return tuple(sorted(lease["ID"] for lease in answer["leases"]))

    # Maintenance

    async def status(self) -> Status:
        answer = await self._call("Maintenance/Status", "StatusRequest", "StatusResponse", {})
        alarms = await self._call("Maintenance/Alarm", "AlarmRequest", "AlarmResponse", {})
        members = await self._members()
        return Status(
            version=answer["version"],
            revision=answer["header"]["revision"],
            compact_revision=0,  # etcd does not tell it
            db_size=answer["dbSize"],
            db_size_in_use=answer["dbSizeInUse"],
            member_id=answer["header"]["member_id"],
            cluster_id=answer["header"]["cluster_id"],
            alarms=tuple(ALARMS.get(alarm["alarm"], "UNKNOWN") for alarm in alarms["alarms"]),
            member=next((one for one in members if one.id == answer["header"]["member_id"]), Member()),
            members=members,
            leader=answer["leader"],
            learner=answer["isLearner"],
            raft_term=answer["raftTerm"],
            raft_index=answer["raftIndex"],
            raft_applied=answer["raftAppliedIndex"],
            storage_version=answer["storageVersion"],
            quota=answer["dbSizeQuota"],
        )

    async def _members(self) -> Sequence[Member]:
        answer = await self._call("Cluster/MemberList", "MemberListRequest", "MemberListResponse", {})
        return tuple(
            Member(one["name"], tuple(one["peerURLs"]), tuple(one["clientURLs"]), id=one["ID"])
            for one in answer["members"]
        )

    async def hash_kv(self, revision: int) -> KeyspaceHash:
        """As the server computes it, which is over its own history."""
        answer = await self._call("Maintenance/HashKV", "HashKVRequest", "HashKVResponse", {"revision": revision})
        return KeyspaceHash(answer["hash"], answer["compact_revision"], answer["hash_revision"])

    async def defragment(self) -> None:
        await self._call("Maintenance/Defragment", "DefragmentRequest", "DefragmentResponse", {})

    async def snapshot(self) -> AsyncIterator[bytes]:
        call = self._channels[self._chosen].unary_stream("/etcdserverpb.Maintenance/Snapshot")(b"")
        try:
            async for data in call:
                yield decode("SnapshotResponse", data)["blob"]
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error

    async def disarm(self) -> Sequence[str]:
        raised = (await self.status()).alarms
        for number, name in ALARMS.items():
            if name in raised:
                await self._call("Maintenance/Alarm", "AlarmRequest", "AlarmResponse", {"action": 2, "alarm": number})
        return raised


class GrpcWatch:
    """One watch on a call of its own."""

    def __init__(self, store: GrpcStore, call: Any, deliver: Deliver) -> None:
        self._store = store
        self._call = call()
        self._deliver: Deliver | None = deliver
        self._created: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writes: set[asyncio.Task[None]] = set()
        self._progress_wanted = False
        self.error: StoreError | None = None
        self.task = asyncio.create_task(self._read(), name="etcd watch")

    async def begin(self, request: WatchRequest) -> None:
        try:
            await self._call.write(encode("WatchRequest", {"create_request": translation.watch_message(request)}))
            await self._created
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            self.cancel()
            raise self.error or Unavailable("etcd: the watch could not be started") from error
        except asyncio.CancelledError:
            self.cancel()
            raise

    def cancel(self) -> None:
        self._deliver = None
        self._call.cancel()

    def request_progress(self) -> None:
        self._progress_wanted = True
        if not self._writes:  # a call bears one write at a time: two end it
            task = asyncio.create_task(self._write_progress(), name="etcd watch progress")
            self._writes.add(task)
            task.add_done_callback(self._progress_written)

    def _progress_written(self, task: asyncio.Task[None]) -> None:
        self._writes.discard(task)
        if self._progress_wanted and self._deliver is not None:  # asked for since the task's last look
            self.request_progress()

    async def _write_progress(self) -> None:
        """As long as somebody asks: who asks while one is on its way needs a newer answer."""
        message = encode("WatchRequest", {"progress_request": {}})
        try:
            while self._progress_wanted:
                self._progress_wanted = False
                await self._call.write(message)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError, asyncio.CancelledError):
            pass  # the call has ended; the reader says so

    async def _read(self) -> None:
        try:
            while (data := await self._call.read()) is not grpc.aio.EOF:
                if not self._received(decode("WatchResponse", data)):
                    break
            else:
                self.error = Unavailable("etcd: the watch was ended")
        except grpc.aio.AioRpcError as error:
            self.error = self._store._refusal(error)
        except asyncio.CancelledError:
            self.error = Unavailable("etcd: the watch was cancelled")
        self._end()

    def _received(self, message: Message) -> bool:
        """False when this was the last one."""
        self._store._saw(message)
        if message["canceled"]:
            if message["compact_revision"]:
                self.error = Compacted(message["compact_revision"])
            else:
                self.error = contract.InvalidRequest(message["cancel_reason"] or "etcd: the watch was cancelled")
            return False
        if message["created"]:
            self._created.set_result(None)
        elif self._deliver is not None:
            events = tuple(map(translation.event_result, message["events"]))
            return hand_over(self._deliver, WatchBatch(message["header"]["revision"], events))
        return True

    def _end(self) -> None:
        self._call.cancel()
        deliver, self._deliver = self._deliver, None
        if not self._created.done():
            self._created.set_exception(self.error or Unavailable("etcd: the watch was cancelled"))
            self._created.exception()
        elif deliver is not None:
            hand_over(deliver, WatchBatch(self._store.revision, (), self.error))


def store_error(code: str, message: str) -> StoreError:
    """gRPC's status as the contract's exception: by etcd's words first, by its code else."""
    for kind in (Compacted, FutureRevision, LeaseNotFound, LeaseExists, NoSpace):
        if str(kind()) == message:
            return kind()
    by_code: dict[str, type[StoreError]] = {
        "INVALID_ARGUMENT": contract.InvalidRequest,
        "UNIMPLEMENTED": contract.Unsupported,
        "UNAVAILABLE": Unavailable,
        "CANCELLED": Unavailable,
        "DEADLINE_EXCEEDED": Unavailable,
        "DATA_LOSS": contract.Corrupt,
    }
    error = by_code.get(code, StoreError)(message)
    if error.code != code and type(error) is StoreError:
        error.code = code
    return error


def _content(path: str | None) -> bytes | None:
    if not path:  # not given: a flag's default is empty
        return None
    with open(path, "rb") as file:
        return file.read()
