"""The head of an answer, from prebuilt parts.

Status line, Date and Content-Type are the same for thousands of answers in one second: they are joined once a second
for each pair of status and content type.
"""

from __future__ import annotations

import time
from http import HTTPStatus

from minikube_edu.lib import clock
from minikube_edu.lib.web.messages import Headers

REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
# http.HTTPStatus follows the newest RFC in some Python versions; clients know these under Go's names.
REASONS |= {413: b"Request Entity Too Large", 416: b"Requested Range Not Satisfiable", 418: b"I'm a teapot"}
REASONS[422] = b"Unprocessable Entity"
STATUS_LINES = {status: b"HTTP/1.1 %d %b\r\n" % (status, reason) for status, reason in REASONS.items()}
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
BODILESS = frozenset({204, 304, *range(100, 200)})

_second = -1
_starts: dict[tuple[int, bytes], bytes] = {}


def start(status: int, content_type: bytes) -> bytes:
    """Status line, Date and Content-Type, each with its line end."""
    global _second
    second = int(clock.now())
    if second != _second:
        _second = second
        _starts.clear()
    head = _starts.get((status, content_type))
    if head is None:
        line = STATUS_LINES.get(status) or b"HTTP/1.1 %d status code %d\r\n" % (status, status)
        date = http_date(second)
        head = b"%bDate: %b\r\n" % (line, date)
        if content_type:
            head += b"Content-Type: %b\r\n" % content_type
        if len(_starts) < 256:  # content types may come from anywhere
            _starts[status, content_type] = head
    return head


def http_date(seconds: int) -> bytes:
    """`Fri, 02 Jan 2026 03:04:05 GMT`, whatever the locale."""
    year, month, day, hour, minute, second, weekday, _, _ = time.gmtime(seconds)
    text = f"{DAYS[weekday]}, {day:02} {MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"
    return text.encode()


def lines(headers: Headers) -> bytes:
    return b"".join([b"%b: %b\r\n" % pair for pair in headers])
