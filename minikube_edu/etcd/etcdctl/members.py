"""member list: the members that the one that was asked knows of."""

from __future__ import annotations

from minikube_edu.etcd.contract import StoreError
from minikube_edu.etcd.etcdctl.forms.form import Member
from minikube_edu.etcd.etcdctl.session import BAD_FEATURE, Exit, Session, failed
from minikube_edu.etcd.etcdctl.words import Flag, Flags

CONSISTENCY = (Flag("consistency", "string", "l", "Linearizable(l) or Serializable(s)"),)


async def member_list(session: Session, flags: Flags, words: list[bytes]) -> None:
    if flags["consistency"] not in ("l", "s"):
        raise Exit(BAD_FEATURE, f'unknown consistency flag "{flags["consistency"]}"')
    try:
        header = await session.header()
        told = await (await session.store()).status()
    except StoreError as error:
        raise failed(error) from None
    found = [
        Member(one.id or header.member_id, one.name, tuple(one.peer_urls), tuple(one.client_urls))
        for one in told.members
    ]
    own = tuple(told.member.client_urls) or tuple(session.endpoints[:1])
    alone = [Member(header.member_id, told.member.name, tuple(told.member.peer_urls), own)]
    session.form.members(found or alone, header)
