"""The tree of an expression, and how mistakes in it are told.

Macros (`has`, `all`, `map`, …) stay what the author wrote, as `Macro`; the real implementation expands them into
folds. `position` is the offset in the source of the token that the real parser gives the node: an operator, the dot
of a selection, the parenthesis of a call.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import Struct, field


class Expr(Struct):
    position: int


class Literal(Expr):
    kind: str  # the name of its type
    value: Any


class Ident(Expr):
    name: str


class Select(Expr):
    operand: Expr
    name: str
    optional: bool = False  # a.?b


class Call(Expr):
    function: str  # `_+_`, `size`, …
    target: Expr | None
    arguments: list[Expr]


class Macro(Expr):
    """`target.name(variables, arguments)`; `has(a.b)` has no target and the selection as its argument."""

    name: str
    target: Expr | None
    variables: list[str]
    arguments: list[Expr]


class ListLiteral(Expr):
    items: list[Expr]
    optional: set[int] = field(default_factory=set)  # indexes of [?a]


class MapLiteral(Expr):
    entries: list[tuple[Expr, Expr, bool]]  # key, value, optional


class StructLiteral(Expr):
    name: str
    fields: list[tuple[str, Expr, int]]  # name, value, position of the colon


class Issue(NamedTuple):
    position: int
    message: str


class CompileError(Exception):
    """The expression is not CEL, or makes no sense where it stands. Its text is the real compiler's."""

    def __init__(self, source: str, issues: list[Issue]) -> None:
        super().__init__("\n".join(_shown(source, issue) for issue in sorted(issues)))
        self.issues = issues


def _shown(source: str, issue: Issue) -> str:
    """`ERROR: <input>:1:8: message`, the line, and an arrow under the place."""
    start = source.rfind("\n", 0, issue.position) + 1
    line = source.count("\n", 0, issue.position) + 1
    column = issue.position - start
    text = source[start:].split("\n", 1)[0].replace("\t", " ")
    return f"ERROR: <input>:{line}:{column + 1}: {issue.message}\n | {text}\n | {'.' * column}^"
