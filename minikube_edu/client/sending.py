"""One request, tried until there is an answer worth having: credentials, limits, retries.

What is retried, as client-go does:

- 429 and 5xx answers that carry Retry-After, after that time, up to `retries` times, whatever the verb;
- a refused connection, where nothing was sent, `refused_retries` times with growing pauses;
- a connection that broke under a GET;
- 401, once, when the credentials can be had anew.

`qps` and `burst` limit what is asked for; without them nothing is held back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar
from urllib.parse import quote

from msgspec import Struct, field

from minikube_edu.client.errors import from_answer
from minikube_edu.client.transport import Caller, ClientResponse, Headers, IncomingBody, Upgraded
from minikube_edu.lib import ids
from minikube_edu.lib.ratelimit import TokenBucket

JSON = b"application/json"

Answer = TypeVar("Answer", ClientResponse, IncomingBody)


class Credentials(Protocol):
    """What proves who is asking; `client.credentials` has the kinds there are."""

    async def headers(self) -> Sequence[tuple[bytes, bytes]]: ...

    def rejected(self) -> bool:
        """The server answered 401. True when other credentials can be had: the request is tried once more."""
        ...


class Impersonation(Struct, frozen=True):
    """Act as somebody else, for those who may."""

    user: str = ""
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def headers(self) -> list[tuple[bytes, bytes]]:
        found = [(b"impersonate-user", self.user.encode())] if self.user else []
        found += [(b"impersonate-group", group.encode()) for group in self.groups]
        if self.uid:
            found.append((b"impersonate-uid", self.uid.encode()))
        for key, values in self.extra.items():
            name = b"impersonate-extra-" + quote(key.lower(), safe="!#$&'*+-.^_`|~").encode()
            found += [(name, value.encode()) for value in values]
        return found


class Sender:
    """Adds to a transport what every request needs."""

    def __init__(
        self,
        caller: Caller,
        *,
        credentials: Credentials | None = None,
        impersonate: Impersonation | None = None,
        user_agent: str = "minikube-edu",
        qps: float = 0,
        burst: int = 0,
        retries: int = 10,
        refused_retries: int = 6,
        timeout: float | None = None,
    ) -> None:
        self.caller = caller
        self._credentials = credentials
        self._fixed = [(b"user-agent", user_agent.encode()), *(impersonate.headers() if impersonate else ())]
        self._bucket = TokenBucket(qps, burst or max(1, int(qps))) if qps > 0 else None
        self._known: dict[tuple[bytes, bytes], tuple[tuple[bytes, bytes], ...]] = {}
        self._retries = retries
        self._refused_retries = refused_retries
        self._timeout = timeout

    async def close(self) -> None:
        await self.caller.close()

    async def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        accept: bytes = JSON,
        content_type: bytes = b"",
        timeout: float | None = None,
        resource: str = "",
        name: str = "",
    ) -> ClientResponse:
        """A whole answer; one of 400 and more is raised."""
        call = partial(self.caller.request, method, path)
        return await self._tried(call, method, body, accept, content_type, timeout or self._timeout, resource, name)

    async def stream(self, method: str, path: str, *, accept: bytes = JSON, resource: str = "") -> IncomingBody:
        """An answer whose body is still coming; one of 400 and more is raised."""
        call = partial(self.caller.stream, method, path)
        return await self._tried(call, method, b"", accept, b"", self._timeout, resource, "")

    async def upgrade(self, method: str, path: str, headers: Headers) -> Upgraded:
        """A connection that has left HTTP, as `headers` ask for; any other answer is raised. Tried once."""
        every = await self._headers(JSON, b"")
        answer = await self.caller.upgrade(method, path, (*every, *headers), b"", self._timeout)
        if isinstance(answer, Upgraded):
            return answer
        raise from_answer(method, answer.status, answer.body)

    async def _tried(
        self,
        call: Callable[[Headers, bytes, float | None], Awaitable[Answer]],
        method: str,
        body: bytes,
        accept: bytes,
        content_type: bytes,
        timeout: float | None,
        resource: str,
        name: str,
    ) -> Answer:
        attempts, failures, renewed = 0, 0, False
        while True:
            headers = await self._headers(accept, content_type)
            try:
                answer = await call(headers, body, timeout)
            except OSError as error:
                failures += 1
                if failures > self._refused_retries or not _worth_again(error, method):
                    raise
                await asyncio.sleep(_pause(failures))
                continue
            if answer.status < 400:
                return answer
            text = answer.body if isinstance(answer, ClientResponse) else await answer.read()
            if answer.status == 401 and not renewed and self._credentials is not None and self._credentials.rejected():
                renewed = True
                continue
            wait = _retry_after(answer.header(b"retry-after"))
            busy = answer.status == 429 or answer.status >= 500
            if wait is None or attempts >= self._retries or not busy:
                seconds = int(wait or 0)
                raise from_answer(method, answer.status, text, resource=resource, name=name, retry_after=seconds)
            attempts += 1
            await asyncio.sleep(wait)

    async def _headers(self, accept: bytes, content_type: bytes) -> Headers:
        if self._bucket is not None and (wait := self._bucket.reserve()) > 0:
            await asyncio.sleep(wait)
        # The same tuple for the same kind of request: a caller in the same process need not look at it again.
        headers = self._known.get((accept, content_type))
        if headers is None:
            typed = ((b"content-type", content_type),) if content_type else ()
            headers = self._known[accept, content_type] = ((b"accept", accept), *self._fixed, *typed)
        if self._credentials is None:
            return headers
        return (*headers, *await self._credentials.headers())


def _worth_again(error: OSError, method: str) -> bool:
    """Nothing was sent, or asking twice does no harm."""
    return isinstance(error, ConnectionRefusedError) or (isinstance(error, ConnectionError) and method == "GET")


def _retry_after(value: bytes | None) -> float | None:
    try:
        return max(0.0, float(value)) if value is not None else None
    except ValueError:
        return None


def _pause(failures: int) -> float:
    return min(0.03 * 2.0 ** (failures - 1), 5.0) * ids.uniform(1.0, 1.2)  # whoever boots beside a server finds it soon
