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
    default = _Files(certfile, keyfile, client_ca)
    others = {host: _Files(cert, key, client_ca) for host, (cert, key) in (sni or {}).items()}
    context = default.context

    def choose(connection: Any, host: str | None, _: ssl.SSLContext) -> None:
        chosen = others.get(host, default) if host is not None else default
        chosen.refresh()
        if chosen.context is not context:
            connection.context = chosen.context

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

    def refresh(self) -> None:
        """Read changed files again. Half-written ones fail to load: the old ones serve on until next time."""
        stamp = self._stamp()
        if stamp == self.seen:
            return
        try:
            self.context = _bare(self.certfile, self.keyfile, self.client_ca)
        except OSError:  # SSLError is one
            return
        self.seen = stamp
