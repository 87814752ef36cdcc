"""Certificates and keys in a Secret: do they belong together?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from minikube_edu.api.validation.tls_pairs import problem


def key_pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certificate(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_only_what_belongs_together_is_accepted() -> None:
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = certificate(key)
    assert problem(pem, key_pem(key)) == ""
    assert problem(pem, key_pem(other)) == "tls: private key does not match public key"
    kind = ed25519.Ed25519PrivateKey.generate()
    assert problem(pem, key_pem(kind)) == "tls: private key type does not match public key type"


def test_what_is_missing_or_switched_is_said() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = certificate(key)
    assert problem(b"", b"") == "tls: failed to find any PEM data in certificate input"
    assert problem(key_pem(key), pem).endswith("PEM inputs may have been switched")
    assert problem(pem, pem) == "tls: found a certificate rather than a key in the PEM for the private key"
    assert problem(pem, b"") == "tls: failed to find any PEM data in key input"
