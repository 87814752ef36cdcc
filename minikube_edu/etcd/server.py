"""The program: open the file, open the doors, serve until told to stop.

gRPC is imported only when a client URL is listened to. On SIGTERM or SIGINT the doors close first, what is under way is
answered, then the file is let go.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

from minikube_edu.etcd import membership
from minikube_edu.etcd.contract import Member, Store, StoreError
from minikube_edu.etcd.delegation import Delegation
from minikube_edu.etcd.flags import FlagError, Options, parse
from minikube_edu.etcd.limits import DEFAULT_QUOTA
from minikube_edu.etcd.opening import open_store
from minikube_edu.etcd.private_socket import path_beside
from minikube_edu.etcd.sqlite import SqliteStore
from minikube_edu.lib.localhost import NODE_ADDRESS, listening

if TYPE_CHECKING:
    from minikube_edu.etcd.grpc_face import GrpcFace
    from minikube_edu.etcd.patient_face import PatientFace

log = logging.getLogger("etcd")

_LEVELS = {"debug": 10, "info": 20, "warn": 30, "error": 40, "dpanic": 50, "panic": 50, "fatal": 50}


async def serve(options: Options, stop: asyncio.Event, ready: Callable[[list[str]], None] | None = None) -> None:
    """Serve until `stop` is set. `ready` is told where clients are served (with the real ports)."""
    os.makedirs(os.path.dirname(options.database), mode=0o700, exist_ok=True)
    async with AsyncExitStack() as open_things:
        store = await open_store(
            options.database,
            fsync=options.fsync,
            quota=options.quota,
            auto_compaction=options.auto_compaction,
            progress_interval=options.progress_interval,
        )
        open_things.push_async_callback(store.close)
        delegation = Delegation()
        open_things.callback(delegation.close)
        if isinstance(store, SqliteStore):
            store.own_write = delegation.writing
            _name(store, options)
        urls = []
        private = options.private_socket or next(filter(None, map(path_beside, options.client_urls)), "")
        if options.client_urls:
            urls = await _open_grpc(options, store, delegation, open_things)
        if private:  # last: who finds it finds the whole seat
            await _open_private(private, store, delegation, open_things)
        if options.metrics_urls:
            await _open_health(options, store, open_things)
        log.info("serving: %s", ", ".join([*urls, *([private] if private else [])]))
        if ready is not None:
            ready(urls)
        await stop.wait()
        log.info("stopping")


def _name(store: SqliteStore, options: Options) -> None:
    """Who this member is: its ids are its data directory's, its name and URLs those of its flags."""
    store.member_id, store.cluster_id = membership.settled(options.data_dir, options.peer_urls, options.token)
    store.version = membership.program_version()
    if options.client_urls:
        store.member = Member(
            options.name,
            options.peer_urls,
            options.advertise_client_urls,
            options.certificate,
            options.key,
            options.client_ca if options.client_certificates else "",
        )


async def _open_private(path: str, store: Store, delegation: Delegation, open_things: AsyncExitStack) -> None:
    from minikube_edu.etcd.socket_face import SocketFace

    face = SocketFace(store, path, delegation)
    await face.start()
    open_things.push_async_callback(face.close)


async def _open_grpc(options: Options, store: Store, delegation: Delegation, open_things: AsyncExitStack) -> list[str]:
    """The client URLs. On a node, gRPC waits for its first visitor (patient_face)."""
    secure = [url for url in options.client_urls if url.startswith(("https:", "unixs:"))]
    if secure and not options.certificate:
        raise FlagError(f"--listen-client-urls {secure[0]} needs --cert-file and --key-file")
    files = _TlsFiles.read(options) if options.certificate else None  # what is missing is said at once
    patient = bool(os.environ.get(NODE_ADDRESS))
    if not patient:
        _grpc_or_explain()
    opened: dict[bool, _Opened] = {}
    served = []
    for url in options.client_urls:
        parts = urlsplit(url)
        one = opened.setdefault(
            url in secure, _Opened(options, files if url in secure else None, store, delegation, open_things)
        )
        if parts.scheme.startswith("unix"):
            await one.face().listen("unix:" + url.partition("://")[2])
            served.append(url)
        elif patient:
            for address in listening(parts.hostname or ""):
                port = await one.wait_for_visitors(address, parts.port or 80)
                served.append(f"{parts.scheme}://{address}:{port}")
        else:
            port = await one.face().listen(_address(parts.netloc))
            served.append(f"{parts.scheme}://{parts.hostname}:{port}")
    return list(dict.fromkeys(served))


def _grpc_or_explain() -> None:
    try:
        import grpc  # noqa: F401
    except ImportError as error:
        raise FlagError(f"--listen-client-urls needs grpcio ({error}): install minikube_edu[etcd]") from error


class _TlsFiles(Struct, frozen=True):
    certificate: bytes
    key: bytes
    client_ca: bytes | None

    @classmethod
    def read(cls, options: Options) -> _TlsFiles:
        client_ca = _content(options.client_ca) if options.client_certificates else None
        return cls(_content(options.certificate), _content(options.key), client_ca)


class _Opened:
    """The gRPC server of all plain, or of all encrypted URLs; made when it is needed."""

    def __init__(
        self,
        options: Options,
        files: _TlsFiles | None,
        store: Store,
        delegation: Delegation,
        open_things: AsyncExitStack,
    ) -> None:
        self._options, self._files = options, files
        self._store, self._delegation, self._open_things = store, delegation, open_things
        self._face: GrpcFace | None = None
        self._patient: PatientFace | None = None
        self._addresses: dict[tuple[str, int], int] = {}

    def face(self) -> GrpcFace:
        if self._face is None:
            from minikube_edu.etcd.grpc_face import GrpcFace, ServerTls

            options, files = self._options, self._files
            tls = ServerTls(files.certificate, files.key, files.client_ca) if files else None
            member = Member(options.name, options.peer_urls, options.advertise_client_urls)
            self._face = GrpcFace(
                self._store,
                delegation=self._delegation,
                member=member,
                tls=tls,
                quota=options.quota or DEFAULT_QUOTA,
            )
            self._open_things.push_async_callback(self._face.close)
        return self._face

    async def wait_for_visitors(self, address: str, port: int) -> int:
        if self._patient is None:
            from minikube_edu.etcd.patient_face import PatientFace

            self._patient = PatientFace(self._bring)
            self._open_things.push_async_callback(self._patient.close)
        if (address, port) not in self._addresses:  # localhost and the node's address may be one
            self._addresses[address, port] = await self._patient.listen(address, port)
        return self._addresses[address, port]

    async def _bring(self, path: str) -> None:
        _grpc_or_explain()
        await self.face().listen(f"unix:{path}")


async def _open_health(options: Options, store: Store, open_things: AsyncExitStack) -> None:
    from minikube_edu.etcd.health_face import HealthFace

    face = HealthFace(store, options.quota or DEFAULT_QUOTA)
    open_things.push_async_callback(face.close)
    for url in options.metrics_urls:
        parts = urlsplit(url)
        context = None
        if parts.scheme == "https":
            import ssl

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(options.certificate, options.key)
        for address in listening(parts.hostname or "localhost"):
            await face.listen(address, parts.port or 80, context)


def _address(netloc: str) -> str:
    return netloc if ":" in netloc.rpartition("]")[2] else netloc + ":80"


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:2] == ["snapshot", "restore"]:
            return _restore(words[2:])
        options = parse(words)
        logging.basicConfig(
            level=_LEVELS.get(options.log_level, 20), format="%(asctime)s %(levelname)s etcd: %(message)s"
        )
        _loop_runner()(_run(options))
    except FlagError as error:
        print(error, file=sys.stderr)
        return error.code
    except (StoreError, OSError) as error:
        print(f"etcd: {error}", file=sys.stderr)
        return 1
    return 0


def _loop_runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    runner: Callable[[Coroutine[Any, Any, None]], None] = uvloop.run
    return runner


async def _run(options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(options, stop, lambda urls: print("ready to serve client requests", *urls, flush=True))


def _restore(words: Sequence[str]) -> int:
    """`snapshot restore FILE --data-dir DIR`: our format only; etcd's own snapshots are bbolt files."""
    import argparse

    from minikube_edu.etcd.snapshot import restore

    parser = argparse.ArgumentParser("etcd snapshot restore", description=_restore.__doc__)
    parser.add_argument("file")
    parser.add_argument("--data-dir", default="default.etcd")
    given = parser.parse_args(list(words))
    restore(given.file, Options(data_dir=given.data_dir).database)
    print(f"restored {given.file} to {given.data_dir}")
    return 0
