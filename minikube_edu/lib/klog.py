"""Log lines as Kubernetes' programs write them: `I0102 15:04:05.678901   42 server.go:7] "Started" port=6443`."""

from __future__ import annotations

import logging
import os
import time

_LETTERS = {logging.DEBUG: "I", logging.INFO: "I", logging.WARNING: "W", logging.ERROR: "E", logging.CRITICAL: "F"}


class Formatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__()
        self._pid = os.getpid()

    def formatMessage(self, record: logging.LogRecord) -> str:
        moment = time.localtime(record.created)
        stamp = time.strftime("%m%d %H:%M:%S", moment)
        micro = int(record.created % 1 * 1_000_000)
        letter = _LETTERS.get(record.levelno, "I")
        return f"{letter}{stamp}.{micro:06d} {self._pid:>7} {record.filename}:{record.lineno}] {record.message}"


def keyed(message: str, **values: object) -> str:
    """A structured message: `"Started kubelet"`, `"RemoveContainer" containerID="5f"`."""
    return " ".join([quoted(message), *(f"{name}={quoted(value)}" for name, value in values.items())])


def quoted(value: object) -> str:
    """As Go's %q does it; numbers and booleans stand as they are."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{text}"'


def begin(level: int = logging.INFO) -> None:
    """This process logs to standard error, in this form."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
