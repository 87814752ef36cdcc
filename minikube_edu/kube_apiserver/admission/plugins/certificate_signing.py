"""CertificateSigning: who writes a certificate, or a verdict about it, must be allowed to `sign` for its signer."""

from __future__ import annotations

from minikube_edu.kube_apiserver.admission.chain import Attributes
from minikube_edu.kube_apiserver.admission.plugins.certificate_approval import SignerPlugin


class CertificateSigning(SignerPlugin):
    name = "CertificateSigning"
    subresource = "status"
    verb = "sign"

    def handles(self, attributes: Attributes) -> bool:
        if not super().handles(attributes) or attributes.obj is None or attributes.old is None:
            return False
        new, old = attributes.obj.get("status", {}), attributes.old.get("status", {})
        return any((new.get(field) or None) != (old.get(field) or None) for field in ("certificate", "conditions"))


PLUGIN = CertificateSigning
