"""The rows that the forms `simple` and `table` share."""

from __future__ import annotations

from collections.abc import Sequence

from minikube_edu.etcd.etcdctl.forms.form import EndpointHash, EndpointStatus, Health, Member
from minikube_edu.etcd.etcdctl.go_text import size

MEMBER = ("ID", "Status", "Name", "Peer Addrs", "Client Addrs", "Is Learner")
HASH = ("endpoint", "hash", "hash_revision")
HEALTH = ("endpoint", "health", "took", "error")
STATUS = (
    *("endpoint", "ID", "version", "storage version", "db size", "in use", "percentage not in use", "quota"),
    *("is leader", "is learner", "raft term", "raft index", "raft applied index", "errors"),
    *("downgrade target version", "downgrade enabled"),
)


def member_rows(members: Sequence[Member]) -> list[list[str]]:
    return [_member_row(one) for one in members]


def _member_row(one: Member) -> list[str]:
    """A member that has been added and never seen is without a name."""
    state = "started" if one.name else "unstarted"
    return [f"{one.id:x}", state, one.name, ",".join(one.peer_urls), ",".join(one.client_urls), "false"]


def health_rows(found: Sequence[Health]) -> list[list[str]]:
    return [[one.endpoint, str(one.health).lower(), one.took, one.error] for one in found]


def hash_rows(found: Sequence[EndpointHash]) -> list[list[str]]:
    return [[one.endpoint, str(one.hash), str(one.hash_revision)] for one in found]


def status_rows(found: Sequence[EndpointStatus]) -> list[list[str]]:
    return [_status_row(one) for one in found]


def _status_row(one: EndpointStatus) -> list[str]:
    status = one.status
    leads = str(one.leader == status.member_id).lower()
    numbers = (one.header.raft_term, one.raft_index, one.raft_applied)
    unused = 100 - status.db_size_in_use * 100 // status.db_size if status.db_size else 0
    return [
        *(one.endpoint, f"{status.member_id:x}", status.version, one.storage_version),
        *(size(status.db_size), size(status.db_size_in_use), f"{unused}%", size(one.quota)),
        *(leads, str(one.learner).lower(), *map(str, numbers), ", ".join(errors(one)), "", "false"),
    ]


def errors(one: EndpointStatus) -> list[str]:
    return [f"memberID:{one.status.member_id} alarm:{alarm} " for alarm in one.status.alarms]
