"""The functions that a template may call: Go's own, and kubectl's `exists` and `base64decode`.

Each takes JSON values and raises ValueError with Go's text, which the runner completes (`error calling index: …`).
NOTHING stands for what was not found, which prints as `<no value>`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from minikube_edu.api.output.go_format import Constant, sprint, sprintf, type_of
from minikube_edu.lib.govalue import show

_HTML = {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
_JS = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}


def truth(value: Any) -> bool:
    return value not in (None, False, 0, "") and value != [] and value != {}


def _basic_kind(value: Any) -> str:
    """What values must share to be compared; "" when they cannot be ordered."""
    if isinstance(value, bool):
        return "bool"
    return next(
        (name for kind, name in ((int, "int"), (float, "float"), (str, "string")) if isinstance(value, kind)), ""
    )


def equal(first: Any, *others: Any) -> bool:
    if not others:
        raise ValueError("missing argument for comparison")
    kind = _basic_kind(first)
    for other in others:
        if kind != _basic_kind(other):
            if first is not None and other is not None:
                raise ValueError("incompatible types for comparison")
            continue
        if kind or (first is None and other is None):
            if first == other:
                return True
        elif first is not None and other is not None:
            raise ValueError(f"non-comparable type {show(first)}: {type_of(first)}")
    return False


def not_equal(first: Any, second: Any) -> bool:
    return not equal(first, second)


def less(first: Any, second: Any) -> bool:
    kind, other = _basic_kind(first), _basic_kind(second)
    if not kind or not other:
        raise ValueError("invalid type for comparison")
    if kind != other:
        raise ValueError("incompatible types for comparison")
    if kind == "bool":
        raise ValueError("invalid type for comparison")
    return bool(first < second)


def less_or_equal(first: Any, second: Any) -> bool:
    return less(first, second) or equal(first, second)


def length(value: Any) -> int:
    if value is None:
        raise ValueError("reflect: call of reflect.Value.Type on zero Value")
    if isinstance(value, str):
        return Constant(len(value.encode()))
    if isinstance(value, list | dict):
        return Constant(len(value))
    raise ValueError(f"len of type {type_of(value)}")


def index(item: Any, *keys: Any) -> Any:
    if item is None:
        raise ValueError("index of untyped nil")
    for key in keys:
        if item is None:
            raise ValueError("index of nil pointer")
        if isinstance(item, dict):
            if not isinstance(key, str):
                raise ValueError(f"value has type {type_of(key)}; should be string")
            item = item.get(key)
        elif isinstance(item, list | str):
            at = _position(key, len(item))
            if at == len(item):
                raise ValueError(f"reflect: {'slice' if isinstance(item, list) else 'string'} index out of range")
            item = item[at] if isinstance(item, list) else item.encode()[at]
        else:
            raise ValueError(f"can't index item of type {type_of(item)}")
    return item


def _position(key: Any, limit: int) -> int:
    if key is None:
        raise ValueError("cannot index slice/array with nil")
    if not isinstance(key, int) or isinstance(key, bool):
        raise ValueError(f"cannot index slice/array with type {type_of(key)}")
    if not 0 <= key <= limit:
        raise ValueError(f"index out of range: {key}")
    return key


def slice_of(item: Any, *bounds: Any) -> Any:
    if item is None:
        raise ValueError("slice of untyped nil")
    if len(bounds) > 3:
        raise ValueError(f"too many slice indexes: {len(bounds)}")
    if not isinstance(item, list | str):
        raise ValueError(f"can't slice item of type {type_of(item)}")
    start, end = 0, len(item)
    if bounds:
        start = _position(bounds[0], len(item))
    if len(bounds) > 1:
        end = _position(bounds[1], len(item))
    if start > end:
        raise ValueError(f"invalid slice index: {start} > {end}")
    return item[start:end]


def exists(item: Any, *keys: Any) -> bool:
    """Whether `index` with these arguments would find something."""
    for key in keys:
        if isinstance(item, dict) and isinstance(key, str):
            item = item.get(key)
        elif isinstance(item, list | str) and isinstance(key, int) and 0 <= key < len(item):
            item = item[key]
        else:
            return False
    return item is not None


def base64decode(text: Any) -> str:
    try:
        return base64.b64decode(str(text).replace("\n", "").replace("\r", ""), validate=True).decode(errors="replace")
    except binascii.Error:
        at = next((i for i, c in enumerate(str(text)) if not (c.isalnum() or c in "+/")), len(str(text)) // 4 * 4)
        raise ValueError(f"base64 decode failed: illegal base64 data at input byte {at}") from None


def _escaped(table: dict[str, str]) -> Callable[..., str]:
    return lambda *values: "".join(table.get(char, char) for char in sprint(values))


def _not(value: Any) -> bool:
    return not truth(value)


def _call(*_: Any) -> Any:
    raise ValueError("call of non-function")


# name -> (function, fewest arguments, most arguments or None)
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int | None]] = {
    "and": (lambda *v: v[-1], 1, None),  # and, or: the runner stops at the first that decides
    "or": (lambda *v: v[-1], 1, None),
    "not": (_not, 1, 1),
    "eq": (equal, 1, None),
    "ne": (not_equal, 2, 2),
    "lt": (less, 2, 2),
    "le": (less_or_equal, 2, 2),
    "gt": (lambda a, b: not less_or_equal(a, b), 2, 2),
    "ge": (lambda a, b: not less(a, b), 2, 2),
    "len": (length, 1, 1),
    "index": (index, 1, None),
    "slice": (slice_of, 1, None),
    "print": (lambda *v: sprint(v), 0, None),
    "println": (lambda *v: sprint(v, line=True), 0, None),
    "printf": (lambda template, *v: sprintf(template, v), 1, None),
    "html": (_escaped(_HTML), 0, None),
    "js": (_escaped(_JS), 0, None),
    "urlquery": (lambda *v: quote_plus(sprint(v)), 0, None),
    "call": (_call, 1, None),
    "exists": (exists, 1, None),
    "base64decode": (base64decode, 1, 1),
}
TEXT_FIRST = frozenset(("printf", "base64decode"))  # their first argument must be text
