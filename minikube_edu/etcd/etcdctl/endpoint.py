"""endpoint health | status | hashkv: what is asked of every endpoint by itself, each with its own time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from minikube_edu.etcd.contract import Range, StoreError
from minikube_edu.etcd.etcdctl.forms.form import EndpointHash, EndpointStatus, Health
from minikube_edu.etcd.etcdctl.forms.simple import Simple
from minikube_edu.etcd.etcdctl.go_text import span
from minikube_edu.etcd.etcdctl.session import ERROR, DeadlineExceeded, Exit, Session
from minikube_edu.etcd.etcdctl.words import Flag, Flags
from minikube_edu.etcd.keyspace_hash import hash_of
from minikube_edu.etcd.limits import CLUSTER_VERSION, DEFAULT_QUOTA
from minikube_edu.lib import clock

CLUSTER = (Flag("cluster", "bool", False, "use all endpoints from the cluster member list"),)
REVISION = (*CLUSTER, Flag("rev", "int", 0, "maximum revision to hash (default: latest revision)"))


async def every(session: Session, flags: Flags) -> Sequence[str]:
    """Those of the command line; --cluster: those that the members say they are served at."""
    if not flags["cluster"]:
        return session.endpoints
    try:
        async with _timed(session.timeout):
            status = await (await session.store()).status()
    except StoreError as error:
        raise Exit(ERROR, f"failed to fetch endpoints from etcd cluster member list: {error}") from None
    members = status.members or (status.member,)
    return [url for member in members for url in member.client_urls] or session.endpoints


@asynccontextmanager
async def asking(session: Session, endpoint: str, method: str) -> AsyncIterator[Session]:
    """A session with that endpoint. DeadlineExceeded when --command-timeout is over: each endpoint has all of it."""
    one = session.alone(endpoint, method)
    try:
        async with _timed(session.timeout):
            yield one
    finally:
        await one.close()


@asynccontextmanager
async def _timed(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds or None):
            yield
    except TimeoutError:
        raise DeadlineExceeded("context deadline exceeded") from None


async def health(session: Session, flags: Flags, words: list[bytes]) -> None:
    """All at once; who answers first is named first."""
    asked = [_health(session, endpoint) for endpoint in await every(session, flags)]
    found = [await one for one in asyncio.as_completed(asked)]
    session.form.health(found)
    if isinstance(session.form, Simple):
        for one in found:
            if one.error:
                session.warn(f"{one.endpoint} is unhealthy: failed to commit proposal: {one.error}")
    if any(one.error for one in found):
        raise Exit(ERROR, "unhealthy cluster")


async def _health(session: Session, endpoint: str) -> Health:
    began = clock.monotonic()
    try:
        async with asking(session, endpoint, "KV/Range") as one:
            store = await one.store()
            began = clock.monotonic()
            await store.range(Range(b"health"))
            took = span(clock.monotonic() - began)
            alarms = (await store.status()).alarms
        error = f"Active Alarm(s): {''.join(f'{alarm} ' for alarm in alarms)}" if alarms else ""
    except StoreError as refused:
        took, error = span(clock.monotonic() - began), str(refused)
    return Health(endpoint, not error, took, error)


async def status(session: Session, flags: Flags, words: list[bytes]) -> None:
    found, failed = [], False
    for endpoint in await every(session, flags):
        try:
            async with asking(session, endpoint, "Maintenance/Status") as one:
                found.append(await _status(one, endpoint))
        except StoreError as error:
            session.warn(f"Failed to get the status of endpoint {endpoint} ({error})")
            failed = True
    session.form.status(found)
    if failed:
        raise Exit(ERROR)


async def _status(session: Session, endpoint: str) -> EndpointStatus:
    told = await (await session.store()).status()
    header = await session.header(told.revision)
    if told.raft_term:  # a member of a real cluster knows all of it
        index, applied = told.raft_index, told.raft_applied
        return EndpointStatus(
            endpoint, header, told, told.storage_version, told.quota, told.leader, index, applied, told.learner
        )
    # There is no log of proposals: revisions stand in for its indexes, as in the gRPC face.
    index = told.revision
    return EndpointStatus(endpoint, header, told, CLUSTER_VERSION, DEFAULT_QUOTA, told.member_id, index, index, False)


async def hashkv(session: Session, flags: Flags, words: list[bytes]) -> None:
    found: list[EndpointHash] = []
    failure = ""
    for endpoint in await every(session, flags):
        try:
            async with asking(session, endpoint, "Maintenance/HashKV") as one:
                told = await hash_of(await one.store(), max(0, flags["rev"]))
                header = await one.header()
                found.append(EndpointHash(endpoint, header, told.hash, told.compact_revision, told.revision))
        except StoreError as error:
            session.warn(f"Failed to get the hash of endpoint {endpoint} ({error})")
            failure = str(error)
    session.form.hashes(found)
    if failure:
        raise Exit(ERROR, failure)
