"""JSONPath in kubectl's dialect: `{range .items[*]}{.metadata.name}{"\\n"}{end}`.

A template is text with actions in braces. `JsonPath(template)` is parsed once; `find(data)` gives the values of each
action, `render(data)` the text. Values are JSON: what is a struct in Go is a dict here. Errors are ValueErrors with
the text of the real package (client-go's util/jsonpath). Maps are walked in the order of their keys; Go has no order
there.

    .field  ['a.b']  [0]  [-1]  [1:5:2]  [*]  [0,2]  ..name  [?(@.type=="Ready")]  range end  "text"  1.5  true

The file is long because parser and evaluation share the dialect's oddities: apart, neither could be checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

Values = list[Any]


class JsonPathError(ValueError):
    """The template is malformed, or does not fit the data."""


# ---------------------------------------------------------------- nodes


class Text(NamedTuple):
    text: str


class Field(NamedTuple):
    name: str


class Literal(NamedTuple):
    value: Any


class Identifier(NamedTuple):
    name: str


class Slice(NamedTuple):
    """`derived`: the end follows from a single index."""

    start: int | None
    end: int | None
    step: int | None
    derived: bool


class Wildcard(NamedTuple):
    pass


class Recursive(NamedTuple):
    pass


class Sequence(NamedTuple):
    """One action: each node works on what the one before it gave."""

    nodes: list[Any]


class Union(NamedTuple):
    parts: list[Sequence]


class Filter(NamedTuple):
    left: Sequence
    operator: str  # == != < <= > >= exists
    right: Sequence


# ---------------------------------------------------------------- parsing

_DICT_KEY = re.compile(r"'([^']*)'\Z")
_SLICE = re.compile(r"(-?\d*)(:-?\d*)?(:-?\d*)?\Z")
_COMPARISON = re.compile(r"([^!<>=]+)([!<>=]+)(.+)\Z", re.DOTALL)
_ENDS = frozenset(" \t\r\n.,[]$@{}")
_EOF = ""


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def template(self) -> list[Any]:
        nodes: list[Any] = []
        while self.at < len(self.text):
            brace = self.text.find("{", self.at)
            if brace < 0:
                nodes.append(Text(self.text[self.at :]))
                break
            if brace > self.at:
                nodes.append(Text(self.text[self.at : brace]))
            self.at = brace + 1
            nodes.append(self.action())
        return nodes

    def next(self) -> str:
        letter = self.text[self.at : self.at + 1]
        self.at += 1
        return letter

    def action(self) -> Sequence:
        nodes: list[Any] = []
        while True:
            rest = self.text[self.at : self.at + 3]
            if rest[:1] == "}":
                self.at += 1
                return Sequence(nodes)
            if rest == "[?(":
                nodes.append(self.filter())
                continue
            if rest[:2] == "..":
                self.recursive(nodes)
                continue
            letter = self.next()
            if letter in (_EOF, "\r", "\n"):
                raise JsonPathError("unclosed action")
            if letter in " @$":
                continue
            if letter == "[":
                self.array(nodes)
            elif letter in "\"'":
                nodes.append(self.quote(letter))
            elif letter == ".":
                nodes.append(self.field())
            elif letter in "+-" or letter.isdigit():
                self.at -= 1
                nodes.append(self.number())
            elif letter == "_" or letter.isalnum():
                self.at -= 1
                nodes.append(self.identifier())
            else:
                raise JsonPathError(f"unrecognized character in action: U+{ord(letter):04X} '{letter}'")

    def recursive(self, nodes: list[Any]) -> None:
        if nodes and isinstance(nodes[-1], Recursive):
            raise JsonPathError("invalid multiple recursive descent")
        self.at += 2
        nodes.append(Recursive())
        letter = self.text[self.at : self.at + 1]
        if letter == "_" or letter.isalnum():
            nodes.append(self.field())

    def field(self) -> Any:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in _ENDS:
            self.at += 2 if self.text[self.at] == "\\" else 1
        self.at = min(self.at, len(self.text))
        name = self.text[start : self.at]
        return Wildcard() if name == "*" else Field(name.replace("\\", ""))

    def identifier(self) -> Any:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in _ENDS:
            self.at += 1
        name = self.text[start : self.at]
        return Literal(name == "true") if name in ("true", "false") else Identifier(name)

    def number(self) -> Literal:
        start = self.at
        self.at += self.text[self.at] in "+-"
        while self.at < len(self.text) and (self.text[self.at] == "." or self.text[self.at].isdigit()):
            self.at += 1
        text = self.text[start : self.at]
        try:
            return Literal(float(text) if "." in text else int(text))
        except ValueError:
            raise JsonPathError(f"cannot parse number {text}") from None

    def quote(self, mark: str) -> Text:
        start = self.at - 1
        while (letter := self.next()) != mark or self.text[self.at - 2] == "\\":
            if letter in (_EOF, "\n"):
                raise JsonPathError("unterminated quoted string")
        quoted = self.text[start : self.at]
        try:
            return Text(_unquote(quoted[1:-1]))
        except ValueError:
            raise JsonPathError(f"unquote string {quoted} error invalid syntax") from None

    def array(self, nodes: list[Any]) -> None:
        start = self.at
        while (letter := self.next()) != "]":
            if letter in (_EOF, "\n"):
                raise JsonPathError("unterminated array")
        text = self.text[start : self.at - 1]
        if text == "*":
            text = ":"
        parts = text.split(",")
        if len(parts) > 1:
            nodes.append(Union([_action("[" + part.strip(" ") + "]") for part in parts]))
        elif key := _DICT_KEY.match(text):
            nodes += _action("." + key[1]).nodes
        else:
            nodes.append(_slice(text))

    def filter(self) -> Filter:
        self.at += 3
        start = self.at
        mark = ""
        closed = False
        while True:
            letter = self.next()
            if letter in (_EOF, "\n"):
                raise JsonPathError("unterminated filter")
            if letter in "\"'":
                if not mark:
                    mark = letter
                elif letter == mark and self.text[self.at - 2] != "\\":
                    closed = True
            elif letter == ")" and bool(mark) == closed:
                break
        text = self.text[start : self.at - 1]
        if self.next() != "]":
            raise JsonPathError("unclosed array expect ]")
        found = _COMPARISON.match(text)
        if found is None:
            return Filter(_action(text), "exists", Sequence([]))
        return Filter(_action(found[1]), found[2], _action(found[3]))


def _action(text: str) -> Sequence:
    parsed = _Parser("{" + text + "}").template()[0]
    assert isinstance(parsed, Sequence)
    return parsed


def _slice(text: str) -> Slice:
    found = _SLICE.match(text)
    if found is None:
        raise JsonPathError(f"invalid array index {text}")
    start, end, step = found.groups()
    numbers: list[int | None] = []
    for part in (start, (end or "")[1:], (step or "")[1:]):
        try:
            numbers.append(int(part) if part else None)
        except ValueError:
            raise JsonPathError(f"array index {part} is not a number") from None
    if not end:
        return Slice(numbers[0], (numbers[0] or 0) + 1, numbers[2], True)
    return Slice(numbers[0], numbers[1], numbers[2], False)


_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.|\Z)", re.DOTALL)


def _unquote(text: str) -> str:
    def replace(match: re.Match[str]) -> str:
        code = match[1]
        if code in _ESCAPES:
            return _ESCAPES[code]
        if len(code) == 3 and code.isdigit():
            return chr(int(code, 8))
        if len(code) > 1:
            return chr(int(code[1:], 16))
        raise ValueError

    return _ESCAPE.sub(replace, text)


# ---------------------------------------------------------------- walking


class JsonPath:
    """A parsed template. `allow_missing`: what is not there is nothing instead of an error."""

    def __init__(self, template: str, allow_missing: bool = False) -> None:
        self._nodes = _Parser(template).template()
        self._walk = _Walk(allow_missing)

    def find(self, data: Any) -> list[Values]:
        """The values of each action, in order; a range gives those of its body once for each element."""
        results: list[Values] = []
        self._walk.depth = 0
        self._walk.block(self._nodes, 0, data, results)
        return results

    def render(self, data: Any) -> str:
        return "".join(" ".join(map(to_text, values)) for values in self.find(data))


class _Walk:
    def __init__(self, allow_missing: bool) -> None:
        self.allow_missing = allow_missing
        self.depth = 0  # of ranges

    def block(self, nodes: list[Any], at: int, data: Any, results: list[Values]) -> int:
        """Walk nodes up to the `end` of this block; returns where that is, -1 without one."""
        while at < len(nodes):
            node = nodes[at]
            at += 1
            command = _command(node)
            if command == "end":
                if not self.depth:
                    raise JsonPathError("not in range, nothing to end")
                return at
            if command != "range":
                results.append(self.node([data], node))
                continue
            found = self.node([data], Sequence([n for n in node.nodes if n != Identifier("range")]))
            self.depth += 1
            after = -1
            for value in found:
                after = self.block(nodes, at, value, results)
            if not found:  # the body is walked once to find its end
                after = self.block(nodes, at, None, [])
            self.depth -= 1
            if after >= 0:  # else the body is walked once more, as what comes behind the range
                at = after
        return -1

    def node(self, values: Values, node: Any) -> Values:
        return _WALKERS[type(node)](self, values, node)

    def sequence(self, values: Values, node: Sequence) -> Values:
        for part in node.nodes:
            values = self.node(values, part)
        return values

    def text(self, values: Values, node: Text) -> Values:
        return [node.text]

    def literal(self, values: Values, node: Literal) -> Values:
        return [node.value for _ in values]

    def identifier(self, values: Values, node: Identifier) -> Values:
        raise JsonPathError(f"unrecognized identifier {node.name}")

    def field(self, values: Values, node: Field) -> Values:
        found = [value[node.name] for value in values if isinstance(value, dict) and node.name in value]
        if values and not found and not self.allow_missing:
            raise JsonPathError(f"{node.name} is not found")
        return found

    def wildcard(self, values: Values, node: Wildcard) -> Values:
        return [child for value in values for child in _children(value)]

    def recursive(self, values: Values, node: Recursive) -> Values:
        found: Values = []
        for value in values:
            children = _children(value)
            if children or (isinstance(value, str) and value):
                found.append(value)
                found += self.recursive(children, node)
        return found

    def union(self, values: Values, node: Union) -> Values:
        return [found for part in node.parts for found in self.sequence(values, part)]

    def slice(self, values: Values, node: Slice) -> Values:
        found: Values = []
        for value in values:
            if value is None:
                continue
            if not isinstance(value, list):
                raise JsonPathError(f"{_go_type(value)} is not array or slice")
            length = len(value)
            start = node.start or 0
            start += length if start < 0 else 0
            end = length if node.end is None else node.end
            end += length if end < 0 or (end == 0 and node.derived) else 0
            if start == end:
                return found
            _check_bounds(start, end, length)
            if node.step is not None and node.step <= 0:
                raise JsonPathError("step must be > 0")
            found += value[start : end : node.step or 1]
        return found

    def filter(self, values: Values, node: Filter) -> Values:
        found: Values = []
        for value in values:
            if not isinstance(value, list):
                raise JsonPathError(f"{_go_value(value)} is not array or slice and cannot be filtered")
            found += [item for item in value if self.passes(item, node)]
        return found

    def passes(self, item: Any, node: Filter) -> bool:
        try:
            lefts = self.sequence([item], node.left)
        except JsonPathError:
            if node.operator == "exists":
                return False
            raise
        if node.operator == "exists":
            return bool(lefts)
        rights = self.sequence([item], node.right) if len(lefts) == 1 else []
        if len(lefts) > 1 or len(rights) > 1:
            raise JsonPathError("can only compare one element at a time")
        return bool(lefts and rights) and _compare(lefts[0], node.operator, rights[0])


_WALKERS: dict[type, Callable[[_Walk, Values, Any], Values]] = {
    Sequence: _Walk.sequence, Text: _Walk.text, Literal: _Walk.literal, Identifier: _Walk.identifier,
    Field: _Walk.field, Wildcard: _Walk.wildcard, Recursive: _Walk.recursive, Union: _Walk.union,
    Slice: _Walk.slice, Filter: _Walk.filter,
}  # fmt: skip


def _command(node: Any) -> str:
    """`range` or `end`, if that is what the action is."""
    if isinstance(node, Sequence):
        for part in node.nodes:
            if isinstance(part, Identifier) and part.name in ("range", "end"):
                return part.name
    return ""


def _check_bounds(start: int, end: int, length: int) -> None:
    if not 0 <= start < length:
        raise JsonPathError(f"array index out of bounds: index {start}, length {length}")
    if not 0 <= end <= length:
        raise JsonPathError(f"array index out of bounds: index {end - 1}, length {length}")
    if start > end:
        raise JsonPathError(f"starting index {start} is greater than ending index {end}")


def _children(value: Any) -> Values:
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return value if isinstance(value, list) else []


def _compare(left: Any, operator: str, right: Any) -> bool:
    if type(left) is not type(right):
        raise JsonPathError("incompatible types for comparison")
    if isinstance(left, dict | list) or left is None:
        raise JsonPathError("invalid type for comparison")
    match operator:
        case "==":
            return bool(left == right)
        case "!=":
            return bool(left != right)
    if operator not in ("<", "<=", ">", ">="):
        raise JsonPathError(f"unrecognized filter operator {operator}")
    if isinstance(left, bool):
        raise JsonPathError("invalid type for comparison")
    less, equal = left < right, left == right
    return bool({"<": less, "<=": less or equal, ">": not less and not equal, ">=": not less}[operator])


# ---------------------------------------------------------------- text


def to_text(value: Any) -> str:
    """A value as kubectl prints it: text bare, lists and maps as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        from minikube_edu.api.wire.yaml_scalars import go_float

        return go_float(value)
    if isinstance(value, int):
        return str(value)
    return go_json(value)


def go_json(value: Any) -> str:
    """JSON as Go writes it: keys sorted, HTML's characters escaped."""
    from minikube_edu.api.output.json_out import html_escaped

    return html_escaped(orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode())


def _go_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    names = {dict: "map[string]interface {}", str: "string", int: "int64", float: "float64"}
    return names.get(type(value), "[]interface {}")


def _go_value(value: Any) -> str:
    """%v."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_go_value(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(_go_value, value)) + "]"
    return "<nil>" if value is None else to_text(value)
