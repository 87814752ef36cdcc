"""CertificateApproval: who says yes or no to a request for a certificate must be allowed to `approve` for its signer.

The right is one on `signers` by name, `example.com/internal` or `example.com/*`, beside the one to write the approval.
"""

from __future__ import annotations

from minikube_edu.kube_apiserver.admission.chain import UPDATE, Attributes, Plugin
from minikube_edu.kube_apiserver.authz.chain import Attributes as Asked

GROUP = "certificates.k8s.io"
REQUESTS = ((GROUP, "certificatesigningrequests"),)


class SignerPlugin(Plugin):
    """What approval and signing have in common."""

    operations = (UPDATE,)
    resources = REQUESTS
    subresource = ""
    verb = ""

    def handles(self, attributes: Attributes) -> bool:
        return super().handles(attributes) and attributes.context.subresource == self.subresource

    def validate(self, attributes: Attributes) -> None:
        assert attributes.old is not None
        signer: str = attributes.old["spec"]["signerName"]  # nobody gets around this by changing it
        if not self.permitted(attributes, signer):
            raise attributes.forbidden(f'user not permitted to {self.verb} requests with signerName "{signer}"')

    def permitted(self, attributes: Attributes, signer: str) -> bool:
        assert self.authorization is not None
        for name in (signer, signer.partition("/")[0] + "/*"):
            asked = Asked(attributes.user, self.verb, GROUP, "*", "signers", name=name)
            if self.authorization.decide(asked).allowed:
                return True
        return False


class CertificateApproval(SignerPlugin):
    name = "CertificateApproval"
    subresource = "approval"
    verb = "approve"


PLUGIN = CertificateApproval
