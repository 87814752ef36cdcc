"""jq's functions that take filters: those the machine has itself (CONTROL), and those written in jq (DEFINITIONS).

Functions of plain values are in `functions`. The file is long because the manual's list is: a few lines a function.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikube_edu.container_runtime.simulated.tools.jq.engine import (
    PAUSE,
    Halt,
    Mark,
    Scope,
    Step,
    Then,
    known,
    lost,
    worked,
)
from minikube_edu.container_runtime.simulated.tools.jq.parser import Node, parse
from minikube_edu.container_runtime.simulated.tools.jq.patterns import edits
from minikube_edu.container_runtime.simulated.tools.jq.values import (
    Fault,
    described,
    dumped,
    indexed,
    kind,
    true,
    without,
)

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.tools.jq.engine import Compiler, Filter

Maker = Callable[["Compiler", "list[Filter]"], "Filter"]


def empty(compiler: Compiler, given: list[Filter]) -> Filter:
    return lambda value, path, scope, then: None


def error(compiler: Compiler, given: list[Filter]) -> Filter:
    def fail(item: Any, _: Any) -> Step:
        raise Fault(item)

    if not given:
        return lambda value, path, scope, then: fail(value, path)
    return lambda value, path, scope, then: given[0](value, None, scope, fail)


def select(compiler: Compiler, given: list[Filter]) -> Filter:
    test = given[0]
    return lambda value, path, scope, then: test(
        value, None, scope, lambda found, _: (then, value, path) if true(found) else None
    )


def recurse(compiler: Compiler, given: list[Filter]) -> Filter:
    """The value, and what it holds, and so on: from the top and from the left."""
    machine = compiler.machine

    def deeper(value: Any, path: Any, then: Then) -> Step:
        if isinstance(value, dict | list) and value:
            left = iter(value if isinstance(value, dict) else range(len(value)))

            def following() -> Step:
                for key in left:
                    machine.ways.append(following)
                    return deeper(value[key], None if path is None else (*known(path, value), key), then)
                return None

            machine.ways.append(following)
        return then, value, path

    return lambda value, path, scope, then: deeper(value, path, then)


def path(compiler: Compiler, given: list[Filter]) -> Filter:
    return lambda value, path, scope, then: given[0](
        value, (), scope, lambda item, place: (then, list(known(place, item)), lost(path))
    )


def getpath(compiler: Compiler, given: list[Filter]) -> Filter:
    def get(value: Any, path: Any, keys: Any, then: Then) -> Step:
        if not isinstance(keys, list):
            raise Fault("Path must be specified as an array")
        item = value
        for key in keys:
            item = None if item is None else indexed(item, key)
        return then, item, None if path is None else (*known(path, value), *keys)

    return lambda value, path, scope, then: given[0](value, None, scope, lambda keys, _: get(value, path, keys, then))


def delete(compiler: Compiler, given: list[Filter]) -> Filter:
    return lambda value, path, scope, then: compiler.places(
        given[0], value, scope, lambda places: worked(without(value, places), then, path)
    )


def limit(compiler: Compiler, given: list[Filter]) -> Filter:
    count_of, body = given

    def some(count: Any, value: Any, path: Any, scope: Scope, then: Then) -> Step:
        if kind(count) != "number":
            raise Fault(f"{described(count)} is no number of results")
        return taken(compiler, body, math.ceil(count), value, path, scope, then)

    return lambda value, path, scope, then: count_of(
        value, None, scope, lambda count, _: some(count, value, path, scope, then)
    )


def first(compiler: Compiler, given: list[Filter]) -> Filter:
    return lambda value, path, scope, then: taken(compiler, given[0], 1, value, path, scope, then)


def taken(compiler: Compiler, body: Filter, count: int, value: Any, path: Any, scope: Scope, then: Then) -> Step:
    if count <= 0:
        return None
    machine, seen, mark = compiler.machine, 0, Mark()
    machine.ways.append(mark)

    def one(item: Any, place: Any) -> Step:
        nonlocal seen
        seen += 1
        if seen >= count:
            machine.cut(mark)
        return then, item, place

    return body(value, path, scope, one)


def last(compiler: Compiler, given: list[Filter]) -> Filter:
    def latest(value: Any, path: Any, scope: Scope, then: Then) -> Step:
        kept: list[tuple[Any, Any]] = []

        def keep(item: Any, place: Any) -> Step:
            kept[:] = [(item, place)]
            return None

        compiler.machine.ways.append(lambda: (then, *kept[0]) if kept else None)
        return given[0](value, path, scope, keep)

    return latest


def counting(compiler: Compiler, given: list[Filter]) -> Filter:
    """range of one, two or three."""
    machine = compiler.machine

    def count(start: Any, end: Any, step: Any, path: Any, then: Then) -> Step:
        if any(kind(limit) != "number" for limit in (start, end, step)):
            raise Fault("Range bounds must be numeric")
        place = start

        def following() -> Step:
            nonlocal place
            here = place
            if not (here < end if step > 0 else here > end if step < 0 else here < end):
                return None
            place += step
            machine.ways.append(following)
            return then, here, lost(path)

        return following()

    def range_(value: Any, path: Any, scope: Scope, then: Then) -> Step:
        def from_here(index: int, limits: list[Any]) -> Step:
            if index < len(given):
                return given[index](value, None, scope, lambda item, _: from_here(index + 1, [*limits, item]))
            start, end, step = [0, *limits, 1] if len(limits) == 1 else [*limits, 1][:3]
            return count(start, end, step, path, then)

        return from_here(0, [])

    return range_


def env(compiler: Compiler, given: list[Filter]) -> Filter:
    return lambda value, path, scope, then: (then, compiler.machine.surroundings.env, lost(path))


def input_(compiler: Compiler, given: list[Filter]) -> Filter:
    def one(value: Any, path: Any, scope: Scope, then: Then) -> Step:
        found = next(compiler.machine.surroundings.inputs, one)
        if found is one:
            raise Fault("No more inputs")
        if found is PAUSE:
            return (lambda *_: one(value, path, scope, then)), None, None
        return then, found, lost(path)

    return one


def inputs(compiler: Compiler, given: list[Filter]) -> Filter:
    def following(path: Any, then: Then) -> Step:
        found = next(compiler.machine.surroundings.inputs, following)
        if found is following:
            return None
        compiler.machine.ways.append(lambda: following(path, then))
        return None if found is PAUSE else (then, found, lost(path))

    return lambda value, path, scope, then: following(path, then)


def substitute(compiler: Compiler, given: list[Filter]) -> Filter:
    """sub: every combination of the texts that its matches may be replaced with."""
    pattern, by, flags = given

    def change(value: Any, found: list[Any], path: Any, scope: Scope, then: Then) -> Step:
        def from_here(index: int, position: int, before: Any) -> Step:
            if index == len(found):
                parts = [value[position:]]
                while before is not None:
                    before, *more = before
                    parts += reversed(more)
                return then, "".join(reversed(parts)), lost(path)
            edit = found[index]

            def with_text(fresh: Any, _: Any) -> Step:
                if not isinstance(fresh, str):
                    raise Fault(f"{described(value)} and {described(fresh)} cannot be added")
                more = (before, value[position : edit["offset"]], fresh)
                return (lambda *_: from_here(index + 1, edit["end"], more)), None, None

            return by(edit["named"], None, scope, with_text)

        return from_here(0, 0, None)

    def sub(value: Any, path: Any, scope: Scope, then: Then) -> Step:
        def with_flags(text: Any, letters: Any) -> Step:
            return worked(edits(value, text, letters), lambda found, _: change(value, found, path, scope, then), None)

        return pattern(
            value, None, scope, lambda text, _: flags(value, None, scope, lambda letters, _: with_flags(text, letters))
        )

    return sub


def debug(compiler: Compiler, given: list[Filter]) -> Filter:
    def say(item: Any) -> None:
        compiler.machine.surroundings.debug.append(f'["DEBUG:",{dumped(item)}]\n')

    def plain(value: Any, path: Any, scope: Scope, then: Then) -> Step:
        say(value)
        return then, value, path

    def worded(value: Any, path: Any, scope: Scope, then: Then) -> Step:
        def one(item: Any, _: Any) -> Step:
            say(item)
            return None

        compiler.machine.ways.append(lambda: (then, value, path))
        return given[0](value, None, scope, one)

    return worded if given else plain


def stderr(compiler: Compiler, given: list[Filter]) -> Filter:
    def plain(value: Any, path: Any, scope: Scope, then: Then) -> Step:
        compiler.machine.surroundings.debug.append(value if isinstance(value, str) else dumped(value))
        return then, value, path

    return plain


def halt(compiler: Compiler, given: list[Filter]) -> Filter:
    def end(value: Any, path: Any, scope: Scope, then: Then) -> Step:
        raise Halt()

    return end


def halt_error(compiler: Compiler, given: list[Filter]) -> Filter:
    def end(value: Any, code: Any) -> Step:
        if kind(code) != "number":
            raise Fault("halt_error/1: number required")
        raise Halt(value, int(code), silent=value is None)

    if not given:
        return lambda value, path, scope, then: end(value, 5)
    return lambda value, path, scope, then: given[0](value, None, scope, lambda code, _: end(value, code))


def input_filename(compiler: Compiler, given: list[Filter]) -> Filter:
    return lambda value, path, scope, then: (then, compiler.machine.surroundings.file, lost(path))


def input_line_number(compiler: Compiler, given: list[Filter]) -> Filter:
    return lambda value, path, scope, then: (then, compiler.machine.surroundings.lines(), lost(path))


def builtins(compiler: Compiler, given: list[Filter]) -> Filter:
    from minikube_edu.container_runtime.simulated.tools.jq.functions import FUNCTIONS

    names = [name for name in (*CONTROL, *FUNCTIONS, *DEFINITIONS) if not name.startswith("_")]
    return lambda value, path, scope, then: (then, names, lost(path))


CONTROL: dict[str, Maker] = {
    "empty/0": empty,
    "error/0": error,
    "error/1": error,
    "select/1": select,
    "recurse/0": recurse,
    "path/1": path,
    "getpath/1": getpath,
    "del/1": delete,
    "limit/2": limit,
    "first/1": first,
    "last/1": last,
    "range/1": counting,
    "range/2": counting,
    "range/3": counting,
    "env/0": env,
    "input/0": input_,
    "inputs/0": inputs,
    "sub/3": substitute,
    "debug/0": debug,
    "debug/1": debug,
    "stderr/0": stderr,
    "halt/0": halt,
    "halt_error/0": halt_error,
    "halt_error/1": halt_error,
    "input_filename/0": input_filename,
    "input_line_number/0": input_line_number,
    "builtins/0": builtins,
}

WRITTEN = r"""
map(f): [.[] | f]
map_values(f): .[] |= f
recurse(f): def r: ., (f | r); r
recurse(f; cond): def r: ., (f | select(cond) | r); r
recurse_down: recurse
values: select(. != null)
nulls: select(. == null)
booleans: select(type == "boolean")
numbers: select(type == "number")
strings: select(type == "string")
arrays: select(type == "array")
objects: select(type == "object")
iterables: select(type | . == "array" or . == "object")
scalars: select(type | . != "array" and . != "object")
finites: select(isinfinite or isnan | not)
normals: select(isnormal)
add(f): reduce f as $x (null; . + $x)
while(cond; update): def w: if cond then ., (update | w) else empty end; w
until(cond; update): def u: if cond then . else (update | u) end; u
repeat(f): def r: ., (f | r); r
isempty(g): first((g | false), true)
any(g; cond): isempty(first(g | cond | select(.))) | not
all(g; cond): isempty(first(g | cond | select(. | not)))
any(cond): any(.[]; cond)
all(cond): all(.[]; cond)
any: any(.[]; .)
all: all(.[]; .)
in(xs): . as $x | xs | has($x)
inside(xs): . as $x | xs | contains($x)
nth($n): .[$n]
nth($n; f): if $n < 0 then error("Out of bounds negative array index") else last(limit($n + 1; f)) end
skip($n; f): if $n > 0 then foreach f as $x ($n; . - 1; if . < 0 then $x else empty end) elif $n == 0 then f \
    else error("Invalid arguments to skip/2: n must not be negative") end
first: .[0]
last: .[-1]
with_entries(f): to_entries | map(f) | from_entries
to_entries: [keys_unsorted[] as $k | {key: $k, value: .[$k]}]
from_entries: reduce .[] as $x ({}; . + { \
    ($x | if .key == null then .k // .name // .Name // .K // .Key else .key end \
        | if type == "string" then . else tojson end): \
    ($x | if has("value") then .value elif has("v") then .v elif has("Value") then .Value else .V end)})
paths: path(..) | select(length > 0)
paths(f): path(.. | select(f)) | select(length > 0)
leaf_paths: paths(scalars)
pick(f): . as $top | reduce path(f) as $p (null; setpath($p; $top | getpath($p)))
walk(f): def w: if type == "object" then map_values(w) elif type == "array" then map(w) else . end | f; w
sort_by(f): _sort_by(map([f]))
group_by(f): _group_by(map([f]))
unique_by(f): [group_by(f)[] | .[0]]
min_by(f): _min_by(map([f]))
max_by(f): _max_by(map([f]))
combinations: if length == 0 then [] else .[0][] as $x | (.[1:] | combinations) as $w | [$x] + $w end
combinations(n): . as $dot | [range(n)] | map($dot) | combinations
ascii: if type == "number" then [.] | implode else error("ascii input must be a number") end
todate: strftime("%Y-%m-%dT%H:%M:%SZ")
fromdateiso8601: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime
todateiso8601: strftime("%Y-%m-%dT%H:%M:%SZ")
fromdate: fromdateiso8601
date: todate
dateadd(u; n): . + n
datesub(u; n): . - n
match($re): match($re; null)
test($re): test($re; null)
capture($re): capture($re; null)
capture($re; $flags): match($re; $flags) \
    | [.captures[] | select(.name != null) | {key: .name, value: .string}] | from_entries
match($re; $flags): _match($re; $flags; false)[]
test($re; $flags): _match($re; $flags; true)
scan($re): scan($re; null)
scan($re; $flags): match($re; "g" + $flags) | if (.captures | length) > 0 then [.captures[].string] else .string end
split($re; flags): flags as $flags | . as $s | [foreach ((match($re; $flags + "g") | [.offset, .length]), null) as $m \
    ([0, null]; if $m == null then [0, $s[.[0]:]] else [($m[0] + $m[1]), $s[.[0]:$m[0]]] end; .[1])]
splits($re): splits($re; null)
splits($re; flags): split($re; flags) | .[]
sub($re; str): sub($re; str; "")
gsub($re; str): sub($re; str; "g")
gsub($re; str; $flags): sub($re; str; $flags + "g")
tostream: path(def r: (.[]? | r), .; r) as $p | getpath($p) | reduce path(.[]?) as $q ([$p, .]; [$p + $q])
fromstream(f): {x: null, e: false} as $init | foreach f as $i ($init; if .e then $init else . end \
    | if $i | length == 2 then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1]) \
      else setpath(["e"]; $i[0] | length == 1) end; if .e then .x else empty end)
truncate_stream(stream): . as $n | null | stream | . as $input \
    | if (.[0] | length) > $n then setpath([0]; .[0][$n:]) else empty end
INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] |= $row)
INDEX(f): INDEX(.[]; f)
IN(s): any(s == .; .)
IN(src; s): any(src == s; .)
JOIN($idx; f): [.[] | [., $idx[f]]]
JOIN($idx; stream; f): stream | [., $idx[f]]
JOIN($idx; stream; f; join): stream | [., $idx[f]] | join
get_search_list: []
get_prog_origin: null
get_jq_origin: null
have_literal_numbers: true
have_decnum: false
toarray: if type == "array" then . else [.] end
"""


def _definitions() -> dict[str, tuple[list[str], Callable[[], Node]]]:
    found: dict[str, tuple[list[str], Callable[[], Node]]] = {}
    for line in WRITTEN.replace("\\\n", "").strip().splitlines():
        head, _, body = line.partition(": ")
        name, _, rest = head.partition("(")
        parameters = [one.strip() for one in rest.removesuffix(")").split(";")] if rest else []
        found[f"{name}/{len(parameters)}"] = parameters, lambda body=body: parse(body)  # type: ignore[misc]
    return found


DEFINITIONS = _definitions()
