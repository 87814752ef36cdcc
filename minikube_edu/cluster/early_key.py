"""The key that signs service accounts' tokens, made while a command still imports what it needs.

It is RSA, so that tokens are RS256 as everywhere; to find its primes takes 20 to 100 ms, as luck has it. Nothing else
that `init` makes takes a millisecond: certificates have keys of ECDSA.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future

from minikube_edu.lib import pki

KIND: pki.KeyKind = "rsa2048"

_coming: Future[bytes] | None = None


def begin() -> None:
    """In a thread: OpenSSL does not keep others from working meanwhile."""
    global _coming
    _coming = Future()
    threading.Thread(target=_make, args=(_coming,), daemon=True).start()


async def take(kind: str) -> bytes | None:
    """The key, once; None: there is none of this kind."""
    global _coming
    if kind != KIND or _coming is None:
        return None
    coming, _coming = _coming, None
    return await asyncio.wrap_future(coming)


def _make(coming: Future[bytes]) -> None:
    try:
        coming.set_result(pki.make_key(KIND))
    except Exception as error:
        coming.set_exception(error)
