"""`--color`: states of objects in a table's colours, for eyes only. The real kubectl has none of it."""

from __future__ import annotations

import re
from typing import TextIO

GREEN, YELLOW, RED, PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
STATES = {
    GREEN: "Running Ready Active Bound Completed Complete Succeeded Available Approved,Issued",
    YELLOW: "Pending ContainerCreating PodInitializing Terminating Released Suspended SchedulingGated "
    "Ready,SchedulingDisabled Init:[0-9]+/[0-9]+",
    RED: "Error Failed Lost NotReady Unknown Evicted OOMKilled CrashLoopBackOff ImagePullBackOff ErrImagePull "
    "ErrImageNeverPull InvalidImageName CreateContainerConfigError CreateContainerError RunContainerError "
    "Init:Error Init:CrashLoopBackOff NotReady,SchedulingDisabled Denied",
}
_COLOUR_OF = [
    (colour, re.compile("|".join(f"(?:{word})" for word in words.split()))) for colour, words in STATES.items()
]
_CELL = re.compile(r"(?<=  )[A-Z][\w,:/]*(?=  |\s*$)", re.MULTILINE)


def painted(text: str) -> str:
    """Cells keep their widths: a terminal counts no colours."""

    def paint(found: re.Match[str]) -> str:
        colour = next((colour for colour, words in _COLOUR_OF if words.fullmatch(found[0])), "")
        return f"{colour}{found[0]}{PLAIN}" if colour else found[0]

    return _CELL.sub(paint, text)


class Painted:
    """An output that paints what is written to it."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        return self._out.write(painted(text))

    def flush(self) -> None:
        self._out.flush()

    def isatty(self) -> bool:
        return True
