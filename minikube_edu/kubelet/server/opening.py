"""Opens the kubelet's ports as its configuration says: 10250 with TLS, 10248 without.

"All addresses" means the node's own address here (and its localhost): no kubelet listens beyond loopback by default.
Without a serving certificate in the configuration the kubelet signs one itself, `kubelet.crt` and `kubelet.key` in its
certificate directory, as the real one does; the API server does not verify it unless it is told a CA.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from minikube_edu.client.rest import Client
from minikube_edu.kubelet.contract import ApiObjects, KubeletHost, Probes, Volumes
from minikube_edu.kubelet.probes.prober import Prober
from minikube_edu.kubelet.server.identity import Identity
from minikube_edu.kubelet.server.permission import Permission
from minikube_edu.kubelet.server.server import HEALTH_PORT, PORT, KubeletServer
from minikube_edu.kubelet.stats.usage import Usage
from minikube_edu.kubelet.volumes.volumes import KubeletVolumes
from minikube_edu.lib import localhost, node_root

log = logging.getLogger(__name__)

Object = dict[str, Any]
Close = Callable[[], Awaitable[None]]


def server_of(
    host: KubeletHost, client: Client | None, objects: ApiObjects, volumes: Volumes, probes: Probes
) -> KubeletServer:
    """The server as the configuration describes it, not yet listening."""
    told = host.configuration()
    authentication = told.get("authentication") or {}
    anonymous = bool((authentication.get("anonymous") or {}).get("enabled", False))
    webhook = bool((authentication.get("webhook") or {}).get("enabled", True))
    always = (told.get("authorization") or {}).get("mode") == "AlwaysAllow"
    used = volumes.usage if isinstance(volumes, KubeletVolumes) else None
    return KubeletServer(
        host,
        Usage(host, objects.node, used),
        Identity(client, anonymous=anonymous, webhook=webhook),
        Permission(client, host.identity.name, always_allow=always),
        probes if isinstance(probes, Prober) else None,
    )


async def open_ports(server: KubeletServer, certificates: Path) -> Close:
    """`certificates` is the kubelet's certificate directory. OSError when port 10250 cannot be had; without the health
    port the kubelet goes on."""
    host = server.host
    told = host.configuration()
    certfile, keyfile = _placed(host, told.get("tlsCertFile")), _placed(host, told.get("tlsPrivateKeyFile"))
    if not certfile or not keyfile:
        certfile, keyfile = await own_certificate(host, certificates)
    client_ca = _placed(host, ((told.get("authentication") or {}).get("x509") or {}).get("clientCAFile"))
    try:
        await server.start(
            _address(host, told.get("address") or "0.0.0.0"),
            int(told.get("port") or PORT),
            certfile,
            keyfile,
            client_ca or None,
        )
        health = told.get("healthzPort")
        port = HEALTH_PORT if health is None else int(health)
        if port:
            try:
                await server.start_health(told.get("healthzBindAddress") or "127.0.0.1", port)
            except OSError as error:
                log.error("failed to start healthz server: %s", error)
    except BaseException:
        await server.close()
        raise
    return server.close


def _address(host: KubeletHost, address: str) -> str:
    """Where "everywhere" is, when no machine has said so."""
    if address in localhost.EVERYWHERE and not os.environ.get(localhost.NODE_ADDRESS):
        return host.identity.address
    return address


def _placed(host: KubeletHost, path: Any) -> str:
    root = str(host.identity.root)
    if not path or root == "/":
        return str(path or "")
    return node_root.below(str(path), {node_root.VARIABLE: root})


async def own_certificate(host: KubeletHost, directory: Path) -> tuple[str, str]:
    certfile, keyfile = directory / "kubelet.crt", directory / "kubelet.key"
    if not (certfile.exists() and keyfile.exists()):
        # In a thread: the loop is busy with the first pods, and making a key takes a while.
        pair = await asyncio.to_thread(_sign, host.identity.name, host.identity.address)
        directory.mkdir(parents=True, exist_ok=True)
        keyfile.touch(mode=0o600)
        keyfile.write_bytes(pair[1])
        certfile.write_bytes(pair[0])
    return str(certfile), str(keyfile)


def _sign(name: str, address: str) -> tuple[bytes, bytes]:
    from minikube_edu.lib import pki

    made = pki.self_signed(name, (name,), (address,))
    return made.certificate, made.key
