"""How often a long-lived program looks for garbage that refers to itself, and gives back memory that it does not use.

All our programs hold large trees of plain dicts (what a watch has told them), make and drop thousands of such trees a
second, and hardly ever a cycle: reference counts free nearly everything at once. Python's own rhythm, a look at every
700 new objects and now and then at everything there is, then is most of what an idle controller manager with ten
thousand pods does: measured 80 % of its CPU time, in pauses of 100 ms. So look seldom; not never, as tracebacks and
cancelled tasks do make cycles.

What is free is not given back by itself: texts and bytes of a few KiB leave holes between others that are still in use,
and the C library returns only what lies at the end. After ten thousand pods have started, that is a sixth of the API
server. `give_back` has the whole pages among it returned, every now and then.
"""

from __future__ import annotations

import contextlib
import gc
import threading

YOUNG = 20_000  # more objects made than freed since the last look: look at those
MIDDLE = 20  # so many looks: at those that have outlived one as well
OLD = 20  # so many of these: at everything
GIVE_BACK_SECONDS = 30.0


def seldom() -> None:
    """Called once, when a program begins."""
    gc.enable()
    gc.set_threshold(YOUNG, MIDDLE, OLD)


def give_back() -> None:
    """Called once, by a program that never forks: from another thread, without holding up Python."""
    threading.Thread(target=_give_back_for_ever, name="memory", daemon=True).start()


def _give_back_for_ever() -> None:
    import ctypes

    with contextlib.suppress(AttributeError, OSError):  # another C library
        trim = ctypes.CDLL(None).malloc_trim
        never = threading.Event()
        while not never.wait(GIVE_BACK_SECONDS):
            trim(0)
