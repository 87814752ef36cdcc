"""etcd's public door: the v3 gRPC API, for etcdctl, a real kube-apiserver and everyone else.

KV, Watch (watch_stream.py), Lease, Maintenance and Cluster.MemberList are served. What a single member without users
has no answer to (membership changes, Auth, leadership) is refused with UNIMPLEMENTED and its name; so is a
request with a field that this program does not know, since ignoring it could do something else than what was asked.

Handlers are generic: bytes in, bytes out, by the tables of wire.py. A real etcd also answers HTTP on the same port;
grpcio cannot, so /health, /version and /metrics are on --listen-metrics-urls alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import grpc
import grpc.aio
from msgspec import Struct

from minikube_edu.etcd import translation
from minikube_edu.etcd.contract import LeaseNotFound, Member, Store, StoreError, Unsupported
from minikube_edu.etcd.delegation import Delegation
from minikube_edu.etcd.keyspace_hash import hash_of
from minikube_edu.etcd.limits import CLUSTER_VERSION, DEFAULT_QUOTA, ETCD_VERSION, MAX_REQUEST_BYTES
from minikube_edu.etcd.watch_stream import WatchStream
from minikube_edu.etcd.wire import Message, decode, encode

RAFT_TERM = 2  # of a cluster of one that has elected itself
ALARM_GET, ALARM_ACTIVATE, ALARM_DEACTIVATE = range(3)
NOSPACE = 1
OPTIONS = [
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES + 512 * 1024),  # etcd: some overhead on top
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
    # etcd's --grpc-keepalive-*: a kube-apiserver pings every 30 s, which gRPC's own default would punish with GOAWAY.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 7_200_000),
    ("grpc.keepalive_timeout_ms", 20_000),
]


class ServerTls(Struct, frozen=True):
    """PEM contents; `client_ca` set: clients must show a certificate that it signed."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None = None


class GrpcFace:
    def __init__(
        self,
        store: Store,
        *,
        delegation: Delegation | None = None,
        member: Member | None = None,
        tls: ServerTls | None = None,
        quota: int = DEFAULT_QUOTA,
    ) -> None:
        self._store = store
        self._delegation = delegation or Delegation()
        self._member = member or Member()
        self._tls = tls
        self._quota = quota
        self._ids = (1, 1)
        self._server: grpc.aio.Server | None = None

    async def listen(self, address: str) -> int:
        """Serve on `host:port` (port 0: any; returned). May be called for several addresses before `start`."""
        if self._server is None:
            self._server = grpc.aio.server(options=OPTIONS)
            self._server.add_generic_rpc_handlers(tuple(self._services()))
            status = await self._store.status()
            self._ids = (status.cluster_id, status.member_id)
            starting = True
        else:
            starting = False
        if self._tls is None:
            port = self._server.add_insecure_port(address)
        else:
            credentials = grpc.ssl_server_credentials(
                [(self._tls.key, self._tls.certificate)], self._tls.client_ca, self._tls.client_ca is not None
            )
            port = self._server.add_secure_port(address, credentials)
        if starting:
            await self._server.start()
        return int(port)

    async def close(self, grace: float = 1.0) -> None:
        if self._server is not None:
            await self._server.stop(grace)
            self._server = None

    # Plumbing

    def _services(self) -> list[grpc.GenericRpcHandler]:
        unary: dict[str, dict[str, Call]] = {
            "KV": {
                "Range": ("RangeRequest", "RangeResponse", self._range),
                "Put": ("PutRequest", "PutResponse", self._put),
                "DeleteRange": ("DeleteRangeRequest", "DeleteRangeResponse", self._delete),
                "Txn": ("TxnRequest", "TxnResponse", self._txn),
                "Compact": ("CompactionRequest", "CompactionResponse", self._compact),
            },
            "Lease": {
                "LeaseGrant": ("LeaseGrantRequest", "LeaseGrantResponse", self._grant),
                "LeaseRevoke": ("LeaseRevokeRequest", "LeaseRevokeResponse", self._revoke),
                "LeaseTimeToLive": ("LeaseTimeToLiveRequest", "LeaseTimeToLiveResponse", self._time_to_live),
                "LeaseLeases": ("LeaseLeasesRequest", "LeaseLeasesResponse", self._leases),
            },
            "Maintenance": {
                "Alarm": ("AlarmRequest", "AlarmResponse", self._alarm),
                "Status": ("StatusRequest", "StatusResponse", self._status),
                "Defragment": ("DefragmentRequest", "DefragmentResponse", self._defragment),
                "HashKV": ("HashKVRequest", "HashKVResponse", self._hash_kv),
            },
            "Cluster": {"MemberList": ("MemberListRequest", "MemberListResponse", self._member_list)},
            "Auth": {"AuthStatus": ("AuthStatusRequest", "AuthStatusResponse", self._auth_status)},
            "Watch": {},
        }
        handlers: dict[str, dict[str, grpc.RpcMethodHandler]] = {
            service: {name: grpc.unary_unary_rpc_method_handler(partial(_unary, call)) for name, call in calls.items()}
            for service, calls in unary.items()
        }
        handlers["Watch"]["Watch"] = grpc.stream_stream_rpc_method_handler(self._watch)
        handlers["Lease"]["LeaseKeepAlive"] = grpc.stream_stream_rpc_method_handler(self._keep_alive)
        handlers["Maintenance"]["Snapshot"] = grpc.unary_stream_rpc_method_handler(self._snapshot)
        for service, names in _REFUSED.items():
            for name in names:
                handlers[service][name] = grpc.unary_unary_rpc_method_handler(partial(_refuse, service, name))
        return [
            grpc.method_handlers_generic_handler(f"etcdserverpb.{service}", methods)
            for service, methods in handlers.items()
        ]

    def _header(self, revision: int = 0) -> Message:
        cluster, member = self._ids
        revision = revision or self._store.revision
        return {"cluster_id": cluster, "member_id": member, "revision": revision, "raft_term": RAFT_TERM}

    # KV

    async def _range(self, message: Message) -> Message:
        result = await self._store.range(translation.range_request(message))
        return translation.result_message(result, self._header(result.revision))

    async def _put(self, message: Message) -> Message:
        async with self._delegation.writing():
            result = await self._store.put(translation.put_request(message))
        return translation.result_message(result, self._header(result.revision))

    async def _delete(self, message: Message) -> Message:
        async with self._delegation.writing():
            result = await self._store.delete(translation.delete_request(message))
        return translation.result_message(result, self._header(result.revision))

    async def _txn(self, message: Message) -> Message:
        async with self._delegation.writing():
            result = await self._store.txn(translation.txn_request(message))
        return translation.result_message(result, self._header(result.revision))

    async def _compact(self, message: Message) -> Message:
        return {"header": self._header(await self._store.compact(message["revision"], message["physical"]))}

    # Lease

    async def _grant(self, message: Message) -> Message:
        lease = await self._store.grant(message["TTL"], message["ID"])
        return {"header": self._header(), "ID": lease.id, "TTL": lease.granted_ttl}

    async def _revoke(self, message: Message) -> Message:
        async with self._delegation.writing():
            await self._store.revoke(message["ID"])
        return {"header": self._header()}

    async def _time_to_live(self, message: Message) -> Message:
        try:
            lease = await self._store.time_to_live(message["ID"], message["keys"])
        except LeaseNotFound:
            return {"header": self._header(), "ID": message["ID"], "TTL": -1}
        return {
            "header": self._header(),
            "ID": lease.id,
            "TTL": lease.ttl,
            "grantedTTL": lease.granted_ttl,
            "keys": list(lease.keys),
        }

    async def _leases(self, message: Message) -> Message:
        return {"header": self._header(), "leases": [{"ID": id} for id in await self._store.leases()]}

    async def _keep_alive(self, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        try:
            async for data in requests:
                id = decode("LeaseKeepAliveRequest", data, strict=True)["ID"]
                try:
                    ttl = (await self._store.keep_alive(id)).ttl
                except LeaseNotFound:
                    ttl = 0
                yield encode("LeaseKeepAliveResponse", {"header": self._header(), "ID": id, "TTL": ttl})
        except StoreError as error:
            await _abort(context, error)

    # Watch

    async def _watch(self, requests: AsyncIterator[bytes], context: Context) -> None:
        stream = WatchStream(self._store, self._header, context.write)
        try:
            await stream.serve(requests)
        except StoreError as error:
            await _abort(context, error)

    # Maintenance

    async def _alarm(self, message: Message) -> Message:
        if message["action"] == ALARM_ACTIVATE:
            raise Unsupported("etcdserver: action ACTIVATE of AlarmRequest is not supported: alarms raise themselves")
        if message["action"] == ALARM_DEACTIVATE:
            alarms = await self._store.disarm() if message["alarm"] in (0, NOSPACE) else ()
        else:
            alarms = (await self._store.status()).alarms
        return {"header": self._header(), "alarms": [{"memberID": self._ids[1], "alarm": NOSPACE} for _ in alarms]}

    async def _status(self, message: Message) -> Message:
        status = await self._store.status()
        return {
            "header": self._header(status.revision),
            "version": status.version,
            "dbSize": status.db_size,
            "dbSizeInUse": status.db_size_in_use,
            "dbSizeQuota": self._quota,
            "leader": status.member_id,
            "raftIndex": status.revision,  # there is no log of proposals: revisions stand in for it
            "raftAppliedIndex": status.revision,
            "raftTerm": RAFT_TERM,
            "errors": [f"memberID:{status.member_id} alarm:{alarm} " for alarm in status.alarms],
            "storageVersion": CLUSTER_VERSION,
        }

    async def _hash_kv(self, message: Message) -> Message:
        found = await hash_of(self._store, message["revision"])
        return {
            "header": self._header(),
            "hash": found.hash,
            "compact_revision": found.compact_revision,
            "hash_revision": found.revision,
        }

    async def _defragment(self, message: Message) -> Message:
        await self._store.defragment()
        return {"header": self._header()}

    async def _snapshot(self, data: bytes, context: Context) -> AsyncIterator[bytes]:
        try:
            decode("SnapshotRequest", data, strict=True)
            chunks = self._store.snapshot()
            async for chunk in chunks:
                remaining = getattr(chunks, "remaining", 0)
                message = {
                    "header": self._header(),
                    "remaining_bytes": remaining,
                    "blob": chunk,
                    "version": ETCD_VERSION,
                }
                yield encode("SnapshotResponse", message)
        except StoreError as error:
            await _abort(context, error)

    # Cluster, Auth

    async def _member_list(self, message: Message) -> Message:
        member = self._member
        described = {
            "ID": self._ids[1],
            "name": member.name,
            "peerURLs": list(member.peer_urls),
            "clientURLs": list(member.client_urls),
        }
        return {"header": self._header(), "members": [described]}

    async def _auth_status(self, message: Message) -> Message:
        return {"header": self._header(), "enabled": False, "authRevision": 1}


Context = Any  # grpc.aio.ServicerContext: grpcio comes without types
Call = tuple[str, str, Callable[[Message], Awaitable[Message]]]

_REFUSED = {
    "Cluster": ("MemberAdd", "MemberRemove", "MemberUpdate", "MemberPromote"),
    "Maintenance": ("Hash", "MoveLeader", "Downgrade"),
    "Auth": (
        *("AuthEnable", "AuthDisable", "Authenticate", "UserAdd", "UserGet", "UserList", "UserDelete"),
        *("UserChangePassword", "UserGrantRole", "UserRevokeRole", "RoleAdd", "RoleGet", "RoleList", "RoleDelete"),
        *("RoleGrantPermission", "RoleRevokePermission"),
    ),
}


async def _unary(call: Call, data: bytes, context: Context) -> bytes:
    request, response, work = call
    try:
        return encode(response, await work(decode(request, data, strict=True)))
    except StoreError as error:
        await _abort(context, error)
        raise  # not reached: abort raises


async def _refuse(service: str, name: str, data: bytes, context: Context) -> bytes:
    reason = "a store of one member without users"
    await _abort(context, Unsupported(f"etcdserver: {service}.{name} is not supported by {reason}"))
    return b""


async def _abort(context: Context, error: StoreError) -> None:
    await context.abort(getattr(grpc.StatusCode, error.code, grpc.StatusCode.UNKNOWN), str(error))
