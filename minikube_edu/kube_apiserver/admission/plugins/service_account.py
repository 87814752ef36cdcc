"""ServiceAccount: every pod runs as an account, and finds that account's token at the well-known place.

A pod that names none is `default`. The token, the cluster's CA and the namespace come as one projected volume, mounted
into each container that has nothing mounted there, unless the pod or the account says no. Mirror pods of static pods
get none of this.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_apiserver.admission.chain import CREATE, UPDATE, Attributes, Plugin
from minikube_edu.lib import ids

Object = dict[str, Any]

MIRROR = "kubernetes.io/config.mirror"
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SECONDS = 3607
ENFORCE = "kubernetes.io/enforce-mountable-secrets"
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


class ServiceAccount(Plugin):
    name = "ServiceAccount"
    operations = (CREATE, UPDATE)
    resources = (("", "pods"),)

    def handles(self, attributes: Attributes) -> bool:
        return super().handles(attributes) and attributes.context.subresource in ("", "ephemeralcontainers")

    def admit(self, attributes: Attributes) -> None:
        if attributes.operation != CREATE or attributes.obj is None:
            return
        pod, spec = attributes.obj, attributes.obj["spec"]
        if MIRROR in pod["metadata"].get("annotations", {}):
            return
        name = spec.get("serviceAccountName") or "default"
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = self.account(attributes, name)
        if self.mounts_token(spec, account):
            mount_token(spec)
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [dict(one) for one in account["imagePullSecrets"]]

    def validate(self, attributes: Attributes) -> None:
        if attributes.operation != CREATE or attributes.obj is None:
            return
        spec = attributes.obj["spec"]
        if MIRROR in attributes.obj["metadata"].get("annotations", {}):
            self.judge_mirror(attributes, spec)
            return
        account = self.account(attributes, spec.get("serviceAccountName") or "default")
        if account["metadata"].get("annotations", {}).get(ENFORCE) == "true":
            judge_references(attributes, spec, account)

    def judge_mirror(self, attributes: Attributes, spec: Object) -> None:
        if spec.get("serviceAccountName"):
            raise attributes.forbidden("a mirror pod may not reference service accounts")
        for volume in spec.get("volumes") or []:
            if "secret" in volume:
                raise attributes.forbidden("a mirror pod may not reference secrets")
            for source in volume.get("projected", {}).get("sources", []):
                if "serviceAccountToken" in source:
                    raise attributes.forbidden("a mirror pod may not use ServiceAccountToken volume projections")

    def account(self, attributes: Attributes, name: str) -> Object:
        found = self.registry.get_object("", "serviceaccounts", attributes.namespace, name)
        if found is None:
            raise attributes.forbidden(
                f'error looking up service account {attributes.namespace}/{name}: serviceaccount "{name}" not found'
            )
        return found

    @staticmethod
    def mounts_token(spec: Object, account: Object) -> bool:
        wanted = spec.get("automountServiceAccountToken")
        if wanted is None:
            wanted = account.get("automountServiceAccountToken", True)
        return bool(wanted)


def mount_token(spec: Object) -> None:
    """Add the volume, and its mounts where the place is free."""
    volumes = spec.get("volumes") or []
    name = next((v["name"] for v in volumes if v["name"].startswith("kube-api-access-") and _is_token(v)), None)
    fresh = name or "kube-api-access-" + ids.suffix()
    used = False
    for field in ("initContainers", "containers"):
        for container in spec.get(field) or []:
            mounts = container.get("volumeMounts", [])
            if any(mount["mountPath"].rstrip("/") == TOKEN_PATH for mount in mounts):
                continue
            container["volumeMounts"] = [*mounts, {"name": fresh, "readOnly": True, "mountPath": TOKEN_PATH}]
            used = True
    if used and name is None:
        spec["volumes"] = [*volumes, token_volume(fresh)]


def _is_token(volume: Object) -> bool:
    sources = volume.get("projected", {}).get("sources", [])
    return any("serviceAccountToken" in source for source in sources)


def token_volume(name: str) -> Object:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    return {
        "name": name,
        "projected": {
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [namespace]}},
            ],
            "defaultMode": 0o644,
        },
    }


def judge_references(attributes: Attributes, spec: Object, account: Object) -> None:
    """An account that enforces it lets its pods use only the secrets that it names."""
    name = account["metadata"]["name"]
    allowed = {one.get("name") for one in account.get("secrets", [])}
    for volume in spec.get("volumes") or []:
        secret = volume.get("secret", {}).get("secretName")
        if secret and secret not in allowed:
            raise attributes.forbidden(
                f'volume with secret.secretName="{secret}" is not allowed because service account {name} does not '
                "reference that secret"
            )
    for field in CONTAINERS:
        for container in spec.get(field) or []:
            _judge_environment(attributes, field, container, name, allowed)
    pulls = {one.get("name") for one in account.get("imagePullSecrets", [])}
    for position, one in enumerate(spec.get("imagePullSecrets", [])):
        if one.get("name") not in pulls:
            raise attributes.forbidden(
                f'imagePullSecrets[{position}].name="{one.get("name")}" is not allowed because service account {name} '
                "does not reference that imagePullSecret"
            )


def _judge_environment(
    attributes: Attributes, field: str, container: Object, account: str, allowed: set[str | None]
) -> None:
    kind = {"initContainers": "init container", "containers": "container"}.get(field, "ephemeral container")
    for variable in container.get("env", []):
        secret = variable.get("valueFrom", {}).get("secretKeyRef", {}).get("name")
        if secret and secret not in allowed:
            raise attributes.forbidden(
                f'{kind} {container["name"]} with envVar {variable["name"]} referencing secret.secretName="{secret}" '
                f"is not allowed because service account {account} does not reference that secret"
            )


PLUGIN = ServiceAccount
