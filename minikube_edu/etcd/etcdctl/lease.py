"""lease grant | revoke | timetolive | list | keep-alive."""

from __future__ import annotations

import asyncio

from minikube_edu.etcd.contract import LeaseNotFound, LeaseStatus, StoreError
from minikube_edu.etcd.etcdctl.forms.simple import Simple
from minikube_edu.etcd.etcdctl.session import BAD_ARGUMENTS, BAD_CONNECTION, ERROR, Exit, Session, failed
from minikube_edu.etcd.etcdctl.words import Flag, Flags, integer

KEYS = (Flag("keys", "bool", False, "Get keys attached to this lease"),)
ONCE = (Flag("once", "bool", False, "Resets the keep-alive time to its original value and exits immediately"),)


async def grant(session: Session, flags: Flags, words: list[bytes]) -> None:
    if len(words) != 1:
        raise Exit(BAD_ARGUMENTS, "lease grant command needs TTL argument")
    try:
        ttl = integer(words[0].decode(errors="surrogateescape"), 10)
    except ValueError as error:
        raise Exit(BAD_ARGUMENTS, f"bad TTL ({error})") from None
    try:
        lease = await (await session.store()).grant(ttl)
    except StoreError as error:
        raise failed(error, ERROR, "failed to grant lease") from None
    session.form.granted(lease, await session.header())


async def revoke(session: Session, flags: Flags, words: list[bytes]) -> None:
    id = _id(words, "lease revoke command needs 1 argument")
    try:
        await (await session.store()).revoke(id)
    except StoreError as error:
        raise failed(error, ERROR, "failed to revoke lease") from None
    session.form.revoked(id, await session.header())


async def time_to_live(session: Session, flags: Flags, words: list[bytes]) -> None:
    id = _id(words, "lease timetolive command needs lease ID as argument")
    try:
        lease = await (await session.store()).time_to_live(id, flags["keys"])
    except LeaseNotFound:
        lease = LeaseStatus(id, -1, 0)
    except StoreError as error:
        raise failed(error, BAD_CONNECTION) from None
    session.form.time_to_live(lease, flags["keys"], await session.header())


async def listing(session: Session, flags: Flags, words: list[bytes]) -> None:
    try:
        ids = await (await session.store()).leases()
    except StoreError as error:
        raise failed(error, BAD_CONNECTION) from None
    session.form.leases(ids, await session.header())


async def keep_alive(session: Session, flags: Flags, words: list[bytes]) -> None:
    """Renew once, or three times a term until the lease is gone."""
    id = _id(words, "lease keep-alive command needs lease ID as argument")
    store = await session.store()
    while True:
        try:
            lease = await store.keep_alive(id)
        except LeaseNotFound as error:
            if flags["once"]:
                raise failed(error, BAD_CONNECTION) from None
            break
        except StoreError as error:
            raise failed(error, BAD_CONNECTION) from None
        session.form.kept_alive(lease, await session.header())
        session.out.flush()
        if flags["once"]:
            return
        await asyncio.sleep(lease.ttl / 3)
    if isinstance(session.form, Simple):
        session.say(f"lease {id:016x} expired or revoked.")


def _id(words: list[bytes], otherwise: str) -> int:
    if len(words) != 1:
        raise Exit(BAD_ARGUMENTS, otherwise)
    try:
        return integer(words[0].decode(errors="surrogateescape"), 16)
    except ValueError as error:
        raise Exit(BAD_ARGUMENTS, f"bad lease ID arg ({error}), expecting ID in Hex") from None
