"""TLS bootstrap: from a bootstrap token to a kubeconfig with a certificate of the node's own, and its renewal.

A kubeconfig that is there and whose certificate is valid is used as it is. Otherwise the bootstrap kubeconfig's
credentials ask for a certificate, and a kubeconfig is written that points at the store's current one, which `rotate`
renews in time. The client follows the file.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from minikube_edu.client import kubeconfig
from minikube_edu.client.credentials import Nobody
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client
from minikube_edu.kubelet.certificates.requests import CLIENT_SIGNER, Denied, signed
from minikube_edu.kubelet.certificates.store import CertificateStore, lifetime, renewal_time
from minikube_edu.lib import clock, node_root, pki

log = logging.getLogger(__name__)

RETRY = 1.0


def needed(path: str) -> bool:
    """There is no kubeconfig, or its certificate has expired or cannot be read."""
    if not os.path.exists(path):
        return True
    try:
        merged = kubeconfig.load(path)
        context = merged.contexts[merged.current_context]
        user = merged.users.get(context.get("user") or "") or {}
        file = user.get("client-certificate")
        if not file:
            return False
        return lifetime(Path(file).read_bytes())[1] <= clock.now()
    except (OSError, ValueError, KeyError, kubeconfig.ConfigError):
        return True


async def bootstrap(path: str, bootstrap_path: str, node: str, store: CertificateStore) -> None:
    """Write the kubeconfig at `path`. Tried until it succeeds; a refusal is retried too, as a new request."""
    config = kubeconfig.load(bootstrap_path)
    client = kubeconfig.connect(config.client_config(), user_agent="kubelet", field_manager="kubelet")
    try:
        while True:
            try:
                pair = await signed(client, CLIENT_SIGNER, node)
                break
            except (ApiError, OSError, Denied) as error:
                log.info("cannot get a client certificate: %s", error)
                await asyncio.sleep(RETRY)
    finally:
        await client.close()
    store.save(pair)
    _write(path, config, store)


def _write(path: str, config: kubeconfig.KubeConfig, store: CertificateStore) -> None:
    """The bootstrap kubeconfig's cluster, with the store's certificate."""
    from minikube_edu.api.wire import yaml_writer

    context = config.contexts[config.current_context]
    name = context.get("cluster") or "default-cluster"
    current = node_root.shown(str(store.current))
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "default-cluster", "cluster": config.clusters[name]}],
        "contexts": [
            {
                "name": "default-context",
                "context": {"cluster": "default-cluster", "namespace": "default", "user": "default-auth"},
            }
        ],
        "current-context": "default-context",
        "users": [{"name": "default-auth", "user": {"client-certificate": current, "client-key": current}}],
    }
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(yaml_writer.encode(document))


async def followed(config: kubeconfig.ClientConfig, directory: Path) -> kubeconfig.ClientConfig:
    """The same, with its certificate in the store, where it is renewed. A kubeconfig that carries its certificate in
    itself (kubeadm's first one) gives it to the store; one that has a token or the like is left as it is."""
    store = CertificateStore(directory, "kubelet-client")
    if store.load() is None:
        shown = await config.credentials.certificate()
        if shown is None:
            return config
        store.save(pki.Pair(shown[0].encode(), shown[1].encode()))
    current = str(store.current)
    return replace(config, credentials=Nobody(cert_file=current, key_file=current))


async def rotate(client: Client, node: str, store: CertificateStore, **names: Any) -> None:
    """Renew the store's certificate before it expires, for ever; `names` are dns and ips of a serving one."""
    from minikube_edu.kubelet.certificates.requests import SERVING_SIGNER

    signer = SERVING_SIGNER if names else CLIENT_SIGNER
    while True:
        pair = store.load()
        if pair is not None:
            await asyncio.sleep(max(0.0, renewal_time(pair.certificate) - clock.now()))
        try:
            store.save(await signed(client, signer, node, **names))
            log.info("certificate %s was renewed", store.current)
        except (ApiError, OSError, Denied) as error:
            log.info("certificate %s was not renewed: %s", store.current, error)
            await asyncio.sleep(RETRY * 10)


def serving_pair(directory: Path, node: str, address: str, configuration: dict[str, Any]) -> tuple[str, str]:
    """Files of the serving certificate and its key: those that were told, those of the store (serverTLSBootstrap), or
    self-signed ones, made when there are none."""
    if configuration.get("tlsCertFile") and configuration.get("tlsPrivateKeyFile"):
        from minikube_edu.lib.node_root import below

        return below(configuration["tlsCertFile"]), below(configuration["tlsPrivateKeyFile"])
    store = CertificateStore(directory, "kubelet-server")
    if configuration.get("serverTLSBootstrap") and store.load() is not None:
        return str(store.current), str(store.current)
    certificate, key = directory / "kubelet.crt", directory / "kubelet.key"
    if not certificate.exists() or not key.exists() or lifetime(certificate.read_bytes())[1] <= clock.now():
        made = pki.self_signed(f"{node}@{int(clock.now())}", dns=[node], ips=[address] if address else ())
        directory.mkdir(parents=True, exist_ok=True)
        certificate.write_bytes(made.certificate)
        with open(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(made.key)
    return str(certificate), str(key)
