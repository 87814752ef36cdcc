"""Lines of the log: `W1121 04:02:30.531980    6794 constants.go:631] Using dry-run directory …`.

The file and line name the place in the real program, where a reader can look it up.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TextIO

from minikube_edu.lib import clock


def warning(err: TextIO, place: str, text: str) -> None:
    _line(err, "W", place, text)


def info(err: TextIO, place: str, text: str) -> None:
    _line(err, "I", place, text)


def _line(err: TextIO, level: str, place: str, text: str) -> None:
    moment = datetime.fromtimestamp(clock.now(), UTC)
    err.write(f"{level}{moment:%m%d %H:%M:%S.%f} {os.getpid():7d} {place}] {text}\n")
