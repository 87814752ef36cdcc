"""Certificates on etcdctl's command line: read as the real one reads them, and tried against the server's own.

An etcd of our own is spoken to over its private socket, where nobody asks for certificates. Whoever names some wants to
know whether they are right: client and server shake hands in memory, with the files of both, and what goes wrong is
said in the words of Go's TLS and gRPC.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from minikube_edu.etcd.contract import Member, Store
from minikube_edu.etcd.etcdctl.session import NoConnection
from minikube_edu.lib import node_root

if TYPE_CHECKING:
    import ssl

DIALING = "transport: Error while dialing: "
HANDSHAKE = "transport: authentication handshake failed: "
PREFACE = "error reading server preface: "
UNKNOWN = "tls: failed to verify certificate: x509: certificate signed by unknown authority"


def complaint(cacert: str, cert: str, key: str) -> str:
    """What is wrong with the files themselves; empty when they can be used. Paths are as they were typed."""
    if bool(cert) != bool(key):
        return f"KeyFile and CertFile must both be present[key: {key}, cert: {cert}]"
    for path in filter(None, (cert, key, cacert)):
        try:
            with open(node_root.below(path), "rb") as file:
                file.read(1)
        except OSError as error:
            verb = "read" if isinstance(error, IsADirectoryError) else "open"
            return f"{verb} {path}: {(error.strerror or '').lower()}"
    return _bad_pair(node_root.below(cert), node_root.below(key)) or _bad_authority(node_root.below(cacert))


def _bad_pair(cert: str, key: str) -> str:
    if not cert:
        return ""
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return "tls: private key does not match public key"
        for path, what in ((cert, "certificate"), (key, "key")):
            with open(path, "rb") as file:
                if b"-----BEGIN" not in file.read():
                    return f"tls: failed to find any PEM data in {what} input"
        return "tls: failed to parse private key"
    return ""


def _bad_authority(cacert: str) -> str:
    """A file without certificates is an empty pool, which trusts nobody."""
    if not cacert:
        return ""
    with open(cacert, "rb") as file:
        data = file.read()
    return "x509: malformed tbs certificate" if b"PRIVATE KEY-----" in data else ""


async def reach(url: str, patience: float) -> None:
    """Does anybody listen there? For servers that are no etcd of this node."""
    try:
        where = urlsplit(url)
        host, port = where.hostname, where.port or 2379
    except ValueError:  # a port that is none
        raise NoConnection(f"{DIALING}dial tcp: address {url.rpartition('://')[2]}: invalid port") from None
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), patience)
    except socket.gaierror:
        raise NoConnection(f"{DIALING}dial tcp: lookup {host}: no such host") from None
    except OSError as error:
        why = f"connect: {os.strerror(error.errno).lower()}" if error.errno else "i/o timeout"
        raise NoConnection(f"{DIALING}dial tcp {host}:{port}: {why}") from None
    writer.close()


async def admit(store: Store, url: str, files: Sequence[str], *, verify: bool) -> None:
    """Would the server's public port have let this client in? NoConnection when not; the store is closed then."""
    member = (await store.status()).member
    if url.startswith("unix") or not member.client_urls:
        return
    try:
        examine(member, url, files, verify=verify)
    except NoConnection:
        await store.close()
        raise


def examine(member: Member, url: str, files: Sequence[str], *, verify: bool) -> None:
    """`files`: cacert, cert, key; raises NoConnection."""
    if not url.startswith("https:"):
        if member.certificate:
            raise NoConnection(f"{PREFACE}EOF")
        return
    if not member.certificate:
        raise NoConnection(f"{HANDSHAKE}tls: first record does not look like a TLS handshake")
    _shake_hands(_server(member), _client(files, verify), urlsplit(url).hostname or "", bool(files[1]))


def _server(member: Member) -> ssl.SSLContext:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(member.certificate, member.key)
    if member.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(member.client_ca)
    return context


def _client(files: Sequence[str], verify: bool) -> ssl.SSLContext:
    import ssl

    cacert, cert, key = files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # where the server looks at the client before the client is done
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif cacert:
        try:
            context.load_verify_locations(cacert)
        except ssl.SSLError:
            pass  # no certificates in it: nobody is trusted
    else:
        context.set_default_verify_paths()
    if cert:
        context.load_cert_chain(cert, key)
    return context


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str, shows_one: bool) -> None:
    import ssl

    upwards, downwards = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(downwards, upwards, server_hostname=host)
    other = server.wrap_bio(upwards, downwards, server_side=True)
    done = 0
    while done < 2:
        done = 0
        for side in (one, other):
            try:
                side.do_handshake()
                done += 1
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                raise NoConnection(_refusal_by_client(error) if side is one else _refusal_by_server(True)) from None
            except ssl.SSLError:
                raise NoConnection(_refusal_by_server(shows_one)) from None


def _refusal_by_client(error: ssl.SSLCertVerificationError) -> str:
    if "mismatch" in error.verify_message:
        name = error.verify_message.rpartition("'")[0].rpartition("'")[2]
        return f"{HANDSHAKE}tls: failed to verify certificate: x509: certificate is not valid for {name}"
    if "expired" in error.verify_message or "not yet" in error.verify_message:
        return f"{HANDSHAKE}tls: failed to verify certificate: x509: certificate has expired or is not yet valid"
    return HANDSHAKE + UNKNOWN


def _refusal_by_server(shows_one: bool) -> str:
    return f"{PREFACE}remote error: tls: {'unknown certificate authority' if shows_one else 'certificate required'}"
