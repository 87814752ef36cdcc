"""Writing YAML as the real server prints it: goyaml's emitter, for what JSON can hold.

Keys stand in natural order, lists are not indented below their key, no line is folded unless a width is given (the
server folds none, kubectl does), and text is quoted exactly where goyaml quotes it: asked for a style by what the text
would mean unquoted, it falls back to one that can carry the characters.
"""

from __future__ import annotations

import re
from functools import cache, cmp_to_key, lru_cache
from typing import Any

from minikube_edu.api.wire.yaml_scalars import BASE60, TIMESTAMP, WORDS, go_float, resolve


def encode(value: Any, width: int = 0) -> bytes:
    """`value`, in JSON form, as the server prints it; with a `width`, text beyond that column goes on in a new line."""
    out: list[str] = []
    _emit(value, 0, out, "", width)
    return "".join(out).encode()


def _emit(value: Any, indent: int, out: list[str], lead: str, width: int) -> None:
    """Write a value at a column; `lead` is what stands before its first key or item (after a dash: nothing)."""
    if value.__class__ is dict:
        if not value:
            out.append("{}\n")
            return
        pad = " " * indent
        for key in sorted(value, key=_natural) if len(value) > 1 else value:
            item = value[key]
            simple, name = _key_form(key)
            out.append(f"{lead}{name}:" if simple else f"{lead}? {name}\n{pad}:")
            lead = pad
            _emit_value(item, indent, out, width)
    elif value.__class__ is list:
        if not value:
            out.append("[]\n")
            return
        for item in value:
            out.append(lead + "-")
            lead = " " * indent
            if item and item.__class__ in (dict, list):
                out.append(" ")
                _emit(item, indent + 2, out, "", width)
            else:
                _emit_value(item, indent, out, width)
    else:
        text = _scalar(value, max(indent, 2) - 2)
        out.append((_folded(text, 0, indent + 2, width) if width else text) + "\n")


def _emit_value(item: Any, indent: int, out: list[str], width: int) -> None:
    """What follows a colon or a dash."""
    if item and item.__class__ is dict:
        out.append("\n")
        _emit(item, indent + 2, out, " " * (indent + 2), width)
    elif item and item.__class__ is list:
        out.append("\n")
        _emit(item, indent, out, " " * indent, width)  # a list is not indented below its key
    elif item.__class__ in (dict, list):
        out.append(" {}\n" if item.__class__ is dict else " []\n")
    else:
        text = _scalar(item, indent)
        if width and len(text) > width // 2 and text[0] != "|":
            text = _folded(text, _column(out) + 1, indent + 2, width)
        out.append(f" {text}" if text[0] in "|" and text[-1] == "\n" else f" {text}\n")


def _column(out: list[str]) -> int:
    """Where the line that is being written stands."""
    column = 0
    for piece in reversed(out):
        column += len(piece) - piece.rfind("\n") - 1
        if "\n" in piece:
            break
    return column


def _folded(text: str, column: int, indent: int, width: int) -> str:
    """A scalar of one line over several: broken at the first blank behind `width` that stands alone."""
    quoted = text[0] in "'\""
    out: list[str] = []
    after_blank = False
    for at, char in enumerate(text):
        if char != " ":
            after_blank = False
        elif column > width and not after_blank and (not quoted or 1 < at < len(text) - 2):
            blank_follows = text[at + 1 : at + 2] == " "
            if not blank_follows or text[0] == '"':
                out.append("\n" + " " * indent + ("\\" if blank_follows else ""))
                column, after_blank = indent + blank_follows, True
                continue
            after_blank = True
        else:
            after_blank = True
        out.append(char)
        column += 1
    return "".join(out)


def _scalar(value: Any, indent: int) -> str:
    if value.__class__ is str:
        return _text(value, indent)
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    return go_float(value) if value.__class__ is float else str(value)


_SAFE = re.compile(r"[A-Za-z/][A-Za-z0-9_./=+-]*\Z")
_FIRST = frozenset("#,[]{}&*!|>'\"%@`")
# The emitter takes what lies beyond 16 bits for unprintable. The two Unicode line breaks it would write raw between
# single quotes; nobody could read that back by eye, so they are escaped here.
_ASCII_UNPRINTABLE = re.compile("[\0-\t\x0b-\x1f\x7f]")
_UNPRINTABLE = "[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """The wide ranges take 6 ms: a process that writes ASCII alone does without."""
    return re.compile(pattern)


def _is_printable(text: str) -> bool:
    return not (_ASCII_UNPRINTABLE if text.isascii() else _compiled(_UNPRINTABLE)).search(text)


def _text(text: str, indent: int) -> str:
    """A string in the style that Go's encoder asks for and its emitter allows."""
    if _SAFE.match(text) and text not in WORDS:
        return text
    if "\n" in text:
        return _literal(text, indent + 2) if _block_allowed(text) else _double(text)
    if text == "" or resolve(text) is not text or TIMESTAMP.match(text) or BASE60.match(text):
        return _double(text)
    return _flat(text)


def _flat(text: str) -> str:
    """One line that is a string even without quotes: plain if the emitter can, else single, else double quotes."""
    if not _is_printable(text):
        return _double(text)
    quoted = text[0] == " " or text[-1] == " " or text[0] in _FIRST or text[:3] in ("---", "...")
    quoted = quoted or (text[0] in "?:-" and text[1:2] in ("", " ", "\t")) or ": " in text or text[-1] == ":"
    if quoted or " #" in text or ":\t" in text or "\t#" in text:
        return "'" + text.replace("'", "''") + "'"
    return text


def _block_allowed(text: str) -> bool:
    return _is_printable(text) and text[-1] != " " and " \n" not in text


def _literal(text: str, indent: int) -> str:
    hint = "2" if text[0] in " \n" else ""
    if text[-1] != "\n":
        chomp = "-"
    else:
        chomp = "+" if len(text) == 1 or text[-2] == "\n" else ""
    pad = " " * indent
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    body = "\n".join(pad + line if line else "" for line in lines)
    return f"|{hint}{chomp}\n{body}\n"


_ESCAPED = {
    "\0": "\\0", "\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r",
    "\x1b": "\\e", '"': '\\"', "\\": "\\\\", "\x85": "\\N", "\u2028": "\\L", "\u2029": "\\P",
}  # fmt: skip
_ASCII_TO_ESCAPE = re.compile(r'["\\\n]|' + _ASCII_UNPRINTABLE.pattern)
_TO_ESCAPE = r'["\\\n]|' + _UNPRINTABLE


def _double(text: str) -> str:
    return '"' + (_ASCII_TO_ESCAPE if text.isascii() else _compiled(_TO_ESCAPE)).sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char in _ESCAPED:
        return _ESCAPED[char]
    point = ord(char)
    if point <= 0xFF:
        return f"\\x{point:02X}"
    return f"\\u{point:04X}" if point <= 0xFFFF else f"\\U{point:08X}"


@lru_cache(maxsize=4096)
def _key_form(key: str) -> tuple[bool, str]:
    """A key is written in one line; one of more than 128 bytes gets a question mark."""
    if "\n" in key:
        text = _double(key)
    else:
        text = _text(key, 0)
    return len(key.encode(errors="replace")) <= 128 and "\n" not in key, text


@lru_cache(maxsize=4096)
def _natural(key: str) -> Any:
    return _Natural(key)


def _order(a: str, b: str) -> int:
    """goyaml's order of keys: letters after everything else, runs of digits by their number."""
    for index in range(min(len(a), len(b))):
        if a[index] != b[index]:
            return -1 if _less_at(a, b, index) else 1
    return len(a) - len(b)


def _less_at(a: str, b: str, index: int) -> bool:
    left, right = a[index].isalpha(), b[index].isalpha()
    if left and right:
        return a[index] < b[index]
    if left or right:
        return right
    base = 0
    if a[index] == "0" or b[index] == "0":
        before = index - 1
        while before >= 0 and a[before].isdigit():
            if a[before] != "0":
                base = 1
                break
            before -= 1
    (number_a, end_a), (number_b, end_b) = _run(a, index, base), _run(b, index, base)
    if number_a != number_b:
        return number_a < number_b
    return end_a < end_b if end_a != end_b else a[index] < b[index]


def _run(text: str, at: int, number: int) -> tuple[int, int]:
    while at < len(text) and text[at].isdigit():
        number = number * 10 + ord(text[at]) - 48
        at += 1
    return number, at


_Natural = cmp_to_key(_order)
