"""The syntax of POSIX patterns: read into a small tree (`Parser`), written down as a Python pattern (`python`).

Basic and extended patterns, awk's brackets, and GNU's escapes (\\w \\s \\b \\< \\> \\` \\'). In the real system this is
the compiler half of regcomp(3), whose words of refusal `BadPattern` carries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct, field

CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": " \\t\\n\\r\\f\\v",
    "blank": " \\t",
    "punct": "!-/:-@\\[-`{-~",
    "print": " -~\\u00a0-\\U0010ffff",
    "graph": "!-~\\u00a1-\\U0010ffff",
    "cntrl": "\\x00-\\x1f\\x7f",
    "xdigit": "0-9A-Fa-f",
}
MOST_REPEATS = 32767  # RE_DUP_MAX


class BadPattern(Exception):
    """The words of regerror(3)."""


class Node(Struct):
    """kind: char any set bol eol escape group cat alt rep ref; `text` is the Python pattern of a single character."""

    kind: str
    text: str = ""
    parts: list[Node] = field(default_factory=list)
    low: int = 0
    high: int | None = None  # None: no limit

    def walk(self) -> Iterator[Node]:
        yield self
        for part in self.parts:
            yield from part.walk()


class Parser:
    def __init__(self, pattern: str, extended: bool, awk: bool) -> None:
        self.pattern, self.extended, self.awk = pattern, extended, awk
        self.position = 0
        self.groups = 0
        self.open = 0

    def parse(self) -> Node:
        tree = self.alternation()
        if self.position < len(self.pattern):
            raise BadPattern("Unmatched ) or \\)")
        return tree

    def at(self, operator: str) -> bool:
        """Whether an operator of the extended syntax stands here; the basic one writes it with a backslash."""
        text = operator if self.extended else "\\" + operator
        return self.pattern.startswith(text, self.position)

    def skip(self, operator: str) -> None:
        self.position += len(operator) + (0 if self.extended else 1)

    def alternation(self) -> Node:
        choices = [self.sequence()]
        while self.at("|"):
            self.skip("|")
            choices.append(self.sequence())
        if len(choices) == 1:
            return choices[0]
        if all(part.kind == "char" for choice in choices for part in choice.parts):
            choices.sort(key=lambda choice: -len(choice.parts))
        return Node("alt", parts=choices)

    def sequence(self) -> Node:
        parts: list[Node] = []
        start = True
        while self.position < len(self.pattern) and not self.at("|"):
            if self.at(")") and (self.open or not self.extended):
                break
            atom = self.atom(start)
            start = not self.extended and atom.kind == "bol"
            parts.append(self.repeated(atom) if not (atom.kind == "bol" and not self.extended) else atom)
        return Node("cat", parts=parts)

    def repeated(self, atom: Node) -> Node:
        while self.position < len(self.pattern):
            character = self.pattern[self.position]
            if character == "*":
                self.position += 1
                atom = Node("rep", parts=[atom], low=0, high=None)
            elif self.at("+") or self.at("?"):
                plus = self.at("+")
                self.skip("+")
                atom = Node("rep", parts=[atom], low=int(plus), high=None if plus else 1)
            elif self.at("{"):
                bounds = self.bounds()
                if bounds is None:
                    break
                atom = Node("rep", parts=[atom], low=bounds[0], high=bounds[1])
            else:
                break
        return atom

    def bounds(self) -> tuple[int, int | None] | None:
        close = "}" if self.extended else "\\}"
        start = self.position + (1 if self.extended else 2)
        end = self.pattern.find(close, start)
        found = re.fullmatch(r"(\d*)(,?)(\d*)", self.pattern[start:end]) if end >= 0 else None
        if found is None or not (found[1] or found[2]):
            if self.extended:
                return None  # a brace that is no bound is a brace
            raise BadPattern("Unmatched \\{" if end < 0 else "Invalid content of \\{\\}")
        low = int(found[1] or 0)
        high = low if not found[2] else int(found[3]) if found[3] else None
        if (high is not None and high < low) or max(low, high or 0) > MOST_REPEATS:
            raise BadPattern(
                "Invalid content of \\{\\}" if max(low, high or 0) <= MOST_REPEATS else "Regular expression too big"
            )
        self.position = end + len(close)
        return low, high

    def atom(self, start: bool) -> Node:
        if self.at("("):
            self.skip("(")
            self.groups += 1
            number = self.groups
            self.open += 1
            inner = self.alternation()
            if not self.at(")"):
                raise BadPattern("Unmatched ( or \\(")
            self.skip(")")
            self.open -= 1
            return Node("group", parts=[inner], low=number)
        if not self.extended and self.at("{") and start:
            raise BadPattern("Invalid preceding regular expression")
        character = self.pattern[self.position]
        self.position += 1
        if character == "\\":
            return self.escape()
        if character == "[":
            return self.bracket()
        if character == ".":
            return Node("any", ".")
        if character == "^" and (self.extended or start):
            return Node("bol")
        if character == "$" and (self.extended or self.position == len(self.pattern) or self.at(")") or self.at("|")):
            return Node("eol")
        return Node("char", re.escape(character))

    def escape(self) -> Node:
        if self.position >= len(self.pattern):
            raise BadPattern("Trailing backslash")
        character = self.pattern[self.position]
        self.position += 1
        if character in "wW":
            return Node("set", "[a-zA-Z0-9_]" if character == "w" else "[^a-zA-Z0-9_]")
        if character in "sS":
            return Node("set", f"\\{character}")
        if character in "bB<>`'" and not self.awk:
            return Node("escape", character)
        if character in "123456789" and not self.awk:
            if int(character) > self.groups:
                raise BadPattern("Invalid back reference")
            return Node("ref", low=int(character))
        plain = {"n": "\n", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "r": "\r"}.get(character, character)
        return Node("char", re.escape(plain))

    def bracket(self) -> Node:
        text, position = self.pattern, self.position
        negated = text.startswith("^", position)
        position += negated
        items: list[str] = []
        first = True
        while True:
            if position >= len(text):
                raise BadPattern("Unmatched [, [^, [:, [., or [=")
            if text[position] == "]" and not first:
                break
            first = False
            named = re.compile(r"\[:(\w*):\]").match(text, position)
            if named:
                if named[1] not in CLASSES:
                    raise BadPattern("Invalid character class name")
                items.append(CLASSES[named[1]])
                position = named.end()
                continue
            low, position = self.bracket_character(position)
            high = low
            if text.startswith("-", position) and position + 1 < len(text) and text[position + 1] != "]":
                high, position = self.bracket_character(position + 1)
                if high < low:
                    raise BadPattern("Invalid range end")
            items.append(quoted(low) if low == high else f"{quoted(low)}-{quoted(high)}")
        self.position = position + 1
        return Node("set", f"[{'^' if negated else ''}{''.join(items)}]")

    def bracket_character(self, position: int) -> tuple[str, int]:
        text = self.pattern
        collating = re.compile(r"\[([.=])(.)\1\]", re.DOTALL).match(text, position)
        if collating:
            return collating[2], collating.end()
        if text[position] == "\\" and position + 1 < len(text):
            following = text[position + 1]
            if self.awk:
                return {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}.get(following, following), position + 2
            if following in "nt":  # GNU sed's; harmless for the others
                return {"n": "\n", "t": "\t"}[following], position + 2
        return text[position], position + 1


def quoted(character: str) -> str:
    return "\\" + character if character in "\\]^-[&~|" else character


ESCAPES = {
    "b": r"\b",
    "B": r"\B",
    "<": r"\b(?=\w)",
    ">": r"\b(?<=\w)",
    "`": r"\A",
    "'": r"\Z",
}


def python(node: Node, multiline: bool) -> str:
    """The tree as a pattern of Python's."""
    if node.kind in ("char", "any", "set"):
        return node.text
    if node.kind == "bol":
        return "^"
    if node.kind == "eol":
        return r"(?=\n|\Z)" if multiline else r"\Z"
    if node.kind == "escape":
        return ESCAPES[node.text]
    if node.kind == "ref":
        return f"(?:\\{node.low})"
    inner = [python(part, multiline) for part in node.parts]
    if node.kind == "group":
        return f"({inner[0]})"
    if node.kind == "cat":
        return "".join(inner)
    if node.kind == "alt":
        return f"(?:{'|'.join(inner)})"
    body = inner[0] if node.parts[0].kind in ("char", "any", "set", "group") else f"(?:{inner[0]})"
    if (node.low, node.high) in ((0, None), (1, None), (0, 1)):
        return body + {(0, None): "*", (1, None): "+", (0, 1): "?"}[node.low, node.high]
    return f"{body}{{{node.low},{'' if node.high is None else node.high}}}"
