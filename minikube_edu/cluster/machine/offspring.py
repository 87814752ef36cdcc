"""What a fork of the machine does to become a program of its own: forget the machine, put on its own clothes, run.

Nothing here may fail silently: a child that cannot begin says so on its standard error and ends with 126 or 127.
"""

from __future__ import annotations

import ctypes
import importlib
import io
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from minikube_edu.lib import collecting

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
FIRST_FREE = 3
HIGHEST = 4096

_libc: ctypes.CDLL | None = None
if sys.platform == "linux":
    _libc = ctypes.CDLL(None, use_errno=True)


def name_process(name: str, words: Sequence[str] = ()) -> None:
    """What `ps` shows: the name, and as much of the command line as there was room for when the machine was started."""
    if _libc is None:
        return
    _libc.prctl(PR_SET_NAME, name.encode()[:15], 0, 0, 0)
    try:
        with open("/proc/self/stat", "rb") as file:
            start, end = map(int, file.read().rpartition(b")")[2].split()[45:47])  # fields 48 and 49
    except (OSError, ValueError):
        return
    shown = " ".join(words or (name,)).encode()[: max(end - start - 1, 0)]
    if end > start > 0:
        ctypes.memmove(start, shown.ljust(end - start, b"\0"), end - start)


def leave_nothing_of_the_machine(output: Sequence[int], *, dies_with_machine: bool, keep: int = -1) -> None:
    """New session, default signals, the machine's descriptors closed; `output` are to be 0, 1 and 2, `keep` stays."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for each in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python's own start does
    if dies_with_machine and _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    copies = [os.dup2(number, HIGHEST + place) for place, number in enumerate(output)]
    if keep < 0:
        os.closerange(FIRST_FREE, HIGHEST)
    else:
        os.closerange(FIRST_FREE, keep)
        os.closerange(keep + 1, HIGHEST)
    for place, number in enumerate(copies):
        os.dup2(number, place)
        os.close(number)
    sys.stdin = _text(0, "r")
    sys.stdout = _text(1, "w")
    sys.stderr = _text(2, "w", "backslashreplace", always=True)
    collecting.seldom()


def _text(number: int, mode: str, errors: str = "surrogateescape", *, always: bool = False) -> io.TextIOWrapper:
    """A standard stream as Python opens it: by lines on a terminal, standard error always."""
    raw = io.FileIO(number, mode, closefd=False)
    interactive = raw.isatty()
    buffered = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    return io.TextIOWrapper(
        buffered, encoding="utf-8", errors=errors, line_buffering=mode == "w" and (interactive or always)
    )


def dress(environment: Mapping[str, str], directory: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    try:
        os.chdir(directory)
    except OSError:
        os.chdir("/")
    if "TZ" in environment:
        import time

        time.tzset()


def run_module(module: str, argv: Sequence[str]) -> NoReturn:
    """`python -m module argv[1:]`, in this process; ends it. A command that could have been sent to a machine has an
    `in_place` beside its `main`: this is the place."""
    sys.argv = list(argv)
    name_process(argv[0].rpartition("/")[2] if argv else module.rpartition(".")[2], argv)
    code: object = 0
    try:
        program = importlib.import_module(f"{module}.__main__")
        code = getattr(program, "in_place", program.main)()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    finish(code)


def finish(code: object) -> NoReturn:
    """End as `sys.exit(code)` would, without tearing the interpreter down."""
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 120
    os._exit(code & 0xFF if isinstance(code, int) else 0)
