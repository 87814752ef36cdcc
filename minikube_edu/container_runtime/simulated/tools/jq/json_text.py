"""JSON that is read and written in pieces, so that a big document holds nobody up.

Small texts are read at once, by Python's own parser. Depth has an end, as with the real one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from typing import Any

from msgspec import Struct, field

AT_ONCE = 100_000  # characters
STEP = 500  # tokens
DEEPEST = 10_000
BLANKS = re.compile(r"[ \t\r\n\x1e\ufeff]*")
TOKEN = re.compile(
    r'[ \t\r\n\x1e\ufeff]*(?:(?P<text>"(?:[^"\\\x00-\x1f]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)'
    r"|(?P<mark>[\[\]{},:])|(?P<word>true|false|null|nan|NaN))",
    re.DOTALL,
)
WORDS = {"true": True, "false": False, "null": None, "nan": float("nan"), "NaN": float("nan")}


def _float(text: str) -> float:
    """1.0 stays what it is, as a literal; 1e3 is 1000."""
    value = float(text)
    return int(value) if "e" in text.lower() and abs(value) < 1e17 and value == int(value) else value


DECODER = json.JSONDecoder(strict=False, parse_float=_float)
COLOURS = {"null": "1;30", "boolean": "0;39", "number": "0;39", "string": "0;32", "array": "1;39", "object": "1;39"}
FIELD = "34;1"


class BadText(ValueError):
    pass


class Reader:
    """The values of a text, one after the other."""

    def __init__(self, text: str) -> None:
        self.text, self.position = text, 0

    def fault(self, words: str, position: int) -> BadText:
        line = self.text.count("\n", 0, position) + 1
        column = position - self.text.rfind("\n", 0, position) - 1
        return BadText(f"{words} at line {line}, column {column}")

    def misread(self, position: int) -> BadText:
        """What the real one says when it has read the whole of the bad word."""
        rest = BLANKS.sub("", self.text[position:], count=1)
        if not rest or rest.startswith('"'):
            return self.fault("Unfinished JSON term at EOF", len(self.text))
        end = position + len(re.match(r"[\s\x1e]*[^\s\[\]{},:\"]*", self.text[position:])[0])  # type: ignore[index]
        return self.fault("Invalid literal", min(end + 1, len(self.text)))

    def more(self) -> bool:
        self.position = BLANKS.match(self.text, self.position).end()  # type: ignore[union-attr]  # matches always
        return self.position < len(self.text)

    def value(self) -> Generator[None, None, Any]:
        if len(self.text) - self.position <= AT_ONCE:
            try:
                found, self.position = DECODER.raw_decode(self.text, self.position)
            except ValueError as error:
                if self.text[self.position : self.position + 3].lower() == "nan":
                    self.position += 3
                    return float("nan")
                raise self.misread(getattr(error, "pos", self.position)) from None
            except RecursionError:
                raise self.fault("Exceeds depth limit for parsing", self.position) from None
            return found
        return (yield from self._long())

    def _long(self) -> Generator[None, None, Any]:
        stack: list[tuple[Any, str]] = []  # what is open, and the key it waits with
        count = 0
        state = "value"
        result: Any = None
        while True:
            count += 1
            if count % STEP == 0:
                yield
            found = TOKEN.match(self.text, self.position)
            if not found:
                raise self.misread(self.position)
            self.position = found.end()
            mark = found["mark"]
            if mark in ("]", "}") and stack and state in ("more", "first"):
                result, _ = stack.pop()
                if isinstance(result, list) != (mark == "]"):
                    raise self.fault(f"Unmatched '{mark}'", self.position)
            elif mark == "," and stack and state == "more":
                state = "value" if isinstance(stack[-1][0], list) else "key"
                continue
            elif mark is None and state in ("first", "key") and stack and isinstance(stack[-1][0], dict):
                if found["text"] is None:
                    raise self.fault("Object keys must be strings", self.position)
                stack[-1] = stack[-1][0], DECODER.decode(found["text"])
                state = "colon"
                continue
            elif mark == ":" and state == "colon":
                state = "value"
                continue
            elif mark in ("[", "{") and state in ("value", "first"):
                if len(stack) >= DEEPEST:
                    raise self.fault("Exceeds depth limit for parsing", self.position)
                stack.append(([] if mark == "[" else {}, ""))
                state = "first"
                continue
            elif mark is None and state in ("value", "first"):
                result = WORDS[found["word"]] if found["word"] else DECODER.decode(found[found.lastgroup or 0])
            else:
                raise self.fault("Expected value before ','" if mark == "," else "Invalid literal", self.position)
            if not stack:
                return result
            holder, name = stack[-1]
            if isinstance(holder, list):
                holder.append(result)
            else:
                holder[name] = result
            state = "more"


class Layout(Struct):
    indent: str = ""  # empty: all in one line
    sort: bool = False
    ascii: bool = False
    colour: bool = False
    colours: dict[str, str] = field(default_factory=lambda: dict(COLOURS))


PLAIN = Layout()


def pieces(value: Any, layout: Layout = PLAIN) -> Iterator[str]:
    """A value as text, a small piece at a time."""
    from minikube_edu.container_runtime.simulated.tools.jq.values import kind

    if layout.colour:
        yield from _coloured(value, layout)
        return
    stack: list[tuple[Iterator[Any], dict[str, Any] | None]] = []
    separator = ": " if layout.indent else ":"
    here = value
    while True:
        if kind(here) in ("array", "object") and here:
            names = isinstance(here, dict)
            stack.append((iter((sorted(here) if layout.sort else here) if names else here), here if names else None))
            yield "{" if names else "["
            first = True
        else:
            yield scalar(here, layout.ascii)
            first = False
        while stack:
            items, of = stack[-1]
            item: Any = next(items, stack)
            if item is not stack:
                break
            stack.pop()
            yield ("\n" + layout.indent * len(stack) if layout.indent else "") + ("]" if of is None else "}")
            first = False
        else:
            return
        start = ("" if first else ",") + ("\n" + layout.indent * len(stack) if layout.indent else "")
        if of is None:
            here = item
            if start:
                yield start
        else:
            here = of[item]
            yield start + text_of(item, layout.ascii) + separator


def _coloured(value: Any, layout: Layout, depth: int = 0) -> Iterator[str]:
    from minikube_edu.container_runtime.simulated.tools.jq.values import kind

    of = kind(value)
    on = f"\x1b[{layout.colours[of]}m"
    off = "\x1b[0m"
    if of not in ("array", "object") or not value:
        yield on + scalar(value, layout.ascii) + off
        return
    yield on + ("[" if of == "array" else "{")
    line = "\n" + layout.indent * (depth + 1) if layout.indent else ""
    names = (sorted(value) if layout.sort else value) if of == "object" else range(len(value))
    for number, name in enumerate(names):
        yield (f"{on}," if number else "") + line
        if of == "object":
            yield f"{off}\x1b[{FIELD}m{text_of(name, layout.ascii)}{off}{on}:" + (" " if layout.indent else "") + off
        yield from _coloured(value[name], layout, depth + 1)
    yield on + ("\n" + layout.indent * depth if layout.indent else "") + on + ("]" if of == "array" else "}") + off


def scalar(value: Any, ascii: bool = False) -> str:
    from minikube_edu.container_runtime.simulated.tools.jq.values import number_text

    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return text_of(value, ascii)
    if isinstance(value, list):
        return "[]"
    return "{}" if isinstance(value, dict) else number_text(value)


def text_of(text: str, ascii: bool = False) -> str:
    return json.dumps(text, ensure_ascii=ascii).replace("\x7f", "\\u007f")
