"""Asking the cluster for a certificate: make a key, send a CertificateSigningRequest, wait until it is signed.

Who approves is the cluster's business: kube-controller-manager approves nodes' client certificates; serving
certificates are approved by people.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence

from minikube_edu.client.rest import Client, Resource
from minikube_edu.lib import clock, pki

log = logging.getLogger(__name__)

REQUESTS = Resource("certificates.k8s.io", "v1", "certificatesigningrequests", False, "CertificateSigningRequest")
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING_SIGNER = "kubernetes.io/kubelet-serving"
PATIENCE = 900.0
LOOK = 0.015  # until the first look; then less often


class Denied(Exception):
    """The request was refused, or nobody has answered it in time."""


async def signed(
    client: Client, signer: str, node: str, *, dns: Sequence[str] = (), ips: Sequence[str] = (), key: bytes = b""
) -> pki.Pair:
    """A certificate for `system:node:NODE` and its key."""
    import base64

    key = key or pki.make_key()
    request = pki.make_request(key, f"system:node:{node}", ["system:nodes"], dns=dns, ips=ips)
    purpose = "client auth" if signer == CLIENT_SIGNER else "server auth"
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": _name(signer, key),
        "spec": {
            "request": base64.b64encode(request).decode(),
            "signerName": signer,
            "usages": ["digital signature", purpose],
        },
    }
    made = await client.create(REQUESTS, body)
    name = made["metadata"]["name"]
    log.info("waiting for the certificate signing request %s", name)
    until, pause = clock.monotonic() + PATIENCE, LOOK
    while clock.monotonic() < until:
        status = made.get("status") or {}
        for condition in status.get("conditions") or ():
            if condition["type"] in ("Denied", "Failed"):
                text = condition.get("message") or condition.get("reason") or ""
                raise Denied(f"certificate signing request {name} was {condition['type'].lower()}: {text}")
        if status.get("certificate"):
            return pki.Pair(base64.b64decode(status["certificate"]), key)
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, 5.0)
        made = await client.get(REQUESTS, name)
    raise Denied(f"certificate signing request {name} was not answered in time")


def _name(signer: str, key: bytes) -> dict[str, str]:
    """A request that is repeated with the same key (bootstrap) has the same name; others get one of their own."""
    if signer == CLIENT_SIGNER:
        digest = hashlib.sha256(key + str(int(clock.now())).encode()).hexdigest()
        return {"name": f"node-csr-{digest[:43]}"}
    return {"generateName": "csr-"}
