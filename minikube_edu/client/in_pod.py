"""A client for a program that lives in a simulated container: its files and its network are not this host's.

    config = await in_pod.in_cluster(process.read_file, process.env)
    client = kubeconfig.connect(config, dial=process.network.connect)

`read` is the program's way to a file. What a kubeconfig names as files is read through it: the CA once, a token again
every minute, because the kubelet renews it.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from msgspec.structs import replace

from minikube_edu.client.credentials import TOKEN_FILE_SECONDS, CredentialsError, Nobody
from minikube_edu.client.kubeconfig import SERVICE_ACCOUNT, ClientConfig, ConfigError, KubeConfig
from minikube_edu.client.transport import Endpoint, Headers
from minikube_edu.lib import clock
from minikube_edu.lib.gotext import quote

Read = Callable[[str], Awaitable[bytes]]


class ReadToken(Nobody):
    """A token in a file of the container."""

    def __init__(self, read: Read, path: str) -> None:
        super().__init__()
        self._read = read
        self._path = path
        self._headers: Headers = ()
        self._read_at = float("-inf")

    async def headers(self) -> Headers:
        now = clock.monotonic()
        if now - self._read_at >= TOKEN_FILE_SECONDS:
            try:
                token = (await self._read(self._path)).strip()
            except OSError as error:
                if not self._headers:
                    raise CredentialsError(f"failed to read token file {quote(self._path)}: {error}") from error
                return self._headers  # the old one may still do
            if not token:
                raise CredentialsError(f"read empty token from file {quote(self._path)}")
            self._headers = ((b"authorization", b"Bearer " + token),)
            self._read_at = now
        return self._headers

    def rejected(self) -> bool:
        before, self._read_at = self._read_at, float("-inf")
        return clock.monotonic() - before > 1


_leaving: set[asyncio.Task[None]] = set()


def leave(work: Coroutine[Any, Any, None]) -> None:
    """A program that is killed cannot wait for anything any more: what it has to close is closed without it."""
    task = asyncio.get_running_loop().create_task(work)
    _leaving.add(task)
    task.add_done_callback(_leaving.discard)


async def in_cluster(read: Read, env: Mapping[str, str]) -> ClientConfig:
    """As the ServiceAccount whose token is mounted."""
    host, port = env.get("KUBERNETES_SERVICE_HOST", ""), env.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port:
        raise ConfigError(
            "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be "
            "defined"
        )
    ca = (await _file(read, f"{SERVICE_ACCOUNT}/ca.crt")).decode()
    token = f"{SERVICE_ACCOUNT}/token"
    await _file(read, token)
    shown = f"[{host}]" if ":" in host else host
    return ClientConfig(Endpoint(f"https://{shown}:{port}", ca_data=ca), ReadToken(read, token))


async def from_kubeconfig(read: Read, path: str) -> ClientConfig:
    """The current context of a kubeconfig in the container."""
    import yaml

    try:
        document = yaml.load(await _file(read, path), getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"error loading config file {quote(path)}: {error}") from None
    tokens: dict[str, str] = {}
    config = KubeConfig(current_context=document.get("current-context") or "")
    for entry in document.get("clusters") or ():
        config.clusters[entry["name"]] = await _inlined(read, entry.get("cluster") or {}, "certificate-authority")
    for entry in document.get("users") or ():
        user = await _inlined(read, entry.get("user") or {}, "client-certificate", "client-key")
        if "tokenFile" in user:
            tokens[entry["name"]] = user.pop("tokenFile")
        config.users[entry["name"]] = user
    config.contexts = {entry["name"]: entry.get("context") or {} for entry in document.get("contexts") or ()}
    found = config.client_config()
    user_name = (config.contexts.get(config.current_context) or {}).get("user") or ""
    return replace(found, credentials=ReadToken(read, tokens[user_name])) if user_name in tokens else found


async def _inlined(read: Read, entry: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Files' contents in place of their paths."""
    made = dict(entry)
    for key in keys:
        if path := made.pop(key, ""):
            made[f"{key}-data"] = base64.b64encode(await _file(read, path)).decode()
    return made


async def _file(read: Read, path: str) -> bytes:
    try:
        return await read(path)
    except OSError as error:
        raise ConfigError(f"open {path}: {(error.strerror or str(error)).lower()}") from None
