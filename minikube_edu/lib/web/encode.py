"""Compression of answers: when it pays, and gzip over a body in pieces.

The real API server compresses answers above 128 KiB at level 1, for every client that accepts it. This one spares
clients on the same machine: there the wire is free and the CPU is not.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from minikube_edu.lib.web.messages import Request, Response

THRESHOLD = 128 * 1024


def is_local(address: str) -> bool:
    """True for a peer on this machine: loopback, a Unix socket, an in-process call."""
    return not address or address.startswith(("127.", "[::1]", "::1", "::ffff:127.", "[::ffff:127."))


def accepts_gzip(request: Request) -> bool:
    accepted = request.header(b"accept-encoding")
    if accepted is None or b"gzip" not in accepted:
        return False
    for item in accepted.split(b","):
        coding, _, parameter = item.partition(b";")
        if coding.strip() == b"gzip":
            return parameter.replace(b" ", b"").rstrip(b"0.") != b"q="
    return False


def gzip_worthy(request: Request, response: Response, size: int) -> bool:
    if size <= THRESHOLD or is_local(request.peer.address) or not accepts_gzip(request):
        return False
    return all(name.lower() != b"content-encoding" for name, _ in response.headers)


def gzip(pieces: Sequence[bytes]) -> bytes:
    """One gzip member with all pieces. No name and no time in it: the same body gives the same bytes."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = [packer.compress(piece) for piece in pieces]
    packed.append(packer.flush())
    return b"".join(packed)
