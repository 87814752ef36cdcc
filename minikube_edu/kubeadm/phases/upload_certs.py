"""The authorities' keys, encrypted, in a Secret: for control planes that join within two hours.

AES-GCM with a key that is printed and kept nowhere. The Secret belongs to a bootstrap token that lives two hours: when
the token cleaner removes the token, the garbage collector removes the Secret.
"""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubeadm import files, objects
from minikube_edu.kubeadm.api_access import Api, create_or_update, patiently
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.config.configuration import Configuration
from minikube_edu.kubeadm.config.defaults import new_token

if TYPE_CHECKING:
    from minikube_edu.kubeadm.contract import Host
    from minikube_edu.kubeadm.phases.init_data import InitData

SECRET = "kubeadm-certs"
FILES = ("ca.crt", "ca.key", "front-proxy-ca.crt", "front-proxy-ca.key", "sa.pub", "sa.key")
ETCD_FILES = ("etcd/ca.crt", "etcd/ca.key")
NONCE = 12


async def init(data: InitData) -> None:
    if not data.upload_certs:
        data.say("[upload-certs] Skipping phase. Please see --upload-certs")
        return
    if not data.certificate_key:
        data.certificate_key = new_key()
    data.say('[upload-certs] Storing the certificates in Secret "kubeadm-certs" in the "kube-system" Namespace')
    api = await data.api()
    await store(api, data.host, data.configuration, data.certificates_directory, data.certificate_key)
    if not data.skip_key_print:
        data.say(f"[upload-certs] Using certificate key:\n{data.certificate_key}")


def new_key() -> str:
    return secrets.token_hex(32)


async def store(api: Api, host: Host, configuration: Configuration, folder: str, key: str) -> None:
    owner = await _two_hour_token(api)
    contents = {name.replace("/", "-"): seal(files.read(host, f"{folder}/{name}"), key) for name in FILES}
    external = configuration.external_etcd
    if external is None:
        contents |= {name.replace("/", "-"): seal(files.read(host, f"{folder}/{name}"), key) for name in ETCD_FILES}
    else:
        for name, path in (
            ("external-etcd-ca.crt", "caFile"),
            ("external-etcd.crt", "certFile"),
            ("external-etcd.key", "keyFile"),
        ):
            if external.get(path):
                contents[name] = seal(files.read(host, external[path]), key)
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "data": {name: b64encode(data).decode() for name, data in sorted(contents.items())},
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": "kube-system", "ownerReferences": [owner]},
    }
    await create_or_update(api, secret)
    who = [("Group", "system:bootstrappers:kubeadm:default-node-token")]
    name = "kubeadm:kubeadm-certs"
    await create_or_update(api, objects.role(name, [objects.rule("", ["secrets"], ["get"], [SECRET])], "kube-system"))
    await create_or_update(api, objects.binding(name, name, who, "kube-system"))


async def _two_hour_token(api: Api) -> dict[str, Any]:
    token = {
        "token": new_token(),
        "description": "Proxy for managing TTL for the kubeadm-certs secret",
        "ttl": "2h0m0s",
    }
    body = objects.bootstrap_secret(token)
    await create_or_update(api, body)
    name = body["metadata"]["name"]
    made = await patiently(api, lambda: api.get("Secret", name, "kube-system"))
    return {
        "apiVersion": "v1",
        "blockOwnerDeletion": True,
        "controller": True,
        "kind": "Secret",
        "name": name,
        "uid": made["metadata"].get("uid") or "",
    }


async def fetch(api: Api, host: Host, configuration: Configuration, folder: str, key: str) -> None:
    """The files of a control plane that joins."""
    try:
        secret = await api.get("Secret", SECRET, "kube-system")
    except ApiError as error:
        if error.not_found:
            raise CommandError(
                'error downloading certs: error downloading the secret: Secret "kubeadm-certs" was not found in the '
                '"kube-system" Namespace. This Secret might have expired. Please, run `kubeadm init phase upload-certs '
                "--upload-certs` on a control plane to generate a new one"
            ) from None
        raise
    names = FILES if configuration.external_etcd is not None else (*FILES, *ETCD_FILES)
    for name in names:
        if files.exists(host, f"{folder}/{name}"):
            continue
        sealed = (secret.get("data") or {}).get(name.replace("/", "-"))
        if sealed is None:
            raise CommandError(
                f"error downloading certs: the Secret does not include the required certificate or key - name: {name}"
            )
        mode = 0o644 if name.endswith((".crt", ".pub")) else 0o600
        files.write(host, f"{folder}/{name}", unseal(b64decode(sealed), key), mode)


def seal(data: bytes, key: str) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(decoded_key(key)).encrypt(nonce, data, None)


def unseal(data: bytes, key: str) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(decoded_key(key)).decrypt(data[:NONCE], data[NONCE:], None)
    except InvalidTag:
        raise CommandError(
            "error downloading certs: error decrypting secret data with provided key: cipher: message "
            "authentication failed"
        ) from None


def decoded_key(key: str) -> bytes:
    try:
        return bytes.fromhex(key)
    except ValueError:
        raise CommandError("error decoding certificate key: encoding/hex: invalid byte") from None
