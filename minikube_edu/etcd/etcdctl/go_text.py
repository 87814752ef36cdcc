"""How Go writes and reads quoted texts, durations and sizes: etcdctl's output and its transactions are full of them."""

from __future__ import annotations

import json
import math
import re

_ESCAPES = {7: r"\a", 8: r"\b", 12: r"\f", 10: r"\n", 13: r"\r", 9: r"\t", 11: r"\v", 92: r"\\", 34: r"\""}
_ESCAPED = re.compile(rb"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|[abfnrtv\\'\"])")
_BACK = {b"a": 7, b"b": 8, b"f": 12, b"n": 10, b"r": 13, b"t": 9, b"v": 11, b"\\": 92, b"'": 39, b'"': 34}
WORDS = re.compile(rb'"(?:[^"\\]|\\.)*"|' + rb"'[^']*'|[^'\"\s]\S*")


def quote(data: bytes) -> str:
    """%q"""
    written = []
    for character in data.decode("utf-8", "surrogateescape"):
        code = ord(character)
        if code in _ESCAPES:
            written.append(_ESCAPES[code])
        elif 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
            written.append(f"\\x{code - 0xDC00:02x}")
        elif code == 32 or (character.isprintable() and not character.isspace()):
            written.append(character)
        elif code < 128:
            written.append(f"\\x{code:02x}")
        else:
            written.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return f'"{"".join(written)}"'


def unquote(quoted: bytes) -> bytes:
    """A Go string literal, in double quotes or backquotes; ValueError when it is none."""
    if len(quoted) < 2 or quoted[:1] != quoted[-1:] or quoted[:1] not in (b'"', b"`"):
        raise ValueError("invalid syntax")
    inside = quoted[1:-1]
    if quoted[:1] == b"`":
        return inside
    if b"\\" in _ESCAPED.sub(b"", inside):
        raise ValueError("invalid syntax")
    return _ESCAPED.sub(_unescape, inside)


def _unescape(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if code in _BACK:
        return bytes((_BACK[code],))
    if code[:1] in (b"u", b"U"):
        return chr(int(code[1:], 16)).encode()
    return bytes((int(code[1:], 16) if code[:1] == b"x" else int(code, 8) & 255,))


def words(line: bytes) -> list[bytes]:
    """A line of a transaction, split as a shell would: quotes of both sorts."""
    found = []
    for word in WORDS.findall(line):
        if word[:1] == b"'":
            found.append(word[1:-1])
        else:
            found.append(unquote(word) if word[:1] == b'"' else word)
    return found


def span(seconds: float) -> str:
    """A duration: 1.5ms, 2.25s, 1m3s."""
    if seconds >= 60:
        minutes, rest = divmod(seconds, 60)
        hours, minutes = divmod(int(minutes), 60)
        return f"{f'{hours}h' if hours else ''}{minutes}m{_number(rest, 9)}s"
    for unit, size, digits in (("s", 1.0, 9), ("ms", 1e-3, 6), ("µs", 1e-6, 3)):
        if seconds >= size:
            return _number(seconds / size, digits) + unit
    return f"{round(seconds * 1e9)}ns" if seconds > 0 else "0s"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def size(count: int) -> str:
    """Bytes for people: 16 kB, 1.5 MB."""
    if count < 10:
        return f"{count} B"
    step = min(int(math.log(count, 1000)), 6)
    value = math.floor(count / 1000**step * 10 + 0.5) / 10
    return f"{value:.{0 if value >= 10 else 1}f} {('B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB')[step]}"


def encode(value: object) -> bytes:
    """JSON as Go writes it: compact, with the three characters of HTML escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "surrogateescape")
