"""Whether a certificate and a key belong together, in the words of Go's tls.X509KeyPair: a Secret's warning."""

from __future__ import annotations

import re

_BLOCK = re.compile(rb"-----BEGIN ([^\r\n-]+)-----\r?\n(.*?)-----END \1-----", re.DOTALL)


def _blocks(pem: bytes) -> list[tuple[str, bytes]]:
    return [(match[1].decode(errors="replace"), match[0]) for match in _BLOCK.finditer(pem)]


def problem(certificate: bytes, private_key: bytes) -> str:
    """What is wrong with the pair; empty when nothing is."""
    blocks, keys = _blocks(certificate), _blocks(private_key)
    found = _certificate_input(blocks) or _key_input(keys)
    if found:
        return found
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        public = x509.load_pem_x509_certificate(next(pem for name, pem in blocks if name == "CERTIFICATE")).public_key()
    except ValueError:
        return "x509: malformed certificate"
    try:
        own = load_pem_private_key(next(pem for name, pem in keys if name.endswith("PRIVATE KEY")), None).public_key()
    except (ValueError, TypeError):
        return "tls: failed to parse private key"
    if type(public) is not type(own):
        return "tls: private key type does not match public key type"
    return "" if public == own else "tls: private key does not match public key"


def _certificate_input(blocks: list[tuple[str, bytes]]) -> str:
    kinds = [name for name, _ in blocks]
    if "CERTIFICATE" in kinds:
        return ""
    if not kinds:
        return "tls: failed to find any PEM data in certificate input"
    if len(kinds) == 1 and kinds[0].endswith("PRIVATE KEY"):
        return (
            "tls: failed to find certificate PEM data in certificate input, but did find a private key; "
            "PEM inputs may have been switched"
        )
    return (
        'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following '
        f"types: [{' '.join(kinds)}]"
    )


def _key_input(blocks: list[tuple[str, bytes]]) -> str:
    kinds = [name for name, _ in blocks]
    if any(name == "PRIVATE KEY" or name.endswith(" PRIVATE KEY") for name in kinds):
        return ""
    if not kinds:
        return "tls: failed to find any PEM data in key input"
    if len(kinds) == 1 and kinds[0] == "CERTIFICATE":
        return "tls: found a certificate rather than a key in the PEM for the private key"
    return (
        'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the '
        f"following types: [{' '.join(kinds)}]"
    )
