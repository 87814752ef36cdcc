"""CertificateSubjectRestriction: nobody asks for a client certificate of `system:masters`."""

from __future__ import annotations

from base64 import b64decode

from minikube_edu.kube_apiserver.admission.chain import CREATE, Attributes, Plugin
from minikube_edu.kube_apiserver.admission.plugins.certificate_approval import REQUESTS
from minikube_edu.kube_apiserver.authz.chain import MASTERS

CLIENTS = "kubernetes.io/kube-apiserver-client"


class CertificateSubjectRestriction(Plugin):
    name = "CertificateSubjectRestriction"
    operations = (CREATE,)
    resources = REQUESTS

    def validate(self, attributes: Attributes) -> None:
        if attributes.obj is None or attributes.obj["spec"]["signerName"] != CLIENTS:
            return
        from minikube_edu.lib import subject

        try:
            groups = subject.request_subject(b64decode(attributes.obj["spec"]["request"] or "")).organizations
        except (ValueError, subject.Invalid) as error:
            raise attributes.forbidden(f"failed to parse CSR: {error}") from None
        if MASTERS in groups:
            raise attributes.forbidden(f"use of {CLIENTS} signer with {MASTERS} group is not allowed")


PLUGIN = CertificateSubjectRestriction
