"""Whom the API server calls: kubelets for logs, exec and port-forwards, pods and services for proxies.

A kubelet is found by its node: one of the node's addresses, in the order of `--kubelet-preferred-address-types`, and
the port that its status names. It is asked with the kubelet client certificate; its own certificate is verified only
when a CA for it is known, as in the real server. Connections are kept and used again.

`nodes` and `open` are where others join in: a cluster in one process puts its kubelets' handlers into `nodes`, and
replaces `open` when its pods' addresses are no real addresses. On a node whose pods are simulated, `guest` is the way
to them (cni.guest); kubelets are real programs and are dialled as they are.
"""

from __future__ import annotations

import argparse
import ssl
from collections.abc import Callable
from typing import Any

from minikube_edu.api.errors import GenericError, NotFound
from minikube_edu.cni.guest import Guest
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.lib.web import tls
from minikube_edu.lib.web.client import Client
from minikube_edu.lib.web.incoming import Caller

Object = dict[str, Any]

KUBELET_PORT = 10250
ADDRESS_TYPES = ("Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP")
CONNECT_SECONDS = 30.0

Open = Callable[[str, int, ssl.SSLContext | None], Caller]  # host, port, TLS or None


def open_socket(host: str, port: int, context: ssl.SSLContext | None) -> Caller:
    return Client(host, port, tls=context, connect_timeout=CONNECT_SECONDS)


class Backends:
    def __init__(
        self,
        registry: Registry,
        *,
        ca: str = "",
        certificate: str = "",
        key: str = "",
        address_types: tuple[str, ...] = ADDRESS_TYPES,
    ) -> None:
        self.registry = registry
        self.ca, self.certificate, self.key = ca, certificate, key
        self.address_types = address_types
        self.open: Open = open_socket
        self.guest: Guest | None = None
        self.nodes: dict[str, Caller] = {}
        self._callers: dict[tuple[str, str, int], Caller] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}

    @classmethod
    def from_flags(cls, options: argparse.Namespace, registry: Registry) -> Backends:
        types = tuple(one for one in options.kubelet_preferred_address_types.split(",") if one)
        made = cls(
            registry,
            ca=options.kubelet_certificate_authority,
            certificate=options.kubelet_client_certificate,
            key=options.kubelet_client_key,
            address_types=types or ADDRESS_TYPES,
        )
        made.guest = Guest.of_environment()
        return made

    def kubelet(self, node: str, *, verify: bool = True) -> tuple[Caller, str, int]:
        """The kubelet of a node, and its host and port. `verify=False`: whoever it is that answers there."""
        found = self.registry.get_object("", "nodes", "", node)
        if found is None:
            raise NotFound("", "nodes", node)
        status = found.get("status", {})
        port = (status.get("daemonEndpoints") or {}).get("kubeletEndpoint", {}).get("Port") or KUBELET_PORT
        if node in self.nodes:
            return self.nodes[node], node, port
        host = self.address_of(status.get("addresses") or [])
        return self._caller("kubelet" if verify else "unverified kubelet", host, port), host, port

    def address_of(self, addresses: list[Object]) -> str:
        for wanted in self.address_types:
            for one in addresses:
                if one["type"] == wanted:
                    return str(one["address"])
        known = " ".join(f"{{{one['type']} {one['address']}}}" for one in addresses)
        raise GenericError(f"no preferred addresses found; known addresses: [{known}]")

    def address(self, scheme: str, host: str, port: int) -> Caller:
        """Somebody who listens there: a pod."""
        return self._caller(scheme, host, port)

    def _caller(self, scheme: str, host: str, port: int) -> Caller:
        key = (scheme, host, port)
        caller = self._callers.get(key)
        if caller is None:
            context = self._context(scheme)
            if self.guest is not None and scheme in ("http", "https"):
                guest = self.guest
                caller = Client(host, port, tls=context, connect_timeout=CONNECT_SECONDS, dial=guest.connect)
            else:
                caller = self.open(host, port, context)
            self._callers[key] = caller
        return caller

    def _context(self, scheme: str) -> ssl.SSLContext | None:
        """Made once; nobody can know the certificates of pods and services."""
        if scheme == "http":
            return None
        made = self._contexts.get(scheme)
        if made is None:
            ours = (self.certificate or None, self.key or None) if scheme != "https" else (None, None)
            verify = scheme == "kubelet" and bool(self.ca)
            made = self._contexts[scheme] = tls.client_context(self.ca or None, *ours, verify=verify)
        return made

    async def close(self) -> None:
        callers, self._callers = list(self._callers.values()), {}
        for caller in callers:
            await caller.close()


def dial_error(host: str, port: int, error: Exception) -> str:
    """A failed connection in Go's words."""
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return f"dial tcp {shown}: connect: connection refused"
    if isinstance(error, TimeoutError):
        return f"dial tcp {shown}: i/o timeout"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: x509: {error.verify_message}"
    return f"dial tcp {shown}: {error}"
