"""The only source of randomness: uids, generated name suffixes, jitter.

One generator serves the process. It is seeded from the system unless `seed` is called, which makes a run repeatable.
Nothing secret comes from here: keys and tokens are made by `pki` and `secrets`.
"""

from __future__ import annotations

import os
import random
import secrets

# Without vowels and without look-alikes, so that no suffix spells a word: the alphabet of Kubernetes.
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"

_random = random.Random(secrets.randbits(128))
_seeded = False


def seed(value: int) -> None:
    """Make everything that follows repeatable."""
    global _seeded
    _seeded = True
    _random.seed(value)


def _after_fork() -> None:
    """Two forks of one process must not give out the same ids."""
    if not _seeded:
        _random.seed(secrets.randbits(128))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def uid() -> str:
    """A version 4 UUID."""
    bits = _random.getrandbits(128)
    bits = (bits & ~(0xF << 76)) | (4 << 76)
    bits = (bits & ~(0x3 << 62)) | (2 << 62)
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def suffix(length: int = 5) -> str:
    """The random tail of a generated name."""
    return "".join(_random.choices(ALPHABET, k=length))


def integer(low: int, high: int) -> int:
    """A number from low to high, both included."""
    return _random.randint(low, high)


def uniform(low: float, high: float) -> float:
    return _random.uniform(low, high)


def dice(seed: int | None = None) -> random.Random:
    """A generator of its own, for who must be able to repeat it (awk's `srand`) or deals in bulk (`shuf`)."""
    return random.Random(_random.getrandbits(62) if seed is None else seed)


def choice(options: list[str]) -> str:
    return _random.choice(options)
