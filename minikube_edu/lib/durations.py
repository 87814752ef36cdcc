"""Durations as Go writes them: `300ms`, `1h0m0s`, `-1.5h`.

A duration is a whole number of nanoseconds. Errors are ValueErrors with Go's text.
"""

from __future__ import annotations

NANOSECOND = 1
MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

_UNITS = {
    "ns": NANOSECOND,
    "us": MICROSECOND,
    "µs": MICROSECOND,  # the micro sign
    "μs": MICROSECOND,  # the Greek letter
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
}
_LIMIT = 1 << 63
_DIGITS = frozenset("0123456789")


def parse(text: str) -> int:
    """Nanoseconds."""
    rest, negative = text, False
    if rest[:1] in ("-", "+"):
        negative, rest = rest[0] == "-", rest[1:]
    if rest == "0":
        return 0
    if not rest:
        raise _invalid(text)
    total = 0
    while rest:
        whole, rest = _digits(rest)
        fraction = ""
        if rest.startswith("."):
            fraction, rest = _digits(rest[1:])
        if not whole and not fraction:
            raise _invalid(text)
        name, rest = _unit(rest)
        if not name:
            raise ValueError(f"time: missing unit in duration {_quote(text)}")
        if name not in _UNITS:
            raise ValueError(f"time: unknown unit {_quote(name)} in duration {_quote(text)}")
        total += int(whole or "0") * _UNITS[name] + _part(fraction, _UNITS[name])
        if total > _LIMIT:
            raise _invalid(text)
    if not negative and total == _LIMIT:
        raise _invalid(text)
    return -total if negative else total


def seconds(text: str) -> float:
    return parse(text) / SECOND


def format(nanoseconds: int) -> str:
    """The shortest exact form; whole seconds and more are written `1h2m3s`, less in one unit: `1.5ms`."""
    if nanoseconds == 0:
        return "0s"
    sign, size = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if size < MICROSECOND:
        return f"{sign}{size}ns"
    if size < MILLISECOND:
        return f"{sign}{_decimal(size, MICROSECOND)}µs"
    if size < SECOND:
        return f"{sign}{_decimal(size, MILLISECOND)}ms"
    minutes, rest = divmod(size, MINUTE)
    hours, minutes = divmod(minutes, 60)
    out = f"{_decimal(rest, SECOND)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{out}"
    return f"{sign}{minutes}m{out}" if minutes else sign + out


def from_seconds(value: float) -> str:
    return format(round(value * SECOND))


def _decimal(size: int, unit: int) -> str:
    whole, rest = divmod(size, unit)
    if not rest:
        return str(whole)
    return f"{whole}.{str(rest).rjust(len(str(unit)) - 1, '0').rstrip('0')}"


def _digits(text: str) -> tuple[str, str]:
    at = 0
    while at < len(text) and text[at] in _DIGITS:
        at += 1
    return text[:at], text[at:]


def _unit(text: str) -> tuple[str, str]:
    at = 0
    while at < len(text) and text[at] != "." and text[at] not in _DIGITS:
        at += 1
    return text[:at], text[at:]


def _part(fraction: str, unit: int) -> int:
    """`.5` of a unit; Go drops the digits that do not fit 63 bits and rounds down through a float, and so do we."""
    number, scale = 0, 1.0
    for digit in fraction:
        if number > (_LIMIT - 1) // 10 or number * 10 + int(digit) > _LIMIT:
            break
        number = number * 10 + int(digit)
        scale *= 10
    return int(number * (unit / scale))


def _invalid(text: str) -> ValueError:
    return ValueError(f"time: invalid duration {_quote(text)}")


def _quote(text: str) -> str:
    """The time package's own quoting: everything outside printable ASCII as hexadecimal bytes."""
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif " " <= char <= "~":
            out.append(char)
        else:
            out += [f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogatepass")]
    return '"' + "".join(out) + '"'
