"""Sets of fields, in the very form that objects carry them: `fieldsV1` of `metadata.managedFields`.

A set is a tree of dicts. A key names one step: `f:NAME` a field, `k:{"name":"c"}` the item of a list with these keys,
`v:"x"` the item of a set with this value, `i:0` an index. What a key leads to says what is in the set:

    {}                          the field itself, nothing below it
    {".": {}, "f:a": …}         the field itself and something below it
    {"f:a": …}                  only something below it

so `{"f:data": {".": {}, "f:k": {}}}` is the set of `.data` and `.data.k`. No conversion is ever needed: what is
computed is what is stored. Rules for callers: sets are never changed in place (they share branches); `{}` at the top
is the empty set; keys are in canonical order (`.`, fields, keys, values, indexes): `parse` and the operations keep it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from minikube_edu.lib.gotext import quote
from minikube_edu.lib.govalue import show

Set = dict[str, Any]
Path = tuple[str, ...]
LEAF: Set = {}  # a branch that ends here; shared, so never to be changed
_NUMBER = re.compile(r":-?\d")
_KINDS = ("f:", "k:", "v:", "i:")


class InvalidSet(ValueError):
    """This is no fieldsV1."""


# ---------------------------------------------------------------- steps


def key_step(fields: dict[str, Any]) -> str:
    """The step to a list's item with these keys."""
    return "k:" + _json({name: fields[name] for name in sorted(fields)})


def value_step(value: Any) -> str:
    """The step to a set's item."""
    return "v:" + _json(value)


def _json(value: Any) -> str:
    """As the real encoder writes it, which escapes what browsers might misread."""
    text = orjson.dumps(value).decode()
    if "<" in text or ">" in text or "&" in text or "\u2028" in text or "\u2029" in text:
        for char in "<>&\u2028\u2029":
            text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def step_text(step: str) -> str:
    """`.name`, `[name="c"]`, `[="x"]`, `[0]`: as messages write a step."""
    kind, rest = step[0], step[2:]
    if kind == "f":
        return f".{rest}"
    if kind == "k":
        return "[" + ",".join(f"{name}={value_text(value)}" for name, value in orjson.loads(rest).items()) + "]"
    return f"[={value_text(orjson.loads(rest))}]" if kind == "v" else f"[{rest}]"


def value_text(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ",".join(map(value_text, value)) + "]"
    if isinstance(value, dict):
        return "".join(f"{name}={value_text(value[name])}" for name in sorted(value))
    return "null" if value is None else quote(value) if isinstance(value, str) else show(value)


def path_text(path: Path) -> str:
    return "".join(map(step_text, path))


def _rank(step: str) -> tuple[Any, ...]:
    """Where a step stands among its siblings: numbers by value, not by digits."""
    if step == ".":
        return (0,)
    kind = step[0]
    if kind == "f":
        return (1, step[2:])
    if kind == "k":
        return (2, *((name, *_value_rank(value)) for name, value in orjson.loads(step[2:]).items()))
    return (3, *_value_rank(orjson.loads(step[2:]))) if kind == "v" else (4, int(step[2:]))


def _value_rank(value: Any) -> tuple[Any, ...]:
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, int | float):
        return (0, value)
    return (1, value) if isinstance(value, str) else (3, _json(value))


def ordered(node: Set) -> Set:
    """The same branch with its keys in canonical order; what is below is left alone."""
    if len(node) < 2:
        return node
    keys = sorted(node)
    if keys[-1][0] > "f" and any(_NUMBER.search(key) for key in keys):  # 80 comes before 443
        keys.sort(key=_rank)
    return {key: node[key] for key in keys}


# ---------------------------------------------------------------- parse


def parse(fields: Any) -> Set:
    """A set that somebody sent, checked and in canonical form. Steps of unknown kinds are dropped."""
    if fields is None:
        return {}
    if not isinstance(fields, dict):
        raise InvalidSet("expected an object of fields")
    out: Set = {}
    for step, below in fields.items():
        if step == ".":
            continue
        canonical = _canonical_step(step)
        if canonical is not None:
            out[canonical] = _parse_node(below)
    return ordered(out)


def _parse_node(node: Any) -> Set:
    below = parse(node)
    if not below or (node and "." not in node):
        return below
    return {".": LEAF, **below}


def _canonical_step(step: str) -> str | None:
    if len(step) < 2:
        raise InvalidSet("key must be 2 characters long:")
    if step[1] != ":":
        raise InvalidSet(f"missing colon: {step}")
    if step[:2] not in _KINDS:
        return None
    if step[0] == "f":
        return step
    if step[0] == "i":
        try:
            return f"i:{int(step[2:])}"
        except ValueError:
            raise InvalidSet(f"strconv.Atoi: parsing {quote(step[2:])}: invalid syntax") from None
    try:
        value = orjson.loads(step[2:])
    except orjson.JSONDecodeError as error:
        raise InvalidSet(f"parsing key as path element: {error}") from None
    if step[0] == "v":
        return value_step(value)
    if not isinstance(value, dict):
        raise InvalidSet("parsing key as path element: expected an object of keys")
    return key_step(value)


# ---------------------------------------------------------------- questions


def has(fields: Set, path: Path) -> bool:
    node: Set | None = fields
    for step in path:
        node = node.get(step) if node else None
        if node is None:
            return False
    return bool(path) and (not node or "." in (node or ()))


def paths(fields: Set, prefix: Path = ()) -> Iterator[Path]:
    """Every member: at each level the members first, then what is below, as the real one walks."""
    for step, node in fields.items():
        if step != "." and (not node or "." in node):
            yield (*prefix, step)
    for step, node in fields.items():
        if step != "." and node:
            yield from paths(node, (*prefix, step))


def of(*members: Path) -> Set:
    """The set of these members."""
    out: Set = {}
    for path in members:
        node: Set = LEAF
        for step in reversed(path):
            node = {step: node}
        out = union(out, node)
    return out


# ---------------------------------------------------------------- algebra


def union(a: Set, b: Set) -> Set:
    if not b or a is b:
        return a
    if not a:
        return b
    out = dict(a)
    for step, node in b.items():
        mine = out.get(step)
        if mine is None:
            out[step] = node
        elif mine is not node:
            out[step] = _union_node(mine, node)
    return ordered(out) if len(out) > len(a) else out


def _union_node(a: Set, b: Set) -> Set:
    """Branches differ from sets in one thing: an empty branch is a member."""
    if not a:
        return b if not b or "." in b else {".": LEAF, **b}
    if not b:
        return a if "." in a else {".": LEAF, **a}
    return union(a, b)


def difference(a: Set, b: Set) -> Set:
    """Members of `a` that are not members of `b`. What is below a member of `b` stays. `a` itself when nothing goes."""
    if not a or not b:
        return a
    out: Set = {}
    changed = False
    for step, node in a.items():
        other = b.get(step)
        if other is None:
            out[step] = node
            continue
        rest = _difference_node(node, other)
        changed = changed or rest is not node
        if rest is not None:
            out[step] = rest
    return out if changed else a


def _difference_node(a: Set, b: Set) -> Set | None:
    member = not b or "." in b
    if not a:
        return None if member else a
    if not b:
        if "." not in a:
            return a
        return {step: node for step, node in a.items() if step != "."} or None
    rest = difference(a, b)  # "." is a step like any other here: a leaf that goes with its twin
    if rest is a:
        return a
    if not rest:
        return None
    return LEAF if len(rest) == 1 and "." in rest else rest


def recursive_difference(a: Set, b: Set) -> Set:
    """Members of `a` that neither are members of `b` nor below one."""
    if not a or not b:
        return a
    out: Set = {}
    for step, node in a.items():
        other = b.get(step)
        if other is None:
            out[step] = node
        elif other and "." not in other:
            if not node:
                out[step] = node
            elif rest := recursive_difference(node, other):
                out[step] = LEAF if len(rest) == 1 and "." in rest else rest
    return out


def intersection(a: Set, b: Set) -> Set:
    """Members of both."""
    out: Set = {}
    for step, node in a.items():
        other = b.get(step)
        if other is None:
            continue
        if not node or not other:
            if (not node or "." in node) and (not other or "." in other):
                out[step] = LEAF
        elif both := intersection(node, other):
            out[step] = LEAF if len(both) == 1 and "." in both else both
    return out


def matching(a: Set, pattern: Sequence[Sequence[str]]) -> Set:
    """Members of `a` on the way to, at or below one of the patterns; a step of `*` stands for any."""
    if any(not steps for steps in pattern):
        return a
    out: Set = {}
    for step, node in a.items():
        if step == ".":
            out[step] = node
            continue
        below = [steps[1:] for steps in pattern if steps[0] in ("*", step)]
        if below and (not node or (node := matching(node, below))):
            out[step] = LEAF if len(node) == 1 and "." in node else node
    return out
