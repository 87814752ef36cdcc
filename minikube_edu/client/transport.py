"""How requests reach the API server: a Caller, of which there are two.

`lib.web.inprocess.InProcess(handler)` calls the server in the same event loop: tests, simulations, the one-process
cluster. `Connection(endpoint)` goes over a socket, with TLS and the client's certificate. Nobody above this file knows
which it is. A Caller adds no credentials to the request and retries nothing; that is `client.sending`.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from msgspec import Struct

from minikube_edu.lib.web.client import Client as WebClient
from minikube_edu.lib.web.client import Dial
from minikube_edu.lib.web.incoming import Caller, ClientResponse, IncomingBody, Upgraded
from minikube_edu.lib.web.messages import Headers

__all__ = ["Caller", "ClientResponse", "Connection", "Dial", "Endpoint", "Headers", "IncomingBody", "Lent", "Upgraded"]

Certificate = tuple[str, str]  # PEM: the certificate (chain), the key


class Endpoint(Struct, frozen=True):
    """Where a server is and how it is told from an impostor."""

    url: str  # https://127.0.0.1:6443, with a path when the server is behind a proxy
    ca_file: str = ""
    ca_data: str = ""  # PEM; without either CA the system's are trusted
    insecure: bool = False  # any server will do
    server_name: str = ""  # the name in its certificate, when it is not the URL's


class Connection:
    """A Caller over TCP, or over what `dial` connects (a program inside the cluster's network). `certificate` is asked
    before each request, so that a renewed one is used from then on."""

    def __init__(
        self,
        endpoint: Endpoint,
        certificate: Callable[[], Awaitable[Certificate | None]] | None = None,
        dial: Dial | None = None,
    ) -> None:
        parts = urlsplit(endpoint.url if "://" in endpoint.url else "http://" + endpoint.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{endpoint.url!r} is no address of a server")
        self._endpoint = endpoint
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port or (443 if self._secure else 80)
        self._prefix = parts.path.rstrip("/")
        self._certificate = certificate
        self._dial = dial
        self._shown: Certificate | None = None
        self._client: WebClient | None = None
        self._retired: list[WebClient] = []  # may still have streams open

    async def request(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> ClientResponse:
        client = await self._current()
        return await client.request(method, self._prefix + target, headers, body, timeout)

    async def stream(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> IncomingBody:
        client = await self._current()
        return await client.stream(method, self._prefix + target, headers, body, timeout)

    async def upgrade(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> Upgraded | ClientResponse:
        client = await self._current()
        return await client.upgrade(method, self._prefix + target, headers, body, timeout)

    async def close(self) -> None:
        for client in (*self._retired, *([self._client] if self._client else ())):
            await client.close()
        self._retired.clear()

    async def _current(self) -> WebClient:
        shown = await self._certificate() if self._certificate is not None else None
        if self._client is not None and shown == self._shown:
            return self._client
        if self._client is not None:
            self._retired.append(self._client)
        self._shown = shown
        tls = self._context(shown) if self._secure else None
        name = self._endpoint.server_name or None
        self._client = WebClient(self._host, self._port, tls=tls, server_hostname=name, dial=self._dial)
        return self._client

    def _context(self, certificate: Certificate | None) -> ssl.SSLContext:
        from minikube_edu.lib.web import tls

        endpoint = self._endpoint
        context = tls.client_context(
            endpoint.ca_file or None, ca_data=endpoint.ca_data or None, verify=not endpoint.insecure
        )
        if certificate is not None:
            _load(context, certificate)
        return context


class Lent:
    """Another one's connections: who closes this closes nothing."""

    def __init__(self, caller: Caller) -> None:
        self.request, self.stream, self.upgrade = caller.request, caller.stream, caller.upgrade

    async def close(self) -> None:
        return


def _load(context: ssl.SSLContext, certificate: Certificate) -> None:
    """OpenSSL takes a client's certificate from files only: they live for the length of this call, and nobody else may
    read them."""
    import os
    import tempfile

    with tempfile.TemporaryDirectory(prefix="minikube-edu-") as folder:
        paths = [os.path.join(folder, name) for name in ("client.crt", "client.key")]
        for path, text in zip(paths, certificate, strict=True):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(text)
        context.load_cert_chain(*paths)
