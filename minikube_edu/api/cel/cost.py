"""What an expression may cost at worst, from the sizes that a schema allows: the real estimator's units and factors.

A definition whose rules could take too long is refused before any object exists. Only the upper bound matters, so
that is all that is reckoned: `worst(tree, root)` for a tree that has been checked, where `root` declares `self`.
"""

from __future__ import annotations

import math

from minikube_edu.api.cel.schema_types import MAX_REQUEST, Declared
from minikube_edu.api.cel.syntax import (
    Call,
    Expr,
    Ident,
    ListLiteral,
    Literal,
    Macro,
    MapLiteral,
    Select,
    StructLiteral,
)
from minikube_edu.api.cel.types import DYN

BOUNDLESS = (1 << 64) - 1
_STRING, _REGEX = 0.1, 0.25  # cost of a character that is read, of one of a pattern
_LIST, _MAP, _STRUCT = 10, 30, 40  # to make one
_AUTHORIZATION = 350_000
_KEY = MAX_REQUEST - 2  # characters of the longest key of a map
_TRAVERSED: tuple[str, ...] = (
    "url",
    "isURL",
    "quantity",
    "isQuantity",
    "ip",
    "isIP",
    "cidr",
    "isCIDR",
    "lowerAscii",
    "upperAscii",
)
_TRAVERSED += ("replace", "split", "substring", "trim", "format", "isSemver", "semver", "strings.quote", "validate")
_PER_ITEM = ("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf", "distinct", "reverse", "sort", "join", "slice")
_COMPARISONS = ("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_")

Scope = dict[str, Declared | None]


def times(left: int, right: int) -> int:
    return min(left * right, BOUNDLESS)


def plus(*costs: int) -> int:
    return min(sum(costs), BOUNDLESS)


def _part(size: int, factor: float) -> int:
    return BOUNDLESS if size >= BOUNDLESS else math.ceil(size * factor)


def worst(tree: Expr, root: Declared) -> int:
    return _cost(tree, {"self": root, "oldSelf": root})


def _declared(tree: Expr, scope: Scope) -> Declared | None:
    """What the schema says of the value of an expression, when it is a path into it."""
    match tree:
        case Ident():
            return scope.get(tree.name)
        case Select():
            owner = _declared(tree.operand, scope)
            if owner is None:
                return None
            return owner.fields.get(tree.name) or owner.item
        case Call(function="_[_]"):
            owner = _declared(tree.arguments[0], scope)
            return owner.item if owner else None
        case Macro(name="filter" | "sortBy"):
            return _declared(tree.target, scope) if tree.target else None
    return None


def _size(tree: Expr, scope: Scope) -> int:
    match tree:
        case Literal():
            return len(tree.value) if isinstance(tree.value, str | bytes) else 1
        case ListLiteral():
            return len(tree.items)
        case MapLiteral():
            return len(tree.entries)
        case Macro(name="map" | "filter" | "sortBy" | "transformList" | "transformMap") if tree.target is not None:
            return _size(tree.target, scope)
        case Macro():
            return 1
        case Call(function="_+_"):
            return plus(*(_size(argument, scope) for argument in tree.arguments))
        case Call(function="size" | "int" | "double" | "sign" | "compareTo"):
            return 1
        case Call() if tree.target is not None and tree.function in _TRAVERSED:
            return _size(tree.target, scope)
        case Call() if tree.function in ("string", "quantity", "url") and tree.arguments:
            return _size(tree.arguments[0], scope)
        case Call() if (known := _declared(tree, scope)) is None:
            parts = [*tree.arguments, *([tree.target] if tree.target else [])]
            return max((_size(part, scope) for part in parts), default=1)
    known = _declared(tree, scope)
    return 1 if known is None else known.most


def _cost(tree: Expr, scope: Scope) -> int:
    match tree:
        case Ident():
            return 1
        case Select():
            return plus(_cost(tree.operand, scope), 1)
        case Call():
            return _call(tree, scope)
        case Macro():
            return _macro(tree, scope)
        case ListLiteral():
            return plus(_LIST, *(_cost(item, scope) for item in tree.items))
        case MapLiteral():
            return plus(_MAP, *(plus(_cost(key, scope), _cost(value, scope)) for key, value, _ in tree.entries))
        case StructLiteral():
            return plus(_STRUCT, *(_cost(value, scope) for _, value, _ in tree.fields))
    return 0


def _call(tree: Call, scope: Scope) -> int:
    arguments = [tree.target, *tree.arguments] if tree.target is not None else tree.arguments
    name = tree.function
    costs = [_cost(argument, scope) for argument in arguments]
    if name == "_?_:_":
        return plus(costs[0], max(costs[1:]))
    given = plus(*costs)
    if name in ("_&&_", "_||_"):
        return given
    sizes = [_size(argument, scope) for argument in arguments]
    return plus(given, max(_own(name, sizes), 0))


def _own(name: str, sizes: list[int]) -> int:
    """The cost of a call beside that of its arguments."""
    match name:
        case "contains" if len(sizes) == 2:
            return times(_part(sizes[0], _STRING), _part(sizes[1], _STRING))
        case "matches" | "find" | "findAll":
            return times(_part(plus(sizes[0], 1), _STRING), _part(sizes[1], _REGEX))
        case "startsWith" | "endsWith":
            return _part(sizes[-1], _STRING)
        case "@in":
            return sizes[1]
        case "check":
            return _AUTHORIZATION
        case "sets.contains" | "sets.equivalent" | "sets.intersects":
            return times(times(sizes[0], sizes[1]), 2 if name == "sets.equivalent" else 1)
    if name in _COMPARISONS:
        return max(1, _part(min(sizes), _STRING))
    if name == "_+_":
        return max(1, _part(plus(*sizes), _STRING)) if max(sizes) < BOUNDLESS else 1
    if name in _TRAVERSED:
        return max(1, _part(sizes[0], _STRING))
    if name in _PER_ITEM:
        return max(1, sizes[0])
    return 1


def _macro(tree: Macro, scope: Scope) -> int:
    if tree.target is None:  # has(): the selection itself is free
        selection = tree.arguments[0]
        assert isinstance(selection, Select)
        return _cost(selection.operand, scope)
    over = _declared(tree.target, scope)
    inner = dict(scope)
    keys = over is not None and over.type.name == "map"
    for index, variable in enumerate(tree.variables):
        last = index == len(tree.variables) - 1
        element = over.item if over is not None and last and not (keys and len(tree.variables) == 1) else None
        inner[variable] = element or Declared(DYN, _KEY if keys else 1)
    step = plus(*(_cost(argument, inner) for argument in tree.arguments))
    overhead = {"all": 3, "exists": 4, "exists_one": 3, "existsOne": 3}.get(tree.name, _LIST + 3)
    rounds = _size(tree.target, scope)
    return plus(_cost(tree.target, scope), times(rounds, plus(step, overhead)), 1 if overhead < _LIST else _LIST + 1)
