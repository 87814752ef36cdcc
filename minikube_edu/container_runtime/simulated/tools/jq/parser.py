"""A jq filter as a tree of tuples."""

from __future__ import annotations

import json
import math
import re
from typing import Any

Node = tuple[Any, ...]
TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<string>")|(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|(?P<field>\.[A-Za-z_]\w*)
    |(?P<name>\$?[A-Za-z_]\w*|@\w+)|(?P<op>\?//|\|=|//=|//|\+=|-=|\*=|/=|%=|==|!=|<=|>=|\.\.|[-.\[\]{}()|,:;=<>+*/%?])""",
    re.VERBOSE,
)
BINARY = {
    "|": (0, "right"), ",": (1, "left"), "//": (2, "right"), "=": (3, "none"), "|=": (3, "none"), "+=": (3, "none"),
    "-=": (3, "none"), "*=": (3, "none"), "/=": (3, "none"), "%=": (3, "none"), "//=": (3, "none"),
    "or": (4, "left"), "and": (5, "left"),
    "==": (6, "none"), "!=": (6, "none"), "<": (6, "none"), "<=": (6, "none"), ">": (6, "none"), ">=": (6, "none"),
    "+": (7, "left"), "-": (7, "left"), "*": (8, "left"), "/": (8, "left"), "%": (8, "left"),
}  # fmt: skip
WORDS = {"if", "then", "elif", "else", "end", "as", "reduce", "foreach", "and", "or", "try", "catch", "def", "label"}


class BadFilter(Exception):
    pass


def lex(text: str) -> list[tuple[str, Any]]:
    result: list[tuple[str, Any]] = []
    position = 0
    while position < len(text):
        found = TOKEN.match(text, position)
        if not found:
            raise BadFilter(f"syntax error, unexpected INVALID_CHARACTER at {text[position : position + 10]}")
        position = found.end()
        if found["string"]:
            parts, position = string(text, position)
            result.append(("string", parts))
        elif found.lastgroup:
            result.append((found.lastgroup, found[found.lastgroup]))
    return result


def string(text: str, position: int) -> tuple[list[Any], int]:
    """The pieces of a string: texts, and the filters of its \\( … )."""
    parts: list[Any] = []
    raw = ""
    while True:
        if position >= len(text):
            raise BadFilter("syntax error, unterminated string literal")
        letter = text[position]
        if letter == '"':
            break
        if letter == "\\" and text[position + 1 : position + 2] == "(":
            depth, end = 1, position + 2
            while depth:
                if end >= len(text):
                    raise BadFilter("syntax error, unterminated string interpolation")
                if text[end] == '"':
                    _, end = string(text, end + 1)
                    continue
                depth += {"(": 1, ")": -1}.get(text[end], 0)
                end += 1
            parts += [decoded(raw), parse(text[position + 2 : end - 1])]
            raw, position = "", end
            continue
        step = 2 if letter == "\\" else 1
        raw += text[position : position + step]
        position += step
    return [*parts, decoded(raw)], position + 1


def decoded(raw: str) -> str:
    try:
        return str(json.loads('"' + raw.replace("\n", "\\n").replace("\t", "\\t") + '"'))
    except ValueError:
        raise BadFilter("syntax error, invalid escape in string literal") from None


def parse(text: str) -> Node:
    parser = Parser(lex(text))
    tree = parser.pipe() if parser.tokens else ("identity",)
    if parser.position < len(parser.tokens):
        raise parser.fault()
    return tree


class Parser:
    def __init__(self, tokens: list[tuple[str, Any]]) -> None:
        self.tokens, self.position = tokens, 0

    def peek(self) -> Any:
        return self.tokens[self.position][1] if self.position < len(self.tokens) else None

    def kind(self) -> str:
        return self.tokens[self.position][0] if self.position < len(self.tokens) else "end"

    def fault(self) -> BadFilter:
        shown = self.peek()
        return BadFilter(f"syntax error, unexpected {shown if shown is not None else 'end of file'}")

    def at(self, *texts: str) -> bool:
        return self.kind() in ("op", "name") and self.peek() in texts

    def accept(self, *texts: str) -> bool:
        if self.at(*texts):
            self.position += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.fault()

    def take(self) -> Any:
        self.position += 1
        return self.tokens[self.position - 1][1]

    def pipe(self) -> Node:
        if self.accept("def"):
            return self.definition()
        return self.binary(0)

    def definition(self) -> Node:
        name = self.take()
        parameters = []
        if self.accept("("):
            while not self.accept(")"):
                parameters.append(self.take())
                self.accept(";")
        self.expect(":")
        body = self.pipe()
        self.expect(";")
        return ("def", name, parameters, body, self.pipe())

    def binary(self, lowest: int) -> Node:
        left = self.postfix()
        while self.kind() in ("op", "name") and self.peek() in BINARY and BINARY[self.peek()][0] >= lowest:
            operator = self.take()
            level, side = BINARY[operator]
            if operator == "|" and self.at("def"):
                right = self.pipe()
            else:
                right = self.binary(level if side == "right" else level + 1)
            left = ("binary", operator, left, right)
        return left

    def suffix(self, value: Node) -> Node | None:
        """A term with what hangs on it: .name ."name" [...] .[...] ?"""
        following = self.tokens[self.position + 1 : self.position + 2]
        if self.accept("?"):
            return ("try", value, ("empty",))
        if self.kind() == "field":
            return ("index", value, ("value", self.take()[1:]))
        if self.at(".") and following and following[0][0] == "string":
            self.take()
            return ("index", value, ("string", self.take(), None))
        if self.at(".") and following == [("op", "[")]:
            self.take()
        return self.subscript(value) if self.at("[") else None

    def postfix(self) -> Node:
        value = self.primary()
        while True:
            more = self.suffix(value)
            if more is not None:
                value = more
            elif self.accept("as"):
                patterns = [self.pattern()]
                while self.accept("?//"):
                    patterns.append(self.pattern())
                pattern = patterns[0] if len(patterns) == 1 else ("either", patterns)
                self.expect("|")
                return ("as", value, pattern, self.pipe())
            else:
                return value

    def pattern(self) -> Node:
        """("variable", name), or ("array" or "object", parts): a part is a key, its variable, and a pattern inside."""
        parts: list[tuple[Node, str | None, Node | None]] = []
        if self.accept("["):
            while not self.accept("]"):
                parts.append((("value", len(parts)), None, self.pattern()))
                if not self.at("]"):
                    self.expect(",")
            return ("array", parts)
        if self.accept("{"):
            while not self.accept("}"):
                parts.append(self.pattern_part())
                if not self.at("}"):
                    self.expect(",")
            return ("object", parts)
        name = self.peek()
        if not isinstance(name, str) or not name.startswith("$"):
            raise self.fault()
        self.take()
        return ("variable", name)

    def pattern_part(self) -> tuple[Node, str | None, Node | None]:
        variable = None
        if self.accept("("):
            key = self.pipe()
            self.expect(")")
        elif self.kind() == "string":
            key = ("string", self.take(), None)
        elif self.kind() == "name":
            name = self.take()
            variable = name if name.startswith("$") else None
            key = ("value", name.lstrip("$"))
        else:
            raise self.fault()
        inner = self.pattern() if self.accept(":") else None
        if inner is None and variable is None:
            raise self.fault()
        return key, variable, inner

    def subscript(self, value: Node) -> Node:
        self.expect("[")
        if self.accept("]"):
            return ("each", value)
        start: Node | None = None
        if not self.at(":"):
            start = self.pipe()
        if self.accept(":"):
            end = None if self.at("]") else self.pipe()
            self.expect("]")
            return ("slice", value, start, end)
        self.expect("]")
        return ("index", value, start)

    def primary(self) -> Node:
        kind, text = self.kind(), self.peek()
        if kind == "end":
            raise self.fault()
        self.position += 1
        if kind == "number":
            number = float(text)
            return (
                "value",
                int(number) if math.isfinite(number) and number == int(number) and "." not in text else number,
            )
        if kind == "string":
            return ("string", text, None)
        if kind == "field":
            return ("index", ("identity",), ("value", text[1:]))
        if text == ".":
            if self.kind() == "string":
                return ("index", ("identity",), ("string", self.take(), None))
            return ("identity",)
        if text == "..":
            return ("call", "recurse", [])
        if text == "(":
            inner = self.pipe()
            self.expect(")")
            return inner
        if text == "[":
            if self.accept("]"):
                return ("value", [])
            inner = self.pipe()
            self.expect("]")
            return ("collect", inner)
        if text == "{":
            return self.object()
        if text == "-":
            return ("negative", self.postfix())
        if kind == "name":
            return self.word(text)
        self.position -= 1
        raise self.fault()

    def word(self, text: str) -> Node:
        if text == "if":
            return self.condition()
        if text == "try":
            body = self.postfix()
            return ("try", body, self.postfix() if self.accept("catch") else ("empty",))
        if text in ("reduce", "foreach"):
            source = self.primary_with_path()
            self.expect("as")
            pattern = self.pattern()
            self.expect("(")
            parts = [self.pipe()]
            while self.accept(";"):
                parts.append(self.pipe())
            self.expect(")")
            return (text, source, pattern, parts)
        if text.startswith("$"):
            return ("variable", text)
        if text.startswith("@"):
            if self.kind() == "string":
                return ("string", self.take(), text)
            return ("format", text)
        if text in ("true", "false", "null"):
            return ("value", {"true": True, "false": False, "null": None}[text])
        if text == "label":
            name = self.variable()
            self.expect("|")
            return ("label", name, self.pipe())
        if text == "break":
            return ("break", self.variable())
        if text in WORDS:
            self.position -= 1
            raise self.fault()
        arguments = []
        if self.accept("("):
            arguments.append(self.pipe())
            while self.accept(";"):
                arguments.append(self.pipe())
            self.expect(")")
        return ("call", text, arguments)

    def variable(self) -> str:
        name = self.peek()
        if self.kind() != "name" or not name.startswith("$"):
            raise BadFilter(
                "syntax error, break requires a label to break to"
                if name is None
                else f"syntax error, unexpected {name}"
            )
        return str(self.take())

    def primary_with_path(self) -> Node:
        """What `reduce` and `foreach` take: a term, without `as`."""
        value = self.primary()
        while (more := self.suffix(value)) is not None:
            value = more
        return value

    def condition(self) -> Node:
        test = self.pipe()
        self.expect("then")
        yes = self.pipe()
        no: Node = ("identity",)
        if self.accept("elif"):
            no = self.condition()
            return ("if", test, yes, no)
        if self.accept("else"):
            no = self.pipe()
        self.expect("end")
        return ("if", test, yes, no)

    def object_value(self) -> Node:
        value = self.binary(2)
        while self.accept("|"):
            value = ("binary", "|", value, self.binary(2))
        return value

    def object(self) -> Node:
        pairs: list[tuple[Node, Node]] = []
        while not self.accept("}"):
            kind = self.kind()
            key: Node
            value: Node
            if self.accept("("):
                key = self.pipe()
                self.expect(")")
                self.expect(":")
                value = self.object_value()
            else:
                text = self.take()
                if kind == "name" and text.startswith("@") and self.kind() == "string":
                    key = ("string", self.take(), text)
                elif kind == "string":
                    key = ("string", text, None)
                elif kind in ("name", "number"):
                    key = ("value", str(text).lstrip("$"))
                else:
                    self.position -= 1
                    raise self.fault()
                if self.accept(":"):
                    value = self.object_value()
                elif kind == "name" and text.startswith("$"):
                    value = ("variable", text)
                else:
                    value = ("index", ("identity",), key)
            pairs.append((key, value))
            if not self.accept(","):
                self.expect("}")
                break
        return ("object", pairs)
