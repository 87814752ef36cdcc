"""certificatesigningrequest-cleaner-controller: requests are not kept for ever.

Answered ones go after an hour, pending ones after a day, those whose certificate has run out at once.
"""

from __future__ import annotations

from minikube_edu.client.errors import ApiError
from minikube_edu.kube_controller_manager.controller import Environment, Object, Periodic
from minikube_edu.kube_controller_manager.controllers.certificates.requests import certificate_of, condition_of
from minikube_edu.kube_controller_manager.kinds import CERTIFICATE_SIGNING_REQUESTS
from minikube_edu.lib import clock

HOUR = 3600.0
PENDING, ANSWERED = 24 * HOUR, HOUR


class CsrCleanerController(Periodic):
    name = "certificatesigningrequest-cleaner-controller"
    period = HOUR

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.requests = self.informer(CERTIFICATE_SIGNING_REQUESTS)

    async def sync(self) -> None:
        for csr in self.requests.index.list():
            if is_over(csr):
                try:
                    await self.client.delete(CERTIFICATE_SIGNING_REQUESTS, csr["metadata"]["name"])
                except ApiError as error:
                    if not error.not_found:
                        raise


def is_over(csr: Object) -> bool:
    now = clock.now()
    answers = [found for kind in ("Approved", "Denied", "Failed") if (found := condition_of(csr, kind))]
    if not answers:
        return now - clock.parse_rfc3339(csr["metadata"]["creationTimestamp"]) > PENDING
    if _has_run_out(csr):
        return True
    # approved and still without its certificate: the signer may only be slow
    done = [one for one in answers if one["type"] != "Approved" or certificate_of(csr)]
    return any(now - _since(answer) > ANSWERED for answer in done)


def _since(condition: dict[str, str]) -> float:
    return clock.parse_rfc3339(condition["lastUpdateTime"]) if condition.get("lastUpdateTime") else 0.0


def _has_run_out(csr: Object) -> bool:
    pem = certificate_of(csr)
    if not pem:
        return False
    from minikube_edu.lib.pki import Invalid, subject_of_pem

    try:
        return subject_of_pem(pem).not_after < clock.now()
    except Invalid:
        return False


CONTROLLER = CsrCleanerController
