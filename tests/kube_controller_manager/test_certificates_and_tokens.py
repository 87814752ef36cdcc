"""Certificates, bootstrap tokens, summed roles, policies: the controllers around trust."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

from minikube_edu.kube_controller_manager.controller import Settings
from minikube_edu.kube_controller_manager.controllers.bootstrap_signer import detached_signature
from minikube_edu.kube_controller_manager.controllers.certificates.cleaning import is_over
from minikube_edu.kube_controller_manager.manager import Manager
from minikube_edu.lib import clock, jwt, pki
from tests.in_process import Api, api_server, until

Object = dict[str, Any]
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
NODE = ("system:node:n", ["system:nodes"])
KUBELET = "kubernetes.io/kube-apiserver-client-kubelet"


def request(name: str, organizations: list[str], signer: str, usage: str = "client auth", **names: Any) -> Object:
    pem = pki.make_request(pki.make_key(), name, organizations, **names)
    return {"signerName": signer, "usages": [usage], "request": base64.b64encode(pem).decode()}


async def answered(api: Api, name: str) -> Object:
    async def look() -> Object | None:
        status: Object = (await api.get(f"{CSRS}/{name}")).json.get("status", {})
        done = status.get("certificate") or any(c["type"] == "Failed" for c in status.get("conditions", []))
        return status if done else None

    result: Object = await until(look)
    return result


async def test_who_gets_a_certificate(tmp_path: Path) -> None:
    ca = pki.make_ca("kubernetes")
    for name, content in (("ca.crt", ca.certificate), ("ca.key", ca.key)):
        (tmp_path / name).write_bytes(content)
    settings = Settings(
        cluster_signing_certificate=str(tmp_path / "ca.crt"), cluster_signing_key=str(tmp_path / "ca.key")
    )
    names = [f"certificatesigningrequest-{what}-controller" for what in ("approving", "signing")]
    async with api_server() as api:
        manager = Manager(lambda name: api.client(field_manager=name), settings, names)
        task = asyncio.create_task(manager.run())
        try:
            # a kubelet's, from somebody who may: approved by itself
            await api.create(CSRS, "kubelet", spec=request(*NODE, KUBELET))
            status = await answered(api, "kubelet")
            assert status["conditions"][0]["reason"] == "AutoApproved"
            subject = pki.subject_of_pem(base64.b64decode(status["certificate"]))
            assert (subject.common_name, list(subject.organizations), subject.usages) == (*NODE, ("client",))
            # one that asks for more than its signer gives: approved by hand, and refused
            serving = request("system:node:n", ["system:nodes"], "kubernetes.io/kubelet-serving", "server auth")
            await api.create(CSRS, "serving", spec=serving)
            approval = {"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "ByHand"}]}}
            await api.patch(f"{CSRS}/serving/approval", approval, "strategic")
            failed = (await answered(api, "serving"))["conditions"][-1]
            assert (failed["reason"], failed["message"]) == (
                "SignerValidationFailure",
                "DNS or IP subjectAltName is required",
            )
            # an ordinary client's waits for somebody
            await api.create(CSRS, "jo", spec=request("jo", [], "kubernetes.io/kube-apiserver-client"))
            assert not (await api.get(f"{CSRS}/jo")).json["status"]
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("condition", "hours", "over"),
    [(None, 23, False), (None, 25, True), ("Denied", 0.5, False), ("Denied", 2, True), ("Approved", 2, False)],
)
def test_when_a_request_is_cleaned_away(condition: str | None, hours: float, over: bool) -> None:
    then = clock.rfc3339(clock.now() - hours * 3600)
    conditions = [{"type": condition, "status": "True", "lastUpdateTime": then}] if condition else []
    assert is_over({"metadata": {"creationTimestamp": then}, "status": {"conditions": conditions}}) is over


def test_the_signature_is_a_web_signature_without_its_payload() -> None:
    import hashlib
    import hmac

    head, payload, signature = detached_signature("content", "abcdef", "secret").split(".")
    assert jwt.decode(head) == b'{"alg":"HS256","kid":"abcdef"}'
    assert payload == ""
    text = f"{head}.{jwt.encode(b'content')}".encode()
    assert jwt.decode(signature) == hmac.new(b"secret", text, hashlib.sha256).digest()


def token(expiration: str = "") -> Object:
    data = {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-signing": "true"}
    return {
        "type": "bootstrap.kubernetes.io/token",
        "stringData": data | ({"expiration": expiration} if expiration else {}),
    }


async def test_cluster_info_is_signed_while_the_token_lives() -> None:
    secrets = "/api/v1/namespaces/kube-system/secrets"
    info = "/api/v1/namespaces/kube-public/configmaps"
    async with api_server(controllers=["bootstrap-signer-controller", "token-cleaner-controller"]) as api:
        await api.create(info, "cluster-info", data={"kubeconfig": "x"})
        await api.create(secrets, "bootstrap-token-abcdef", **token())

        async def signed() -> bool:
            return "jws-kubeconfig-abcdef" in (await api.get(f"{info}/cluster-info")).json["data"]

        await until(signed)
        ended = {"stringData": {"expiration": "2001-01-01T00:00:00Z"}}
        await api.patch(f"{secrets}/bootstrap-token-abcdef", ended)

        async def unsigned() -> bool:
            gone = (await api.get(f"{secrets}/bootstrap-token-abcdef")).code == 404
            return gone and not await signed()

        await until(unsigned)


async def test_a_summed_role_has_the_rules_of_its_parts_whatever_is_written_into_it() -> None:
    async with api_server(controllers=["clusterrole-aggregation-controller"]) as api:
        rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
        selector = {"matchLabels": {"into": "sum"}}
        await api.create(ROLES, "sum", aggregationRule={"clusterRoleSelectors": [selector]}, rules=[])
        await api.create(ROLES, "part", metadata={"labels": {"into": "sum"}}, rules=[rule])

        async def rules(count: int) -> bool:
            return len((await api.get(f"{ROLES}/sum")).json.get("rules") or []) == count

        await until(lambda: rules(1))
        await api.patch(f"{ROLES}/sum", {"rules": []})
        await until(lambda: rules(1))
        await api.delete(f"{ROLES}/part")
        await until(lambda: rules(0))


async def test_a_policy_that_names_a_field_that_is_not_there_is_warned_of() -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    async with api_server(controllers=["validatingadmissionpolicy-status-controller"]) as api:
        rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
        checks = [{"expression": "object.spec.replica > 3"}, {"expression": "object.spec.replicas > 3"}]
        await api.create(path, "p", spec={"matchConstraints": {"resourceRules": [rule]}, "validations": checks})

        async def checked() -> Any:
            return (await api.get(f"{path}/p")).json.get("status", {}).get("typeChecking")

        (warning,) = (await until(checked, 20))["expressionWarnings"]
        assert warning["fieldRef"] == "spec.validations[0].expression"
        assert warning["warning"].startswith("apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'replica'")
