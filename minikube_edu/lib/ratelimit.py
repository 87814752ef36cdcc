"""How long to wait before the next try: token buckets and exponential back-off.

A limiter is asked `when(item)` and answers with seconds; it never sleeps. `default_limiter` is what controllers use:
five milliseconds doubled for each failure of the same item up to 1000 seconds, and ten a second (a hundred at once) for
all items together.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

from minikube_edu.lib import clock


class RateLimiter(Protocol):
    def when(self, item: Hashable) -> float:
        """Seconds that the item should wait; counts as one try."""
        ...

    def forget(self, item: Hashable) -> None:
        """The item is done, well or for good: its failures no longer count."""
        ...

    def requeues(self, item: Hashable) -> int:
        """How often the item has been tried since it was forgotten."""
        ...


class ExponentialBackoff:
    def __init__(self, base: float = 0.005, cap: float = 1000.0) -> None:
        self._base = base
        self._cap = cap
        self._failures: dict[Hashable, int] = {}

    def when(self, item: Hashable) -> float:
        failures = self._failures.get(item, 0)
        self._failures[item] = failures + 1
        return min(self._base * 2.0 ** min(failures, 60), self._cap)

    def forget(self, item: Hashable) -> None:
        self._failures.pop(item, None)

    def requeues(self, item: Hashable) -> int:
        return self._failures.get(item, 0)


class TokenBucket:
    """`qps` tokens a second, at most `burst` saved up. Tokens may be taken in advance: that is the wait."""

    def __init__(self, qps: float, burst: int) -> None:
        self.qps = qps
        self.burst = burst
        self._tokens = float(burst)
        self._last = clock.monotonic()

    def reserve(self) -> float:
        """Take a token; returns the seconds until it is really there."""
        self._refill()
        self._tokens -= 1
        return max(0.0, -self._tokens / self.qps)

    def try_take(self) -> bool:
        """Take a token if there is one."""
        self._refill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _refill(self) -> None:
        now = clock.monotonic()
        self._tokens = min(float(self.burst), self._tokens + max(0.0, now - self._last) * self.qps)
        self._last = now

    def when(self, item: Hashable) -> float:
        return self.reserve()

    def forget(self, item: Hashable) -> None:
        pass

    def requeues(self, item: Hashable) -> int:
        return 0


class MaxOf:
    """The longest wait of several limiters."""

    def __init__(self, *limiters: RateLimiter) -> None:
        self._limiters = limiters

    def when(self, item: Hashable) -> float:
        return max(limiter.when(item) for limiter in self._limiters)

    def forget(self, item: Hashable) -> None:
        for limiter in self._limiters:
            limiter.forget(item)

    def requeues(self, item: Hashable) -> int:
        return max(limiter.requeues(item) for limiter in self._limiters)


def default_limiter() -> RateLimiter:
    return MaxOf(ExponentialBackoff(), TokenBucket(10, 100))
