"""How a client proves who it is: tokens, passwords, certificates, and programs that fetch them.

One class a way; `headers` goes with every request, `certificate` into the TLS handshake. A token file is read again
every minute, certificate files when they change; an exec plugin is run when what it gave has expired or was refused.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct, field

from minikube_edu.client.transport import Certificate, Headers
from minikube_edu.lib import clock
from minikube_edu.lib.gotext import quote

TOKEN_FILE_SECONDS = 60.0
EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


class CredentialsError(Exception):
    """The credentials cannot be had."""


class Nobody:
    """No header; perhaps a certificate, from texts or from files that are followed when they change."""

    def __init__(self, cert: str = "", key: str = "", cert_file: str = "", key_file: str = "") -> None:
        self._fixed: Certificate | None = (cert, key) if cert and key else None
        self._paths = (cert_file, key_file)
        self._stamp: tuple[float, ...] = ()

    async def headers(self) -> Headers:
        return ()

    def rejected(self) -> bool:
        return False

    async def certificate(self) -> Certificate | None:
        if any(self._paths):
            stamp = tuple(os.stat(path).st_mtime for path in self._paths if path)
            if stamp != self._stamp or self._fixed is None:
                cert, key = self._fixed or ("", "")
                self._fixed = (_read(self._paths[0]) or cert, _read(self._paths[1]) or key)
                self._stamp = stamp
        return self._fixed


class Bearer(Nobody):
    """A token that does not change."""

    def __init__(self, token: str, **certificate: str) -> None:
        super().__init__(**certificate)
        self._headers = ((b"authorization", b"Bearer " + token.encode()),)

    async def headers(self) -> Headers:
        return self._headers


class Basic(Nobody):
    """User name and password; no Kubernetes takes them any more, something in front of one may."""

    def __init__(self, username: str, password: str, **certificate: str) -> None:
        super().__init__(**certificate)
        pair = base64.b64encode(f"{username}:{password}".encode())
        self._headers = ((b"authorization", b"Basic " + pair),)

    async def headers(self) -> Headers:
        return self._headers


class TokenFile(Nobody):
    """A token that something else renews: a ServiceAccount's in its pod."""

    def __init__(self, path: str, **certificate: str) -> None:
        super().__init__(**certificate)
        self._path = path
        self._headers: Headers = ()
        self._read_at = float("-inf")

    async def headers(self) -> Headers:
        now = clock.monotonic()
        if now - self._read_at >= TOKEN_FILE_SECONDS:
            try:
                token = _read(self._path).strip()
            except OSError as error:
                if not self._headers:
                    raise CredentialsError(f"failed to read token file {quote(self._path)}: {error}") from error
                return self._headers  # the old one may still do
            if not token:
                raise CredentialsError(f"read empty token from file {quote(self._path)}")
            self._headers = ((b"authorization", b"Bearer " + token.encode()),)
            self._read_at = now
        return self._headers

    def rejected(self) -> bool:
        before, self._read_at = self._read_at, float("-inf")
        return clock.monotonic() - before > 1  # it may have been renewed meanwhile; twice in a second it was not


class ExecPlugin(Struct, frozen=True):
    """The `exec` part of a kubeconfig's user."""

    command: str
    api_version: str
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    install_hint: str = ""
    interactive_mode: str = "IfAvailable"
    cluster: Mapping[str, Any] | None = None  # told to the plugin when provideClusterInfo asks for it


class Exec:
    """A program that prints an ExecCredential; run once, however many requests wait for it."""

    def __init__(self, plugin: ExecPlugin) -> None:
        if plugin.api_version not in EXEC_VERSIONS:
            raise CredentialsError(f"exec plugin: invalid apiVersion {quote(plugin.api_version)}")
        self._plugin = plugin
        self._status: dict[str, Any] | None = None
        self._expires = float("inf")
        self._running = asyncio.Lock()

    async def headers(self) -> Headers:
        token = (await self._current()).get("token")
        return ((b"authorization", b"Bearer " + token.encode()),) if token else ()

    async def certificate(self) -> Certificate | None:
        status = await self._current()
        cert, key = status.get("clientCertificateData"), status.get("clientKeyData")
        return (cert, key) if cert and key else None

    def rejected(self) -> bool:
        self._status = None
        return True

    async def _current(self) -> dict[str, Any]:
        if self._status is None or clock.now() >= self._expires:
            async with self._running:
                if self._status is None or clock.now() >= self._expires:
                    self._status = await self._run()
        return self._status

    async def _run(self) -> dict[str, Any]:
        plugin = self._plugin
        interactive = self._interactive()
        spec: dict[str, Any] = {"interactive": interactive}
        if plugin.cluster is not None:
            spec["cluster"] = plugin.cluster
        info = {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec}
        environment = {**os.environ, **plugin.env, "KUBERNETES_EXEC_INFO": orjson.dumps(info).decode()}
        try:
            process = await asyncio.create_subprocess_exec(
                plugin.command,
                *plugin.args,
                env=environment,
                stdin=None if interactive else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            hint = f"\n\n{plugin.install_hint}" if plugin.install_hint else ""
            if isinstance(error, FileNotFoundError):
                raise CredentialsError(f"exec: executable {plugin.command} not found{hint}") from None
            raise CredentialsError(f"exec: executable {plugin.command} failed: {error}{hint}") from error
        output, _ = await process.communicate()
        if process.returncode:
            raise CredentialsError(f"exec: executable {plugin.command} failed with exit code {process.returncode}")
        return self._understood(output)

    def _interactive(self) -> bool:
        mode = self._plugin.interactive_mode
        terminal = sys.stdin is not None and sys.stdin.isatty()
        if mode == "Always" and not terminal:
            raise CredentialsError("exec plugin cannot support interactive mode: standard input is not a terminal")
        return mode != "Never" and terminal

    def _understood(self, output: bytes) -> dict[str, Any]:
        try:
            credential = orjson.loads(output)
        except orjson.JSONDecodeError as error:
            raise CredentialsError(f"decoding stdout: {error}") from None
        wanted = self._plugin.api_version
        if not isinstance(credential, dict) or credential.get("kind") != "ExecCredential":
            raise CredentialsError("decoding stdout: no ExecCredential")
        if credential.get("apiVersion") != wanted:
            raise CredentialsError(
                f"exec plugin is configured to use API version {wanted}, plugin returned version "
                f"{credential.get('apiVersion')}"
            )
        status: dict[str, Any] | None = credential.get("status")
        if not status:
            raise CredentialsError("exec plugin didn't return a status field")
        cert, key = status.get("clientCertificateData"), status.get("clientKeyData")
        if not status.get("token") and not cert and not key:
            raise CredentialsError("exec plugin didn't return a token or cert/key pair")
        if bool(cert) != bool(key):
            raise CredentialsError("exec plugin returned only certificate or key, not both")
        expiry = status.get("expirationTimestamp")
        self._expires = clock.parse_rfc3339(expiry) if expiry else float("inf")
        return status


def _read(path: str) -> str:
    if not path:
        return ""
    with open(path) as file:
        return file.read()
