"""jq's functions that take values: (name, number of arguments) -> function of the input and the arguments."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from minikube_edu.container_runtime.simulated.tools.jq.engine import (
    KEY,
    Fault,
    arithmetic,
    compare,
    dumped,
    indexed,
    kind,
    put,
    simple,
)
from minikube_edu.lib import clock


def wanted(value: Any, expected: str, words: str) -> Any:
    if kind(value) != expected:
        raise Fault(f"{kind(value)} ({dumped(value)}) {words}")
    return value


def length(value: Any) -> Any:
    if value is None:
        return 0
    if isinstance(value, bool):
        raise Fault(f"boolean ({dumped(value)}) has no length")
    return abs(value) if isinstance(value, int | float) else len(value)


def keys(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted(value)
    return list(range(len(wanted(value, "array", "has no keys"))))


def to_entries(value: Any) -> list[dict[str, Any]]:
    return [{"key": key, "value": item} for key, item in wanted(value, "object", "has no keys").items()]


def from_entries(value: Any) -> dict[str, Any]:
    result = {}
    for entry in value:
        key = next(
            (entry[name] for name in ("key", "k", "name", "Name", "Key", "K") if entry.get(name) is not None), None
        )
        item = next((entry[name] for name in ("value", "v", "Value", "V") if name in entry), None)
        result[key if isinstance(key, str) else dumped(key)] = item
    return result


def add(value: Any) -> Any:
    result = None
    for item in value.values() if isinstance(value, dict) else value:
        result = arithmetic("+", result, item)
    return result


def tonumber(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        return simple(float(wanted(value, "string", "cannot be parsed as a number")))
    except ValueError:
        raise Fault(f"Cannot parse '{value}' as number") from None


def contains(value: Any, part: Any) -> bool:
    if isinstance(value, dict) and isinstance(part, dict):
        return all(key in value and contains(value[key], item) for key, item in part.items())
    if isinstance(value, list) and isinstance(part, list):
        return all(any(contains(item, one) for item in value) for one in part)
    if isinstance(value, str) and isinstance(part, str):
        return part in value
    return compare(value, part) == 0


def flatten(value: Any, depth: float = math.inf) -> list[Any]:
    result: list[Any] = []
    for item in value:
        result += flatten(item, depth - 1) if isinstance(item, list) and depth > 0 else [item]
    return result


def pattern(text: str, flags: str = "") -> re.Pattern[str]:
    from minikube_edu.container_runtime.simulated.tools import regular_expressions

    try:
        # Refuses what backtracking would never end with; jq's syntax is close enough to Python's
        if regular_expressions.explosive(regular_expressions.Parser(text, True, False).parse()):
            raise Fault(f"{text} (at offset 0) is too complex a regex")
        return re.compile(
            text.replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!"),
            (re.IGNORECASE if "i" in flags else 0) | (re.VERBOSE if "x" in flags else 0),
        )
    except (re.error, regular_expressions.BadPattern):
        raise Fault(f"{text} (at offset 0) is not a valid regex") from None


def matches(value: Any, text: str, flags: str = "") -> bool:
    return pattern(text, flags).search(wanted(value, "string", "cannot be matched, as it is not a string")) is not None


def capture(value: Any, text: str, flags: str = "") -> Any:
    found = pattern(text, flags).search(value)
    if not found:
        raise Fault("break")
    return found.groupdict()


def substitute(count: int) -> Callable[..., str]:
    def replace(value: str, text: str, by: str, flags: str = "") -> str:
        return pattern(text, flags).sub(lambda found: by, value, count=0 if "g" in flags else count)

    return replace


def join(value: Any, glue: str) -> str:
    return glue.join("" if item is None else item if isinstance(item, str) else dumped(item) for item in value)


def unique(value: Any) -> list[Any]:
    result: list[Any] = []
    for item in sorted(value, key=KEY):
        if not result or compare(result[-1], item):
            result.append(item)
    return result


def fromjson(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        raise Fault(f"{value} (while parsing '{value}')") from None


def kept(name: str) -> Callable[[Any], Any]:
    """`strings`, `numbers`, …: the input, when it is of that kind."""

    def select(value: Any) -> Any:
        if (name == "scalars" and kind(value) not in ("array", "object")) or (
            name == "iterables" and kind(value) in ("array", "object")
        ):
            return value
        if name == "values" and value is not None:
            return value
        if kind(value) + "s" == name or (name == "nulls" and value is None):
            return value
        raise Fault("break")

    return select


def index_of(value: Any, part: Any, last: bool) -> Any:
    if isinstance(value, str):
        place = value.rfind(part) if last else value.find(part)
    else:
        places = [i for i, item in enumerate(value or []) if compare(item, part) == 0]
        place = (places[-1] if last else places[0]) if places else -1
    return None if place < 0 else place


FUNCTIONS: dict[tuple[str, int], Callable[..., Any]] = {
    ("length", 0): length,
    ("keys", 0): keys,
    ("keys_unsorted", 0): lambda v: list(v) if isinstance(v, dict) else keys(v),
    ("values", 0): kept("values"),
    ("to_entries", 0): to_entries,
    ("from_entries", 0): from_entries,
    ("add", 0): add,
    ("not", 0): lambda v: v is None or v is False,
    ("type", 0): kind,
    ("tonumber", 0): tonumber,
    ("tostring", 0): lambda v: v if isinstance(v, str) else dumped(v),
    ("tojson", 0): dumped,
    ("fromjson", 0): fromjson,
    ("has", 1): lambda v, k: k in v if isinstance(v, dict) else 0 <= k < len(v),
    ("in", 1): lambda v, o: v in o,
    ("contains", 1): contains,
    ("inside", 1): lambda v, o: contains(o, v),
    ("flatten", 0): flatten,
    ("flatten", 1): flatten,
    ("sort", 0): lambda v: sorted(wanted(v, "array", "cannot be sorted, as it is not an array"), key=KEY),
    ("unique", 0): unique,
    ("reverse", 0): lambda v: v[::-1] if v is not None else [],
    ("min", 0): lambda v: min(v, key=KEY) if v else None,
    ("max", 0): lambda v: max(v, key=KEY) if v else None,
    ("first", 0): lambda v: indexed(v, 0),
    ("last", 0): lambda v: indexed(v, -1),
    ("any", 0): lambda v: any(i is not None and i is not False for i in v),
    ("all", 0): lambda v: all(i is not None and i is not False for i in v),
    ("floor", 0): math.floor,
    ("ceil", 0): math.ceil,
    ("round", 0): lambda v: math.floor(v + 0.5),
    ("sqrt", 0): lambda v: simple(math.sqrt(v)),
    ("fabs", 0): abs,
    ("abs", 0): abs,
    ("pow", 2): lambda v, a, b: simple(float(a) ** float(b)) if abs(b) < 1000 else math.inf,
    ("split", 1): lambda v, s: wanted(v, "string", "cannot be split").split(s) if s else list(v),
    ("join", 1): join,
    ("ascii_downcase", 0): str.lower,
    ("ascii_upcase", 0): str.upper,
    ("ltrimstr", 1): lambda v, s: v.removeprefix(s) if isinstance(v, str) else v,
    ("rtrimstr", 1): lambda v, s: v.removesuffix(s) if isinstance(v, str) else v,
    ("trim", 0): str.strip,
    ("startswith", 1): lambda v, s: wanted(v, "string", "startswith() requires string inputs").startswith(s),
    ("endswith", 1): lambda v, s: wanted(v, "string", "endswith() requires string inputs").endswith(s),
    ("test", 1): matches,
    ("test", 2): matches,
    ("capture", 1): capture,
    ("capture", 2): capture,
    ("sub", 2): substitute(1),
    ("sub", 3): substitute(1),
    ("gsub", 2): substitute(0),
    ("gsub", 3): substitute(0),
    ("explode", 0): lambda v: [ord(letter) for letter in v],
    ("implode", 0): lambda v: "".join(chr(code) for code in v),
    ("index", 1): lambda v, p: index_of(v, p, False),
    ("rindex", 1): lambda v, p: index_of(v, p, True),
    ("getpath", 1): lambda v, p: v if not p else FUNCTIONS["getpath", 1](indexed(v, p[0]), p[1:]),
    ("setpath", 2): lambda v, p, x: put(v, tuple(p), x),
    ("now", 0): lambda v: clock.now(),
    ("todate", 0): lambda v: clock.rfc3339(float(v)),
    ("fromdate", 0): lambda v: int(clock.parse_rfc3339(v)),
    ("fromdateiso8601", 0): lambda v: int(clock.parse_rfc3339(v)),
    ("todateiso8601", 0): lambda v: clock.rfc3339(float(v)),
    ("infinite", 0): lambda v: math.inf,
    ("nan", 0): lambda v: math.nan,
    ("isnan", 0): math.isnan,
    ("transpose", 0): lambda v: [list(r) for r in zip(*v, strict=False)],
    ("utf8bytelength", 0): lambda v: len(v.encode()),
    ("ascii", 0): chr,
    ("debug", 0): lambda v: v,
    **{
        (name, 0): kept(name)
        for name in ("strings", "numbers", "arrays", "objects", "booleans", "nulls", "scalars", "iterables")
    },
}
