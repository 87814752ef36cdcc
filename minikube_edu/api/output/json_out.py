"""-o json: keys in order, four blanks, and Go's escapes of what HTML would take for markup."""

from __future__ import annotations

import re
from typing import Any

import orjson

_INDENT = re.compile(rb"^( +)", re.MULTILINE)


def encode(value: Any) -> str:
    """The value over several lines, without a line end behind it. orjson indents by two: each indentation is doubled
    (a string never holds a raw line end, so every line's blanks are indentation)."""
    raw = orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
    text = _INDENT.sub(rb"\1\1", raw).decode()
    return html_escaped(text)


def html_escaped(text: str) -> str:
    """JSON as Go writes it: safe inside of HTML and of JavaScript."""
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return text if text.isascii() else text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
