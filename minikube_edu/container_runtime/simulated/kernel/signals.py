"""Signals: their numbers, and what each does to a process that has said nothing about it."""

from __future__ import annotations

# fmt: off
NAMES = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
    "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
    "WINCH", "POLL", "PWR", "SYS",
]
# fmt: on
NUMBERS = {f"SIG{name}": number for number, name in enumerate(NAMES, start=1)}

SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGPIPE, SIGTERM = 1, 2, 3, 9, 13, 15
SIGSEGV, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH = 11, 17, 18, 19, 20, 21, 22, 28
LAST = 64

STOPPING = frozenset({SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU})
HARMLESS = frozenset({SIGCHLD, SIGCONT, 23, SIGWINCH})  # ignored by default


def number_of(name: str) -> int:
    """Of TERM, SIGTERM, 15, SIGRTMIN+3; ValueError when there is none."""
    text = name.upper()
    if text.isdigit():
        return int(text)
    text = text if text.startswith("SIG") else f"SIG{text}"
    if text.startswith("SIGRTMIN"):
        return 34 + int(text[8:] or 0)
    if text.startswith("SIGRTMAX"):
        return 64 + int(text[8:] or 0)
    if text not in NUMBERS:
        raise ValueError(name)
    return NUMBERS[text]
