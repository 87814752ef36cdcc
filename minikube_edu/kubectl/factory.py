"""From flags and kubeconfig files to a client, a namespace and a map of what the server serves.

Flags win over the context, the context over defaults. Warnings that the server sends along are printed once each, as
they come. A server that does not answer is `Unreachable`, with the words of Go's network library.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any, TextIO
from urllib.parse import urlencode, urlsplit

import orjson

from minikube_edu import kubectl
from minikube_edu.client.discovery import RestMapper, ServedResource
from minikube_edu.client.kubeconfig import ClientConfig, ConfigError, KubeConfig, load
from minikube_edu.client.rest import Client
from minikube_edu.client.sending import JSON, Impersonation, Sender
from minikube_edu.client.transport import ClientResponse, Connection, Headers, IncomingBody, Upgraded
from minikube_edu.kubectl.failures import CommandError, ConfigurationInvalid, Unreachable
from minikube_edu.kubectl.flags import Values
from minikube_edu.kubectl.mapping import Mapper
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]
BAD_TIMEOUT = (
    "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding "
    "time unit (e.g. 1s | 2m | 3h)"
)


class Factory:
    def __init__(self, flags: Values, err: TextIO, discovery_tries: int = 5) -> None:
        self.flags = flags
        self.err = err
        self.discovery_tries = discovery_tries
        self.warned: list[str] = []
        self.retries = 10  # of answers that ask to come again later
        self._client: Client | None = None

    # ---------------------------------------------------------------- configuration

    @cached_property
    def config(self) -> KubeConfig:
        try:
            return load(self.flags["kubeconfig"])
        except ConfigError as error:
            if str(error).startswith("error loading config file"):
                from minikube_edu.kubectl.kubeconfig_files import Files

                Files(self.flags["kubeconfig"])  # says it in the words of Go's YAML
            raise CommandError(str(error)) from None

    @cached_property
    def context_name(self) -> str:
        return str(self.flags["context"] or self.config.current_context)

    @cached_property
    def _context(self) -> Object:
        name = self.context_name
        if name and name not in self.config.contexts:
            if self.flags["context"]:
                raise ConfigurationInvalid([f"context was not found for specified context: {name}"])
            return {}
        return self.config.contexts.get(name) or {}

    @property
    def namespace_given(self) -> bool:
        return bool(self.flags["namespace"])

    @property
    def namespace(self) -> str:
        return self.flags["namespace"] or self._context.get("namespace") or self._pod_namespace() or "default"

    def _pod_namespace(self) -> str:
        if self.config.paths or "KUBERNETES_SERVICE_HOST" not in os.environ:
            return ""
        try:
            with open("/var/run/secrets/kubernetes.io/serviceaccount/namespace") as file:
                return file.read().strip()
        except OSError:
            return ""

    @cached_property
    def client_config(self) -> ClientConfig:
        flags, context = self.flags, self._context
        if not self.config.paths and not flags["server"] and "KUBERNETES_SERVICE_HOST" in os.environ:
            from minikube_edu.client.kubeconfig import in_cluster

            return in_cluster()
        cluster_name, user_name = flags["cluster"] or context.get("cluster") or "", flags["user"] or context.get("user")
        where = dict(self.config.clusters.get(cluster_name) or {})
        if cluster_name and not where and not flags["server"]:
            raise CommandError(f"no server found for cluster {quote(cluster_name)}")
        if user_name and user_name not in self.config.users:
            raise CommandError(f"auth info {quote(user_name)} does not exist")
        who = dict(self.config.users.get(user_name or "") or {})
        self._override(where, who)
        self._check_files(where, who, cluster_name, user_name or "")
        where["server"] = where.get("server") or os.environ.get("KUBERNETES_MASTER") or "http://localhost:8080"
        if urlsplit(where["server"]).scheme not in ("http", "https") and "://" in where["server"]:
            scheme = urlsplit(where["server"]).scheme
            raise self._no_discovery(where["server"], f"unsupported protocol scheme {quote(scheme)}")
        chosen = KubeConfig({"c": where}, {"u": who}, {"x": {"cluster": "c", "user": "u"}}, "x")
        try:
            return chosen.client_config(namespace=self.namespace, impersonate=self._impersonation(user_name or "", who))
        except ConfigError as error:
            raise CommandError(str(error)) from None

    def _override(self, where: Object, who: Object) -> None:
        flags = self.flags
        for flag, key in (("server", "server"), ("tls-server-name", "tls-server-name")):
            if flags[flag]:
                where[key] = flags[flag]
        if flags["certificate-authority"]:
            where["certificate-authority"] = flags["certificate-authority"]
            where.pop("certificate-authority-data", None)
        if flags["insecure-skip-tls-verify"]:
            where["insecure-skip-tls-verify"] = True
            where.pop("certificate-authority", None)
            where.pop("certificate-authority-data", None)
        for flag in ("client-certificate", "client-key"):
            if flags[flag]:
                who[flag] = flags[flag]
                who.pop(f"{flag}-data", None)
        if flags["token"]:
            for key in ("username", "password", "exec", "auth-provider", "tokenFile"):
                who.pop(key, None)
            who["token"] = flags["token"]
        for flag in ("username", "password"):
            if flags[flag]:
                who[flag] = flags[flag]
                who.pop("token", None)

    def _check_files(self, where: Object, who: Object, cluster: str, user: str) -> None:
        problems = []
        authority = where.get("certificate-authority")
        if authority and not where.get("certificate-authority-data") and not os.path.exists(authority):
            problems.append(
                f"unable to read certificate-authority {authority} for {cluster} due to open {authority}: "
                "no such file or directory"
            )
        for key, shown in (("client-certificate", "client-cert"), ("client-key", "client-key")):
            file = who.get(key)
            if file and not who.get(f"{key}-data") and not os.path.exists(file):
                problems.append(
                    f"unable to read {shown} {file} for {user} due to open {file}: no such file or directory"
                )
        if problems and any("client" in problem for problem in problems):
            raise ConfigurationInvalid(problems)
        if problems:
            raise CommandError(problems[0])

    def _impersonation(self, user_name: str, who: Object) -> Impersonation | None:
        flags = self.flags
        extra: dict[str, list[str]] = {}
        for entry in flags["as-user-extra"]:
            key, _, value = entry.partition("=")
            extra.setdefault(key, []).append(value)
        user = flags["as"] or who.get("as") or ""
        groups = tuple(flags["as-group"]) or tuple(who.get("as-groups") or ())
        uid = flags["as-uid"] or who.get("as-uid") or ""
        if not user and (groups or uid or extra):
            raise CommandError(f"requesting uid, groups or user-extra for {user_name} without impersonating a user")
        return Impersonation(user, groups, uid, extra) if user else None

    @cached_property
    def timeout(self) -> float | None:
        from minikube_edu.api import durations

        text = self.flags["request-timeout"]
        if text.isdigit():
            return float(text) or None
        try:
            return durations.seconds(text) or None
        except ValueError:
            raise CommandError(BAD_TIMEOUT) from None

    # ---------------------------------------------------------------- the server

    @property
    def client(self) -> Client:
        if self._client is None:
            config, timeout = self.client_config, self.timeout
            caller = _Caller(Connection(config.endpoint, config.credentials.certificate), self, config.endpoint.url)
            sender = Sender(
                caller,
                credentials=config.credentials,
                impersonate=config.impersonate,
                user_agent=f"kubectl/{kubectl.version()} (minikube_edu)",
                refused_retries=0,
                retries=self.retries,
                timeout=timeout,
            )
            self._client = Client(sender)
        return self._client

    @cached_property
    def mapper(self) -> Mapper:
        return Mapper(_Discovery(self))

    @property
    def url(self) -> str:
        return self.client_config.endpoint.url.rstrip("/")

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        accept: bytes = JSON,
        timeout: float | None = None,
        **query: str | int | bool | None,
    ) -> Object:
        """A request whose answer is JSON."""
        reply = await self.raw(method, path, body, content_type=content_type, accept=accept, timeout=timeout, **query)
        found: Object = orjson.loads(reply.body) if reply.body else {}
        return found

    async def raw(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        accept: bytes = JSON,
        timeout: float | None = None,
        **query: str | int | bool | None,
    ) -> ClientResponse:
        target = path + query_text(query)
        data = (
            body
            if isinstance(body, bytes)
            else b""
            if body is None
            else orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        )
        return await self.client.sender.request(
            method,
            target,
            data,
            accept=accept,
            content_type=content_type.encode() if data else b"",
            timeout=timeout,
        )

    def warn(self, text: str) -> None:
        if text not in self.warned:
            self.warned.append(text)
            self.err.write(f"Warning: {text}\n")

    def finish(self) -> None:
        """With --warnings-as-errors, warnings are one."""
        count = len(self.warned)
        if count and self.flags["warnings-as-errors"]:
            raise CommandError(f"{count} warning{'s' if count > 1 else ''} received")

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def complain(self, url: str, why: str) -> None:
        """How client-go's discovery says that it got no answer."""
        from minikube_edu.lib import clock

        stamp = clock.rfc3339_micro()
        when = f"{stamp[5:7]}{stamp[8:10]} {stamp[11:26]}"
        what = f"couldn't get current server API group list: Get {quote(url + '/api?timeout=32s')}: {why}"
        line = f'E{when} {os.getpid():7d} memcache.go:265] "Unhandled Error" err={quote(what)}\n'
        self.err.write(line * self.discovery_tries)

    def _no_discovery(self, url: str, why: str) -> Unreachable:
        self.complain(url, why)
        return Unreachable("GET", f"{url}/api?timeout=32s", why)


class _Discovery(RestMapper):
    """The client's, with words for a server that is not there, and with what is known of the server from before."""

    def __init__(self, factory: Factory) -> None:
        from minikube_edu.kubectl import discovery_cache

        self._factory = factory
        where = discovery_cache.directory(factory.flags["cache-dir"] if factory.flags.changed("cache-dir") else "")
        self._cache = discovery_cache.DiscoveryCache(where, factory.url)
        self._documents: list[Object] = []
        super().__init__(factory.client)
        self.fresh = False  # becomes true when the server is asked

    def forget(self) -> None:
        self._cache.forget()
        super().forget()

    async def _discover(self) -> Any:
        kept = None if self.fresh else self._cache.read()
        if kept is not None:
            return kept
        self.fresh, self._documents = True, []
        try:
            found = await super()._discover()
            if self._documents and not self.failed:
                self._cache.write(self._documents)
            return found
        except Unreachable as error:
            url = self._factory.url
            self._factory.complain(url, error.why)
            raise Unreachable("GET", f"{url}/api?timeout=32s", error.why) from None

    def _aggregated(self, document: Object) -> list[ServedResource]:
        self._documents.append(document)
        return super()._aggregated(document)


class _Caller:
    """A transport whose failures have words, and whose answers' warnings are heard."""

    def __init__(self, inner: Connection, factory: Factory, url: str) -> None:
        self._inner, self._factory, self._url = inner, factory, url.rstrip("/")

    async def request(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> ClientResponse:
        try:
            answer = await self._inner.request(method, target, headers, body, timeout)
        except (OSError, TimeoutError) as error:
            raise self._unreachable(method, target, error) from error
        self._hear(answer.headers)
        return answer

    async def stream(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> IncomingBody:
        try:
            answer = await self._inner.stream(method, target, headers, body, timeout)
        except (OSError, TimeoutError) as error:
            raise self._unreachable(method, target, error) from error
        self._hear(answer.headers)
        return answer

    async def upgrade(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> Upgraded | ClientResponse:
        try:
            return await self._inner.upgrade(method, target, headers, body, timeout)
        except (OSError, TimeoutError) as error:
            raise self._unreachable(method, target, error) from error

    async def close(self) -> None:
        await self._inner.close()

    def _hear(self, headers: Headers) -> None:
        for name, value in headers:
            if name == b"warning":
                text = value.decode("utf-8", "replace")
                if text.startswith("299 ") and text.endswith('"'):
                    from minikube_edu.kubectl.warning_header import text_of

                    self._factory.warn(text_of(text))

    def _unreachable(self, method: str, target: str, error: Exception) -> Unreachable:
        import socket
        import ssl

        parts = urlsplit(self._url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname or ""
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if isinstance(error, ConnectionRefusedError) or "refused" in str(error):
            why = f"dial tcp {where}: connect: connection refused"
        elif isinstance(error, socket.gaierror):
            why = f"dial tcp: lookup {parts.hostname}: no such host"
        elif isinstance(error, ssl.SSLCertVerificationError):
            why = f"tls: failed to verify certificate: x509: {error.verify_message}"
        elif isinstance(error, TimeoutError):
            why = "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"
        else:
            why = str(error) or type(error).__name__
        return Unreachable(method, self._url + target, why)


def query_text(query: dict[str, str | int | bool | None]) -> str:
    kept = {
        key: "true" if value is True else str(value) for key, value in query.items() if value not in (None, False, "")
    }
    return "?" + urlencode(sorted(kept.items())) if kept else ""
