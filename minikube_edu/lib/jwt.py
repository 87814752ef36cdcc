"""JSON web tokens, as much of them as service accounts need: compact form, RS256 and ES256 (and ES384).

`sign` makes a token, `Verifier` checks one against several public keys, which is how keys are rotated. Only the
signature is judged here: times, audience and issuer are claims, and what they must be is for the authenticator to say.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from minikube_edu.lib import pki

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class BadToken(ValueError):
    """This is no token, or no key of ours signed it."""


def encode(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadToken("not base64url") from error
    if encode(data) != text:  # one signature must not have two spellings
        raise BadToken("not base64url")
    return data


def key_id(public_pem: bytes) -> str:
    """The `kid` that the real API server gives a key: base64url of the SHA-256 of its public half in DER."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = _load(public_pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encode(hashlib.sha256(der).digest())


class Signer:
    """Signs with one private key (PEM); its algorithm and `kid` follow from the key."""

    def __init__(self, private_pem: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric import ed25519

        key = pki.load_key(private_pem)
        if isinstance(key, ed25519.Ed25519PrivateKey):
            raise pki.Invalid("service account keys are RSA or ECDSA")
        self._key = key
        self.public_pem = pki.public_key(private_pem)
        self.algorithm = _algorithm(key.public_key())
        self.key_id = key_id(self.public_pem)
        self._head = encode(orjson.dumps({"alg": self.algorithm, "kid": self.key_id}))

    def sign(self, claims: Mapping[str, Any]) -> str:
        from cryptography.hazmat.primitives.asymmetric import ec, padding
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        text = f"{self._head}.{encode(orjson.dumps(claims))}"
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            digest = _digest(self.algorithm)
            r, s = decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(digest)))
            size = (self._key.curve.key_size + 7) // 8
            signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
        else:
            signature = self._key.sign(text.encode(), padding.PKCS1v15(), _digest(self.algorithm))
        return f"{text}.{encode(signature)}"


def sign(claims: Mapping[str, Any], private_pem: bytes) -> str:
    return Signer(private_pem).sign(claims)


class Verifier:
    """Checks signatures against public keys (PEM: public keys, private keys or certificates)."""

    def __init__(self, public_pems: Sequence[bytes]) -> None:
        self._keys: dict[str, PublicKey] = {key_id(pem): _load(pem) for pem in public_pems}

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a token that one of the keys signed."""
        parts = token.split(".")
        if len(parts) != 3:
            raise BadToken("not three parts")
        head = _object(decode(parts[0]))
        named = head.get("kid")
        # A token without `kid`, or with a foreign one, is tried against every key.
        key = self._keys.get(named) if isinstance(named, str) else None
        candidates = [key] if key is not None else list(self._keys.values())
        text = f"{parts[0]}.{parts[1]}".encode()
        signature = decode(parts[2])
        for candidate in candidates:
            # The key says which algorithm counts; a token that names another is not believed.
            if head.get("alg") == _algorithm(candidate) and _fits(candidate, signature, text):
                return _object(decode(parts[1]))
        raise BadToken("no key of ours signed this token")


def verify(token: str, public_pems: Sequence[bytes]) -> dict[str, Any]:
    return Verifier(public_pems).verify(token)


def unverified_claims(token: str) -> dict[str, Any]:
    """The claims, whoever signed them: to find the issuer that should be asked."""
    parts = token.split(".")
    if len(parts) != 3:
        raise BadToken("not three parts")
    return _object(decode(parts[1]))


def jwk(public_pem: bytes) -> dict[str, str]:
    """A public key as an entry of /openid/v1/jwks."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = _load(public_pem)
    entry = {"use": "sig", "kty": "RSA", "kid": key_id(public_pem), "alg": _algorithm(key)}
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        entry["n"] = encode(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big"))
        entry["e"] = encode(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big"))
        return entry
    point = key.public_numbers()
    size = (key.curve.key_size + 7) // 8
    entry |= {"kty": "EC", "crv": f"P-{key.curve.key_size}"}
    entry |= {"x": encode(point.x.to_bytes(size, "big")), "y": encode(point.y.to_bytes(size, "big"))}
    return entry


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(data)
    except ValueError as error:
        raise BadToken("not JSON") from error
    if not isinstance(value, dict):
        raise BadToken("not a JSON object")
    return value


def _load(pem: bytes) -> PublicKey:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        if b"PRIVATE KEY" in pem:
            key: object = pki.load_key(pem).public_key()
        elif b"BEGIN CERTIFICATE" in pem:
            key = x509.load_pem_x509_certificate(pem).public_key()
        else:
            key = load_pem_public_key(pem)
    except ValueError as error:
        raise pki.Invalid(f"not a public key: {error}") from error
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise pki.Invalid("service account keys are RSA or ECDSA")
    return key


def _algorithm(key: PublicKey) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec

    if isinstance(key, ec.EllipticCurvePublicKey):
        return {256: "ES256", 384: "ES384"}.get(key.curve.key_size, "ES512")
    return "RS256"


def _digest(algorithm: str) -> _Hash:
    from cryptography.hazmat.primitives import hashes

    sizes: dict[str, type[_Hash]] = {"384": hashes.SHA384, "512": hashes.SHA512}
    return sizes.get(algorithm[2:], hashes.SHA256)()


if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes as _hashes

    _Hash = _hashes.SHA256 | _hashes.SHA384 | _hashes.SHA512


def _fits(key: PublicKey, signature: bytes, text: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    digest = _digest(_algorithm(key))
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            size = (key.curve.key_size + 7) // 8
            if len(signature) != 2 * size:
                return False
            r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
            key.verify(encode_dss_signature(r, s), text, ec.ECDSA(digest))
        else:
            key.verify(signature, text, padding.PKCS1v15(), digest)
    except InvalidSignature:
        return False
    return True
