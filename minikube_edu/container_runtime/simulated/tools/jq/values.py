"""jq's values: kinds, order, arithmetic, and what is at a place inside them.

Pure functions without a machine; what may take long is a generator that yields to give way and returns its result.
A path is a tuple of keys: texts, numbers, and {"start": …, "end": …} for a slice. The file is
long because all of this is about the same six kinds.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Generator
from typing import Any

from minikube_edu.container_runtime.simulated.tools.steps import due, in_order, mapped

Path = tuple[Any, ...]
Steps = Generator[None, None, Any]
LONGEST_TEXT = 16 << 20
MOST_ITEMS = 1 << 20
SHOWN = 14  # bytes of a value in an error's words
RANKS = {"null": 0, "boolean": 1, "number": 3, "string": 4, "array": 5, "object": 6}


class Fault(Exception):
    """`error(value)`: what `try` catches."""

    def __init__(self, value: Any) -> None:
        super().__init__(value if isinstance(value, str) else f"(not a string): {shown(value)}")
        self.value = value


class Broken(Exception):
    """jq cannot go on, and `try` does not help: out of memory, too deep."""


def kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return {int: "number", float: "number", str: "string", list: "array"}.get(type(value), "object")


def true(value: Any) -> bool:
    return value is not None and value is not False


def number_text(value: float) -> str:
    if isinstance(value, int):
        return str(value) if abs(value) < 1 << 1100 else number_text(math.copysign(math.inf, value))
    if value != value:
        return "null"
    if math.isinf(value):
        return "1.7976931348623157e+308" if value > 0 else "-1.7976931348623157e+308"
    return repr(value)


def dumped(value: Any) -> str:
    """A value in one line; a small one: a big one is written in pieces (`json_text.pieces`)."""
    from minikube_edu.container_runtime.simulated.tools.jq.json_text import pieces

    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return "".join(pieces(value))


def shown(value: Any) -> str:
    """A value in an error's words: its beginning will do."""
    from minikube_edu.container_runtime.simulated.tools.jq.json_text import pieces

    text = ""
    for piece in pieces(value[: 4 * SHOWN] if isinstance(value, str) else value):
        text += piece
        if len(text) > 4 * SHOWN:
            break
    whole = text.encode(errors="replace")
    return text if len(whole) <= SHOWN else whole[: SHOWN - 3].decode(errors="ignore") + "..."


def described(value: Any) -> str:
    return f"{kind(value)} ({shown(value)})"


def simple(value: float) -> int | float:
    """3.0 is 3."""
    if isinstance(value, float) and value == value and abs(value) < 1e17 and value == int(value):
        return int(value) if value or math.copysign(1, value) > 0 else value
    return value if isinstance(value, float) or abs(value) < 1e17 else float(value)


# -- order -----------------------------------------------------------------------------------------------------------


class NotANumber:
    """Less than every number and than itself, and equal to nothing. Each stands alone: Python takes one for itself."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]  # as with all that says when it is equal

    def __eq__(self, other: object) -> bool:
        return False

    def __lt__(self, other: object) -> bool:
        return True

    def __le__(self, other: object) -> bool:
        return True

    def __gt__(self, other: object) -> bool:
        return False

    def __ge__(self, other: object) -> bool:
        return False


def key(value: Any) -> Any:
    """What Python compares in the order that jq has: null, false, true, numbers, strings, arrays, objects."""
    if isinstance(value, str):
        return (4, value)
    if isinstance(value, bool):
        return (2,) if value else (1,)
    if isinstance(value, int | float):
        return (3, value if value == value else NotANumber())
    if isinstance(value, list):
        return (5, [key(item) for item in value])
    if isinstance(value, dict):
        names = sorted(value)
        return (6, names, [key(value[name]) for name in names])
    return (0,)


def equal(a: Any, b: Any) -> bool:
    return bool(key(a) == key(b))


def compared(operator: str, a: Any, b: Any) -> bool:
    one, other = key(a), key(b)
    if operator == "==":
        return bool(one == other)
    if operator == "!=":
        return bool(one != other)
    if operator == "<":
        return bool(one < other)
    if operator == "<=":
        return bool(one <= other)
    return bool(one > other if operator == ">" else one >= other)


def ordered(items: list[Any], by: list[Any] | None = None) -> Generator[None, None, tuple[list[Any], list[int]]]:
    """The keys of the items (or of what they are sorted by), and the places in order."""
    keys = yield from mapped(items if by is None else by, key)
    places = yield from in_order(keys)
    return keys, places


# -- arithmetic ------------------------------------------------------------------------------------------------------


def arithmetic(operator: str, a: Any, b: Any) -> Any:
    if operator in ("==", "!=", "<", "<=", ">", ">="):
        return compared(operator, a, b)
    one, other = kind(a), kind(b)
    try:
        if one == other == "number":
            return _numbers(operator, a, b)
        if operator == "+":
            if a is None or b is None:
                return b if a is None else a
            if one == other == "object":
                return {**a, **b}
            if one == other and one in ("string", "array"):
                _room(a, len(a) + len(b))
                return a + b
        elif operator == "-" and one == other == "array":
            gone = [key(item) for item in b]
            return [item for item in a if key(item) not in gone]
        elif operator == "*" and one == other == "object":
            return _merged(a, b)
        elif operator == "*" and {one, other} == {"string", "number"}:
            text, count = (a, b) if one == "string" else (b, a)
            if not count > 0:
                return None
            _room(text, len(text) * max(count, 1))
            return text * (1 if count < 1 else int(count))
        elif operator == "/" and one == other == "string":
            return split(a, b)
    except OverflowError:
        return math.inf
    words = {"+": "added", "-": "subtracted", "*": "multiplied", "/": "divided", "%": "divided"}[operator]
    raise Fault(f"{described(a)} and {described(b)} cannot be {words}")


def _numbers(operator: str, a: float, b: float) -> Any:
    if operator == "+":
        return simple(a + b)
    if operator == "-":
        return simple(a - b)
    if operator == "*":
        return simple(float(a) * b)
    if operator == "/":
        if b == 0:
            raise Fault(f"{described(a)} and {described(b)} cannot be divided because the divisor is zero")
        return simple(a / b)
    if a != a or b != b:
        return math.nan
    one, other = (int(max(min(value, 1 << 63), -(1 << 63))) for value in (a, b))
    if other == 0:
        raise Fault(f"{described(a)} and {described(b)} cannot be divided (remainder) because the divisor is zero")
    return int(math.fmod(one, abs(other)))


def _merged(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    both = {name for name in b if isinstance(b[name], dict) and isinstance(a.get(name), dict)}
    return {**a, **{name: _merged(a[name], item) if name in both else item for name, item in b.items()}}


def _room(value: Any, length: float) -> None:
    if length > (LONGEST_TEXT if isinstance(value, str) else MOST_ITEMS):
        raise Broken("error: cannot allocate memory")


def split(text: str, separator: str) -> list[str]:
    if not text:
        return []
    return text.split(separator) if separator else list(text)


# -- places ----------------------------------------------------------------------------------------------------------


def indexed(item: Any, key: Any) -> Any:
    """.[key]"""
    if isinstance(key, dict):
        return sliced(item, key.get("start"), key.get("end"))
    number = isinstance(key, int | float) and not isinstance(key, bool)
    if isinstance(key, str):
        if item is None:
            return None
        if isinstance(item, dict):
            return item.get(key)
    elif number:
        if item is None:
            return None
        if isinstance(item, list):
            if key != key:
                return None
            place = math.floor(max(min(key, 1 << 40), -(1 << 40)))
            return item[place] if -len(item) <= place < len(item) else None
    elif item is None and key is None:
        return None
    elif isinstance(item, list) and isinstance(key, list):
        return indices(item, key)
    raise Fault(f"Cannot index {kind(item)} with {_named(key)}")


def _named(key: Any) -> str:
    return f'string "{key}"' if isinstance(key, str) and len(key.encode(errors="replace")) < 30 else kind(key)


def bounds(length: int, start: Any, end: Any) -> tuple[int, int]:
    for limit in (start, end):
        if limit is not None and kind(limit) != "number":
            raise Fault("Start and end indices of an array slice must be numbers")

    def place(limit: float, up: bool) -> int:
        limit = max(min(limit, 1 << 40), -(1 << 40))
        whole = math.ceil(limit) if up else math.floor(limit)
        return max(0, min(length, whole + length if limit < 0 else whole))

    first = 0 if start is None else place(start, False)
    return first, max(first, length if end is None else place(end, True))


def sliced(item: Any, start: Any, end: Any) -> Any:
    if item is None:
        return None
    if not isinstance(item, str | list):
        raise Fault(f"Cannot index {kind(item)} with object")
    first, last = bounds(len(item), start, end)
    return item[first:last]


def at(value: Any, place: Path) -> Any:
    for step in place:
        value = indexed(value, step)
    return value


class Edited:
    """A value whose places get other values. What is changed is copied first, once."""

    def __init__(self, value: Any) -> None:
        self.top = [value]
        self.own: dict[int, Any] = {}  # copies, by their id; held here, so that no other gets it

    def put(self, place: Path, fresh: Any) -> None:
        around: Any = self.top
        step: Any = 0
        for following in place:
            around = self._mine(around, step, dict if isinstance(following, str) else list, following)
            if isinstance(following, dict) and following is not place[-1]:
                part = Edited(indexed(around, following))
                part.put(place[place.index(following) + 1 :], fresh)
                _set(around, following, part.top[0])
                return
            step = following
        _set(around, step, fresh)

    def _mine(self, around: Any, step: Any, wanted: type[Any], following: Any) -> Any:
        """The array or object at a step, as a copy that may be changed."""
        value: Any = indexed(around, step)
        if id(value) in self.own and type(value) is wanted:
            return value
        if value is None:
            value = wanted()
        elif type(value) is not wanted:
            if wanted is dict or isinstance(value, dict):
                raise Fault(f"Cannot index {kind(value)} with {_named(following)}")
            raise Fault(f"Cannot update field at {kind(following)} index of {kind(value)}")
        else:
            value = value.copy()
        self.own[id(value)] = value
        _set(around, step, value)
        return value

    def delete(self, place: Path) -> None:
        if not place:
            self.top[0] = None
            return
        here = self.top[0]
        for number, step in enumerate(place):
            if here is None:
                return
            if number == len(place) - 1:
                break
            here = indexed(here, step)
        if isinstance(here, dict | list):
            around: Any = self.top
            for before, following in zip((0, *place), place, strict=False):
                around = self._mine(around, before, dict if isinstance(following, str) else list, following)
            _delete(around, place[-1])
        else:
            _delete(here, place[-1])


def put(value: Any, place: Path, fresh: Any) -> Any:
    """A copy of the value in which that place has another value."""
    edited = Edited(value)
    edited.put(place, fresh)
    return edited.top[0]


def _set(holder: Any, key: Any, fresh: Any) -> None:
    if isinstance(holder, dict):
        holder[key] = fresh
        return
    if isinstance(key, dict):
        if not isinstance(fresh, list):
            raise Fault("A slice of an array can only be assigned another array")
        first, last = bounds(len(holder), key.get("start"), key.get("end"))
        holder[first:last] = fresh
        return
    if kind(key) != "number":
        raise Fault(f"Cannot update field at {kind(key)} index of array")
    index = math.floor(max(min(key, 1 << 40), -(1 << 40)))
    if index < -len(holder):
        raise Fault("Out of bounds negative array index")
    _room(holder, index)
    holder += [None] * (index + 1 - len(holder))
    holder[index] = fresh


def without(value: Any, places: list[Path]) -> Steps:
    """A copy without these places, the last ones going first."""
    keys = yield from mapped(places, lambda place: key(list(place)))
    order = yield from in_order(keys)
    edited = Edited(value)
    for number in reversed(order):
        if due():
            yield
        edited.delete(places[number])
    return edited.top[0]


def _delete(holder: Any, step: Any) -> None:
    if isinstance(holder, dict):
        if not isinstance(step, str):
            raise Fault(f"Cannot delete {kind(step)} field of object")
        holder.pop(step, None)
    elif not isinstance(holder, list):
        raise Fault(f"Cannot delete fields from {kind(holder)}")
    elif isinstance(step, dict):
        first, last = bounds(len(holder), step.get("start"), step.get("end"))
        del holder[first:last]
    elif kind(step) != "number":
        raise Fault(f"Cannot delete {kind(step)} element of array")
    elif -len(holder) <= math.floor(step) < len(holder):
        del holder[math.floor(step)]


def indices(value: Any, part: Any) -> Any:
    """Where a part is inside: texts in texts, arrays in arrays, a value in an array."""
    if value is None:
        return None
    if isinstance(value, str) and isinstance(part, str):
        return [found.start() for found in re.finditer(f"(?={re.escape(part)})", value)] if part else None
    if isinstance(value, list):
        wanted = [key(item) for item in part] if isinstance(part, list) else [key(part)]
        if not wanted:
            return None
        keys = [key(item) for item in value]
        return [index for index in range(len(keys)) if keys[index : index + len(wanted)] == wanted]
    return indexed(value, part)
