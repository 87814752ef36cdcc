"""A whole API server in the test's own event loop: no sockets, no files, no processes.

    async with api_server() as api:
        await api.client().create(CONFIG_MAPS, {"metadata": {"name": "a"}}, "default")

Everything is real but the wire: the store's contract, the registry, admission, bootstrap objects, and, where asked
for, the upkeep and the controllers of kube-controller-manager. On leaving, all of it is closed; no task may be left.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client
from minikube_edu.client.sending import Sender
from minikube_edu.etcd.contract import Store
from minikube_edu.etcd.memory import MemoryStore
from minikube_edu.etcd.opening import open_store
from minikube_edu.kube_apiserver.context import User
from minikube_edu.kube_apiserver.flags import parser
from minikube_edu.kube_apiserver.running import assemble, begin
from minikube_edu.kube_apiserver.server import ApiServer
from minikube_edu.kube_apiserver.upkeep import Upkeep
from minikube_edu.kube_controller_manager.controller import Settings
from minikube_edu.kube_controller_manager.manager import Manager
from minikube_edu.lib.web.incoming import ClientResponse
from minikube_edu.lib.web.inprocess import InProcess
from minikube_edu.lib.web.messages import Peer

Object = dict[str, Any]

ADMIN = User("kubernetes-admin", groups=("system:masters", "system:authenticated"))
TYPES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


class Reply:
    """What came back, read when somebody looks."""

    def __init__(self, response: ClientResponse) -> None:
        self.code = response.status
        self.body = response.body
        self.headers = {name.decode(): value.decode() for name, value in response.headers}
        self.warnings = [v.decode() for n, v in response.headers if n.lower() == b"warning"]

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json.get("message", ""))

    @property
    def reason(self) -> str:
        return str(self.json.get("reason", ""))

    @property
    def names(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.json["items"]]

    @property
    def version(self) -> str:
        return str(self.json["metadata"]["resourceVersion"])

    def __repr__(self) -> str:
        return f"Reply({self.code}, {self.body[:300]!r})"


class Events:
    """An open watch, event by event."""

    def __init__(self, lines: AsyncIterator[bytes], abort: Callable[[], None]) -> None:
        self._lines = lines
        self._abort = abort

    async def next(self, timeout: float = 5.0) -> Object | None:
        """The next event; None when the server ended the watch."""
        async with asyncio.timeout(timeout):
            async for line in self._lines:
                if line:
                    event: Object = orjson.loads(line)
                    return event
        return None

    async def take(self, count: int) -> list[tuple[str, str]]:
        """(type, name) of the next events."""
        found: list[tuple[str, str]] = []
        for _ in range(count):
            event = await self.next()
            assert event is not None, f"the watch ended after {found}"
            found.append((event["type"], event["object"].get("metadata", {}).get("name", "")))
        return found

    async def nothing(self, seconds: float = 0.05) -> None:
        """Assert that no event comes."""
        try:
            event = await self.next(seconds)
        except TimeoutError:
            return
        raise AssertionError(f"unexpected: {event}")

    def close(self) -> None:
        self._abort()


class Api:
    """One running API server and ways to ask it."""

    def __init__(self, server: ApiServer, store: Store) -> None:
        self.server = server
        self.registry = server.registry
        self.store = store
        self._callers: list[InProcess] = []
        self._admin = self.caller()

    def caller(self, user: User | None = ADMIN) -> InProcess:
        """A connection of somebody's; None: a connection without credentials."""
        peer = Peer("", "", None)
        if user is not None:
            peer.memo["user"] = user
        caller = InProcess(self.server.handle, peer)
        self._callers.append(caller)
        return caller

    def client(self, user: User | None = ADMIN, field_manager: str = "", **more: Any) -> Client:
        """minikube_edu's own client, as controllers have it."""
        return Client(Sender(self.caller(user), user_agent="test"), field_manager, **more)

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        patch: str = "",
        accept: str = "application/json",
        content_type: str = "",
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        user: InProcess | None = None,
        timeout: float = 10.0,
    ) -> Reply:
        """One request, one answer. A body that is not bytes is sent as JSON."""
        kind = content_type or TYPES.get(patch, patch or "application/json")
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        sent = [(b"accept", accept.encode()), *((name.lower().encode(), value.encode()) for name, value in pairs)]
        if not any(name == b"user-agent" for name, _ in sent):
            sent.append((b"user-agent", b"test"))
        data = body if isinstance(body, bytes) else orjson.dumps(body) if body is not None else b""
        if data:
            sent.append((b"content-type", kind.encode()))
        return Reply(await (user or self._admin).request(method, path, tuple(sent), data, timeout))

    async def get(self, path: str, **more: Any) -> Reply:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, body: Any, **more: Any) -> Reply:
        return await self.ask("POST", path, body, **more)

    async def put(self, path: str, body: Any, **more: Any) -> Reply:
        return await self.ask("PUT", path, body, **more)

    async def patch(self, path: str, body: Any, kind: str = "merge", **more: Any) -> Reply:
        return await self.ask("PATCH", path, body, patch=kind, **more)

    async def delete(self, path: str, body: Any = None, **more: Any) -> Reply:
        return await self.ask("DELETE", path, body, **more)

    async def create(self, path: str, name: str, **fields: Any) -> Object:
        """Create an object that must be accepted."""
        metadata = {"name": name, **fields.pop("metadata", {})}
        reply = await self.post(path, {"metadata": metadata, **fields})
        assert reply.code == 201, reply
        made: Object = reply.json
        return made

    @asynccontextmanager
    async def watch(
        self, path: str, *, accept: str = "application/json", user: InProcess | None = None
    ) -> AsyncIterator[Events]:
        """The watch of this path and query; `watch=true` is added."""
        target = path + ("&" if "?" in path else "?") + "watch=true"
        stream = await (user or self._admin).stream("GET", target, ((b"accept", accept.encode()),))
        if stream.status != 200:
            raise ApiError(orjson.loads(await stream.read()))

        async def lines() -> AsyncIterator[bytes]:
            async for batch in stream.batches():
                for line in batch:
                    yield line

        events = Events(lines(), stream.close)
        try:
            yield events
        finally:
            stream.close()

    async def close(self) -> None:
        for caller in self._callers:
            await caller.close()


@asynccontextmanager
async def api_server(
    *flags: str,
    store: Store | None = None,
    sqlite: bool = False,
    upkeep: bool = False,
    controllers: Sequence[str] = (),
) -> AsyncIterator[Api]:
    """An API server with these flags of kube-apiserver, over `store` (which stays open: it is the caller's), or over a
    store of its own in memory. `controllers` are names of kube-controller-manager, `["*"]` for all."""
    before = asyncio.all_tasks()
    own = store is None
    if store is None:
        store = await open_store(None, fsync=False) if sqlite else MemoryStore()
    with tempfile.TemporaryDirectory(prefix="in-process-") as directory:
        options = parser().parse_args(list(flags))
        server = assemble(options, store, directory)
        tasks: list[asyncio.Task[Any]] = [await begin(server.registry)]
        api = Api(server, store)
        try:
            if upkeep:
                keeper = Upkeep(server.registry, port=6443, advertise="192.0.2.1", client_ca=None)
                await keeper.prepare()
                tasks.append(asyncio.create_task(keeper.run(), name="upkeep"))
            if controllers:
                settings = Settings(root_ca="the CA", service_cidr=options.service_cluster_ip_range)
                manager = Manager(lambda name: api.client(field_manager=name), settings, controllers)
                tasks.append(asyncio.create_task(manager.run(), name="controllers"))
            yield api
        finally:
            await server.drain()
            for task in reversed(tasks):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await api.close()
            if own:
                await store.close()
    for _ in range(5):
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}  # a fixture ends in a task of its own
    assert not left, f"left behind: {left}"


async def until(what: Callable[[], Any], timeout: float = 30.0) -> Any:
    """Ask again and again (`what` is async, or not) until the answer is true; returns it."""
    async with asyncio.timeout(timeout):
        while True:
            found = what()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.005)
