"""How a kubelet comes by its certificates, and how they are renewed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from minikube_edu.client import kubeconfig
from minikube_edu.client.credentials import Bearer, Nobody
from minikube_edu.client.transport import Endpoint
from minikube_edu.kube_controller_manager.controller import Settings
from minikube_edu.kube_controller_manager.manager import Manager
from minikube_edu.kubelet.certificates import bootstrap
from minikube_edu.kubelet.certificates.requests import SERVING_SIGNER, Denied, signed
from minikube_edu.kubelet.certificates.store import CertificateStore, lifetime
from minikube_edu.lib import clock, pki
from tests.in_process import Api, api_server, until

CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


@asynccontextmanager
async def signing(tmp_path: Path) -> AsyncIterator[Api]:
    """An API server whose controllers approve and sign."""
    ca = pki.make_ca("kubernetes")
    (tmp_path / "ca.crt").write_bytes(ca.certificate)
    (tmp_path / "ca.key").write_bytes(ca.key)
    settings = Settings(
        cluster_signing_certificate=str(tmp_path / "ca.crt"), cluster_signing_key=str(tmp_path / "ca.key")
    )
    names = [f"certificatesigningrequest-{what}-controller" for what in ("approving", "signing")]
    async with api_server() as api:
        task = asyncio.create_task(Manager(lambda name: api.client(field_manager=name), settings, names).run())
        try:
            yield api
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_from_a_bootstrap_kubeconfig_to_one_of_the_nodes_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, final = str(tmp_path / "bootstrap-kubelet.conf"), str(tmp_path / "kubelet.conf")
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kubernetes", "cluster": {"server": "https://192.0.2.1:6443"}}],
        "users": [{"name": "tls-bootstrap-token-user", "user": {"token": "abcdef.0123456789abcdef"}}],
        "contexts": [{"name": "c", "context": {"cluster": "kubernetes", "user": "tls-bootstrap-token-user"}}],
        "current-context": "c",
    }
    Path(first).write_text(yaml.safe_dump(document))
    store = CertificateStore(tmp_path / "pki", "kubelet-client")
    assert bootstrap.needed(final)
    async with signing(tmp_path) as api:
        monkeypatch.setattr(kubeconfig, "connect", lambda *_, **__: api.client())
        await bootstrap.bootstrap(final, first, "node-1", store)
    assert not bootstrap.needed(final)
    pair = store.load()
    assert pair is not None
    subject = pki.subject_of_pem(pair.certificate)
    assert (subject.common_name, list(subject.organizations)) == ("system:node:node-1", ["system:nodes"])
    assert store.current.is_symlink()
    assert os.stat(store.current).st_mode & 0o77 == 0
    config = kubeconfig.load(final).client_config()
    assert config.endpoint.url == "https://192.0.2.1:6443"
    shown = await config.credentials.certificate()
    assert shown is not None
    assert "BEGIN CERTIFICATE" in shown[0]


async def test_a_certificate_is_renewed_before_it_expires(tmp_path: Path) -> None:
    store = CertificateStore(tmp_path / "pki", "kubelet-client")
    # It was made five minutes ago, as all are, and has a minute left: that is past 90 % of its life.
    old = pki.make_certificate(None, "system:node:node-1", ["system:nodes"], lifetime=10)
    store.save(old)
    async with signing(tmp_path) as api:
        task = asyncio.create_task(bootstrap.rotate(api.client(), "node-1", store))
        await until(lambda: store.current.read_bytes() != old.certificate + old.key)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    pair = store.load()
    assert pair is not None
    assert lifetime(pair.certificate)[1] > clock.now() + 3600


async def test_a_certificate_inside_of_the_kubeconfig_moves_to_the_store(tmp_path: Path) -> None:
    pair = pki.make_certificate(None, "system:node:node-1", ["system:nodes"])
    credentials = Nobody(cert=pair.certificate.decode(), key=pair.key.decode())
    config = kubeconfig.ClientConfig(Endpoint("https://192.0.2.1:6443"), credentials)
    found = await bootstrap.followed(config, tmp_path)
    assert (tmp_path / "kubelet-client-current.pem").read_bytes() == pair.certificate + pair.key
    renewed = pki.make_certificate(None, "system:node:node-1", ["system:nodes"])
    CertificateStore(tmp_path, "kubelet-client").save(renewed)
    os.utime(tmp_path / "kubelet-client-current.pem", (1, 1))
    shown = await found.credentials.certificate()
    assert shown is not None
    assert renewed.certificate.decode() in shown[0]
    token = kubeconfig.ClientConfig(Endpoint("https://192.0.2.1:6443"), Bearer("t"))
    assert await bootstrap.followed(token, tmp_path / "none") is token


async def test_a_request_that_is_denied(tmp_path: Path) -> None:
    async with api_server() as api:
        asked = asyncio.create_task(signed(api.client(), SERVING_SIGNER, "node-1", dns=["node-1"]))
        items = await until(lambda: _items(api))
        denied = [{"type": "Denied", "status": "True", "reason": "ByHand", "message": "not today"}]
        name = items[0]["metadata"]["name"]
        await api.patch(f"{CSRS}/{name}/approval", {"status": {"conditions": denied}}, "strategic")
        with pytest.raises(Denied, match="not today"):
            await asked


async def _items(api: Api) -> list[dict[str, dict[str, str]]]:
    found: list[dict[str, dict[str, str]]] = (await api.get(CSRS)).json["items"]
    return found


def test_a_serving_certificate_is_made_once_and_others_are_left_alone(tmp_path: Path) -> None:
    files = bootstrap.serving_pair(tmp_path, "node-1", "192.0.2.10", {})
    assert files == (str(tmp_path / "kubelet.crt"), str(tmp_path / "kubelet.key"))
    subject = pki.subject_of_pem(Path(files[0]).read_bytes())
    assert "node-1" in subject.dns
    assert "192.0.2.10" in subject.ips
    before = Path(files[0]).read_bytes()
    bootstrap.serving_pair(tmp_path, "node-1", "192.0.2.10", {})
    assert Path(files[0]).read_bytes() == before
    told = {"tlsCertFile": "/a.crt", "tlsPrivateKeyFile": "/a.key"}
    assert bootstrap.serving_pair(tmp_path, "node-1", "", told) == ("/a.crt", "/a.key")
