"""openssl: `s_client -connect`, `version` and `rand`. Keys and certificates are made by kubeadm, not in containers."""

from __future__ import annotations

import base64
import secrets
import ssl

from minikube_edu.cni.contract import NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, connect_any
from minikube_edu.container_runtime.simulated.tools.network.encrypted import client_context, encrypt
from minikube_edu.container_runtime.simulated.tools.network.nc import exchange

VERSION = "OpenSSL 3.5.1 1 Jul 2025 (Library: OpenSSL 3.5.1 1 Jul 2025)"
MOST = 1 << 20


async def openssl(process: Process) -> int:
    words = process.argv[1:]
    if words[:1] == ["version"]:
        await process.print(VERSION)
        return 0
    if words[:1] == ["rand"]:
        size = int(words[-1]) if words[-1].isdigit() else 0
        data = secrets.token_bytes(min(size, MOST))
        if "-hex" in words:
            await process.print(data.hex())
        elif "-base64" in words:
            await process.print(base64.b64encode(data).decode())
        else:
            await process.stdout.write(data)
        return 0
    if words[:1] == ["s_client"]:
        return await s_client(process, words[1:])
    name = words[0] if words else "help"
    await process.stderr.write(f"openssl: {name}: not simulated; s_client, rand and version are\n".encode())
    return 1


async def s_client(process: Process, words: list[str]) -> int:
    place = "localhost:4433"
    name = ""
    for index, word in enumerate(words[:-1]):
        if word == "-connect":
            place = words[index + 1]
        elif word == "-servername":
            name = words[index + 1]
    host, _, port = place.rpartition(":")
    try:
        connection = await connect_any(process, await addresses(process, host), int(port) if port.isdigit() else 443)
    except NameNotFound:
        await process.stderr.write(b"BIO_lookup_ex: Name or service not known\nconnect:errno=0\n")
        return 1
    except OSError as error:
        await process.stderr.write(f"BIO_connect: {reason(error)}\nconnect:errno={error.errno}\n".encode())
        return 1
    await process.print("CONNECTED(00000003)")
    try:
        encrypted = await encrypt(connection, client_context(verify=False), name or host)
    except ssl.SSLError as error:
        await process.stderr.write(
            f"SSL routines: {(error.reason or 'unexpected eof').lower().replace('_', ' ')}\n".encode()
        )
        return 1
    certificate = encrypted.tls.getpeercert(binary_form=True)
    if certificate:
        from cryptography import x509

        read = x509.load_der_x509_certificate(certificate)
        subject, issuer = read.subject.rfc4514_string(), read.issuer.rfc4514_string()
        pem = ssl.DER_cert_to_PEM_cert(certificate)
        await process.print(
            f"---\nCertificate chain\n 0 s:{subject}\n   i:{issuer}\n---\nServer certificate\n{pem}", end=""
        )
        await process.print(f"subject={subject}\nissuer={issuer}\n---")
    cipher = encrypted.tls.cipher()
    await process.print(f"New, {encrypted.tls.version()}, Cipher is {cipher[0] if cipher else '(NONE)'}\n---")
    await exchange(process, encrypted, process.stdin, process.stdout, idle=5, half=False)
    return 0
