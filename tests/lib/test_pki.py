"""Keys, certificates and tokens: do they say and prove what they should?"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.lib import clock, jwt, pki
from minikube_edu.lib.pki import KeyKind


@pytest.fixture(scope="module")
def ca() -> pki.Pair:
    return pki.make_ca("kubernetes")


def test_does_a_client_certificate_name_its_user_and_groups(ca: pki.Pair) -> None:
    pair = pki.make_certificate(ca, "kubernetes-admin", ["kubeadm:cluster-admins", "ops"], lifetime=100)
    subject = pki.subject_of_pem(pair.certificate)
    assert subject.common_name == "kubernetes-admin"
    assert subject.organizations == ("kubeadm:cluster-admins", "ops")
    assert subject.usages == ("client",)
    assert subject.not_before < clock.now() < subject.not_after <= clock.now() + 100
    assert not subject.is_ca


def test_does_a_server_certificate_carry_its_names(ca: pki.Pair) -> None:
    pair = pki.make_certificate(ca, "x", dns=["a.b", "c"], ips=["10.96.0.1", "::1"], usages=["server", "client"])
    subject = pki.subject_of_pem(pair.certificate)
    assert (subject.dns, subject.ips) == (("a.b", "c"), ("10.96.0.1", "::1"))
    assert subject.usages == ("server", "client")


def test_can_it_be_told_who_signed_a_certificate(ca: pki.Pair) -> None:
    other = pki.make_ca("kubernetes")
    der = pki.certificates_der(pki.make_certificate(ca, "a").certificate)[0]
    assert pki.is_signed_by(der, ca.certificate)
    assert not pki.is_signed_by(der, other.certificate)
    assert pki.is_signed_by(der, other.certificate + ca.certificate)


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "rsa2048", "ed25519"])
def test_does_a_signed_request_get_its_own_key_and_names(ca: pki.Pair, kind: KeyKind) -> None:
    key = pki.make_key(kind)
    request = pki.make_request(key, "system:node:n1", ["system:nodes"], dns=["n1"], ips=["127.0.0.1"])
    who = pki.request_subject(request)
    assert (who.common_name, who.organizations, who.dns) == ("system:node:n1", ("system:nodes",), ("n1",))
    certificate = pki.sign_request(ca, request, usages=["client"], lifetime=3600)
    subject = pki.subject_of_pem(certificate)
    assert (subject.common_name, subject.organizations, subject.ips) == (who.common_name, who.organizations, who.ips)
    assert pki.is_signed_by(pki.certificates_der(certificate)[0], ca.certificate)
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    of_certificate = x509.load_pem_x509_certificate(certificate).public_key()
    assert of_certificate.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) == pki.public_key(key)


@pytest.mark.parametrize("junk", [b"", b"junk", b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"])
def test_is_junk_refused(junk: bytes) -> None:
    with pytest.raises(pki.Invalid):
        pki.request_subject(junk)
    with pytest.raises(pki.Invalid):
        pki.load_key(junk)
    with pytest.raises(pki.Invalid):
        pki.subject_of(junk)
    with pytest.raises(pki.Invalid):
        pki.certificates_der(junk)


def test_does_openssl_accept_the_chain(ca: pki.Pair, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(ca.certificate)
    (tmp_path / "a.crt").write_bytes(pki.make_certificate(ca, "a", dns=["a"], usages=["server"]).certificate)
    try:
        done = subprocess.run(
            ["openssl", "verify", "-x509_strict", "-CAfile", str(tmp_path / "ca.crt"), str(tmp_path / "a.crt")],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("no openssl program")
    assert done.returncode == 0, done.stdout + done.stderr


def test_is_the_hash_of_a_ca_the_one_that_kubeadm_prints(ca: pki.Pair) -> None:
    assert pki.public_key_hash(ca.certificate).startswith("sha256:")
    assert len(pki.public_key_hash(ca.certificate)) == len("sha256:") + 64


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("rsa2048", "RS256"), ("ecdsa-p256", "ES256"), ("ecdsa-p384", "ES384")]
)
def test_does_a_token_prove_its_claims(kind: KeyKind, algorithm: str) -> None:
    key, other = pki.make_key(kind), pki.public_key(pki.make_key(kind))
    signer = jwt.Signer(key)
    token = signer.sign({"sub": "system:serviceaccount:default:default", "exp": 1})
    assert signer.algorithm == algorithm
    claims = jwt.verify(token, [other, pki.public_key(key)])
    assert claims == {"sub": "system:serviceaccount:default:default", "exp": 1} == jwt.unverified_claims(token)
    with pytest.raises(jwt.BadToken):
        jwt.verify(token, [other])
    head, body, signature = token.split(".")
    forged = jwt.encode(jwt.decode(body).replace(b"default:default", b"default:admin"))
    with pytest.raises(jwt.BadToken):
        jwt.verify(f"{head}.{forged}.{signature}", [pki.public_key(key)])
    assert jwt.jwk(signer.public_pem)["kid"] == signer.key_id


def test_is_a_token_that_names_no_algorithm_refused() -> None:
    key = pki.make_key("ecdsa-p256")
    _, body, _ = jwt.sign({"sub": "a"}, key).split(".")
    for algorithm in ("none", "HS256", "RS256", ""):
        head = jwt.encode(b'{"alg":"%s"}' % algorithm.encode())
        with pytest.raises(jwt.BadToken):
            jwt.verify(f"{head}.{body}.", [pki.public_key(key)])


KEY = pki.make_key("ecdsa-p256")
VERIFIER = jwt.Verifier([pki.public_key(KEY)])


@given(st.text(max_size=60) | st.from_regex(r"[\w-]{0,9}\.[\w-]{0,9}\.[\w-]{0,9}", fullmatch=True))
def test_is_every_text_either_a_token_or_refused_as_none(text: str) -> None:
    with pytest.raises(jwt.BadToken):
        VERIFIER.verify(text)
