"""SPDY/3.1 frames: bytes to frames and back, with the compressed header blocks.

Draft 3.1 of the SPDY protocol; the predecessor of HTTP/2, which Kubernetes keeps for exec and port-forward. A header
block is compressed with one zlib stream per direction for the life of the connection, primed with a dictionary that
both ends know; therefore blocks must be read in order, even those of streams that nobody wants.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from msgspec import Struct, field

VERSION = 3
SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
FIN, UNIDIRECTIONAL = 1, 2
# Why a stream is reset
PROTOCOL_ERROR, INVALID_STREAM, REFUSED_STREAM, UNSUPPORTED_VERSION, CANCEL, INTERNAL_ERROR = 1, 2, 3, 4, 5, 6
STREAM_IN_USE, STREAM_ALREADY_CLOSED = 8, 9
BLOCK_LIMIT = 1 << 20  # bytes of one header block, unpacked

_NAMES = """
options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges
age allow authorization cache-control connection content-base content-encoding content-language
content-length content-location content-md5 content-range content-type date etag expect expires from host
if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards
pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer
transfer-encoding upgrade user-agent vary via warning www-authenticate method get status
"""
_REST = (
    b"100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    b"203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    b"404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    b"Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    b"chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    b"publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = (
    b"".join(
        struct.pack("!I", len(name)) + name.encode()
        for name in [
            *_NAMES.split(),
            "200 OK",
            "version",
            "HTTP/1.1",
            "url",
            "public",
            "set-cookie",
            "keep-alive",
            "origin",
        ]
    )
    + _REST
)


class Malformed(ValueError):
    """These bytes are no SPDY/3.1."""


class Frame(Struct):
    """A control frame (`kind` is its type), or data (`kind` 0)."""

    kind: int
    stream: int = 0  # PING: its id; GOAWAY: the last good stream
    flags: int = 0
    data: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 0  # RST_STREAM and GOAWAY: why; WINDOW_UPDATE: by how much
    settings: dict[int, int] = field(default_factory=dict)


class Writer:
    """Makes the bytes of frames; one for each connection."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(9, zlib.DEFLATED, 11, 1, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)

    def data(self, stream: int, data: bytes, flags: int = 0) -> bytes:
        return struct.pack("!II", stream, flags << 24 | len(data)) + data

    def syn_stream(self, stream: int, headers: Mapping[str, str], flags: int = 0) -> bytes:
        return _control(SYN_STREAM, flags, struct.pack("!IIBB", stream, 0, 0, 0) + self._block(headers))

    def syn_reply(self, stream: int, headers: Mapping[str, str], flags: int = 0) -> bytes:
        return _control(SYN_REPLY, flags, struct.pack("!I", stream) + self._block(headers))

    def headers(self, stream: int, headers: Mapping[str, str], flags: int = 0) -> bytes:
        return _control(HEADERS, flags, struct.pack("!I", stream) + self._block(headers))

    def rst_stream(self, stream: int, status: int) -> bytes:
        return _control(RST_STREAM, 0, struct.pack("!II", stream, status))

    def settings(self, values: Mapping[int, int]) -> bytes:
        pairs = b"".join(struct.pack("!II", key & 0xFFFFFF, value) for key, value in values.items())
        return _control(SETTINGS, 0, struct.pack("!I", len(values)) + pairs)

    def ping(self, number: int) -> bytes:
        return _control(PING, 0, struct.pack("!I", number))

    def goaway(self, last: int, status: int = 0) -> bytes:
        return _control(GOAWAY, 0, struct.pack("!II", last, status))

    def window_update(self, stream: int, delta: int) -> bytes:
        return _control(WINDOW_UPDATE, 0, struct.pack("!II", stream, delta))

    def _block(self, headers: Mapping[str, str]) -> bytes:
        parts = [struct.pack("!I", len(headers))]
        for name, value in headers.items():
            for text in (name.lower().encode(), value.encode()):
                parts += (struct.pack("!I", len(text)), text)
        return self._packer.compress(b"".join(parts)) + self._packer.flush(zlib.Z_SYNC_FLUSH)


def _control(kind: int, flags: int, payload: bytes) -> bytes:
    return struct.pack("!HHI", 0x8000 | VERSION, kind, flags << 24 | len(payload)) + payload


class Reader:
    """Takes frames out of a stream of bytes; one for each connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._unpacker = zlib.decompressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are whole now."""
        buffer = self._buffer
        buffer += data
        frames = []
        at = 0
        while len(buffer) - at >= 8:
            first, second = struct.unpack_from("!II", buffer, at)
            size = second & 0xFFFFFF
            if first & 0x80000000 and size > BLOCK_LIMIT:
                raise Malformed("a control frame is too long")
            end = at + 8 + size
            if len(buffer) < end:
                break
            payload = bytes(buffer[at + 8 : end])
            at = end
            if first & 0x80000000:
                if first >> 16 & 0x7FFF != VERSION:
                    raise Malformed(f"SPDY version {first >> 16 & 0x7FFF}")
                frame = self._control(first & 0xFFFF, second >> 24, payload)
                if frame is not None:
                    frames.append(frame)
            else:
                frames.append(Frame(0, first, second >> 24, payload))
        del buffer[:at]
        return frames

    def _control(self, kind: int, flags: int, payload: bytes) -> Frame | None:
        try:
            if kind == SYN_STREAM:
                stream, _, _, _ = struct.unpack_from("!IIBB", payload)
                return Frame(kind, stream & 0x7FFFFFFF, flags, headers=self._block(payload[10:]))
            if kind in (SYN_REPLY, HEADERS):
                (stream,) = struct.unpack_from("!I", payload)
                return Frame(kind, stream & 0x7FFFFFFF, flags, headers=self._block(payload[4:]))
            if kind in (RST_STREAM, WINDOW_UPDATE, GOAWAY):
                stream, status = struct.unpack("!II", payload)
                return Frame(kind, stream & 0x7FFFFFFF, flags, status=status)
            if kind == PING:
                (number,) = struct.unpack("!I", payload)
                return Frame(kind, number, flags)
            if kind == SETTINGS:
                (count,) = struct.unpack_from("!I", payload)
                pairs = struct.iter_unpack("!II", payload[4 : 4 + 8 * count])
                return Frame(kind, 0, flags, settings={key & 0xFFFFFF: value for key, value in pairs})
        except struct.error as error:
            raise Malformed(f"a frame of type {kind} has a wrong length") from error
        return None  # unknown types are to be ignored

    def _block(self, packed: bytes) -> dict[str, str]:
        try:
            block = self._unpacker.decompress(packed, BLOCK_LIMIT)
        except zlib.error as error:
            raise Malformed("a header block that cannot be unpacked") from error
        if self._unpacker.unconsumed_tail:
            raise Malformed("a header block is too long")
        (count,) = struct.unpack_from("!I", block)
        headers: dict[str, str] = {}
        at = 4
        for _ in range(count):
            name, at = _text(block, at)
            value, at = _text(block, at)
            headers[name.lower()] = value.replace("\0", ", ")  # several values stand in one, between zero bytes
        return headers


def _text(block: bytes, at: int) -> tuple[str, int]:
    (size,) = struct.unpack_from("!I", block, at)
    end = at + 4 + size
    if end > len(block):
        raise Malformed("a header is longer than its block")
    return block[at + 4 : end].decode("latin-1"), end
