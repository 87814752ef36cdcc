"""How a machine that joins comes to trust a cluster that it has never seen.

By token: anybody may read the ConfigMap `cluster-info`, over a connection that is not trusted yet. Who knows the token
can check the signature (a JWS, HMAC with the token's secret) that a controller has put beside it; the hash of the CA's
public key, from the join command, says that it is the right cluster even to those who share the token. Then the
ConfigMap is read again over a connection that the CA vouches for. By file: the file vouches.

    kubeconfig = await discover(call, join, api_for)
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from typing import TYPE_CHECKING, Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubeadm import api_access, files
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.phases.kubeconfig import encoded, text_of
from minikube_edu.kubeadm.phases.show_join_command import certificate_hash
from minikube_edu.lib import clock, durations

if TYPE_CHECKING:
    from minikube_edu.kubeadm.command import Call

Object = dict[str, Any]

USER = "tls-bootstrap-token-user"
CLUSTER = "kubernetes"
FIRST, LONGEST = 0.02, 2.0  # seconds between two looks


async def discover(call: Call, join: Object, dry_run: bool) -> Object:
    """A kubeconfig of the cluster, with the token that asks for this machine's certificate."""
    discovery = join["discovery"]
    try:
        if discovery.get("file"):
            cluster = await _from_file(call, discovery["file"]["kubeConfigPath"], join)
        else:
            cluster = await _from_token(call, discovery["bootstrapToken"], join, dry_run)
    except (CommandError, OSError, ApiError) as error:
        raise CommandError(f"couldn't validate the identity of the API Server: {error}") from None
    token = discovery.get("tlsBootstrapToken") or ""
    if not token and cluster.get("users"):
        return cluster
    server, ca = _cluster_of(cluster)
    if not token:
        raise CommandError(
            "couldn't find authentication token in the discovery file, and no TLS bootstrap token was given"
        )
    document: Object = files.parse_yaml(text_of(server, ca, USER, {"token": token}, CLUSTER))
    return document


async def _from_token(call: Call, token: Object, join: Object, dry_run: bool) -> Object:
    endpoint, pins = token["apiServerEndpoint"], list(token.get("caCertHashes") or ())
    call.info(1, "token.go:75", f'[discovery] Created cluster-info discovery client, requesting info from "{endpoint}"')
    patience = durations.seconds(join["timeouts"]["discovery"])
    identifier, secret = token["token"].split(".")
    server = f"https://{endpoint}"
    insecure = {"server": server, "insecure-skip-tls-verify": True}
    first = await _cluster_info(call, insecure, identifier, patience, dry_run)
    for pin in pins:
        _check_pin(pin)
    text = _trusted(first, identifier, secret)
    document: Object = files.parse_yaml(text) or {}
    _, ca = _cluster_of(document)
    if not pins:
        call.info(1, "token.go:110", "[discovery] Cluster info signature and contents are valid and no TLS pinning was "
                  f'specified, will use API Server "{endpoint}"')  # fmt: skip
        return document
    found = certificate_hash(ca)
    if found not in {pin.lower() for pin in pins}:
        raise CommandError(
            f'cluster CA found in cluster-info ConfigMap is invalid: none of the public keys "{found}" are pinned'
        )
    call.info(
        1,
        "token.go:123",
        f'[discovery] Requesting info from "{endpoint}" again to validate TLS against the pinned public key',
    )
    secure = {"server": server, "certificate-authority-data": encoded(ca)}
    second = await _cluster_info(call, secure, identifier, patience, dry_run)
    if (second.get("data") or {}).get("kubeconfig") != text:
        raise CommandError(
            "the second kubeconfig from the cluster-info ConfigMap (using validated TLS) was different from the first"
        )
    return document


def _check_pin(pin: str) -> None:
    kind, colon, value = pin.partition(":")
    if not colon:
        raise CommandError('invalid discovery token CA certificate hash: invalid hash, expected "format:hex-value"')
    if kind != "sha256":
        raise CommandError(f'invalid discovery token CA certificate hash: unknown hash format "{kind}"')
    try:
        size = len(bytes.fromhex(value))
    except ValueError:
        raise CommandError(
            f"invalid discovery token CA certificate hash: could not decode SHA-256 from hex: {value}"
        ) from None
    if size != 32:
        raise CommandError(
            f"invalid discovery token CA certificate hash: expected a 32 byte SHA-256 hash, found {size} bytes"
        )


async def _cluster_info(call: Call, cluster: Object, identifier: str, patience: float, dry_run: bool) -> Object:
    """The ConfigMap, once it is there and signed for this token."""
    live = api_access.Live(call.host.connect_text(_anonymous(cluster)), 0)
    api: api_access.Api = api_access.DryRun(call.out, behind=live) if dry_run else live
    end, pause = clock.monotonic() + patience, FIRST
    try:
        while True:
            call.info(
                1,
                "token.go:209",
                "[discovery] Waiting for the cluster-info ConfigMap to receive a JWS signature for token ID "
                f'"{identifier}"',
            )
            try:
                found = await api.get("ConfigMap", "cluster-info", "kube-public")
            except (ApiError, OSError) as error:
                why = _said(error, cluster["server"], call.host.machine.dns_server)
                complaint = f"failed to request the cluster-info ConfigMap: {why}"
            else:
                if f"jws-kubeconfig-{identifier}" in (found.get("data") or {}):
                    return found
                complaint = f'could not find a JWS signature in the cluster-info ConfigMap for token ID "{identifier}"'
            call.info(1, "token.go:224", f"[discovery] Retrying due to error: {complaint}")
            if clock.monotonic() + pause > end:
                raise CommandError(complaint)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST)
    finally:
        await api.close()


def _said(error: Exception, server: str, dns: str) -> str:
    """Go's words for what a connection came to."""
    if isinstance(error, ApiError):
        return str(error)
    url = f'Get "{server}/api/v1/namespaces/kube-public/configmaps/cluster-info?timeout=10s"'
    where = server.removeprefix("https://")
    if isinstance(error, ConnectionRefusedError):
        return f"{url}: dial tcp {where}: connect: connection refused"
    if isinstance(error, socket.gaierror):
        return f"{url}: dial tcp: lookup {where.rpartition(':')[0]} on {dns}: no such host"
    return f"{url}: {error}"


def _anonymous(cluster: Object) -> str:
    return files.yaml(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"cluster": cluster, "name": CLUSTER}],
            "contexts": [{"context": {"cluster": CLUSTER, "user": ""}, "name": CLUSTER}],
            "current-context": CLUSTER,
            "users": [],
        }
    )


def _trusted(config_map: Object, identifier: str, secret: str) -> str:
    """The kubeconfig, when its signature is good."""
    data = config_map.get("data") or {}
    text = data.get("kubeconfig") or ""
    if not text:
        raise CommandError(
            "there is no kubeconfig key in the cluster-info ConfigMap. This API Server isn't set up for token "
            "bootstrapping, can't connect"
        )
    if not is_signed(data.get(f"jws-kubeconfig-{identifier}") or "", text, identifier, secret):
        raise CommandError(
            "failed to verify JWS signature of received cluster info object, can't trust this API Server"
        )
    return str(text)


def is_signed(detached: str, content: str, identifier: str, secret: str) -> bool:
    """A JWS without its middle: header..signature."""
    header, dots, signature = detached.partition("..")
    if not dots:
        return False
    try:
        claims = json.loads(_decoded(header))
        given = _decoded(signature)
    except (ValueError, TypeError):
        return False
    if claims.get("alg") != "HS256" or claims.get("kid") != identifier:
        return False
    payload = base64.urlsafe_b64encode(content.encode()).rstrip(b"=")
    expected = hmac.new(secret.encode(), header.encode() + b"." + payload, hashlib.sha256).digest()
    return hmac.compare_digest(expected, given)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def _from_file(call: Call, path: str, join: Object) -> Object:
    text = await _download(path) if path.startswith("https://") else _local(call, path)
    document: Object = files.parse_yaml(text) or {}
    clusters = document.get("clusters") or []
    if not clusters:
        raise CommandError(f"failed to load config from {path}: no clusters")
    name = document.get("current-context")
    context = next((one["context"] for one in document.get("contexts") or () if one["name"] == name), None)
    if context is None:
        if len(clusters) != 1:
            raise CommandError(
                "the current context is invalid, or there is more than one cluster: no context to choose among them"
            )
        cluster = clusters[0]["cluster"]
    else:
        cluster = next(
            (one["cluster"] for one in clusters if one["name"] == context["cluster"]), clusters[0]["cluster"]
        )
    user = next((one for one in document.get("users") or () if context and one["name"] == context.get("user")), None)
    found: Object = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"cluster": cluster, "name": CLUSTER}],
        "contexts": [{"context": {"cluster": CLUSTER, "user": user["name"] if user else ""}, "name": CLUSTER}],
        "current-context": CLUSTER,
        "users": [user] if user else [],
    }
    return await _refreshed(call, found, join)


async def _refreshed(call: Call, document: Object, join: Object) -> Object:
    """With what `cluster-info` says today, where it may be read: the server may have moved."""
    live = api_access.Live(call.host.connect_text(files.yaml(document)), 0)
    end = clock.monotonic() + durations.seconds(join["timeouts"]["discovery"])
    try:
        while True:
            try:
                config_map = await live.get("ConfigMap", "cluster-info", "kube-public")
            except ApiError as error:
                if error.code in (401, 403, 404):
                    call.warn(
                        "file.go:112",
                        "[discovery] Could not access the cluster-info ConfigMap for refreshing the cluster-info "
                        f"information: {error}",
                    )
                    return document
                raise
            except OSError:
                if clock.monotonic() > end:
                    raise
                await asyncio.sleep(0.5)
                continue
            break
    finally:
        await live.close()
    text = (config_map.get("data") or {}).get("kubeconfig") or ""
    newer = files.parse_yaml(text) or {}
    cluster = next((one["cluster"] for one in newer.get("clusters") or ()), None)
    if cluster:
        document["clusters"][0]["cluster"] = cluster
    return document


def _local(call: Call, path: str) -> str:
    with open(call.host.path(path) if path.startswith("/etc/kubernetes") else path) as file:
        return file.read()


async def _download(url: str) -> str:
    from urllib.parse import urlsplit

    from minikube_edu.lib.web.client import Client
    from minikube_edu.lib.web.tls import client_context

    where = urlsplit(url)
    client = Client(where.hostname or "", where.port or 443, tls=client_context())
    try:
        reply = await client.request("GET", where.path or "/", timeout=30.0)
    finally:
        await client.close()
    if reply.status != 200:
        raise CommandError(f"failed to load config from {url}: status {reply.status}")
    return reply.body.decode()


def _cluster_of(document: Object) -> tuple[str, bytes]:
    cluster = next((one["cluster"] for one in document.get("clusters") or ()), None)
    if cluster is None:
        raise CommandError("malformed kubeconfig in the cluster-info ConfigMap")
    if cluster.get("certificate-authority"):
        with open(cluster["certificate-authority"], "rb") as file:
            return cluster["server"], file.read()
    return cluster["server"], base64.b64decode(cluster.get("certificate-authority-data") or "")
