"""HPACK (RFC 7541), as far as a health check needs it: sends literals, reads everything, understands what it needs.

Of the static table only `:status` has a meaning here; other indexed names come out empty. The Huffman code is
canonical: the symbols of each length, in order, are all there is to know about it. Bytes outside of ASCII come out as
"?".
"""

from __future__ import annotations

from collections.abc import Iterable

_STATIC_STATUS = {8: "200", 9: "204", 10: "206", 11: "304", 12: "400", 13: "404", 14: "500"}
_STATIC_SIZE = 61
_BY_LENGTH = {
    5: "012aceiost", 6: " %-./3456789=A_bdfghlmnpru", 7: ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz", 8: "&*,;XZ",
    10: '!"()?', 11: "'+|", 12: "#>", 13: "\0$@[]~", 14: "^}", 15: "<`{", 19: "\\",
}  # fmt: skip
_LONGEST = 30

Pair = tuple[str, str]


def _codes() -> dict[tuple[int, int], str]:
    """(length, bits) -> symbol"""
    found, code, before = {}, 0, 0
    for length, symbols in _BY_LENGTH.items():
        code <<= length - before
        before = length
        for symbol in symbols:
            found[length, code] = symbol
            code += 1
    return found


_SYMBOLS = _codes()


def encode(headers: Iterable[Pair]) -> bytes:
    """Literals that nobody need remember, without Huffman."""
    made = bytearray()
    for name, value in headers:
        made.append(0)
        for text in (name.encode(), value.encode()):
            made += _integer(len(text), 7) + text
    return bytes(made)


def _integer(value: int, prefix: int) -> bytes:
    most = (1 << prefix) - 1
    if value < most:
        return bytes((value,))
    made, value = bytearray((most,)), value - most
    while value >= 128:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*made, value))


def huffman(data: bytes) -> str:
    found, bits, length = [], 0, 0
    for byte in data:
        for shift in range(7, -1, -1):
            bits, length = bits << 1 | (byte >> shift & 1), length + 1
            symbol = _SYMBOLS.get((length, bits))
            if symbol is not None:
                found.append(symbol)
                bits = length = 0
            elif length >= _LONGEST:
                found.append("?")
                bits = length = 0
    return "".join(found)


class Decoder:
    """Of one connection: header blocks refer to earlier ones."""

    def __init__(self) -> None:
        self._dynamic: list[Pair] = []  # the newest first
        self._data, self._at = b"", 0

    def decode(self, block: bytes) -> list[Pair]:
        """ConnectionError when it is no header block."""
        self._data, self._at = block, 0
        found = []
        try:
            while self._at < len(block):
                first = block[self._at]
                if first & 0x80:
                    found.append(self._indexed(self._number(7)))
                elif first & 0xE0 == 0x20:
                    self._number(5)  # another size of the table; ours never shrinks
                else:
                    remembered = first & 0x40
                    index = self._number(6 if remembered else 4)
                    name = self._indexed(index)[0] if index else self._text()
                    pair = (name, self._text())
                    if remembered:
                        self._dynamic.insert(0, pair)
                    found.append(pair)
        except IndexError:
            raise ConnectionError("connection error: COMPRESSION_ERROR") from None
        return found

    def _indexed(self, index: int) -> Pair:
        if index <= _STATIC_SIZE:
            return (":status", _STATIC_STATUS[index]) if index in _STATIC_STATUS else ("", "")
        return self._dynamic[index - _STATIC_SIZE - 1]

    def _number(self, prefix: int) -> int:
        most = (1 << prefix) - 1
        value = self._data[self._at] & most
        self._at += 1
        shift = 0
        while value >= most:
            byte = self._data[self._at]
            self._at += 1
            value += (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        return value

    def _text(self) -> str:
        coded = self._data[self._at] & 0x80
        size = self._number(7)
        data = self._data[self._at : self._at + size]
        self._at += size
        return huffman(data) if coded else data.decode("latin-1")
