"""glibc's heap, told not to give memory back between two large answers.

By default it returns the top of the heap to the system whenever 128 KiB there are free, and takes it again for the
next answer: the page faults of that cost more than encrypting the answer does. Other C libraries are left alone.
"""

from __future__ import annotations

from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
TRIM = 16 * 1024 * 1024
MMAP = 32 * 1024 * 1024


@cache
def keep_memory() -> bool:
    """Once a process, when it first sends something large; whether it could be done."""
    try:
        import ctypes

        mallopt = ctypes.CDLL(None).mallopt
    except (ImportError, OSError, AttributeError, TypeError):
        return False
    return bool(mallopt(M_TRIM_THRESHOLD, TRIM)) and bool(mallopt(M_MMAP_THRESHOLD, MMAP))
