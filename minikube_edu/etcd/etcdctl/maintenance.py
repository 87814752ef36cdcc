"""compaction, defrag, alarm list | disarm, snapshot save."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator

from minikube_edu.etcd.contract import StoreError
from minikube_edu.etcd.etcdctl.endpoint import asking, every
from minikube_edu.etcd.etcdctl.go_text import span
from minikube_edu.etcd.etcdctl.session import BAD_ARGUMENTS, ERROR, INTERRUPTED, Exit, Session, failed
from minikube_edu.etcd.etcdctl.words import Flag, Flags, integer
from minikube_edu.etcd.limits import CLUSTER_VERSION
from minikube_edu.lib import clock

PHYSICAL = (Flag("physical", "bool", False, "'true' to wait for compaction to remove all old revisions"),)
DIGEST = 32  # bytes of SHA-256 at the end of a snapshot


async def compaction(session: Session, flags: Flags, words: list[bytes]) -> None:
    if len(words) != 1:
        raise Exit(BAD_ARGUMENTS, "compaction command needs 1 argument")
    try:
        revision = integer(words[0].decode(errors="surrogateescape"), 10)
    except ValueError as error:
        raise Exit(ERROR, str(error)) from None
    try:
        await (await session.store()).compact(revision, flags["physical"])
    except StoreError as error:
        raise failed(error) from None
    session.say(f"compacted revision {revision}")


async def defragment(session: Session, flags: Flags, words: list[bytes]) -> None:
    failures = 0
    for endpoint in await every(session, flags):
        began = clock.monotonic()
        try:
            async with asking(session, endpoint, "Maintenance/Defragment") as one:
                await (await one.store()).defragment()
        except StoreError as error:
            failures += 1
            took = span(clock.monotonic() - began)
            session.warn(f"Failed to defragment etcd member[{endpoint}]. took {took}. ({error})")
        else:
            session.say(f"Finished defragmenting etcd member[{endpoint}]. took {span(clock.monotonic() - began)}")
    if failures:
        raise Exit(ERROR)


async def alarm_list(session: Session, flags: Flags, words: list[bytes]) -> None:
    if words:
        raise Exit(BAD_ARGUMENTS, "alarm list command accepts no arguments")
    try:
        alarms = (await (await session.store()).status()).alarms
    except StoreError as error:
        raise failed(error) from None
    session.form.alarms(alarms, await session.header())


async def alarm_disarm(session: Session, flags: Flags, words: list[bytes]) -> None:
    if words:
        raise Exit(BAD_ARGUMENTS, "alarm disarm command accepts no arguments")
    try:
        alarms = await (await session.store()).disarm()
    except StoreError as error:
        raise failed(error) from None
    session.form.alarms(alarms, await session.header())


async def snapshot_save(session: Session, flags: Flags, words: list[bytes]) -> None:
    """The file appears when it is complete; its checksum is verified first."""
    if len(words) != 1:
        raise Exit(BAD_ARGUMENTS, "snapshot save expects one argument <filename>")
    if len(session.endpoints) != 1:
        shown = " ".join(session.endpoints)
        raise Exit(INTERRUPTED, f"snapshot must be requested to one selected node, not multiple [{shown}]")
    path = os.fsdecode(words[0])
    part = path + ".part"
    try:
        store = await session.store()
        await _write(store.snapshot(), part)
        os.replace(part, path)
    except StoreError as error:
        raise failed(error, INTERRUPTED) from None
    except OSError as error:
        raise Exit(INTERRUPTED, f"could not open {part} (open {part}: {(error.strerror or '').lower()})") from None
    session.say(f"Snapshot saved at {path}")
    session.say(f"Server version {CLUSTER_VERSION}")


async def _write(chunks: AsyncIterator[bytes], part: str) -> None:
    digest, last, size = hashlib.sha256(), b"", 0
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        async for chunk in chunks:
            file.write(chunk)
            size += len(chunk)
            body = last + chunk
            digest.update(body[:-DIGEST])
            last = body[-DIGEST:]
        file.flush()
        os.fsync(file.fileno())
    if last != digest.digest():
        os.unlink(part)
        raise Exit(INTERRUPTED, f"sha256 checksum not found [bytes: {size}]")
