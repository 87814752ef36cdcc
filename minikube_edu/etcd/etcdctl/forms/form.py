"""What every output form can be asked to print. A form that leaves a method out does not have it, as in etcdctl, where
`-w table` knows tables of members and endpoints alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, NoReturn

from msgspec import Struct

from minikube_edu.etcd.contract import (
    DeleteResult,
    LeaseStatus,
    PutResult,
    RangeResult,
    Status,
    TxnResult,
    WatchBatch,
)


class Header(Struct, frozen=True):
    cluster_id: int
    member_id: int
    revision: int
    raft_term: int


class Member(Struct, frozen=True):
    id: int
    name: str
    peer_urls: Sequence[str]
    client_urls: Sequence[str]


class Health(Struct, frozen=True):
    endpoint: str
    health: bool
    took: str
    error: str = ""


class EndpointStatus(Struct, frozen=True):
    endpoint: str
    header: Header
    status: Status
    storage_version: str
    quota: int
    leader: int
    raft_index: int
    raft_applied: int
    learner: bool


class EndpointHash(Struct, frozen=True):
    endpoint: str
    header: Header
    hash: int
    compact_revision: int
    hash_revision: int


class NotInThisForm(Exception):
    """The form cannot show this answer."""


class Form:
    """Prints answers; `name` is what `-w` calls it. `value_only` is heeded by the form `simple` alone."""

    name = ""

    def __init__(self, out: BinaryIO, hexadecimal: bool = False) -> None:
        self.out = out
        self.hexadecimal = hexadecimal
        self.value_only = False

    def line(self, text: str | bytes = b"") -> None:
        self.out.write((text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text) + b"\n")

    def _absent(self) -> NoReturn:
        raise NotInThisForm(f"{self.name} not supported as output format")

    def get(self, result: RangeResult, header: Header) -> None:
        self._absent()

    def put(self, result: PutResult, header: Header) -> None:
        self._absent()

    def delete(self, result: DeleteResult, header: Header) -> None:
        self._absent()

    def txn(self, result: TxnResult, header: Header) -> None:
        self._absent()

    def watch(self, batch: WatchBatch, header: Header) -> None:
        self._absent()

    def granted(self, lease: LeaseStatus, header: Header) -> None:
        self._absent()

    def revoked(self, id: int, header: Header) -> None:
        self._absent()

    def kept_alive(self, lease: LeaseStatus, header: Header) -> None:
        self._absent()

    def time_to_live(self, lease: LeaseStatus, keys: bool, header: Header) -> None:
        """An expired lease has the ttl -1."""
        self._absent()

    def leases(self, ids: Sequence[int], header: Header) -> None:
        self._absent()

    def alarms(self, alarms: Sequence[str], header: Header) -> None:
        self._absent()

    def members(self, members: Sequence[Member], header: Header) -> None:
        self._absent()

    def health(self, found: Sequence[Health]) -> None:
        self._absent()

    def status(self, found: Sequence[EndpointStatus]) -> None:
        self._absent()

    def hashes(self, found: Sequence[EndpointHash]) -> None:
        self._absent()
