"""Keys, certificates and certificate authorities: what `kubeadm init phase certs` and the CSR signers are made of.

Everything goes in and out as PEM bytes, but for `subject_of`, which reads the DER that a TLS connection gives. The
`cryptography` package costs 50 ms at import; it is loaded by the first call.

Promises: serial numbers are random; a certificate is valid from five minutes before it is made, for clocks that differ;
a private key leaves this module in the form that kubeadm writes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from minikube_edu.lib import clock
from minikube_edu.lib.subject import (
    Invalid,
    Subject,
    Usage,
    certificates_der,
    is_signed_by,
    load_request,
    public_key_hash,
    request_subject,
    subject_of,
    subject_of_pem,
    to_pem,
)

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

__all__ = [
    "Invalid",
    "KeyKind",
    "Pair",
    "Subject",
    "Usage",
    "certificates_der",
    "is_signed_by",
    "load_key",
    "make_ca",
    "make_certificate",
    "make_key",
    "make_request",
    "public_key",
    "public_key_hash",
    "request_subject",
    "self_signed",
    "sign_request",
    "subject_of",
    "subject_of_pem",
    "to_pem",
]

KeyKind = Literal["ecdsa-p256", "ecdsa-p384", "rsa2048", "rsa3072", "rsa4096", "ed25519"]

DAY = 86_400.0
YEAR = 365 * DAY
BACKDATE = 300.0


class Pair(Struct, frozen=True):
    """A certificate and its private key, PEM."""

    certificate: bytes
    key: bytes


# -- keys ------------------------------------------------------------------------------------------------------------


def make_key(kind: KeyKind = "ecdsa-p256") -> bytes:
    """A private key as PEM, in the form that kubeadm writes (`EC PRIVATE KEY`, `RSA PRIVATE KEY`)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    key: SigningKey
    form = serialization.PrivateFormat.TraditionalOpenSSL
    if kind.startswith("rsa"):
        key = rsa.generate_private_key(65537, int(kind[3:]))
    elif kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
        form = serialization.PrivateFormat.PKCS8
    else:
        key = ec.generate_private_key(ec.SECP384R1() if kind == "ecdsa-p384" else ec.SECP256R1())
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def load_key(pem: bytes) -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:  # whether its numbers are primes is not asked: that takes 35 ms, and a bad key gives itself away when it signs
        key = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError) as error:
        raise Invalid(f"not a private key: {error}") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise Invalid("a private key of an unknown kind")
    return key


def public_key(pem: bytes) -> bytes:
    """The public half, PEM (`PUBLIC KEY`), of a private key: kubeadm's sa.pub."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return load_key(pem).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


# -- certificates ----------------------------------------------------------------------------------------------------


def make_ca(common_name: str, *, lifetime: float = 10 * YEAR, key_kind: KeyKind = "ecdsa-p256") -> Pair:
    """A certificate authority that signs itself. Like kubeadm's, it has its own name as a DNS name."""
    from cryptography import x509

    key = make_key(key_kind)
    signer = load_key(key)
    builder = _builder(_name(common_name, ()), lifetime, signer.public_key())
    builder = builder.issuer_name(_name(common_name, ()))
    builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
    builder = builder.add_extension(_key_usage(ca=True), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(signer.public_key()), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(common_name)]), critical=False)
    return Pair(_signed(builder, signer), key)


def make_certificate(
    ca: Pair | None,
    common_name: str,
    organizations: Sequence[str] = (),
    *,
    dns: Sequence[str] = (),
    ips: Sequence[str] = (),
    usages: Sequence[Usage] = ("client",),
    lifetime: float = YEAR,
    key_kind: KeyKind = "ecdsa-p256",
    key: bytes | None = None,
    is_ca: bool = False,
) -> Pair:
    """A certificate signed by `ca`, or by itself when that is None; with a new key unless one is given."""
    key = make_key(key_kind) if key is None else key
    own = load_key(key)
    name = _name(common_name, organizations)
    builder = _builder(name, lifetime, own.public_key())
    builder = _extended(builder, dns, ips, usages, is_ca)
    return Pair(_issued(builder, ca, own, name), key)


def self_signed(
    common_name: str = "localhost", dns: Sequence[str] = ("localhost",), ips: Sequence[str] = ("127.0.0.1", "::1")
) -> Pair:
    """A server certificate that nobody vouches for: the kubelet's without bootstrap, and tests."""
    return make_certificate(None, common_name, dns=dns, ips=ips, usages=("server",))


def make_request(
    key: bytes,
    common_name: str,
    organizations: Sequence[str] = (),
    *,
    dns: Sequence[str] = (),
    ips: Sequence[str] = (),
) -> bytes:
    """A certificate signing request, PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(common_name, organizations))
    if dns or ips:
        builder = builder.add_extension(_alternative_names(dns, ips), critical=False)
    own = load_key(key)
    return builder.sign(own, _digest(own)).public_bytes(Encoding.PEM)


def sign_request(ca: Pair, request: bytes, *, usages: Sequence[Usage], lifetime: float, is_ca: bool = False) -> bytes:
    """The certificate, PEM, that a request asks for: its subject, its names and its key. Whether it may have them is
    for the caller to judge (`request_subject`)."""
    asked = load_request(request)
    builder = _builder(asked.subject, lifetime, asked.public_key())  # type: ignore[arg-type]  # its signature was checked
    who = request_subject(request)
    builder = _extended(builder, who.dns, who.ips, usages, is_ca, who.uris, who.emails)
    return _issued(builder, ca, None, asked.subject)


# -- the parts -------------------------------------------------------------------------------------------------------


def _name(common_name: str, organizations: Sequence[str]) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    parts.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(parts)


def _builder(
    subject: x509.Name,
    lifetime: float,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.fromtimestamp(int(clock.now()), UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(seconds=BACKDATE))
        .not_valid_after(now + timedelta(seconds=lifetime))
    )


def _extended(
    builder: x509.CertificateBuilder,
    dns: Sequence[str],
    ips: Sequence[str],
    usages: Sequence[Usage],
    is_ca: bool,
    uris: Sequence[str] = (),
    emails: Sequence[str] = (),
) -> x509.CertificateBuilder:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    purposes = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}
    builder = builder.add_extension(_key_usage(ca=is_ca), critical=True)
    if usages:
        wanted = x509.ExtendedKeyUsage([purposes[usage] for usage in usages])
        builder = builder.add_extension(wanted, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(is_ca, None), critical=True)
    if dns or ips or uris or emails:
        builder = builder.add_extension(_alternative_names(dns, ips, uris, emails), critical=False)
    return builder


def _issued(builder: x509.CertificateBuilder, ca: Pair | None, own: SigningKey | None, name: x509.Name) -> bytes:
    from cryptography import x509

    if ca is None:
        assert own is not None
        return _signed(builder.issuer_name(name), own)
    authority = x509.load_der_x509_certificate(certificates_der(ca.certificate)[0])
    signer = load_key(ca.key)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.issuer_name(authority.subject).add_extension(identifier, critical=False)
    return _signed(builder, signer)


def _signed(builder: x509.CertificateBuilder, signer: SigningKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return builder.sign(signer, _digest(signer)).public_bytes(Encoding.PEM)


def _digest(key: SigningKey) -> _Digest | None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None  # it hashes by itself
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        return hashes.SHA384()
    return hashes.SHA256()


if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes as _hashes

    _Digest = _hashes.SHA256 | _hashes.SHA384


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        key_cert_sign=ca,
        crl_sign=False,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(
    dns: Sequence[str], ips: Sequence[str], uris: Sequence[str] = (), emails: Sequence[str] = ()
) -> x509.SubjectAlternativeName:
    from cryptography import x509

    names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns]
    names += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
    names += [x509.UniformResourceIdentifier(uri) for uri in uris]
    names += [x509.RFC822Name(email) for email in emails]
    return x509.SubjectAlternativeName(names)
