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
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from minikube_edu.etcd.contract import Store, StoreError
from minikube_edu.etcd.delegation import Delegation
from minikube_edu.etcd.flags import FlagError, Options, parse
from minikube_edu.etcd.limits import DEFAULT_QUOTA
from minikube_edu.etcd.opening import open_store
from minikube_edu.etcd.sqlite import SqliteStore

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
        urls = []
        if options.private_socket:
            await _open_private(options.private_socket, store, delegation, open_things)
        if options.client_urls:
            urls = await _open_grpc(options, store, delegation, open_things)
        if options.metrics_urls:
            await _open_health(options, store, open_things)
        log.info("serving: %s", ", ".join([*urls, *([options.private_socket] if options.private_socket else [])]))
        if ready is not None:
            ready(urls)
        await stop.wait()
        log.info("stopping")


async def _open_private(path: str, store: Store, delegation: Delegation, open_things: AsyncExitStack) -> None:
    from minikube_edu.etcd.socket_face import SocketFace

    face = SocketFace(store, path, delegation)
    await face.start()
    open_things.push_async_callback(face.close)


async def _open_grpc(options: Options, store: Store, delegation: Delegation, open_things: AsyncExitStack) -> list[str]:
    try:
        from minikube_edu.etcd.grpc_face import GrpcFace, Member, ServerTls
    except ImportError as error:
        raise FlagError(f"--listen-client-urls needs grpcio ({error}): install minikube_edu[etcd]") from error
    tls = None
    if options.certificate:
        client_ca = _content(options.client_ca) if options.client_certificates else None
        tls = ServerTls(_content(options.certificate), _content(options.key), client_ca)
    member = Member(options.name, options.peer_urls, options.advertise_client_urls)
    faces: dict[bool, GrpcFace] = {}
    served = []
    for url in options.client_urls:
        parts = urlsplit(url)
        secure = parts.scheme in ("https", "unixs")
        if secure and tls is None:
            raise FlagError(f"--listen-client-urls {url} needs --cert-file and --key-file")
        if secure not in faces:
            quota = options.quota or DEFAULT_QUOTA
            face = GrpcFace(store, delegation=delegation, member=member, tls=tls if secure else None, quota=quota)
            faces[secure] = face
            open_things.push_async_callback(face.close)
        if parts.scheme.startswith("unix"):
            await faces[secure].listen("unix:" + url.partition("://")[2])
            served.append(url)
        else:
            port = await faces[secure].listen(_address(parts.netloc))
            served.append(f"{parts.scheme}://{parts.hostname}:{port}")
    return served


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
        await face.listen(parts.hostname or "localhost", parts.port or 80, context)


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
        asyncio.run(_run(options))
    except FlagError as error:
        print(error, file=sys.stderr)
        return error.code
    except (StoreError, OSError) as error:
        print(f"etcd: {error}", file=sys.stderr)
        return 1
    return 0


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
