"""What a certificate says: whom it speaks for, its other names, its times and uses.

`subject_of` is on the way of every TLS connection with a client certificate: the common name is the user, the
organisations are the user's groups. `pki` makes what this module reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from cryptography import x509

Usage = Literal["server", "client"]


class Invalid(ValueError):
    """This is no key, certificate or request, or its signature does not fit."""


class Subject(Struct, frozen=True):
    """Who a certificate or a request speaks for."""

    common_name: str
    organizations: tuple[str, ...]
    not_before: float  # seconds since the epoch; 0 in a request
    not_after: float
    dns: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    usages: tuple[Usage, ...] = ()
    is_ca: bool = False
    uris: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


def subject_of(der: bytes) -> Subject:
    """The subject of a DER certificate."""
    from cryptography import x509

    try:
        return _subject(x509.load_der_x509_certificate(der))
    except ValueError as error:
        raise Invalid(f"not a certificate: {error}") from error


def subject_of_pem(pem: bytes) -> Subject:
    """The subject of the first certificate of a PEM text."""
    return subject_of(certificates_der(pem)[0])


def request_subject(pem: bytes) -> Subject:
    """The subject of a signing request, whose signature is checked."""
    request = load_request(pem)
    common_name, organizations = _names(request.subject)
    return Subject(common_name, organizations, 0.0, 0.0, *_alternatives(request.extensions))


def certificates_der(pem: bytes) -> list[bytes]:
    """All certificates of a PEM text as DER; other blocks in it are skipped."""
    import ssl

    end = b"-----END CERTIFICATE-----"
    parts = [part[part.find(b"-----BEGIN CERTIFICATE-----") :] for part in pem.split(end)[:-1]]
    try:
        found = [ssl.PEM_cert_to_DER_cert((part + end).decode("ascii")) for part in parts]
    except ValueError as error:
        raise Invalid(f"not a certificate: {error}") from error
    if not found:
        raise Invalid("no certificate in this PEM text")
    return found


def to_pem(der: bytes) -> bytes:
    import ssl

    return ssl.DER_cert_to_PEM_cert(der).encode()


def is_signed_by(der: bytes, ca_pem: bytes) -> bool:
    """Did a CA of this bundle sign this certificate? Looks at names and signatures alone, not at times."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    certificate = x509.load_der_x509_certificate(der)
    for authority in certificates_der(ca_pem):
        try:
            certificate.verify_directly_issued_by(x509.load_der_x509_certificate(authority))
            return True
        except (ValueError, TypeError, InvalidSignature):
            continue
    return False


def public_key_hash(pem: bytes) -> str:
    """`sha256:<hex>` of the first certificate's public key: kubeadm's --discovery-token-ca-cert-hash."""
    import hashlib

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_der_x509_certificate(certificates_der(pem)[0]).public_key()
    return "sha256:" + hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def load_request(pem: bytes) -> x509.CertificateSigningRequest:
    from cryptography import x509

    try:
        request = x509.load_pem_x509_csr(pem)
        valid = request.is_signature_valid
    except Exception as error:  # cryptography has many for what is malformed
        raise Invalid(f"not a certificate request: {error}") from error
    if not valid:
        raise Invalid("the request is not signed with its own key")
    return request


def _names(name: x509.Name) -> tuple[str, tuple[str, ...]]:
    from cryptography.x509.oid import NameOID

    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    organizations = name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return (str(common[-1].value) if common else "", tuple(str(each.value) for each in organizations))


def _subject(certificate: x509.Certificate) -> Subject:
    common_name, organizations = _names(certificate.subject)
    return Subject(
        common_name,
        organizations,
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
        *_alternatives(certificate.extensions),
    )


def _alternatives(
    extensions: x509.Extensions,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Usage, ...], bool, tuple[str, ...], tuple[str, ...]]:
    """dns, ips, usages, is_ca, uris, emails"""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    dns: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    usages: tuple[Usage, ...] = ()
    is_ca = False
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            dns = tuple(value.get_values_for_type(x509.DNSName))
            ips = tuple(str(ip) for ip in value.get_values_for_type(x509.IPAddress))
            uris = tuple(value.get_values_for_type(x509.UniformResourceIdentifier))
            emails = tuple(value.get_values_for_type(x509.RFC822Name))
        elif isinstance(value, x509.ExtendedKeyUsage):
            purposes: list[Usage] = []
            for oid in value:
                if oid == ExtendedKeyUsageOID.SERVER_AUTH:
                    purposes.append("server")
                elif oid == ExtendedKeyUsageOID.CLIENT_AUTH:
                    purposes.append("client")
            usages = tuple(purposes)
        elif isinstance(value, x509.BasicConstraints):
            is_ca = value.ca
    return dns, ips, usages, is_ca, uris, emails
