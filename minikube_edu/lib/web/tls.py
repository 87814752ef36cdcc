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
    context = _bare(certfile, keyfile, client_ca)
    others = {host: _bare(cert, key, client_ca) for host, (cert, key) in (sni or {}).items()}
    watched = [_Files(context, certfile, keyfile, client_ca)]
    watched += [_Files(others[host], cert, key, client_ca) for host, (cert, key) in (sni or {}).items()]

    def choose(connection: Any, host: str | None, _: ssl.SSLContext) -> None:
        for files in watched:
            files.refresh()
        if host in others:
            connection.context = others[host]

    context.sni_callback = choose  # is called without a host name as well
    return context


def client_context(
    ca: str | None = None,
    certfile: str | None = None,
    keyfile: str | None = None,
    *,
    ca_data: str | None = None,
    verify: bool = True,
) -> ssl.SSLContext:
    """Trusts `ca` (a path) and `ca_data` (PEM text), or the system's CAs when neither is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
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
    context.num_tickets = 0  # a resumed session would save little and cost two more records in each handshake
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
    """The files that a context was made of, and when they were last changed."""

    def __init__(
        self, context: ssl.SSLContext, certfile: str, keyfile: str, client_ca: str | Sequence[str] | None
    ) -> None:
        self.context = context
        self.pair = (certfile, keyfile)
        self.authorities = tuple(_paths(client_ca))
        self.seen = self._stamp()

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        found = []
        for path in (*self.pair, *self.authorities):
            try:
                info = os.stat(path)
                found.append((info.st_mtime_ns, info.st_ino))
            except OSError:
                found.append((0, 0))
        return tuple(found)

    def refresh(self) -> None:
        """Read changed files again. Half-written ones fail to load: the old ones serve on until next time."""
        stamp = self._stamp()
        if stamp == self.seen:
            return
        try:
            self.context.load_cert_chain(*self.pair)
            for path in self.authorities:
                self.context.load_verify_locations(path)  # adds: an old CA is trusted until the server starts anew
        except (OSError, ssl.SSLError):
            return
        self.seen = stamp
