"""Which of several endpoints a command goes to.

All of them are dialled at once and the first that lets us in is taken, so that one that is down costs nothing while
another one answers. The real client's balancer goes on to spread calls over all that are ready; a command of etcdctl
is one call or two, and stays where it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from minikube_edu.etcd.contract import Store, StoreError

Dial = Callable[[str, float], Awaitable[Store]]  # an endpoint, and how many seconds one attempt may take


async def first(dial: Dial, endpoints: Sequence[str], patience: float) -> Store:
    """A store behind one of the endpoints. When there is none: what the first endpoint's refusal was."""
    if len(endpoints) == 1:
        return await dial(endpoints[0], patience)
    attempts = [asyncio.ensure_future(dial(endpoint, patience)) for endpoint in endpoints]
    chosen: Store | None = None
    try:
        for attempt in asyncio.as_completed(attempts):
            try:
                chosen = await attempt
                return chosen
            except StoreError:
                continue
        return attempts[0].result()
    finally:
        await _ended(attempts, chosen)


async def _ended(attempts: Sequence[asyncio.Future[Store]], chosen: Store | None) -> None:
    """Nobody else is left connected, or connecting."""
    for attempt in attempts:
        attempt.cancel()
    for found in await asyncio.gather(*attempts, return_exceptions=True):
        if not isinstance(found, BaseException) and found is not chosen:
            await found.close()
