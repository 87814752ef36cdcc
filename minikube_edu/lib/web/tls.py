"""TLS contexts of servers and clients.

A server that is given client CAs asks for a client certificate and takes none for an answer; one that is presented
must be signed by these CAs. The handler finds it, as DER, in `Peer.certificate`.

The real API server differs in one thing: it lets a certificate of an unknown CA, or an expired one, through the
handshake and answers 401. Python's ssl has no way to accept what does not verify (no verify callback), so here the
client sees the handshake fail, with the alert "unknown CA" or "certificate expired".

The CAs of the front proxy (aggregation) can be given as well; which CA signed a certificate is then for the handler
to find out.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

ALPN = ["http/1.1"]


def server_context(
    certfile: str,
    keyfile: str,
    client_ca: str | Sequence[str] | None = None,
    *,
    sni: Mapping[str, tuple[str, str]] | None = None,
) -> ssl.SSLContext:
    """All arguments are paths of PEM files. `sni`: more pairs of certificate and key, by the host name asked for.
    Files that change are read again at the next handshake."""
    made = _Reloading(ssl.PROTOCOL_TLS_SERVER)
    made.files = _Files(certfile, keyfile, client_ca)
    made.others = {host: _Files(cert, key, client_ca) for host, (cert, key) in (sni or {}).items()}
    return made


class _Reloading(ssl.SSLContext):
    """For asyncio a context; in truth, for each connection the one that the files make now. Sessions of the one before
    are not resumed with it: they were judged by other CAs."""

    files: _Files
    others: dict[str, _Files]

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        context = self.files.current()
        if self.others:
            context.sni_callback = self._choose
        return context.wrap_bio(incoming, outgoing, server_side)

    def _choose(self, connection: Any, host: str | None, _: ssl.SSLContext) -> None:
        if host in self.others:
            connection.context = self.others[host].current()


class _Resuming(ssl.SSLContext):
    """A client's: a second connection to the server takes up the session of the first, for half the work."""

    session: ssl.SSLSession | None = None

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session or self.session)


def keep_session(connection: ssl.SSLObject | None) -> None:
    """Called by a client when the server has said something: with its first words it sends what a session is taken up
    with. One does for many connections, until the server has forgotten it: as OpenSSL does when a connection breaks."""
    if connection is None or not isinstance(connection.context, _Resuming) or connection.session_reused:
        return
    session = connection.session
    connection.context.session = session if session is not None and session.has_ticket else None


def client_context(
    ca: str | None = None,
    certfile: str | None = None,
    keyfile: str | None = None,
    *,
    ca_data: str | None = None,
    verify: bool = True,
) -> ssl.SSLContext:
    """Trusts `ca` (a path) and `ca_data` (PEM text), or the system's CAs when neither is given. For one server: its
    sessions are resumed."""
    context = _Resuming(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(ALPN)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca or ca_data:
        context.load_verify_locations(cafile=ca, cadata=ca_data)
    else:
        context.load_default_certs()
    if certfile:
        context.load_cert_chain(certfile, keyfile)
    return context


def _bare(certfile: str, keyfile: str, client_ca: str | Sequence[str] | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(ALPN)
    context.load_cert_chain(certfile, keyfile)
    # Sessions are remembered here, and resumed by number: a ticket that holds the session itself, with the client's
    # certificate, would have to be encrypted in each handshake.
    context.num_tickets = 1
    context.options |= ssl.OP_NO_TICKET
    for path in _paths(client_ca):
        context.load_verify_locations(path)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _paths(client_ca: str | Sequence[str] | None) -> Iterable[str]:
    if client_ca is None:
        return ()
    return (client_ca,) if isinstance(client_ca, str) else client_ca


class _Files:
    """The files that a context is made of; made anew when they change."""

    def __init__(self, certfile: str, keyfile: str, client_ca: str | Sequence[str] | None) -> None:
        self.certfile, self.keyfile, self.client_ca = certfile, keyfile, client_ca
        self.seen = self._stamp()
        self.context = _bare(certfile, keyfile, client_ca)

    def _stamp(self) -> list[tuple[int, int]]:
        found = []
        for path in (self.certfile, self.keyfile, *_paths(self.client_ca)):
            try:
                info = os.stat(path)
                found.append((info.st_mtime_ns, info.st_ino))
            except OSError:
                found.append((0, 0))
        return found

    def current(self) -> ssl.SSLContext:
        """Changed files are read again. Half-written ones fail to load: the old ones serve on until next time."""
        stamp = self._stamp()
        if stamp != self.seen:
            try:
                self.context = _bare(self.certfile, self.keyfile, self.client_ca)
            except OSError:  # SSLError is one
                return self.context
            self.seen = stamp
        return self.context
