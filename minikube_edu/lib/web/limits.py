"""What one client may cost the HTTP server: sizes in bytes, times in seconds.

The times are those of the real API server (32 s for a head, 90 s between requests); the body's size is its limit of a
request, 3 MiB.
"""

from __future__ import annotations

from msgspec import Struct


class Limits(Struct, frozen=True):
    head: int = 1 << 20  # request line and headers together; above it: 431
    headers: int = 512  # how many header lines; above it: 431
    body: int = 3 << 20  # above it the handler gets the request with too_large set and no body
    handshake_seconds: float = 10.0  # TLS
    head_seconds: float = 32.0  # from a head's first byte to its last
    body_seconds: float = 60.0  # from a head's last byte to the body's
    idle_seconds: float = 90.0  # between two requests of one connection
    write_seconds: float = 60.0  # a client that takes nothing of a whole answer for so long is cut
    linger_seconds: float = 2.0  # how long the rest of a refused body is read and thrown away before the cut
