"""The promise "nobody else writes", given to one connection and taken back in time.

Our API server must know the newest revision for every consistent read. Asking costs a round trip; but while it is the
only one who writes, the newest revision is the one it saw last. So the connection that asks for it *holds* this
promise, and anybody else who wants to write (etcdctl through gRPC, a second connection, an expiring lease) waits
until the holder has been told and has acknowledged. When the others have been quiet for a second, the holder gets the
promise back.

The holder's own writes pass without a look. There is one Delegation a server; all its faces share it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

QUIET = 1.0  # seconds without a foreign write before the promise is given again
PATIENCE = 5.0  # seconds that the holder has to acknowledge; then its connection is ended


class Holder(Protocol):
    def granted(self) -> None:
        """Tell the holder that it is the only writer."""
        ...

    def recalled(self) -> None:
        """Tell the holder that it is not any more; it answers with `Delegation.acknowledge`."""
        ...

    def abort(self) -> None: ...


class Delegation:
    def __init__(self) -> None:
        self._candidates: list[Holder] = []  # who asked, in order; the first one is served
        self._holding = False  # whether the first candidate has the promise
        self._writing = 0  # foreign writes under way
        self._acknowledged: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def join(self, holder: Holder) -> None:
        self._candidates.append(holder)
        if self._candidates[0] is holder:
            self._grant()

    def leave(self, holder: Holder) -> None:
        if holder not in self._candidates:
            return
        first = self._candidates[0] is holder
        self._candidates.remove(holder)
        if first:
            self._holding = False
            self._settle()
            self._grant()

    def acknowledge(self, holder: Holder) -> None:
        if self._candidates and self._candidates[0] is holder:
            self._settle()

    def _settle(self) -> None:
        if self._acknowledged is not None and not self._acknowledged.done():
            self._acknowledged.set_result(None)

    @asynccontextmanager
    async def writing(self, by: object = None) -> AsyncIterator[None]:
        """Around every write of `by`; waits until nobody relies any more on being the only writer."""
        if self._candidates and self._candidates[0] is by:
            yield
            return
        self._writing += 1
        try:
            await self._recall()
            yield
        finally:
            self._writing -= 1
            self._rest()

    def free(self, by: object) -> bool:
        """Whether `by` may write without `writing`: the fast way of the holder."""
        return bool(self._candidates) and self._candidates[0] is by

    async def _recall(self) -> None:
        if self._holding:
            self._holding = False
            self._acknowledged = asyncio.get_running_loop().create_future()
            self._candidates[0].recalled()
        if self._acknowledged is None:
            return
        try:
            await asyncio.wait_for(asyncio.shield(self._acknowledged), PATIENCE)
        except TimeoutError:
            for holder in self._candidates[:1]:
                holder.abort()
                self.leave(holder)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._writing and self._candidates and not self._holding:
            self._timer = asyncio.get_running_loop().call_later(QUIET, self._grant)

    def _grant(self) -> None:
        if self._candidates and not self._holding and not self._writing:
            self._holding = True
            self._acknowledged = None
            self._candidates[0].granted()

    def close(self) -> None:
        self._candidates.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
