"""Whose turn it is: processor time among simulated programs, so that none holds the event loop.

A process is a task whose coroutine is stepped by a `Stepper`: each step is timed, and charged to the process and to its
container. Programs that work without waiting call `breathe`; when their slice is used up they queue here. Each turn of
the loop wakes the next few, one container after the other, and has time for two or three slices: a hundred busy
containers delay the others by that much, not by a hundred slices, and a container with a thousand busy processes
counts as one. A step of a container that
has used its share of the present turn, is beyond its processor limit (throttled until the period's end, as the
completely fair scheduler does it), or is stopped, is put off before it begins.

How long a step really takes is the host's affair and no simulated time: it is measured with the host's counter. All
else here follows the loop's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections import deque
from collections.abc import Coroutine
from time import perf_counter
from typing import TYPE_CHECKING, Any

from minikube_edu.container_runtime.simulated.contract import Exited, Killed
from minikube_edu.container_runtime.simulated.filesystem import pace
from minikube_edu.container_runtime.simulated.kernel.resident import resident

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.cpu import CpuAccount
    from minikube_edu.container_runtime.simulated.kernel.process import KernelProcess

SIGKILL, SIGPIPE = 9, 13
SLICE = 0.003  # seconds of work until `breathe` gives way
SHARE = 0.004  # of one container in one turn of the loop
TURN = 0.008  # of all containers in one turn of the loop
MOST_REFUSALS = 100  # of a program that is killed and does not end
WOKEN = 4  # processes of the queue in one turn; those for whom the turn's time does not suffice queue again

current: KernelProcess | None = None  # whose step is running
_deadline = 0.0  # when its slice is used up


class Scheduler:
    """One for each event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.turn_used = 0.0
        self._busy: list[CpuAccount] = []  # who has used something in this turn
        self._queue: deque[CpuAccount] = deque()  # containers with waiting processes, each once
        self._turning = False

    def charge(self, account: CpuAccount, seconds: float) -> None:
        if not account.turn_used:
            self._busy.append(account)
            if not self._turning:
                self._turning = True
                self.loop.call_soon(self._turn)
        account.turn_used += seconds
        self.turn_used += seconds

    def put_off(self, account: CpuAccount) -> asyncio.Future[None] | None:
        """Whether a step may begin now; else what it waits for."""
        if account.quota and account.throttled(self.loop):
            return account.next_period(self.loop)
        if account.turn_used > SHARE or self.turn_used > TURN:
            return self.queued(account)
        return None

    def queued(self, account: CpuAccount) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self.loop.create_future()
        if account.waiting is None:
            account.waiting = deque()
            self._queue.append(account)
        account.waiting.append(future)
        if not self._turning:
            self._turning = True
            self.loop.call_soon(self._turn)
        return future

    def _turn(self) -> None:
        """A new turn of the loop: all shares are fresh; the next in the queue runs."""
        for account in self._busy:
            account.turn_used = 0.0
        self._busy.clear()
        self.turn_used = 0.0
        woken = 0
        while self._queue and woken < WOKEN:
            account = self._queue.popleft()
            waiting = account.waiting
            if not waiting:
                continue
            future = waiting.popleft()
            if not future.done():
                future.set_result(None)
                woken += 1
            if waiting:
                self._queue.append(account)
            else:
                account.waiting = None
        self._turning = bool(self._queue)
        if self._turning:
            self.loop.call_soon(self._turn)


_schedulers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Scheduler] = weakref.WeakKeyDictionary()


def scheduler() -> Scheduler:
    """The running loop's."""
    loop = asyncio.get_running_loop()
    found = _schedulers.get(loop)
    if found is None:
        found = _schedulers[loop] = Scheduler(loop)
    return found


def due() -> bool:
    """Whether the slice of the running process is used up: for pure work in steps, which has no process at hand."""
    return perf_counter() > _deadline


async def breathe() -> None:
    """A step of work was done: give way when the slice is used up."""
    if perf_counter() < _deadline:
        return
    process = current
    if process is None:  # a task that a program has made for itself
        await asyncio.sleep(0)
    else:
        account = process.container.cpu
        await process.container.scheduler.queued(account)


pace.install(breathe)


class Stepper(Coroutine[Any, Any, Any]):
    """A process's coroutine as its task sees it: steps are timed, put off, and end the process."""

    __slots__ = ("_inner", "_process")

    def __init__(self, process: KernelProcess, inner: Coroutine[Any, Any, Any]) -> None:
        self._process = process
        self._inner = inner

    def __await__(self) -> Any:
        return self

    def send(self, value: Any) -> Any:
        process = self._process
        gate = process.continued()
        if gate is None:
            container = process.container
            gate = container.scheduler.put_off(container.cpu)
        if gate is not None:
            gate._asyncio_future_blocking = True
            return gate
        if process.doom is not None:
            return self._step(self._inner.throw, process.doom)
        return self._step(self._inner.send, None)

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        error = kind(value) if isinstance(kind, type) else kind
        doom = self._process.doom
        return self._step(self._inner.throw, error if doom is None else doom)

    def close(self) -> None:
        self._inner.close()

    def _step(self, call: Any, argument: Any) -> Any:
        global current, _deadline
        process = self._process
        outer, current = current, process
        before = resident() if process.heavy else 0
        start = perf_counter()
        _deadline = start + SLICE
        try:
            waits = call(argument)
            return waits if process.doom is None else self._insist()
        except BaseException as end:
            self._ended(end)
        finally:
            current = outer
            _deadline = 0.0
            used = perf_counter() - start
            process.heavy = used > SLICE / 2
            if before:
                process.container.memory.grow(process, resident() - before)
            process.cpu_used += used
            process.container.cpu.charge(used)
            process.container.scheduler.charge(process.container.cpu, used)
        raise StopIteration

    def _ended(self, end: BaseException) -> None:
        """The program has returned, or something has ended it: so has the process."""
        process = self._process
        if isinstance(end, StopIteration):
            process.finish(end.value if isinstance(end.value, int) else 0)
        elif isinstance(end, Exited):
            process.finish(end.code)
        elif isinstance(end, Killed):
            process.finish(0, end.signal)
        elif isinstance(end, asyncio.CancelledError):
            process.finish(0, SIGKILL)  # the loop itself is coming to its end
            raise end
        elif isinstance(end, BrokenPipeError):
            process.finish(0, SIGPIPE)
        else:
            process.crashed(end)
            if not isinstance(end, Exception):
                raise end

    def _insist(self) -> Any:
        """Doomed, and it waits once more: it is told again, until it has gone."""
        doom = self._process.doom
        assert doom is not None
        for _ in range(MOST_REFUSALS):
            self._inner.throw(doom)
        with contextlib.suppress(RuntimeError):
            self._inner.close()
        raise doom


class Thread(Stepper):
    """A coroutine beside the program's own, of the same process. Its result and its errors go to whoever waits for it;
    what ends a process ends the whole of it."""

    __slots__ = ()

    def _ended(self, end: BaseException) -> None:
        process = self._process
        if isinstance(end, Exited | Killed):
            if process.status is None and process.doom is None:
                process.condemn(end)
            raise asyncio.CancelledError
        raise end
