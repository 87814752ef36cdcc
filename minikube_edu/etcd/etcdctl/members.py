"""endpoint health | status and member list: of the one member that there is."""

from __future__ import annotations

from minikube_edu.etcd.contract import Range, StoreError, Unavailable
from minikube_edu.etcd.etcdctl.forms.form import EndpointStatus, Health, Member
from minikube_edu.etcd.etcdctl.forms.simple import Simple
from minikube_edu.etcd.etcdctl.go_text import span
from minikube_edu.etcd.etcdctl.session import BAD_FEATURE, ERROR, DeadlineExceeded, Exit, Session, failed
from minikube_edu.etcd.etcdctl.words import Flag, Flags
from minikube_edu.etcd.limits import CLUSTER_VERSION, DEFAULT_QUOTA
from minikube_edu.lib import clock

CLUSTER = (Flag("cluster", "bool", False, "use all endpoints from the cluster member list"),)
CONSISTENCY = (Flag("consistency", "string", "l", "Linearizable(l) or Serializable(s)"),)


async def health(session: Session, flags: Flags, words: list[bytes]) -> None:
    began = clock.monotonic()
    endpoint = session.endpoint
    try:
        store = await session.store()
        began = clock.monotonic()
        endpoint = await _endpoint(session, flags)
        await store.range(Range(b"health"))
        took = span(clock.monotonic() - began)
        alarms = (await store.status()).alarms
        error = f"Active Alarm(s): {''.join(f'{alarm} ' for alarm in alarms)}" if alarms else ""
    except StoreError as refused:
        took, error = span(clock.monotonic() - began), str(refused)
    found = Health(endpoint, not error, took, error)
    session.form.health([found])
    if error:
        if isinstance(session.form, Simple):
            session.warn(f"{endpoint} is unhealthy: failed to commit proposal: {error}")
        raise Exit(ERROR, "unhealthy cluster")


async def status(session: Session, flags: Flags, words: list[bytes]) -> None:
    try:
        found = await (await session.store()).status()
        header = await session.header(found.revision)
        endpoint = await _endpoint(session, flags)
    except (Unavailable, DeadlineExceeded) as error:
        session.warn(f"Failed to get the status of endpoint {session.endpoint} ({error})")
        session.form.status([])
        raise Exit(ERROR) from None
    except StoreError as error:
        raise failed(error) from None
    session.form.status([EndpointStatus(endpoint, header, found, CLUSTER_VERSION, DEFAULT_QUOTA)])


async def member_list(session: Session, flags: Flags, words: list[bytes]) -> None:
    if flags["consistency"] not in ("l", "s"):
        raise Exit(BAD_FEATURE, f'unknown consistency flag "{flags["consistency"]}"')
    try:
        header = await session.header()
        told = (await (await session.store()).status()).member
    except StoreError as error:
        raise failed(error) from None
    urls = tuple(told.client_urls) or (session.endpoint,)
    session.form.members([Member(header.member_id, told.name, tuple(told.peer_urls), urls)], header)


async def _endpoint(session: Session, flags: Flags) -> str:
    """--cluster: as the member itself says where it is served."""
    urls = (await (await session.store()).status()).member.client_urls if flags["cluster"] else ()
    return urls[0] if urls else session.endpoint
