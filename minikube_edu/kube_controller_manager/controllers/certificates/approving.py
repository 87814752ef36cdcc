"""certificatesigningrequest-approving-controller: nodes need not wait for an administrator.

A request for a kubelet's client certificate is approved when its sender may have that: `nodeclient` (bootstrap tokens
for new nodes), `selfnodeclient` (nodes that renew their own). Whether they may, authorization says. All other requests
wait for somebody.
"""

from __future__ import annotations

from minikube_edu.client.rest import Resource
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.certificates.requests import (
    KUBELET_CLIENT,
    certificate_of,
    condition_of,
    kubelet_problem,
    pem_of,
    usages_problem,
    with_condition,
)
from minikube_edu.kube_controller_manager.kinds import CERTIFICATE_SIGNING_REQUESTS

REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", False, "SubjectAccessReview")
MESSAGES = {
    "selfnodeclient": "Auto approving self kubelet client certificate after SubjectAccessReview.",
    "nodeclient": "Auto approving kubelet client certificate after SubjectAccessReview.",
}


class CsrApprovingController(Controller):
    name = "certificatesigningrequest-approving-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.requests = self.watch(CERTIFICATE_SIGNING_REQUESTS)

    async def reconcile(self, key: str) -> None:
        csr = self.requests.index.get(key)
        if csr is None or certificate_of(csr) or condition_of(csr, "Approved") or condition_of(csr, "Denied"):
            return
        tried = permissions(csr)
        for permission in tried:
            if await self.may(csr, permission):
                made = with_condition(csr, "Approved", "AutoApproved", MESSAGES[permission])
                await self.client.update(CERTIFICATE_SIGNING_REQUESTS, made, subresource="approval")
                return
        if tried:  # the permission may still come
            self.queue.add_rate_limited(key)

    async def may(self, csr: Object, permission: str) -> bool:
        spec = csr["spec"]
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": spec.get("username", ""),
                "uid": spec.get("uid", ""),
                "groups": spec.get("groups", []),
                "extra": spec.get("extra", {}),
                "resourceAttributes": {
                    "group": "certificates.k8s.io",
                    "resource": "certificatesigningrequests",
                    "subresource": permission,
                    "verb": "create",
                    "version": "*",
                },
            },
        }
        answer = await self.client.create(REVIEWS, review)
        return bool(answer["status"].get("allowed"))


def permissions(csr: Object) -> list[str]:
    """Which permission lets the request pass by itself; none for requests that are not a kubelet's."""
    if csr["spec"]["signerName"] != KUBELET_CLIENT:
        return []
    from minikube_edu.lib.pki import Invalid, request_subject

    try:
        subject = request_subject(pem_of(csr))
    except Invalid:
        return []
    others = subject.dns or subject.ips or subject.uris or subject.emails
    if others or kubelet_problem(csr, subject.organizations, subject.common_name) or usages_problem(csr, "client auth"):
        return []
    own = csr["spec"].get("username") == subject.common_name
    return ["selfnodeclient", "nodeclient"] if own else ["nodeclient"]


CONTROLLER = CsrApprovingController
