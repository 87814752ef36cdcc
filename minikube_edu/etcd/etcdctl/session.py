"""What a verb works with: the store, the output form, standard input, and the ways to fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import BinaryIO, NoReturn

from msgspec import Struct

from minikube_edu.etcd.contract import Store, StoreError
from minikube_edu.etcd.etcdctl.forms.form import Form, Header
from minikube_edu.etcd.limits import ETCD_VERSION

ERROR, BAD_CONNECTION, INVALID_INPUT, BAD_FEATURE, INTERRUPTED, BAD_ARGUMENTS = 1, 2, 3, 4, 5, 128  # exit codes
RAFT_TERM = 2  # of a member that has elected itself


class Exit(Exception):
    """The command ends with this code; the message goes to standard error after `Error: `, unless it is empty."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message)
        self.code = code


class NoConnection(StoreError):
    """A server listens to nobody like us; the message is what gRPC's transport says."""


class DeadlineExceeded(StoreError):
    """The time of the command is up."""


class Session(Struct):
    """One call of etcdctl."""

    open: Callable[[], Awaitable[Store]]  # called once, when the command line has been understood
    endpoint: str  # how the store is called in the output
    form: Form
    given: BinaryIO  # standard input
    out: BinaryIO
    err: BinaryIO
    timeout: float = 5.0  # --command-timeout; 0: none
    method: str = "KV/Range"  # what the command calls first
    _store: Store | None = None

    async def store(self) -> Store:
        if self._store is None:
            try:
                self._store = await self.open()
            except NoConnection as error:
                await self._try_again(error)
        assert self._store is not None
        return self._store

    async def _try_again(self, error: NoConnection) -> NoReturn:
        """gRPC does until the time is up, and so says nothing before."""
        from minikube_edu.lib import clock

        if not self.timeout:
            raise Exit(ERROR, f'rpc error: code = Unavailable desc = connection error: desc = "{error}"')
        await asyncio.sleep(self.timeout * 0.9)
        line = {
            "level": "warn",
            "ts": clock.rfc3339_micro(),
            "logger": "etcd-client",
            "caller": f"v3@v{ETCD_VERSION}/retry_interceptor.go:65",
            "msg": "retrying of unary invoker failed",
            "target": f"etcd-endpoints://0xc000{id(self) & 0xFFFFFF:06x}/{self.endpoint.rpartition('://')[2]}",
            "method": f"/etcdserverpb.{self.method}",
            "attempt": 0,
            "error": "rpc error: code = DeadlineExceeded desc = latest balancer error: last connection error: "
            f'connection error: desc = "{error}"',
        }
        self.warn(json.dumps(line, separators=(",", ":")))
        raise DeadlineExceeded("context deadline exceeded")

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
