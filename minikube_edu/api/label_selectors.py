"""Label selectors: which objects belong together, by their labels.

Two notations, one Selector: the text of `kubectl get -l` and of `?labelSelector=` (`parse`), and the object in a
Deployment's `spec.selector` (`from_object`). A Selector is immutable, cheap to match, and prints in canonical form.
Errors are ValueErrors with the text of the real parser.

    app=web,tier in (front, back),!legacy,replicas>2
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from minikube_edu.api import names
from minikube_edu.lib.gotext import parse_int, quote

_BINARY = {"in": "in", "=": "=", "==": "==", ">": "gt", "<": "lt", "notin": "notin", "!=": "!="}
_LITERALS = frozenset([")", ",", "!", "==", "=", ">", "in", "<", "!=", "notin", "("])
_SPECIAL = frozenset("=!(),><")
_BLANK = frozenset(" \t\r\n")
_SIGNS = {"=": "=", "==": "==", "!=": "!=", "gt": ">", "lt": "<"}
_OBJECT_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


class Requirement(NamedTuple):
    """One condition; `operator` is one of `= == != in notin exists ! gt lt`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "=" | "==" | "in":
                return value is not None and value in self.values
            case "!=" | "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
        if value is None:
            return False
        try:
            number, limit = parse_int(value), parse_int(self.values[0])
        except ValueError:
            return False
        return number > limit if self.operator == "gt" else number < limit

    def __str__(self) -> str:
        if self.operator == "exists":
            return self.key
        if self.operator == "!":
            return "!" + self.key
        values = ",".join(sorted(self.values))
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({values})"
        return self.key + _SIGNS[self.operator] + values


class Selector:
    """All requirements must hold. Without any it matches everything; `nothing()` is the one that matches no object."""

    __slots__ = ("_exact", "_nothing", "requirements")

    def __init__(self, requirements: Iterable[Requirement] = (), nothing: bool = False) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda requirement: requirement.key))
        self._nothing = nothing
        # Most selectors are a handful of equalities: compared without a call each.
        simple = all(r.operator in ("=", "==", "in") and len(r.values) == 1 for r in self.requirements)
        self._exact = tuple((r.key, r.values[0]) for r in self.requirements) if simple else None

    def matches(self, labels: Mapping[str, str]) -> bool:
        if self._nothing:
            return False
        if self._exact is not None:
            for key, value in self._exact:  # noqa: SIM110 - a generator costs more than the comparison
                if labels.get(key) != value:
                    return False
            return True
        return all(requirement.matches(labels) for requirement in self.requirements)

    def matches_nothing(self) -> bool:
        return self._nothing

    def empty(self) -> bool:
        """True when it does not restrict anything."""
        return not self.requirements and not self._nothing

    def exact_value(self, key: str) -> str | None:
        """The one value that the selector demands of a label, None when it leaves a choice."""
        for requirement in self.requirements:
            if requirement.key == key:
                one = requirement.operator in ("=", "==", "in") and len(requirement.values) == 1
                return requirement.values[0] if one else None
        return None

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))

    def __repr__(self) -> str:
        return "<nothing>" if self._nothing else f"<Selector {self}>"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Selector) and self._nothing == other._nothing and self.requirements == other.requirements
        )

    def __hash__(self) -> int:
        return hash((self.requirements, self._nothing))


_EVERYTHING = Selector()
_NOTHING = Selector(nothing=True)


def everything() -> Selector:
    return _EVERYTHING


def nothing() -> Selector:
    return _NOTHING


def requirement(key: str, operator: str, values: Sequence[str]) -> Requirement:
    """A checked requirement; the errors are those of labels.NewRequirement, in its order."""
    problems = []
    if wrong := names.label_key(key):
        problems.append(f"key: Invalid value: {quote(key)}: {'; '.join(wrong)}")
    shown = orjson.dumps(list(values)).decode()
    if operator in ("in", "notin") and not values:
        problems.append(f"values: Invalid value: {shown}: for 'in', 'notin' operators, values set can't be empty")
    if operator in ("=", "==", "!=") and len(values) != 1:
        problems.append(f"values: Invalid value: {shown}: exact-match compatibility requires one single value")
    if operator in ("exists", "!") and values:
        problems.append(f"values: Invalid value: {shown}: values set must be empty for exists and does not exist")
    if operator in ("gt", "lt"):
        if len(values) != 1:
            problems.append(f"values: Invalid value: {shown}: for 'Gt', 'Lt' operators, exactly one value is required")
        problems += [
            f"values[{index}]: Invalid value: {quote(value)}: for 'Gt', 'Lt' operators, the value must be an integer"
            for index, value in enumerate(values)
            if not _is_integer(value)
        ]
    for index, value in enumerate(values):
        if wrong := names.label_value(value):
            problems.append(f"values[{index}][{key}]: Invalid value: {quote(value)}: {'; '.join(wrong)}")
    if problems:
        unique = list(dict.fromkeys(problems))
        raise ValueError(unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]")
    return Requirement(key, operator, tuple(values))


def _is_integer(text: str) -> bool:
    try:
        parse_int(text)
    except ValueError:
        return False
    return True


def from_set(labels: Mapping[str, str]) -> Selector:
    """Exactly these labels, unchecked: `spec.selector` of a Service or ReplicationController."""
    return Selector(Requirement(key, "=", (value,)) for key, value in labels.items())


def from_object(selector: Mapping[str, Any] | None) -> Selector:
    """A LabelSelector with matchLabels and matchExpressions. None selects nothing, an empty one everything."""
    if selector is None:
        return _NOTHING
    labels: Mapping[str, str] = selector.get("matchLabels") or {}
    found = [requirement(key, "=", [value]) for key, value in labels.items()]
    for expression in selector.get("matchExpressions") or ():
        operator = expression.get("operator") or ""
        if operator not in _OBJECT_OPERATORS:
            raise ValueError(f"{quote(operator)} is not a valid label selector operator")
        values = expression.get("values") or []
        found.append(requirement(expression.get("key") or "", _OBJECT_OPERATORS[operator], values))
    return Selector(found)


@lru_cache(maxsize=1024)
def parse(text: str) -> Selector:
    """The notation of `kubectl get -l`."""
    return Selector(_Parser(text).requirements()) if text else _EVERYTHING


class _Token(NamedTuple):
    kind: str  # one of _LITERALS, "word", "end", "error"
    text: str


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at, end = 0, len(text)
    while True:
        while at < end and text[at] in _BLANK:
            at += 1
        if at >= end or text[at] == "\0":
            found.append(_Token("end", ""))
            return found
        start = at
        if text[at] not in _SPECIAL:
            while at < end and text[at] not in _SPECIAL and text[at] not in _BLANK:
                at += 1
            word = text[start:at]
            found.append(_Token(word if word in _LITERALS else "word", word))
            continue
        # The longest run of special characters that is an operator.
        longest = ""
        while at < end and text[at] in _SPECIAL and (not longest or text[start : at + 1] in _LITERALS):
            at += 1
            longest = text[start:at] if text[start:at] in _LITERALS else longest
        found.append(_Token(longest, longest))


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0

    def peek(self) -> _Token:
        token = self.tokens[self.at]
        return _Token("word", token.text) if token.kind in ("in", "notin") else token

    def take(self) -> _Token:
        token = self.peek()
        self.at += 1
        return token

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            token = self.peek()
            if token.kind == "end":
                return found
            if token.kind not in ("word", "!"):
                raise ValueError(f"found '{token.text}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self.requirement())
            except ValueError as error:
                raise ValueError(f"unable to parse requirement: {error}") from None
            token = self.take()
            if token.kind == "end":
                return found
            if token.kind != ",":
                raise ValueError(f"found '{token.text}', expected: ',' or 'end of string'")
            following = self.peek()
            if following.kind not in ("word", "!"):
                raise ValueError(f"found '{following.text}', expected: identifier after ','")

    def requirement(self) -> Requirement:
        token = self.take()
        absent = token.kind == "!"
        if absent:
            token = self.take()
        if token.kind != "word":
            raise ValueError(f"found '{token.text}', expected: identifier")
        key = token.text
        if wrong := names.label_key(key):
            raise ValueError(f"<nil>: Invalid value: {quote(key)}: {'; '.join(wrong)}")
        if absent or self.peek().kind in ("end", ","):
            return requirement(key, "!" if absent else "exists", [])
        token = self.tokens[self.at]
        self.at += 1
        operator = _BINARY.get(token.kind)
        if operator is None:
            raise ValueError(f"found '{token.text}', expected: in, notin, =, ==, !=, gt, lt")
        values = self.set_of_values() if operator in ("in", "notin") else [self.exact_value()]
        return requirement(key, operator, sorted(set(values)))

    def exact_value(self) -> str:
        if self.peek().kind in ("end", ","):
            return ""
        token = self.take()
        if token.kind != "word":
            raise ValueError(f"found '{token.text}', expected: identifier")
        return token.text

    def set_of_values(self) -> list[str]:
        token = self.take()
        if token.kind != "(":
            raise ValueError(f"found '{token.text}' expected: '('")
        token = self.peek()
        if token.kind == ")":
            self.take()
            return [""]
        if token.kind not in ("word", ","):
            raise ValueError(f"found '{token.text}', expected: ',', ')' or identifier")
        values = self.list_of_values()
        self.take()  # the closing parenthesis, on which the list ended
        return values

    def list_of_values(self) -> list[str]:
        """Values with commas between; a missing one is the empty string: `(,a,,b,)`."""
        values: list[str] = []
        while True:
            token = self.take()
            following = self.peek() if token.kind != "end" else token
            if token.kind == "word":
                values.append(token.text)
                if following.kind == ")":
                    return values
                if following.kind != ",":
                    raise ValueError(f"found '{following.text}', expected: ',' or ')'")
            elif token.kind == ",":
                if not values or following.kind in (",", ")"):
                    values.append("")
                if following.kind == ")":
                    return values
            else:
                raise ValueError(f"found '{token.text}', expected: ',', or identifier")
