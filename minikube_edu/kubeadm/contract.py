"""What kubeadm needs of the machine that it runs on: the seam towards `cluster/`, which has the real one.

Paths are the machine's (`/etc/kubernetes/...`): kubeadm prints them so, and reads and writes `host.path(path)`. A host
that cannot do a thing raises HostFailure, whose text a user reads.
"""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import Protocol

from minikube_edu.client.rest import Client
from minikube_edu.container_runtime.cri import ContainerRuntime
from minikube_edu.kubeadm.machine import Machine

RUNTIME_ENDPOINT = "unix:///var/run/containerd/containerd.sock"


class HostFailure(Exception):
    """The machine refuses or fails: `exit status 1`."""


class Host(Protocol):
    """Rules: kubeadm calls these from one event loop, never two services' calls at once."""

    root: Path  # the node's directory
    machine: Machine  # what preflight looks at: as it is described, or as it is
    runtime_endpoint: str  # where the runtime listens, unix:///...
    runtime: ContainerRuntime | None  # None: nothing answers there
    switching_on: Awaitable[None] | None  # the machine was switched on a moment ago: its runtime is there after this

    def path(self, path: str) -> Path:
        """Where a path of the machine lies on this host."""
        ...

    def port_holder(self, port: int) -> int | None:
        """The pid of who listens on a port at the node's address, 0 when that cannot be seen; None: nobody does."""
        ...

    async def start_service(self, name: str) -> None:
        """`systemctl start NAME`; returns when the service has been started, not when it is ready."""
        ...

    async def stop_service(self, name: str) -> None: ...

    async def restart_service(self, name: str) -> None: ...

    async def service_active(self, name: str) -> bool: ...

    def connect(self, kubeconfig: str) -> Client:
        """A client as a kubeconfig of this machine (its path) says; OSError or ConfigError when that does not do."""
        ...

    def connect_text(self, kubeconfig: str) -> Client:
        """The same for the text of one, which has no files beside it: discovery, before there is any."""
        ...

    async def make_key(self, kind: str) -> bytes:
        """A new private key, PEM, of a kind of lib.pki (`rsa2048`); one that was made beforehand will do."""
        ...

    async def status_of(self, url: str) -> int:
        """The HTTP status that a health URL answers, whatever its certificate; OSError when nobody does."""
        ...
