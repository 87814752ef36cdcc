"""Backslash sequences of $'..', echo and printf, and how a value is quoted so that a shell reads it back."""

from __future__ import annotations

import re

_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+\Z")
_ANSI = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|U[0-9A-Fa-f]{1,8}|[0-7]{1,3}|c.|.)", re.DOTALL)


def octets(values: list[int]) -> str:
    return bytes(values).decode("utf-8", "surrogateescape")


def join_octets(text: str) -> str:
    """Bytes that were written one by one become the character that they make together."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def _character(number: int) -> str:
    if number < 0x80:
        return chr(number)
    return bytes([number & 0xFF]).decode("utf-8", "surrogateescape")


def _code_point(number: int) -> str:
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else ""


def ansi_c(text: str) -> str:
    """The inside of $'..'."""

    def replaced(found: re.Match[str]) -> str:
        sequence = found[1]
        first = sequence[0]
        if first in "uU" and len(sequence) > 1:
            return _code_point(int(sequence[1:], 16))
        if first == "x" and len(sequence) > 1:
            return _character(int(sequence[1:], 16))
        if first in "01234567":
            return _character(int(sequence, 8) & 0xFF)
        if first == "c" and len(sequence) > 1:
            return chr(ord(sequence[1].upper()) & 0x1F)
        if first in "eE":
            return "\x1b"
        if first in "'\"?":
            return first
        return _SIMPLE.get(first, "\\" + sequence)

    return join_octets(_ANSI.sub(replaced, text).split("\0")[0])


_ECHO = re.compile(
    r"\\(x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|U[0-9A-Fa-f]{1,8}|0[0-7]{0,3}|[1-7][0-7]{0,2}|.)", re.DOTALL
)


def escapes(text: str, zero_octal: bool = True, bash: bool = True, hexadecimal: bool = True) -> tuple[str, bool]:
    """echo -e, and printf's %b (`zero_octal`: \\0nnn, else \\nnn). True: \\c was met, nothing more is to be written."""
    if "\\" not in text:
        return text, False
    out: list[str] = []
    position = 0
    for found in _ECHO.finditer(text):
        if found.start() < position:
            continue
        out.append(text[position : found.start()])
        position = found.end()
        sequence = found[1]
        first = sequence[0]
        if first == "c":
            return join_octets("".join(out)), True
        if first == "0" and zero_octal:
            out.append(_character(int(sequence, 8) & 0xFF))
        elif first in "01234567":
            if zero_octal and bash:
                out.append(found[0])
            else:
                out.append(_character(int(sequence[:3], 8) & 0xFF))
                position = found.start() + 1 + len(sequence[:3])
        elif first in "xuU" and len(sequence) > 1 and hexadecimal:
            number = int(sequence[1:], 16)
            out.append(_character(number) if first == "x" else _code_point(number))
        elif (first == "e" and hexadecimal) or (first == "E" and bash):
            out.append("\x1b")
        else:
            out.append(_SIMPLE.get(first, found[0]))
    out.append(text[position:])
    return join_octets("".join(out)), False


def single_quoted(text: str) -> str:
    """'it'\\''s': always in quotes."""
    return "'" + text.replace("'", "'\\''") + "'"


def dash_quoted(text: str) -> str:
    """As dash and busybox list values: an apostrophe goes into double quotes."""
    if "'" not in text:
        return f"'{text}'"
    pieces = re.split(r"('+)", text)
    return "".join(f'"{piece}"' if piece.startswith("'") else f"'{piece}'" for piece in pieces if piece)


def shell_quoted(text: str) -> str:
    """bash's printf %q: backslashes where needed, $'..' for control characters."""
    if not text:
        return "''"
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        return ansi_quoted(text)
    return (
        re.sub(r"([^A-Za-z0-9_@%+=:./\-\x80-\U0010ffff])", r"\\\1", text)
        if text[0] not in "~#"
        else ("\\" + re.sub(r"([^A-Za-z0-9_@%+=:./\-~#\x80-\U0010ffff])", r"\\\1", text))
    )


_BACK = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v", "\x1b": "\\E"}


def ansi_quoted(text: str) -> str:
    out = []
    for character in text:
        if character in _BACK:
            out.append(_BACK[character])
        elif character in "'\\":
            out.append("\\" + character)
        elif ord(character) < 32 or ord(character) == 127:
            out.append(f"\\{ord(character):03o}")
        else:
            out.append(character)
    return "$'" + "".join(out) + "'"


def declared(text: str) -> str:
    """A value as bash's declare -p shows it: in double quotes, or as $'..'."""
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        return ansi_quoted(text)
    return '"' + re.sub(r'([$`"\\])', r"\\\1", text) + '"'


def listed(text: str) -> str:
    """A value as bash's `set` shows it: bare if it can be."""
    if not text:
        return ""
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        return ansi_quoted(text)
    return text if _SAFE.match(text) else single_quoted(text)


def traced(text: str) -> str:
    """A word of set -x in bash."""
    if not text:
        return "''"
    return listed(text)
