"""-o kyaml: YAML in braces, its text quoted, a comma behind everything; never mistaken for something else.

Text of several lines is quoted line by line (YAML drops the line ends that a backslash hides), so that it reads as
lines.
"""

from __future__ import annotations

import re
from typing import Any

from minikube_edu.api.wire.yaml_scalars import BASE60, resolve
from minikube_edu.lib.govalue import show

_BARE_KEY = re.compile(r"\w(?:[\w./-]*\w)?\Z")
_SHORT = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t",
    "\v": "\\v", "\0": "\\0", "\x1b": "\\e", "\x85": "\\N", "\xa0": "\\_", "\u2028": "\\L", "\u2029": "\\P",
}  # fmt: skip


def encode(value: Any) -> str:
    out: list[str] = ["---\n"]
    _emit(value, "", out)
    out.append("\n")
    return "".join(out)


def _emit(value: Any, pad: str, out: list[str]) -> None:
    inner = pad + "  "
    if isinstance(value, str):
        out.append(_text(value, inner))
    elif isinstance(value, dict) and value:
        out.append("{\n")
        for key in sorted(value):
            out.append(f"{inner}{_key(key)}: ")
            _emit(value[key], inner, out)
            out.append(",\n")
        out.append(pad + "}")
    elif isinstance(value, list) and value:
        _list(value, pad, out)
    else:
        out.append("{}" if value == {} else "[]" if value == [] else "null" if value is None else show(value))


def _list(value: list[Any], pad: str, out: list[str]) -> None:
    """Maps and lists hug their brackets; scalars stand one a line."""
    inner = pad + "  "
    if all(isinstance(item, dict | list) for item in value):
        out.append("[")
        for index, item in enumerate(value):
            out.append(", " if index else "")
            _emit(item, pad, out)
        out.append("]")
        return
    out.append("[\n")
    for item in value:
        out.append(inner)
        _emit(item, inner, out)
        out.append(",\n")
    out.append(pad + "]")


def _key(key: str) -> str:
    bare = _BARE_KEY.match(key) and isinstance(resolve(key), str) and not BASE60.match(key)
    return key if bare else f'"{_quoted(key)}"'


def _text(text: str, pad: str) -> str:
    if "\n" not in text:
        return f'"{_quoted(text)}"'
    *whole, rest = text.split("\n")
    lines = [pad + _margin(line) + _quoted(line) + "\\n\\\n" for line in whole]
    if rest:
        lines.append(pad + _margin(rest) + _quoted(rest) + "\\\n")
    return '"\\\n' + "".join(lines) + pad + '"'


def _margin(line: str) -> str:
    """YAML drops a line's leading blanks, unless they are escaped."""
    return "\\" if line[:1].isspace() else " "


def _quoted(text: str) -> str:
    return "".join(_SHORT.get(char) or (char if char.isprintable() else _hex(char)) for char in text)


def _hex(char: str) -> str:
    point = ord(char)
    if point < 0x80:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
