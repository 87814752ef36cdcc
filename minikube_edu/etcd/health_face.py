"""Plain HTTP for those who only ask how it is: /health, /livez, /readyz, /version and /metrics, on
--listen-metrics-urls.

The kubelet's probes of the etcd static pod come here. One request a connection, answered from the store's status.
"""

from __future__ import annotations

import asyncio
import json
import ssl

from minikube_edu.etcd.contract import Status, Store, StoreError
from minikube_edu.etcd.limits import CLUSTER_VERSION, DEFAULT_QUOTA, ETCD_VERSION

PATIENCE = 10.0


class HealthFace:
    def __init__(self, store: Store, quota: int = DEFAULT_QUOTA) -> None:
        self._store = store
        self._quota = quota
        self._servers: list[asyncio.Server] = []
        self._busy: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        server = await asyncio.start_server(self._serve, host, port, ssl=tls, limit=16 * 1024)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            async with asyncio.timeout(PATIENCE):
                request = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0].decode("latin-1").split(" ")
                writer.write(await self._respond(request))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # whoever asked has gone away, or we are closing
        finally:
            self._busy.discard(task)
            writer.close()

    async def _respond(self, request: list[str]) -> bytes:
        if len(request) != 3 or request[0] not in ("GET", "HEAD"):
            return _response("405 Method Not Allowed", "Method Not Allowed\n")
        path = request[1].partition("?")[0]
        if path == "/version":
            versions = {"etcdserver": ETCD_VERSION, "etcdcluster": CLUSTER_VERSION, "storage": CLUSTER_VERSION}
            return _response("200 OK", json.dumps(versions, separators=(",", ":")), "application/json")
        try:
            status = await self._store.status()
        except StoreError as error:
            return _health(str(error))
        if path == "/health":
            return _health(f"ALARM {status.alarms[0]}" if status.alarms else "")
        if path in ("/livez", "/readyz"):
            return _response("200 OK", "ok\n")
        if path == "/metrics":
            return _response("200 OK", self._metrics(status), "text/plain; version=0.0.4; charset=utf-8")
        return _response("404 Not Found", "404 page not found\n")

    def _metrics(self, status: Status) -> str:
        """The gauges that dashboards for etcd look at."""
        gauges = {
            "etcd_server_has_leader": 1,
            "etcd_server_is_leader": 1,
            "etcd_server_quota_backend_bytes": self._quota,
            "etcd_mvcc_db_total_size_in_bytes": status.db_size,
            "etcd_mvcc_db_total_size_in_use_in_bytes": status.db_size_in_use,
            "etcd_debugging_mvcc_current_revision": status.revision,
            "etcd_debugging_mvcc_compact_revision": status.compact_revision,
        }
        lines = [f"# TYPE {name} gauge\n{name} {value}\n" for name, value in gauges.items()]
        lines.append(f'# TYPE etcd_server_version gauge\netcd_server_version{{server_version="{ETCD_VERSION}"}} 1\n')
        return "".join(lines)


def _health(reason: str) -> bytes:
    body = json.dumps({"health": "false" if reason else "true", "reason": reason}, separators=(",", ":"))
    return _response("503 Service Unavailable" if reason else "200 OK", body, "application/json")


def _response(status: str, body: str, type_: str = "text/plain; charset=utf-8") -> bytes:
    size = len(body.encode())
    head = f"HTTP/1.1 {status}\r\nContent-Type: {type_}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    return (head + body).encode()
