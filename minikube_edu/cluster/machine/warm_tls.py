"""One TLS handshake in memory, before anybody is forked.

OpenSSL makes its tables at the first handshake: some milliseconds, and nearly two megabytes that every seat would have
for itself. Made here once, they are shared. Nothing is opened, and nothing of the handshake is kept: what is random in
OpenSSL is made anew in every fork.
"""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from minikube_edu.lib import pki
from minikube_edu.lib.web import tls

NAME = "warm"


def handshake() -> None:
    authority = pki.make_ca("authority")
    pair = pki.make_certificate(authority, NAME, dns=(NAME,), usages=("server", "client"))
    with tempfile.TemporaryDirectory(prefix="minikube-edu-") as folder:  # ssl takes keys from files alone
        certificate, key, ca = (Path(folder) / name for name in ("crt", "key", "ca"))
        certificate.write_bytes(pair.certificate)
        key.write_bytes(pair.key)
        ca.write_bytes(authority.certificate)
        server = tls.server_context(str(certificate), str(key), str(ca))
        client = ssl.create_default_context(cafile=str(ca))
        client.load_cert_chain(certificate, key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=NAME),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                continue  # it is the other's turn
