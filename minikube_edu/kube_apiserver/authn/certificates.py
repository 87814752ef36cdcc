"""The client's certificate: the common name is the user, the organisations are the groups.

The certificate's fingerprint goes along as `credential-id`, so that an audit can tell by which credential a user came.

TLS has verified it against the client CA before; here its subject is read, once: a client has many connections.
"""

from __future__ import annotations

import functools
import hashlib

from minikube_edu.kube_apiserver.context import CREDENTIAL_ID, User
from minikube_edu.lib.subject import subject_of
from minikube_edu.lib.web.messages import Request


class ClientCertificates:
    def authenticate(self, request: Request) -> User | None:
        certificate = request.peer.certificate
        if certificate is None:
            return None
        return user_of(certificate)


@functools.lru_cache(maxsize=1024)
def user_of(certificate: bytes) -> User:
    subject = subject_of(certificate)
    fingerprint = f"X509SHA256={hashlib.sha256(certificate).hexdigest()}"
    return User(subject.common_name, groups=tuple(subject.organizations), extra={CREDENTIAL_ID: (fingerprint,)})
