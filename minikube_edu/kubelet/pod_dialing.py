"""Connections from the kubelet to a pod's ports: probes and hooks use them.

A pod on the pod network has an address in the runtime's network alone: the runtime is asked for a connection
(`cri.PodDialer`; else its port-forward, which reaches the pod's localhost). A pod on the host's network may be a
program of this host, with a real socket at the node's address or its localhost, or a simulated one: both are tried. TLS
is spoken here, over either; certificates of pods are not verified, as the real kubelet does not.

Failures are `DialFailure`, in the words of Go's `net` package.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from typing import Any, Protocol, cast

from msgspec import Struct

from minikube_edu.container_runtime.cri import ContainerRuntime, PodDialer, RuntimeFailure
from minikube_edu.kubelet import pod_facts
from minikube_edu.lib import localhost
from minikube_edu.lib.streams.byte_stream import ByteStream, StreamReset
from minikube_edu.lib.streams.pipe import pipe

Object = dict[str, Any]

SETTLED = 0.05  # seconds in which a port-forward that cannot connect says so


class DialFailure(Exception):
    """`dial tcp 10.244.0.5:80: connect: connection refused`"""


class Wire(Protocol):
    """One connection. `read` gives b"" at its end; errors are OSErrors."""

    async def read(self) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    async def close(self) -> None: ...


class PodTarget(Struct, frozen=True):
    """A pod that can be dialled: where it is and how."""

    sandbox_id: str
    addresses: Sequence[str]
    host_network: bool

    @property
    def address(self) -> str:
        return self.addresses[0] if self.addresses else ""


def target_of(pod: Object, status: Object, sandbox_id: str = "") -> PodTarget:
    addresses = [one["ip"] for one in status.get("podIPs") or ()] or [status.get("podIP") or ""]
    return PodTarget(sandbox_id, addresses, pod_facts.is_host_network(pod))


def endpoint(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class PodDialing:
    def __init__(self, runtime: ContainerRuntime) -> None:
        self.runtime = runtime
        # Not isinstance: a runtime behind a connection answers for methods that it does not have itself.
        self._dialer = cast(PodDialer, runtime) if hasattr(runtime, "dial") else None

    async def connect(self, target: PodTarget, host: str, port: int) -> Wire:
        """`host` is the pod's address, or another that the pod's author wrote: that one is dialled from the node."""
        where = f"dial tcp {endpoint(host, port)}"
        if host in target.addresses and not target.host_network:
            try:
                return await self._through_runtime(target.sandbox_id, port)
            except RuntimeFailure as failure:
                raise DialFailure(f"{where}: {in_kernel_words(failure.message)}") from None
        try:
            reader, writer = await asyncio.open_connection(localhost.dialing(host), port)
        except OSError as error:
            if found := await self._simulated(target, host, port):
                return found
            raise DialFailure(f"{where}: {_errno_words(error)}") from None
        return SocketWire(reader, writer)

    async def _simulated(self, target: PodTarget, host: str, port: int) -> Wire | None:
        """A simulated program on the host's network: it listens in the runtime's idea of it."""
        here = host in target.addresses or host in localhost.LOCAL
        if self._dialer is None or not (target.host_network and here and target.sandbox_id):
            return None
        try:
            return StreamWire(await self._dialer.dial(target.sandbox_id, port))
        except RuntimeFailure:
            return None

    async def _through_runtime(self, sandbox_id: str, port: int) -> Wire:
        if self._dialer is not None:
            return StreamWire(await self._dialer.dial(sandbox_id, port))
        near, far = pipe()
        task = asyncio.get_running_loop().create_task(self.runtime.port_forward(sandbox_id, port, far))
        done, _ = await asyncio.wait([task], timeout=SETTLED)
        if done and (failure := task.exception()) is not None:
            raise failure
        return StreamWire(near, task)


def in_kernel_words(message: str) -> str:
    """The last part of what a runtime says when it cannot connect."""
    for words in ("connection refused", "no route to host", "network is unreachable"):
        if words in message:
            return f"connect: {words}"
    return "i/o timeout" if "timed out" in message or "timeout" in message else message.rpartition(": ")[2]


def _errno_words(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "connect: connection refused"
    if isinstance(error, TimeoutError):
        return "i/o timeout"
    return f"connect: {(error.strerror or str(error)).lower()}"


class StreamWire:
    def __init__(self, stream: ByteStream, task: asyncio.Task[None] | None = None) -> None:
        self._stream, self._task = stream, task

    async def read(self) -> bytes:
        try:
            return await self._stream.read()
        except StreamReset:
            raise ConnectionResetError("read: connection reset by peer") from None

    def write(self, data: bytes) -> None:
        self._stream.write(data)

    async def close(self) -> None:
        self._stream.reset()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


class SocketWire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self) -> bytes:
        return await self._reader.read(1 << 16)

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def close(self) -> None:
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


class TlsWire:
    """TLS over another wire, without looking at the certificate."""

    def __init__(self, wire: Wire, server_name: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._wire = wire
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)

    async def handshake(self) -> None:
        """ssl.SSLError when the far end speaks something else."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._more()
                continue
            self._flush()
            return

    async def read(self) -> bytes:
        while True:
            try:
                return self._tls.read(1 << 16)
            except ssl.SSLWantReadError:
                if not await self._more():
                    return b""
            except ssl.SSLZeroReturnError:
                return b""

    def write(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    async def close(self) -> None:
        await self._wire.close()

    async def _more(self) -> bool:
        self._flush()
        data = await self._wire.read()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return bool(data)

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._wire.write(data)
