"""certificatesigningrequest-signing-controller: approved requests become certificates.

It is the signer of four names (`kubernetes.io/kube-apiserver-client`, `…-client-kubelet`, `kubelet-serving`,
`legacy-unknown`), with the CA of `--cluster-signing-cert-file`. A request that asks for more than its signer gives gets
the condition Failed and stays without a certificate.
"""

from __future__ import annotations

import base64
from pathlib import Path

from minikube_edu.api.durations import parse as parse_duration
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.certificates.requests import (
    CLIENT,
    KUBELET_CLIENT,
    KUBELET_SERVING,
    LEGACY,
    certificate_of,
    condition_of,
    kubelet_problem,
    pem_of,
    usages_problem,
    with_condition,
)
from minikube_edu.kube_controller_manager.kinds import CERTIFICATE_SIGNING_REQUESTS
from minikube_edu.lib import clock
from minikube_edu.lib.pki import BACKDATE, YEAR, Invalid, Pair, request_subject, sign_request, subject_of_pem
from minikube_edu.lib.subject import Subject, Usage

SHORTEST = 600.0
USAGES: dict[str, Usage] = {"server auth": "server", "client auth": "client"}


class CsrSigningController(Controller):
    name = "certificatesigningrequest-signing-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.ca: Pair | None = None
        given = self.settings.cluster_signing_certificate, self.settings.cluster_signing_key
        if all(given):
            self.ca = Pair(*(Path(path).read_bytes() for path in given))
        duration = self.settings.more.get("cluster-signing-duration", "")
        self.longest = parse_duration(duration) / 1e9 if duration else YEAR
        self.requests = self.watch(CERTIFICATE_SIGNING_REQUESTS)

    async def reconcile(self, key: str) -> None:
        csr = self.requests.index.get(key)
        if csr is None or self.ca is None or certificate_of(csr) or not condition_of(csr, "Approved"):
            return
        signer = csr["spec"]["signerName"]
        if signer not in (CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY):
            return
        if condition_of(csr, "Denied") or condition_of(csr, "Failed"):
            return
        try:
            subject = request_subject(pem_of(csr))
        except Invalid as error:
            raise ValueError(f'unable to parse csr "{key}": {error}') from error
        problem = refusal(csr, signer, subject)
        if problem:
            if signer == LEGACY:  # it never tells
                return
            made = with_condition(csr, "Failed", "SignerValidationFailure", problem)
        else:
            made = {**csr, "status": {**csr["status"], "certificate": self.sign(csr, self.ca)}}
        await self.client.update(CERTIFICATE_SIGNING_REQUESTS, made, subresource="status")

    def sign(self, csr: Object, ca: Pair) -> str:
        usages = [USAGES[usage] for usage in csr["spec"].get("usages", []) if usage in USAGES]
        wanted = csr["spec"].get("expirationSeconds")
        lifetime = self.longest if wanted is None else min(max(float(wanted), SHORTEST), self.longest)
        left = subject_of_pem(ca.certificate).not_after - clock.now()
        certificate = sign_request(ca, pem_of(csr), usages=usages, lifetime=min(lifetime - BACKDATE, left))
        return base64.b64encode(certificate).decode()


def refusal(csr: Object, signer: str, subject: Subject) -> str:
    """Why this signer does not sign this; empty when it does."""
    if signer == CLIENT:
        return usages_problem(csr, "client auth")
    if signer == KUBELET_CLIENT:
        problem = kubelet_problem(csr, subject.organizations, subject.common_name)
        if not problem and (subject.dns or subject.ips):
            problem = "DNS or IP subjectAltNames are not allowed"
        if not problem and (subject.uris or subject.emails):
            problem = "URI or Email subjectAltNames are not allowed"
        return problem or usages_problem(csr, "client auth")
    if signer == KUBELET_SERVING:
        problem = kubelet_problem(csr, subject.organizations, subject.common_name)
        if not problem and not subject.dns and not subject.ips:
            problem = "DNS or IP subjectAltName is required"
        if not problem and (subject.uris or subject.emails):
            problem = "URI or Email subjectAltNames are not allowed"
        return problem or usages_problem(csr, "server auth")
    return ""


CONTROLLER = CsrSigningController
