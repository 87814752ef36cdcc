"""jq's functions that take values: name/arity -> function of the input and the arguments.

A generator is one whose work is long: it yields to give way, and returns its result. The file is long
because the manual has that many functions: a few lines for each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minikube_edu.container_runtime.simulated.tools.jq import dates, patterns
from minikube_edu.container_runtime.simulated.tools.jq.formats import formatted
from minikube_edu.container_runtime.simulated.tools.jq.json_text import BadText, Reader, pieces
from minikube_edu.container_runtime.simulated.tools.jq.values import (
    LONGEST_TEXT,
    Broken,
    Fault,
    Steps,
    arithmetic,
    described,
    equal,
    indices,
    key,
    kind,
    ordered,
    put,
    simple,
    split,
    true,
    without,
)
from minikube_edu.container_runtime.simulated.tools.steps import due, mapped
from minikube_edu.lib import clock

STEP = 200


def wanted(value: Any, expected: str, words: str) -> Any:
    if kind(value) != expected:
        raise Fault(f"{described(value)} {words}")
    return value


def numeric(value: Any, words: str = "number required") -> Any:
    return wanted(value, "number", words)


def length(value: Any) -> Any:
    if value is None:
        return 0
    if isinstance(value, bool):
        raise Fault(f"{described(value)} has no length")
    return abs(value) if isinstance(value, int | float) else len(value)


def keys(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted(value)
    return list(range(len(wanted(value, "array", "has no keys"))))


def has(value: Any, name: Any) -> bool:
    if isinstance(value, dict) and isinstance(name, str):
        return name in value
    if isinstance(value, list) and kind(name) == "number":
        return bool(0 <= name < len(value))
    raise Fault(f"Cannot check whether {kind(value)} has a {'string' if kind(name) == 'string' else kind(name)} key")


def add(value: Any) -> Steps:
    if not isinstance(value, dict | list):
        raise Fault(f"Cannot iterate over {described(value)}")
    items = list(value.values()) if isinstance(value, dict) else value
    for sort in (str, list):
        if items and all(isinstance(item, sort) or item is None for item in items):
            joined: list[Any] = []
            size = 0
            for number, item in enumerate(items):
                if number % STEP == 0:
                    yield
                joined.append(item) if sort is str else joined.extend(item or ())
                size += len(item or ())
                if size > LONGEST_TEXT:
                    raise Broken("error: cannot allocate memory")
            if sort is list or any(item is not None for item in items):
                return "".join(item or "" for item in joined) if sort is str else joined
    result = None
    for number, item in enumerate(items):
        if number > 1 and isinstance(result, dict) and isinstance(item, dict):
            result.update(item)  # it is ours: the sum of two
        else:
            result = arithmetic("+", result, item)
        if due():
            yield
    return result


def tonumber(value: Any) -> Any:
    if kind(value) == "number":
        return value
    text = wanted(value, "string", "cannot be parsed as a number")
    try:
        if not text or text.strip() != text or "_" in text or text.lower().lstrip("+-")[:1] in ("i", "n"):
            raise ValueError
        return int(text) if text.lstrip("-").isdigit() and len(text) < 18 else simple(float(text))
    except ValueError:
        words = f"Invalid numeric literal at EOF at line 1, column {len(text)}"
        raise Fault(f"{words} (while parsing '{text}')") from None


def contains(value: Any, part: Any) -> bool:
    if kind(value) != kind(part):
        raise Fault(f"{described(value)} and {described(part)} cannot have their containment checked")
    return _holds(value, part)


def _holds(value: Any, part: Any) -> bool:
    if isinstance(value, dict) and isinstance(part, dict):
        return all(name in value and _holds(value[name], item) for name, item in part.items())
    if isinstance(value, list) and isinstance(part, list):
        return all(any(_holds(item, one) for item in value) for one in part)
    if isinstance(value, str) and isinstance(part, str):
        return part in value
    return equal(value, part)


def flatten(value: Any, depth: Any = math.inf) -> Steps:
    if numeric(depth) < 0:
        raise Fault("flatten depth must not be negative")
    if not isinstance(value, dict | list):
        raise Fault(f"Cannot iterate over {described(value)}")
    result: list[Any] = []
    ways = [(iter(value.values() if isinstance(value, dict) else value), depth)]
    count = 0
    while ways:
        items, left = ways[-1]
        for item in items:
            count += 1
            if count % STEP == 0:
                yield
            if isinstance(item, list) and left > 0:
                ways.append((iter(item), left - 1))
                break
            result.append(item)
        else:
            ways.pop()
    return result


def sort(value: Any, by: Any = None) -> Steps:
    items = wanted(value, "array", "cannot be sorted, as it is not an array")
    _, places = yield from ordered(items, by)
    return (yield from mapped(places, items.__getitem__))


def group_by(value: Any, by: Any) -> Steps:
    items = wanted(value, "array", "cannot be grouped, as it is not an array")
    keys, places = yield from ordered(items, by)
    groups: list[list[Any]] = []
    last = -1
    for number, place in enumerate(places):
        if number % STEP == 0:
            yield
        if groups and keys[place] == keys[last]:
            groups[-1].append(items[place])
        else:
            groups.append([items[place]])
        last = place
    return groups


def unique(value: Any) -> Steps:
    items = wanted(value, "array", "cannot be sorted, as it is not an array")
    keys, places = yield from ordered(items)
    kept = []
    for number, place in enumerate(places):
        if number % STEP == 0:
            yield
        if not number or keys[place] != keys[places[number - 1]]:
            kept.append(items[place])
    return kept


def extreme(most: bool) -> Callable[..., Any]:
    def find(value: Any, by: Any = None) -> Steps:
        items = wanted(value, "array", "cannot be iterated over")
        best: Any = None
        chosen = None
        for number, item in enumerate(items):
            if number % STEP == STEP - 1:
                yield
            mine = key(item if by is None else by[number])
            if best is None or (mine >= best if most else mine < best):
                best, chosen = mine, item
        return chosen

    return find


def reverse(value: Any) -> Any:
    if isinstance(value, str):
        return value[::-1]
    return [] if value is None else wanted(value, "array", "cannot be reversed, as it is not an array")[::-1]


def join(value: Any, glue: Any) -> Steps:
    if not isinstance(value, dict | list):
        raise Fault(f"Cannot iterate over {described(value)}")
    items = list(value.values()) if isinstance(value, dict) else value
    parts: list[str] = []
    for number, item in enumerate(items):
        if number % STEP == 0:
            yield
        if kind(item) in ("array", "object"):
            raise Fault(f"{described(glue.join(parts) + glue if parts else '')} and {described(item)} cannot be added")
        parts.append("" if item is None else item if isinstance(item, str) else formatted("@json", item))
    if items and kind(glue) != "string":
        raise Fault(f"{described(glue)} and {described(parts[0])} cannot be added")
    return glue.join(parts) if parts else ""


def tojson(value: Any) -> Steps:
    parts: list[str] = []
    size = 0
    for piece in pieces(value):
        parts.append(piece)
        size += len(piece)
        if len(parts) % STEP == 0:
            if size > LONGEST_TEXT:
                raise Broken("error: cannot allocate memory")
            yield
    return "".join(parts)


def tostring(value: Any) -> Any:
    return value if isinstance(value, str) else tojson(value)


def fromjson(value: Any) -> Steps:
    reader = Reader(wanted(value, "string", "cannot be parsed as JSON"))
    try:
        if not reader.more():
            return None
        found = yield from reader.value()
        if reader.more():
            raise reader.fault("Unexpected extra JSON values", reader.position)
        return found
    except BadText as error:
        raise Fault(f"{error} (while parsing '{value}')") from None


def implode(value: Any) -> str:
    try:
        return "".join(map(chr, wanted(value, "array", "cannot be imploded")))
    except (TypeError, ValueError):
        raise Fault("Unicode codepoint must be numeric") from None


def position(last: bool) -> Callable[[Any, Any], Any]:
    def find(value: Any, part: Any) -> Any:
        places = indices(value, part)
        return places[-1 if last else 0] if places else None

    return find


def stripped(left: bool, right: bool) -> Callable[[Any], str]:
    def strip(value: Any) -> str:
        text: str = wanted(value, "string", "cannot be trimmed")
        text = text.lstrip() if left else text
        return text.rstrip() if right else text

    return strip


def begins(value: Any, part: Any) -> bool:
    if kind(value) != "string" or kind(part) != "string":
        raise Fault("startswith() requires string inputs")
    return bool(value.startswith(part))


def ends(value: Any, part: Any) -> bool:
    if kind(value) != "string" or kind(part) != "string":
        raise Fault("endswith() requires string inputs")
    return bool(value.endswith(part))


def split_(value: Any, separator: Any) -> list[str]:
    if kind(value) != "string" or kind(separator) != "string":
        raise Fault("split input and separator must be strings")
    return split(value, separator)


def cased(upper: bool) -> Callable[[Any], str]:
    lower, higher = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    letters = str.maketrans(lower, higher) if upper else str.maketrans(higher, lower)
    name = "ascii_upcase" if upper else "ascii_downcase"

    def changed(value: Any) -> str:
        if not isinstance(value, str):
            raise Fault(f"{name} input must be a string")
        return value.translate(letters)

    return changed


def paths_put(value: Any, place: Any, fresh: Any) -> Any:
    if not isinstance(place, list):
        raise Fault("Path must be specified as an array")
    return put(value, tuple(place), fresh)


def paths_gone(value: Any, places: Any) -> Any:
    if not isinstance(places, list):
        raise Fault("Paths must be specified as an array")
    if any(not isinstance(place, list) for place in places):
        raise Fault("Path must be specified as an array")
    return without(value, [tuple(place) for place in places])


def transpose(value: Any) -> list[Any]:
    if value is None or isinstance(value, str | int | float):
        raise Fault(f"Cannot iterate over {described(value)}")
    width = max((len(row) for row in value), default=0)
    return [[row[index] if index < len(row) else None for row in value] for index in range(width)]


def search(value: Any, target: Any) -> int:
    from bisect import bisect_left

    wanted(value, "array", "cannot be searched from")
    place = bisect_left(value, key(target), key=key)
    return place if place < len(value) and equal(value[place], target) else -1 - place


def mathematical(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*values: Any) -> Any:
        for value in values:
            numeric(value)
        try:
            return simple(function(*values))
        except OverflowError:
            return math.inf
        except (ValueError, ZeroDivisionError):
            return math.nan

    return call


def by_arguments(function: Callable[..., Any]) -> Callable[..., Any]:
    """One that looks at its arguments alone."""
    made = mathematical(function)
    return lambda value, *given: made(*given)


def power(base: float, exponent: float) -> float:
    if base == 0 and exponent < 0:
        return math.inf
    return math.pow(base, exponent)


def logarithm(base: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: -math.inf if value == 0 else base(value)


def frexp(value: Any) -> list[Any]:
    fraction, exponent = math.frexp(numeric(value))
    return [simple(fraction), exponent]


def modf(value: Any) -> list[Any]:
    if math.isinf(numeric(value)):
        return [math.copysign(0.0, value), value]
    fraction, whole = math.modf(value)
    return [simple(fraction), simple(whole)]


def ldexp(value: float, exponent: float) -> float:
    return math.ldexp(value, int(exponent))


def rounded(value: float) -> float:
    return value if not math.isfinite(value) else math.copysign(math.floor(abs(value) + 0.5), value)


def whole(function: Callable[[float], int]) -> Callable[[Any], Any]:
    return mathematical(lambda value: function(value) if math.isfinite(value) else value)


def normal(value: Any) -> bool:
    return math.isfinite(numeric(value)) and abs(value) >= 2.2250738585072014e-308


def significand(value: float) -> float:
    return value if value == 0 or not math.isfinite(value) else math.frexp(value)[0] * 2


def logb(value: float) -> float:
    return -math.inf if value == 0 else math.frexp(value)[1] - 1


def bytes_of(value: Any) -> int:
    return len(wanted(value, "string", "only strings have UTF-8 byte length").encode(errors="surrogateescape"))


def shortened(value: Any, part: Any, left: bool) -> Any:
    if isinstance(value, str) and isinstance(part, str):
        return value.removeprefix(part) if left else value.removesuffix(part)
    return value


def formatted_as(value: Any, layout: Any) -> str:
    return formatted(f"@{wanted(layout, 'string', 'is not a valid format')}", value)


def absolute(value: Any) -> Any:
    return -numeric(value, "has no absolute value") if numeric(value, "has no absolute value") < 0 else value


def fused(a: float, b: float, c: float) -> float:
    return a * b + c


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "not/0": lambda v: not true(v),
    "type/0": kind,
    "length/0": length,
    "utf8bytelength/0": bytes_of,
    "keys/0": keys,
    "keys_unsorted/0": lambda v: list(v) if isinstance(v, dict) else keys(v),
    "has/1": has,
    "contains/1": contains,
    "add/0": add,
    "flatten/0": flatten,
    "flatten/1": flatten,
    "sort/0": sort,
    "_sort_by/1": sort,
    "_group_by/1": group_by,
    "unique/0": unique,
    "min/0": extreme(False),
    "max/0": extreme(True),
    "_min_by/1": extreme(False),
    "_max_by/1": extreme(True),
    "reverse/0": reverse,
    "join/1": join,
    "transpose/0": transpose,
    "bsearch/1": search,
    "tonumber/0": tonumber,
    "tostring/0": tostring,
    "tojson/0": tojson,
    "fromjson/0": fromjson,
    "format/1": formatted_as,
    "explode/0": lambda v: [ord(letter) for letter in wanted(v, "string", "cannot be exploded")],
    "implode/0": implode,
    "split/1": split_,
    "ascii_downcase/0": cased(False),
    "ascii_upcase/0": cased(True),
    "ltrimstr/1": lambda v, part: shortened(v, part, True),
    "rtrimstr/1": lambda v, part: shortened(v, part, False),
    "trimstr/1": lambda v, part: shortened(shortened(v, part, True), part, False),
    "trim/0": stripped(True, True),
    "ltrim/0": stripped(True, False),
    "rtrim/0": stripped(False, True),
    "startswith/1": begins,
    "endswith/1": ends,
    "index/1": position(False),
    "rindex/1": position(True),
    "indices/1": indices,
    "_match/3": patterns.matches,
    "setpath/2": paths_put,
    "delpaths/1": paths_gone,
    "now/0": lambda v: clock.now(),
    "gmtime/0": dates.broken_down,
    "localtime/0": dates.broken_down,
    "mktime/0": dates.made,
    "strftime/1": dates.written,
    "strflocaltime/1": lambda v, layout: dates.written(v, layout, "strflocaltime/1"),
    "strptime/1": dates.read,
    "infinite/0": lambda v: math.inf,
    "nan/0": lambda v: math.nan,
    "isnan/0": lambda v: math.isnan(numeric(v)),
    "isinfinite/0": lambda v: math.isinf(numeric(v)),
    "isfinite/0": lambda v: math.isfinite(numeric(v)),
    "isnormal/0": normal,
    "abs/0": absolute,
    "frexp/0": frexp,
    "modf/0": modf,
    "floor/0": whole(math.floor),
    "ceil/0": whole(math.ceil),
    "trunc/0": whole(math.trunc),
    "round/0": mathematical(rounded),
    "rint/0": whole(round),
    "nearbyint/0": whole(round),
    "fabs/0": mathematical(abs),
    "sqrt/0": mathematical(math.sqrt),
    "cbrt/0": mathematical(math.cbrt),
    "significand/0": mathematical(significand),
    "logb/0": mathematical(logb),
    "gamma/0": mathematical(math.lgamma),
    "lgamma/0": mathematical(math.lgamma),
    "lgamma_r/0": mathematical(math.lgamma),
    "tgamma/0": mathematical(math.gamma),
    "log/0": mathematical(logarithm(math.log)),
    "log2/0": mathematical(logarithm(math.log2)),
    "log10/0": mathematical(logarithm(math.log10)),
    "log1p/0": mathematical(math.log1p),
    "exp/0": mathematical(math.exp),
    "exp2/0": mathematical(math.exp2),
    "exp10/0": mathematical(lambda value: math.pow(10.0, value)),
    "pow10/0": mathematical(lambda value: math.pow(10.0, value)),
    "expm1/0": mathematical(math.expm1),
    **{
        f"{name}/0": mathematical(getattr(math, name))
        for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")
    },
    "pow/2": by_arguments(power),
    "atan2/2": by_arguments(math.atan2),
    "fmin/2": by_arguments(min),
    "fmax/2": by_arguments(max),
    "fmod/2": by_arguments(math.fmod),
    "drem/2": by_arguments(math.remainder),
    "remainder/2": by_arguments(math.remainder),
    "hypot/2": by_arguments(math.hypot),
    "copysign/2": by_arguments(math.copysign),
    "nextafter/2": by_arguments(math.nextafter),
    "nexttoward/2": by_arguments(math.nextafter),
    "fdim/2": by_arguments(lambda a, b: max(a - b, 0)),
    "ldexp/2": by_arguments(ldexp),
    "scalb/2": by_arguments(ldexp),
    "scalbln/2": by_arguments(ldexp),
    "fma/3": by_arguments(fused),
}
