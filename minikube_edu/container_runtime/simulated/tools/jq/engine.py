"""A jq filter at work: from one value to none, one or many.

A budget of steps keeps endless filters from holding the loop.

The file is long because there is a generator for every kind of node, and they call each other.
"""

from __future__ import annotations

import base64
import json
import math
import re
import urllib.parse
from collections.abc import Callable, Iterator
from functools import cmp_to_key
from typing import Any

from minikube_edu.container_runtime.simulated.tools.jq.parser import Node

BUDGET = 200_000
Scope = dict[str, Any]
KINDS = ["null", "boolean", "number", "string", "array", "object"]


class Fault(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__(value if isinstance(value, str) else f"{dumped(value)} (not a string)")
        self.value = value


def kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return {int: "number", float: "number", str: "string", list: "array"}.get(type(value), "object")


def dumped(value: Any) -> str:
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str)
        if not unwieldy(value)
        else "null"
    )


def unwieldy(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def simple(value: float) -> int | float:
    """3.0 is 3."""
    return (
        int(value)
        if isinstance(value, float) and math.isfinite(value) and value == int(value) and abs(value) < 1e17
        else value
    )


def rank(value: Any) -> int:
    return (
        1
        if value is False
        else 2
        if value is True
        else {"null": 0, "number": 3, "string": 4, "array": 5, "object": 6}[kind(value)]
    )


def compare(a: Any, b: Any) -> int:
    if rank(a) != rank(b):
        return -1 if rank(a) < rank(b) else 1
    if isinstance(a, list):
        for one, other in zip(a, b, strict=False):
            order = compare(one, other)
            if order:
                return order
        return (len(a) > len(b)) - (len(a) < len(b))
    if isinstance(a, dict):
        order = compare(sorted(a), sorted(b))
        return order or next((o for o in (compare(a[key], b[key]) for key in sorted(a)) if o), 0)
    if a is None:
        return 0
    return int(a > b) - int(a < b)


KEY = cmp_to_key(compare)


class Engine:
    def __init__(self, inputs: Callable[[], Iterator[Any]] | None = None, env: dict[str, str] | None = None) -> None:
        self.steps = 0
        self.env = env or {}
        self.inputs = inputs

    def run(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        self.steps += 1
        if self.steps > BUDGET:
            raise Fault("the filter takes too long")
        return getattr(self, f"do_{node[0]}")(node, value, scope)  # type: ignore[no-any-return]

    def do_identity(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        yield value

    def do_empty(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        return iter(())

    def do_value(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        yield node[1]

    def do_string(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        results = [""]
        for part in node[1]:
            if isinstance(part, str):
                results = [text + part for text in results]
            else:
                shown = [formatted(node[2] or "@text", item) for item in self.run(part, value, scope)]
                results = [text + item for item in shown for text in results]
        yield from results

    def do_format(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        yield formatted(node[1], value)

    def do_variable(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        if node[1] == "$ENV":
            yield self.env
        elif node[1] not in scope:
            raise Fault(f"{node[1]} is not defined")
        else:
            yield scope[node[1]]

    def do_negative(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        for item in self.run(node[1], value, scope):
            yield arithmetic("-", 0, item)

    def do_index(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        for key in self.run(node[2], value, scope):
            for item in self.run(node[1], value, scope):
                yield indexed(item, key)

    def do_slice(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        for item in self.run(node[1], value, scope):
            start = next(self.run(node[2], value, scope)) if node[2] else None
            end = next(self.run(node[3], value, scope)) if node[3] else None
            if item is None:
                yield None
            elif isinstance(item, str | list):
                yield item[None if start is None else int(start) : None if end is None else int(end)]
            else:
                raise Fault(f"Cannot index {kind(item)} with object")

    def do_each(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        for item in self.run(node[1], value, scope):
            if isinstance(item, list):
                yield from item
            elif isinstance(item, dict):
                yield from item.values()
            else:
                raise Fault(f"Cannot iterate over {kind(item)}" + (f" ({dumped(item)})" if item is not None else ""))

    def do_collect(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        yield list(self.run(node[1], value, scope))

    def do_object(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        results: list[dict[str, Any]] = [{}]
        for key_node, value_node in node[1]:
            fresh = []
            for partial in results:
                for key in self.run(key_node, value, scope):
                    if not isinstance(key, str):
                        raise Fault(f"Object keys must be strings, not {kind(key)} ({dumped(key)})")
                    fresh += [{**partial, key: item} for item in self.run(value_node, value, scope)]
            results = fresh
        yield from results

    def do_try(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        try:
            yield from self.run(node[1], value, scope)
        except Fault as fault:
            if fault.value == "break":
                return
            yield from self.run(node[2], fault.value, scope)

    def do_if(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        for test in self.run(node[1], value, scope):
            yield from self.run(node[2] if test is not None and test is not False else node[3], value, scope)

    def do_as(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        for item in self.run(node[1], value, scope):
            yield from self.run(node[3], value, {**scope, **bound(node[2], item)})

    def do_reduce(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        state = next(self.run(node[3][0], value, scope), None)
        for item in self.run(node[1], value, scope):
            for fresh in self.run(node[3][1], state, {**scope, **bound(node[2], item)}):
                state = fresh
        yield state

    def do_foreach(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        state = next(self.run(node[3][0], value, scope), None)
        for item in self.run(node[1], value, scope):
            inner = {**scope, **bound(node[2], item)}
            for fresh in self.run(node[3][1], state, inner):
                state = fresh
                yield from self.run(node[3][2], state, inner) if len(node[3]) > 2 else [state]

    def do_def(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        _, name, parameters, body, rest = node
        inner = dict(scope)
        inner[f"{name}/{len(parameters)}"] = (parameters, body, inner)
        yield from self.run(rest, value, inner)

    def do_binary(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        _, operator, left, right = node
        if operator == "|":
            for item in self.run(left, value, scope):
                yield from self.run(right, item, scope)
        elif operator == ",":
            yield from self.run(left, value, scope)
            yield from self.run(right, value, scope)
        elif operator == "//":
            found = False
            try:
                for item in self.run(left, value, scope):
                    if item is not None and item is not False:
                        found = True
                        yield item
            except Fault:
                pass
            if not found:
                yield from self.run(right, value, scope)
        elif operator in ("and", "or"):
            for item in self.run(left, value, scope):
                truth = item is not None and item is not False
                if truth != (operator == "and"):
                    yield truth
                else:
                    for other in self.run(right, value, scope):
                        yield other is not None and other is not False
        elif operator in ("=", "|=", "+=", "-=", "*=", "/=", "//="):
            yield from self.updated(operator, left, right, value, scope)
        else:
            for b in self.run(right, value, scope):
                for a in self.run(left, value, scope):
                    yield arithmetic(operator, a, b)

    def updated(self, operator: str, left: Node, right: Node, value: Any, scope: Scope) -> Iterator[Any]:
        places = list(self.paths(left, value, scope))
        if operator == "|=":
            result = value
            for place in places:
                fresh = next(self.run(right, at(result, place), scope), Ellipsis)
                result = without(result, place) if fresh is Ellipsis else put(result, place, fresh)
            yield result
            return
        for operand in self.run(right, value, scope):
            result = value
            for place in places:
                old = at(result, place)
                if operator == "=":
                    fresh = operand
                elif operator == "//=":
                    fresh = operand if old is None or old is False else old
                else:
                    fresh = arithmetic(operator[0], old, operand)
                result = put(result, place, fresh)
            yield result

    def paths(self, node: Node, value: Any, scope: Scope) -> Iterator[tuple[Any, ...]]:
        """Where a filter points to."""
        name = node[0]
        if name == "identity":
            yield ()
        elif name == "index":
            for place in self.paths(node[1], value, scope):
                for key in self.run(node[2], value, scope):
                    yield (*place, key)
        elif name == "each":
            for place in self.paths(node[1], value, scope):
                item = at(value, place)
                if isinstance(item, dict | list):
                    yield from ((*place, key) for key in (item if isinstance(item, dict) else range(len(item))))
                elif item is not None:
                    raise Fault(f"Cannot iterate over {kind(item)}")
        elif name == "binary" and node[1] == "|":
            for place in self.paths(node[2], value, scope):
                yield from ((*place, *rest) for rest in self.paths(node[3], at(value, place), scope))
        elif name == "binary" and node[1] == ",":
            yield from self.paths(node[2], value, scope)
            yield from self.paths(node[3], value, scope)
        elif name == "try":
            try:
                yield from self.paths(node[1], value, scope)
            except Fault:
                pass
        elif name == "if":
            for test in self.run(node[1], value, scope):
                yield from self.paths(node[2] if test is not None and test is not False else node[3], value, scope)
        elif name == "call" and node[1] == "select":
            if any(test is not None and test is not False for test in self.run(node[2][0], value, scope)):
                yield ()
        elif name == "call" and node[1] == "recurse" and not node[2]:
            waiting: list[tuple[Any, ...]] = [()]
            while waiting:
                place = waiting.pop()
                yield place
                item = at(value, place)
                if isinstance(item, dict | list):
                    keys = list(item) if isinstance(item, dict) else list(range(len(item)))
                    waiting += [(*place, key) for key in reversed(keys)]
        elif name == "call" and node[1] == "empty":
            return
        elif name == "call" and node[1] in ("first", "last") and not node[2]:
            yield (0,) if node[1] == "first" else (-1,)
        else:
            raise Fault("Invalid path expression")

    # functions

    def do_call(self, node: Node, value: Any, scope: Scope) -> Iterator[Any]:
        _, name, arguments = node
        own = scope.get(f"{name}/{len(arguments)}")
        if own is not None:
            yield from self.own(own, arguments, value, scope)
            return
        special = getattr(self, f"call_{name}_{len(arguments)}", None)
        if special is not None:
            yield from special(arguments, value, scope)
            return
        from minikube_edu.container_runtime.simulated.tools.jq.functions import FUNCTIONS

        function = FUNCTIONS.get((name, len(arguments)))
        if function is None:
            raise Fault(f"{name}/{len(arguments)} is not defined")
        lists: list[list[Any]] = [[]]
        for argument in arguments:
            lists = [[*given, item] for item in self.run(argument, value, scope) for given in lists]
        for given in lists:
            try:
                yield function(value, *given)
            except Fault as fault:
                if fault.value != "break":  # `strings`, `numbers`: nothing comes out
                    raise

    def own(self, function: Any, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        parameters, body, home = function
        inner = dict(home)
        for parameter, argument in zip(parameters, arguments, strict=True):
            if parameter.startswith("$"):
                inner[parameter] = next(self.run(argument, value, scope), None)
                inner[f"{parameter[1:]}/0"] = ([], ("value", inner[parameter]), {})
            else:
                inner[f"{parameter}/0"] = ([], argument, scope)
        yield from self.run(body, value, inner)

    def call_select_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        for test in self.run(arguments[0], value, scope):
            if test is not None and test is not False:
                yield value

    def call_map_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        yield [
            item
            for entry in self.do_each(("each", ("identity",)), value, scope)
            for item in self.run(arguments[0], entry, scope)
        ]

    def call_map_values_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        if isinstance(value, dict):
            fresh = {key: next(self.run(arguments[0], item, scope), Ellipsis) for key, item in value.items()}
            yield {key: item for key, item in fresh.items() if item is not Ellipsis}
        else:
            yield [item for entry in value or [] for item in list(self.run(arguments[0], entry, scope))[:1]]

    def call_with_entries_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        from minikube_edu.container_runtime.simulated.tools.jq.functions import from_entries, to_entries

        yield from_entries([item for entry in to_entries(value) for item in self.run(arguments[0], entry, scope)])

    def call_recurse_0(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        yield value
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from self.call_recurse_0(arguments, item, scope)

    def call_recurse_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        yield value
        for item in self.run(arguments[0], value, scope):
            yield from self.call_recurse_1(arguments, item, scope)

    def call_empty_0(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        return iter(())

    def call_error_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        raise Fault(next(self.run(arguments[0], value, scope), None))

    def call_error_0(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        raise Fault(value)

    def call_first_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        for item in self.run(arguments[0], value, scope):
            yield item
            return

    def call_last_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        yield from list(self.run(arguments[0], value, scope))[-1:]

    def call_limit_2(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        count = int(next(self.run(arguments[0], value, scope)))
        for number, item in enumerate(self.run(arguments[1], value, scope)):
            if number >= count:
                return
            yield item
            if number == count - 1:
                return

    def call_range_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        for end in self.run(arguments[0], value, scope):
            yield from self.counted(0, end, 1)

    def call_range_2(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        for start in self.run(arguments[0], value, scope):
            for end in self.run(arguments[1], value, scope):
                yield from self.counted(start, end, 1)

    def counted(self, start: float, end: float, step: float) -> Iterator[Any]:
        while start < end:
            self.steps += 1
            if self.steps > BUDGET:
                raise Fault("the filter takes too long")
            yield start
            start += step

    def call_any_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        yield any(
            test is not None and test is not False for entry in value for test in self.run(arguments[0], entry, scope)
        )

    def call_all_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        yield all(
            test is not None and test is not False for entry in value for test in self.run(arguments[0], entry, scope)
        )

    def keyed(self, argument: Node, value: Any, scope: Scope) -> list[tuple[Any, Any]]:
        if not isinstance(value, list):
            raise Fault(f"Cannot index {kind(value)} with number")
        pairs = [(list(self.run(argument, item, scope)), item) for item in value]
        return sorted(pairs, key=lambda pair: KEY(pair[0]))

    def call_sort_by_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        yield [item for _, item in self.keyed(arguments[0], value, scope)]

    def groups(self, argument: Node, value: Any, scope: Scope) -> list[list[Any]]:
        groups: list[tuple[Any, list[Any]]] = []
        for key, item in self.keyed(argument, value, scope):
            if groups and compare(groups[-1][0], key) == 0:
                groups[-1][1].append(item)
            else:
                groups.append((key, [item]))
        return [items for _, items in groups]

    def call_group_by_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        yield self.groups(arguments[0], value, scope)

    def call_unique_by_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        yield [group[0] for group in self.groups(arguments[0], value, scope)]

    def call_min_by_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        pairs = self.keyed(arguments[0], value, scope)
        yield pairs[0][1] if pairs else None

    def call_max_by_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        pairs = self.keyed(arguments[0], value, scope)
        yield pairs[-1][1] if pairs else None

    def call_del_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        result = value
        for place in sorted(self.paths(arguments[0], value, scope), key=lambda place: KEY(list(place)), reverse=True):
            result = without(result, place)
        yield result

    def call_path_1(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        for place in self.paths(arguments[0], value, scope):
            yield list(place)

    def call_env_0(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        yield self.env

    def call_inputs_0(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        yield from self.inputs() if self.inputs else ()

    def call_input_0(self, arguments: list[Node], value: Any, scope: Scope) -> Iterator[Any]:
        item = next(self.inputs(), Ellipsis) if self.inputs else Ellipsis
        if item is Ellipsis:
            raise Fault("No more inputs")
        yield item


def indexed(item: Any, key: Any) -> Any:
    if item is None and (key is None or isinstance(key, str | int | float)):
        return None
    if isinstance(item, dict) and isinstance(key, str):
        return item.get(key)
    if isinstance(item, list) and isinstance(key, int | float) and not isinstance(key, bool):
        place = math.floor(key)
        return item[place] if -len(item) <= place < len(item) else None
    shown = f'"{key}"' if isinstance(key, str) else kind(key)
    raise Fault(f"Cannot index {kind(item)} with {shown}")


def at(value: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        value = indexed(value, key)
    return value


def put(value: Any, place: tuple[Any, ...], fresh: Any) -> Any:
    """A copy of the value in which that place has another value."""
    if not place:
        return fresh
    key, rest = place[0], place[1:]
    if isinstance(key, str):
        if value is not None and not isinstance(value, dict):
            raise Fault(f'Cannot index {kind(value)} with "{key}"')
        return {**(value or {}), key: put((value or {}).get(key), rest, fresh)}
    items = list(value or [])
    index = int(key)
    if not -len(items) <= index < 100_000:
        raise Fault("Out of bounds array index")
    items += [None] * (index + 1 - len(items))
    items[index] = put(items[index], rest, fresh)
    return items


def without(value: Any, place: tuple[Any, ...]) -> Any:
    if not place or value is None:
        return value
    key, rest = place[0], place[1:]
    if isinstance(value, dict):
        if rest:
            return {**value, key: without(value[key], rest)} if key in value else value
        return {name: item for name, item in value.items() if name != key}
    if isinstance(value, list):
        items = list(value)
        if -len(items) <= int(key) < len(items):
            if rest:
                items[int(key)] = without(items[int(key)], rest)
            else:
                del items[int(key)]
        return items
    raise Fault(f"Cannot delete field at object index of {kind(value)}")


def bound(pattern: Node, value: Any) -> Scope:
    """The variables that `as` gives a value."""
    if pattern[0] == "variable":
        return {pattern[1]: value}
    result: Scope = {}
    if pattern[0] == "array":
        for index, part in enumerate(pattern[1]):
            result |= bound(part, indexed(value, index))
    else:
        for key, part in pattern[1]:
            result |= bound(part, indexed(value, key))
    return result


def arithmetic(operator: str, a: Any, b: Any) -> Any:
    if operator in ("==", "!=", "<", "<=", ">", ">="):
        order = compare(a, b)
        return {"==": order == 0, "!=": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[
            operator
        ]
    one, other = kind(a), kind(b)
    if operator == "+":
        if a is None or b is None:
            return b if a is None else a
        if one == other and one in ("number", "string", "array"):
            return simple(a + b) if one == "number" else a + b
        if one == other == "object":
            return {**a, **b}
        words = "added"
    elif one == other == "number":
        if operator in "/%" and (b == 0 or (operator == "%" and int(b) == 0)):
            raise Fault(f"number ({dumped(a)}) and number ({dumped(b)}) cannot be divided because the divisor is zero")
        try:
            if operator in "-*":
                return simple(a - b if operator == "-" else a * b)
            return simple(a / b if operator == "/" else math.fmod(int(a), abs(int(b))))
        except OverflowError:
            return math.inf
    elif operator == "-" and one == other == "array":
        return [item for item in a if not any(compare(item, gone) == 0 for gone in b)]
    elif operator == "*" and one == other == "object":
        return {
            **a,
            **{
                key: arithmetic("*", a[key], item) if isinstance(item, dict) and isinstance(a.get(key), dict) else item
                for key, item in b.items()
            },
        }
    elif operator == "*" and {one, other} == {"string", "number"}:
        text, count = (a, b) if one == "string" else (b, a)
        return text * min(math.ceil(count), 100_000) if count > 0 else None
    elif operator == "/" and one == other == "string":
        return a.split(b)
    words = {"+": "added", "-": "subtracted", "*": "multiplied", "/": "divided", "%": "divided"}[operator]
    raise Fault(f"{one} ({dumped(a)}) and {other} ({dumped(b)}) cannot be {words}")


def formatted(layout: str, value: Any) -> str:
    text = value if isinstance(value, str) else dumped(value)
    if layout == "@text":
        return text
    if layout == "@json":
        return dumped(value)
    if layout == "@base64":
        return base64.b64encode(text.encode()).decode()
    if layout == "@base64d":
        try:
            return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
        except ValueError:
            raise Fault(f"string ({dumped(value)}) is not valid base64 data") from None
    if layout == "@uri":
        return urllib.parse.quote(text, safe="-_.~")
    if layout == "@html":
        return re.sub(
            "[<>&'\"]",
            lambda found: {"<": "&lt;", ">": "&gt;", "&": "&amp;", "'": "&#39;", '"': "&quot;"}[found[0]],
            text,
        )
    if layout in ("@csv", "@tsv"):
        if not isinstance(value, list):
            raise Fault(f"{kind(value)} ({dumped(value)}) cannot be {layout[1:]}-formatted, only an array can be")
        if layout == "@csv":
            quote = chr(34)
            return ",".join(
                f"{quote}{item.replace(quote, quote * 2)}{quote}"
                if isinstance(item, str)
                else ""
                if item is None
                else dumped(item)
                for item in value
            )
        return "\t".join(
            ""
            if item is None
            else item.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
            if isinstance(item, str)
            else dumped(item)
            for item in value
        )
    if layout == "@sh":
        items = value if isinstance(value, list) else [value]
        return " ".join(
            "'" + item.replace("'", "'\\''") + "'" if isinstance(item, str) else dumped(item) for item in items
        )
    raise Fault(f"{layout[1:]} is not a valid format")
