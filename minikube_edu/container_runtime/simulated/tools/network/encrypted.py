"""TLS over a connection of the fabric: Python's ssl with memory in place of a socket.

Certificates come as bytes out of the container's files. Python takes a client's certificate and key from files alone,
so those two pass through a private temporary file that exists while it is read.
"""

from __future__ import annotations

import contextlib
import errno
import os
import ssl
import tempfile

from minikube_edu.cni.contract import Address, Connection

PIECE = 65536


def client_context(verify: bool, authorities: bytes = b"") -> ssl.SSLContext:
    """Trusts `authorities` alone: the host's own certificate store is not the container's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = verify
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    if authorities:
        context.load_verify_locations(cadata=authorities.decode("ascii", "ignore"))
    return context


def present(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Use this certificate and key; ssl.SSLError when they are none."""
    descriptor, path = tempfile.mkstemp()
    try:
        os.write(descriptor, certificate + b"\n" + key)
        context.load_cert_chain(path, password=lambda: b"")
    finally:
        os.close(descriptor)
        os.unlink(path)


def server_context(certificate: bytes, key: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    present(context, certificate, key)
    return context


class EncryptedConnection:
    """A connection whose bytes are TLS records on the connection below."""

    def __init__(self, below: Connection, context: ssl.SSLContext, server_name: str | None, server_side: bool) -> None:
        self.below = below
        self.local: Address = below.local
        self.peer: Address = below.peer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side, server_name)

    async def handshake(self) -> None:
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._feed():
                    raise ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "unexpected eof while reading") from None
                continue
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    await self._flush()  # the alert
                raise
            await self._flush()
            return

    async def read(self, size: int = PIECE) -> bytes:
        while True:
            try:
                data = self.tls.read(size)
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._feed():
                    return b""
                continue
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            return data

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self.tls.write(view[:PIECE]) :]
            await self._flush()

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await self.below.write(data)

    async def _feed(self) -> bool:
        data = await self.below.read(PIECE)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return bool(data)

    def end(self) -> None:
        self.below.end()

    def close(self) -> None:
        self.below.close()


async def encrypt(connection: Connection, context: ssl.SSLContext, server_name: str) -> EncryptedConnection:
    """The client's side. A server name that is an address is checked as one."""
    encrypted = EncryptedConnection(connection, context, server_name, server_side=False)
    try:
        await encrypted.handshake()
    except ssl.SSLError:
        connection.close()
        raise
    return encrypted


async def accept_encrypted(connection: Connection, context: ssl.SSLContext) -> EncryptedConnection:
    encrypted = EncryptedConnection(connection, context, None, server_side=True)
    try:
        await encrypted.handshake()
    except ssl.SSLError as error:
        connection.close()
        raise OSError(errno.ECONNRESET, str(error)) from None
    return encrypted
