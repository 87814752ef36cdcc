"""What a verb works with: the store, the output form, standard input, and the ways to fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import BinaryIO, NoReturn

from msgspec import Struct

from minikube_edu.etcd.contract import Store, StoreError
from minikube_edu.etcd.etcdctl.balancer import Dial, first
from minikube_edu.etcd.etcdctl.forms.form import Form, Header
from minikube_edu.etcd.limits import ETCD_VERSION
from minikube_edu.lib import clock

ERROR, BAD_CONNECTION, INVALID_INPUT, BAD_FEATURE, INTERRUPTED, BAD_ARGUMENTS = 1, 2, 3, 4, 5, 128  # exit codes
RAFT_TERM = 2  # of a member that has elected itself
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0  # seconds between two rounds of dialling


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

    dial: Dial  # called when the command line has been understood
    endpoints: Sequence[str]  # as they were typed, and as they are called in the output
    form: Form
    given: BinaryIO  # standard input
    out: BinaryIO
    err: BinaryIO
    timeout: float = 5.0  # --command-timeout; 0: none
    dial_timeout: float = 2.0  # --dial-timeout: of one attempt
    method: str = "KV/Range"  # what the command calls first
    _store: Store | None = None

    def alone(self, endpoint: str, method: str) -> Session:
        """The same call, to this endpoint and no other, with a connection of its own."""
        return Session(
            self.dial, (endpoint,), self.form, self.given, self.out, self.err, self.timeout, self.dial_timeout, method
        )

    async def store(self) -> Store:
        """Behind the first endpoint that answers; dialled again until the time is up, as gRPC does without a word."""
        if self._store is not None:
            return self._store
        give_up = clock.monotonic() + self.timeout - min(0.1, self.timeout / 10)  # in time to say why
        pause = FIRST_PAUSE
        while True:
            left = give_up - clock.monotonic()
            try:
                self._store = await first(self.dial, self.endpoints, self._patience(left))
                return self._store
            except NoConnection as error:
                left = give_up - clock.monotonic()
                if left <= 0:
                    self._give_up(error)
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.6, LONGEST_PAUSE)

    def _patience(self, left: float) -> float:
        return min(self.dial_timeout, max(left, 0.01)) if self.timeout else self.dial_timeout

    def _give_up(self, error: NoConnection) -> NoReturn:
        if not self.timeout:
            raise Exit(ERROR, f'rpc error: code = Unavailable desc = connection error: desc = "{error}"')
        line = {
            "level": "warn",
            "ts": clock.rfc3339_micro(),
            "logger": "etcd-client",
            "caller": f"v3@v{ETCD_VERSION}/retry_interceptor.go:65",
            "msg": "retrying of unary invoker failed",
            "target": f"etcd-endpoints://0xc000{id(self) & 0xFFFFFF:06x}/{self.endpoints[0].rpartition('://')[2]}",
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
        term = status.raft_term or RAFT_TERM
        return Header(status.cluster_id, status.member_id, revision or status.revision, term)

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
