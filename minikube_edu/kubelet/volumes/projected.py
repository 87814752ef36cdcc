"""Projected volumes: several sources in one directory; also tokens of the pod's service account.

The volume `kube-api-access-…` that every pod gets is one: a token, the cluster's CA and the pod's namespace.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import ApiObjects
from minikube_edu.kubelet.volumes import ownership, payload
from minikube_edu.kubelet.volumes.payload import DEFAULT_MODE, Files, Unmountable

Object = dict[str, Any]

TOKEN_SECONDS = 3600
NO_BUNDLES = "ClusterTrustBundle projection is not supported in static kubelet mode"
NO_CERTIFICATES = "pod certificate projection is not supported on this kubelet"


async def files(pod: Object, source: Object, objects: ApiObjects, allocatable: dict[str, str]) -> Files:
    mode = DEFAULT_MODE if source.get("defaultMode") is None else source["defaultMode"]
    found: Files = {}
    errors = []
    for one in source.get("sources") or ():
        try:
            found |= await _source(pod, one, mode, objects, allocatable)
        except Unmountable as error:
            errors.append(str(error))
    if errors:
        raise Unmountable(errors[0] if len(errors) == 1 else f"[{', '.join(dict.fromkeys(errors))}]")
    return found


async def _source(pod: Object, one: Object, mode: int, objects: ApiObjects, allocatable: dict[str, str]) -> Files:
    if "configMap" in one or "secret" in one:
        kind = "configMap" if "configMap" in one else "secret"
        return await named(pod, kind, one[kind], one[kind].get("name", ""), mode, objects)
    if "downwardAPI" in one:
        return payload.downward_api(pod, one["downwardAPI"].get("items") or (), mode, allocatable)
    if "serviceAccountToken" in one:
        return await _token(pod, one["serviceAccountToken"], mode, objects)
    if "clusterTrustBundle" in one:
        if one["clusterTrustBundle"].get("optional"):
            return {one["clusterTrustBundle"]["path"]: (b"", mode)}
        raise Unmountable(NO_BUNDLES)
    if "podCertificate" in one:
        raise Unmountable(NO_CERTIFICATES)
    return {}


async def named(pod: Object, kind: str, reference: Object, name: str, mode: int, objects: ApiObjects) -> Files:
    """Of a config map or a secret; nothing when it is optional and not there."""
    namespace, optional = pod_facts.namespace(pod), bool(reference.get("optional", False))
    secret = kind == "secret"
    found = await (objects.secret(namespace, name) if secret else objects.config_map(namespace, name))
    if found is None:
        if optional:
            return {}
        raise Unmountable(f'{"secret" if secret else "configmap"} "{name}" not found')
    make = payload.secret if secret else payload.config_map
    return make(found, reference.get("items"), mode, optional)


async def _token(pod: Object, source: Object, mode: int, objects: ApiObjects) -> Files:
    account = pod["spec"].get("serviceAccountName") or "default"
    audience = source.get("audience")
    seconds = source.get("expirationSeconds") or TOKEN_SECONDS
    try:
        token, _ = await objects.service_account_token(
            pod_facts.namespace(pod), account, (audience,) if audience else (), seconds, pod
        )
    except (ApiError, OSError) as error:
        raise Unmountable(f"failed to fetch token: {error}") from None
    private = ownership.group_of(pod) is not None or ownership.user_of(pod) is not None
    return {source["path"]: (token.encode(), 0o600 if private else mode)}


def tokens(source: Object) -> list[str]:
    """Where in the volume the service account's tokens are: they are the containers' user's."""
    found = [one["serviceAccountToken"]["path"] for one in source.get("sources") or () if "serviceAccountToken" in one]
    return [str(path) for path in found]
