"""The issuer of service account tokens: its key, the claims that it signs, and what it publishes about itself.

A token says for whom it is (`sub`), for whose eyes (`aud`), until when (`exp`), and under `kubernetes.io` which
account, and which pod, secret or node, by name and uid, must exist for it to count. Anybody can verify one with the
public keys at /openid/v1/jwks: that is how a cloud trusts a pod.

Keys are loaded when the first token is signed or verified: cryptography is no part of a start.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minikube_edu.api.durations import parse as parse_duration
from minikube_edu.kube_apiserver.flags import is_true
from minikube_edu.lib import clock, ids

if TYPE_CHECKING:
    from minikube_edu.lib.jwt import Signer, Verifier

Object = dict[str, Any]

INJECTED_SECONDS = 3607  # what the volume of every pod asks for: those tokens live longer than they say
EXTENDED_SECONDS = 365 * 24 * 3600


class Issuer:
    def __init__(
        self,
        issuers: Sequence[str],
        signing_key: str,
        public_keys: Sequence[str] = (),
        api_audiences: Sequence[str] = (),
        jwks_uri: str = "",
        longest: int = 0,
        extend: bool = True,
    ) -> None:
        self.issuers = tuple(issuers)  # the first one signs, all are accepted
        self.signing_key = signing_key  # path of a PEM file; made when it is needed and not there
        self.public_keys = tuple(public_keys)
        self.api_audiences = tuple(api_audiences) or self.issuers
        self.jwks_uri = jwks_uri
        self.longest = longest  # seconds; 0: as asked
        self.extend = extend
        self._signer: Signer | None = None
        self._verifier: Verifier | None = None

    @classmethod
    def from_flags(cls, options: argparse.Namespace, made_keys: str) -> Issuer:
        """`made_keys` is the directory of keys of our own making."""
        longest = options.service_account_max_token_expiration
        return cls(
            _names(options.service_account_issuer),
            options.service_account_signing_key_file or str(Path(made_keys) / "sa.key"),
            _names(options.service_account_key_file),
            _names(options.api_audiences),
            options.service_account_jwks_uri,
            parse_duration(longest) // 1_000_000_000 if longest else 0,
            is_true(options.service_account_extend_token_expiration),
        )

    # ------------------------------------------------------------ keys

    @property
    def signer(self) -> Signer:
        if self._signer is None:
            from minikube_edu.lib.jwt import Signer

            path = Path(self.signing_key)
            if not path.exists():
                _make_key(path)
            self._signer = Signer(path.read_bytes())
        return self._signer

    def public_pems(self) -> list[bytes]:
        """What tokens are verified with: the keys of the flag, or our own public half."""
        if self.public_keys:
            return [Path(path).read_bytes() for path in self.public_keys]
        return [self.signer.public_pem]

    @property
    def verifier(self) -> Verifier:
        if self._verifier is None:
            from minikube_edu.lib.jwt import Verifier

            self._verifier = Verifier(self.public_pems())
        return self._verifier

    # ------------------------------------------------------------ tokens

    def issue(self, account: Object, audiences: Sequence[str], seconds: int, bound: Mapping[str, Object]) -> str:
        """A token for an account; `bound` is what it shall not outlive, by claim (pod, node, secret)."""
        now = int(clock.now())
        metadata = account["metadata"]
        about: Object = {"namespace": metadata["namespace"]}
        for claim, obj in sorted(bound.items()):
            about[claim] = _reference(obj)
        about["serviceaccount"] = _reference(account)
        warn_after = self.extended(audiences, seconds, "pod" in bound)
        if warn_after:
            about["warnafter"] = now + seconds
        return self.signer.sign(
            {
                "aud": list(audiences),
                "exp": now + (EXTENDED_SECONDS if warn_after else seconds),
                "iat": now,
                "iss": self.issuers[0],
                "jti": ids.uid(),
                "kubernetes.io": about,
                "nbf": now,
                "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
            }
        )

    def extended(self, audiences: Sequence[str], seconds: int, of_pod: bool) -> bool:
        """Old programs read their token once: the one that every pod gets is good for a year, with a warning."""
        ours = all(one in self.api_audiences for one in audiences)
        return self.extend and of_pod and seconds == INJECTED_SECONDS and ours

    # ------------------------------------------------------------ published

    def configuration(self, address: str) -> Object:
        """/.well-known/openid-configuration; `address` is where clients reach us."""
        algorithms = sorted({key["alg"] for key in self.jwks()["keys"]})
        return {
            "issuer": self.issuers[0],
            "jwks_uri": self.jwks_uri or f"https://{address}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
        }

    def jwks(self) -> Object:
        from minikube_edu.lib.jwt import jwk

        return {"keys": [jwk(pem) for pem in self.public_pems()]}


def _names(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _reference(obj: Object) -> Object:
    metadata = obj["metadata"]
    return {"name": metadata["name"], "uid": metadata["uid"]} if "uid" in metadata else {"name": metadata["name"]}


def _make_key(path: Path) -> None:
    from minikube_edu.lib import pki

    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pki.make_key())
