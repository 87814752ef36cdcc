"""Durations in the API's fields are Go's: see `lib.durations`."""

from minikube_edu.lib.durations import (
    HOUR,
    MICROSECOND,
    MILLISECOND,
    MINUTE,
    NANOSECOND,
    SECOND,
    format,
    from_seconds,
    parse,
    seconds,
)

__all__ = [
    "HOUR",
    "MICROSECOND",
    "MILLISECOND",
    "MINUTE",
    "NANOSECOND",
    "SECOND",
    "format",
    "from_seconds",
    "parse",
    "seconds",
]
