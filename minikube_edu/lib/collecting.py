"""How often a long-lived program looks for garbage that refers to itself.

All our programs hold large trees of plain dicts (what a watch has told them), make and drop thousands of such trees a
second, and hardly ever a cycle: reference counts free nearly everything at once. Python's own rhythm, a look at every
700 new objects and now and then at everything there is, then is most of what an idle controller manager with ten
thousand pods does: measured 80 % of its CPU time, in pauses of 100 ms. So look seldom; not never, as tracebacks and
cancelled tasks do make cycles.
"""

from __future__ import annotations

import gc

YOUNG = 20_000  # more objects made than freed since the last look: look at those
MIDDLE = 20  # so many looks: at those that have outlived one as well
OLD = 20  # so many of these: at everything


def seldom() -> None:
    """Called once, when a program begins."""
    gc.enable()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
