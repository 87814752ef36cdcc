"""What a verb works with: the store, the output form, standard input, and the ways to fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import BinaryIO

from minikube_edu.etcd.contract import Store, StoreError
from minikube_edu.etcd.etcdctl.forms.form import Form, Header

ERROR, BAD_CONNECTION, INVALID_INPUT, BAD_FEATURE, INTERRUPTED, BAD_ARGUMENTS = 1, 2, 3, 4, 5, 128  # exit codes
RAFT_TERM = 2  # of a member that has elected itself


class Exit(Exception):
    """The command ends with this code; the message goes to standard error after `Error: `, unless it is empty."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Session:
    """One call of etcdctl."""

    open: Callable[[], Awaitable[Store]]  # called once, when the command line has been understood
    endpoint: str  # how the store is called in the output
    form: Form
    given: BinaryIO  # standard input
    out: BinaryIO
    err: BinaryIO
    timeout: float = 5.0
    _store: Store | None = None

    async def store(self) -> Store:
        if self._store is None:
            self._store = await self.open()
        return self._store

    async def header(self, revision: int = 0) -> Header:
        """What a response of etcd begins with; revision 0: the current one."""
        status = await (await self.store()).status()
        return Header(status.cluster_id, status.member_id, revision or status.revision, RAFT_TERM)

    async def close(self) -> None:
        if self._store is not None:
            await self._store.close()

    def say(self, line: str) -> None:
        self.out.write(line.encode("utf-8", "surrogateescape") + b"\n")
        self.out.flush()

    def warn(self, line: str) -> None:
        self.out.flush()
        self.err.write(line.encode("utf-8", "surrogateescape") + b"\n")
        self.err.flush()


def failed(error: StoreError, code: int = ERROR, before: str = "") -> Exit:
    """The exit for what the store has refused."""
    return Exit(code, f"{before} ({error})" if before else str(error))
