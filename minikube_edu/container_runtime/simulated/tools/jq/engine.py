"""A jq filter at work: from one value to none, one or many.

A filter is compiled to closures that are told what to do with each result: `node(value, path, scope, then)` returns the
next step, `(function, value, path)`, or None when there is nothing more on this way. Ways not yet gone wait on
`Machine.ways`; backtracking takes the last of them. So no filter is ever deep in Python's stack, `limit` and `break`
cut the ways that were opened since, `try` is a mark among them, and the machine may pause between any two steps.

`path` is None, or, below `path(f)`, where the value was found: then each result knows its place, and whatever makes a
new value has LOST it. In the real jq this is the bytecode interpreter with its fork points.

The file is long because there is a compiler for every kind of node, and they call each other.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

from msgspec import Struct, field

from minikube_edu.container_runtime.simulated.tools.jq.formats import formatted
from minikube_edu.container_runtime.simulated.tools.jq.parser import BadFilter, Node
from minikube_edu.container_runtime.simulated.tools.jq.values import (
    Broken,
    Edited,
    Fault,
    Path,
    arithmetic,
    at,
    described,
    indexed,
    kind,
    shown,
    true,
    without,
)
from minikube_edu.container_runtime.simulated.tools.steps import due

Step = tuple[Callable[..., Any], Any, Any] | None
Then = Callable[[Any, Any], Step]
Scope = dict[str, Any]
Filter = Callable[[Any, Any, Scope, Then], Step]
STEPS = 12  # without asking whether a pause is due
MOST_WAYS = 2_000_000
DEEPEST = 10_000  # calls inside calls that still have something to do
MOST_RESULTS = 1 << 20  # in one array
PAUSE = object()
NONE: frozenset[str] = frozenset()
LOST = ("lost",)  # the path of a value that is no part of the input
UPDATES = ("=", "|=", "+=", "-=", "*=", "/=", "%=", "//=")


class Mark(Struct, eq=False):
    """Where errors are caught: from what was begun above it, and has not `Left`."""

    catch: Callable[[Fault], Step] | None = None

    def __call__(self) -> Step:
        return None


class Left(Struct, eq=False):
    """A result has left this mark's body: what fails behind it is not the body's fault."""

    mark: Mark

    def __call__(self) -> Step:
        return None


class Function(Struct, frozen=True):
    parameters: list[str]
    body: Filter
    home: Scope


class Surroundings(Struct):
    """What a filter sees beside its input."""

    env: dict[str, str] = field(default_factory=dict)
    inputs: Iterator[Any] = field(default_factory=lambda: iter(()))  # PAUSE among them: give way
    debug: list[str] = field(default_factory=list)  # for stderr, at the next pause
    file: str | None = None
    lines: Callable[[], int] = lambda: 0


class Halt(Exception):
    def __init__(self, value: Any = None, code: int = 0, silent: bool = True) -> None:
        super().__init__("halt")
        self.value, self.code, self.silent = value, code, silent


class Machine:
    """One run at a time; `run` yields results, and PAUSE where it may be left alone for a while."""

    def __init__(self, surroundings: Surroundings | None = None) -> None:
        self.surroundings = surroundings or Surroundings()
        self.ways: list[Any] = []

    def run(self, filter: Filter, value: Any, scope: Scope) -> Iterator[Any]:
        ways = self.ways = []
        result: list[Any] = []

        def out(value: Any, path: Any) -> Step:
            result.append(value)
            return None

        step: Step = (lambda value, path: filter(value, None, scope, out)), value, None
        while True:
            try:
                for _ in range(STEPS):
                    if step is not None:
                        step = step[0](step[1], step[2])
                    elif result:
                        break
                    elif ways:
                        step = ways.pop()()
                    else:
                        return
            except Fault as fault:
                step = self.unwound(fault)
            except (TypeError, ValueError, AttributeError, OverflowError, KeyError, ArithmeticError):
                step = self.unwound(Fault(f"{described(value)} does not fit the filter"))
            except RecursionError:
                raise Broken("error: the filter is nested too deeply") from None
            if len(ways) > MOST_WAYS:
                raise Broken("error: cannot allocate memory")
            if result:
                yield result.pop()
            elif due():
                yield PAUSE

    def unwound(self, fault: Fault) -> Step:
        """Back to the mark that catches it."""
        left: set[Mark] = set()
        while self.ways:
            way = self.ways.pop()
            if isinstance(way, Left):
                left.add(way.mark)
            elif isinstance(way, Mark) and way.catch is not None and way not in left:
                return _caught, way.catch, fault
        raise fault

    def cut(self, mark: Mark) -> None:
        """Ways that were opened since are closed."""
        while self.ways and self.ways.pop() is not mark:
            pass


def _caught(catch: Callable[[Fault], Step], fault: Fault) -> Step:
    return catch(fault)


def lost(path: Any) -> Any:
    return None if path is None else LOST


def known(path: Any, value: Any) -> Any:
    """The path of something of which a part is wanted."""
    if path is LOST:
        raise Fault(f"Invalid path expression with result {shown(value)}")
    return path


def below(value: Any, path: Any, key: Any, then: Then) -> Step:
    """On to what the value has at this key."""
    return then, indexed(value, key), None if path is None else (*known(path, value), key)


class Compiler:
    """Of trees to filters for one machine. Names are looked up when a filter is compiled: what is not defined is said
    at once."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.library: dict[str, Function] = {}

    def compiled(self, node: Node, names: frozenset[str] = frozenset()) -> Filter:
        return getattr(self, f"make_{node[0]}")(node, names)  # type: ignore[no-any-return]

    # -- values ------------------------------------------------------------------------------------------------------

    def make_identity(self, node: Node, names: frozenset[str]) -> Filter:
        return lambda value, path, scope, then: (then, value, path)

    def make_empty(self, node: Node, names: frozenset[str]) -> Filter:
        return lambda value, path, scope, then: None

    def make_value(self, node: Node, names: frozenset[str]) -> Filter:
        constant = node[1]
        return lambda value, path, scope, then: (then, constant, lost(path))

    def make_string(self, node: Node, names: frozenset[str]) -> Filter:
        layout = node[2] or "@text"
        parts = [part if isinstance(part, str) else self.compiled(part, names) for part in node[1]]
        if all(isinstance(part, str) for part in parts):
            return self.make_value(("value", "".join(map(str, parts))), names)

        def string(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            def from_here(index: int, after: str) -> Step:
                # The last part is the outermost loop, as in the real one
                while index >= 0 and isinstance(parts[index], str):
                    after = str(parts[index]) + after
                    index -= 1
                if index < 0:
                    return then, after, lost(path)
                part: Any = parts[index]
                return part(value, None, scope, lambda item, _: from_here(index - 1, formatted(layout, item) + after))  # type: ignore[no-any-return]

            return from_here(len(parts) - 1, "")

        return string

    def make_format(self, node: Node, names: frozenset[str]) -> Filter:
        layout = node[1]
        return lambda value, path, scope, then: (then, formatted(layout, value), lost(path))

    def make_variable(self, node: Node, names: frozenset[str]) -> Filter:
        name = node[1]
        if name == "$ENV":
            env = self.machine.surroundings.env
            return lambda value, path, scope, then: (then, env, lost(path))
        if name == "$__loc__":
            return self.make_value(("value", {"file": "<top-level>", "line": 1}), names)
        if name not in names:
            raise BadFilter(f"{name} is not defined")
        return lambda value, path, scope, then: (then, scope[name], lost(path))

    def make_negative(self, node: Node, names: frozenset[str]) -> Filter:
        body = self.compiled(node[1], names)

        def negative(item: Any) -> Any:
            if kind(item) != "number":
                raise Fault(f"{described(item)} cannot be negated")
            return -item

        return lambda value, path, scope, then: body(
            value, None, scope, lambda item, _: (then, negative(item), lost(path))
        )

    # -- parts -------------------------------------------------------------------------------------------------------

    def make_index(self, node: Node, names: frozenset[str]) -> Filter:
        body = self.compiled(node[1], names)
        if node[2][0] == "value":
            constant = node[2][1]
            if node[1][0] == "identity":
                return lambda value, path, scope, then: below(value, path, constant, then)
            return lambda value, path, scope, then: body(
                value, path, scope, lambda item, place: below(item, place, constant, then)
            )
        key = self.compiled(node[2], names)

        def index(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            def with_key(name: Any, _: Any) -> Step:
                return body(value, path, scope, lambda item, place: below(item, place, name, then))

            return key(value, None, scope, with_key)

        return index

    def make_slice(self, node: Node, names: frozenset[str]) -> Filter:
        nothing: Node = ("value", None)
        start, end = (self.compiled(part or nothing, names) for part in node[2:4])
        body = self.compiled(node[1], names)

        def slice(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            def with_limits(first: Any, last: Any) -> Step:
                key = {"start": first, "end": last}
                return body(value, path, scope, lambda item, place: below(item, place, key, then))

            return end(
                value,
                None,
                scope,
                lambda last, _: start(value, None, scope, lambda first, _: with_limits(first, last)),
            )

        return slice

    def make_each(self, node: Node, names: frozenset[str]) -> Filter:
        body = self.compiled(node[1], names)
        ways = self.machine

        def each(item: Any, place: Any, then: Then) -> Step:
            if isinstance(item, dict):
                left = iter(item)
            elif isinstance(item, list):
                left = iter(range(len(item)))
            else:
                raise Fault(f"Cannot iterate over {described(item)}")
            known(place, item)

            def following() -> Step:
                for key in left:
                    ways.ways.append(following)
                    return then, item[key], None if place is None else (*place, key)
                return None

            return following()

        return lambda value, path, scope, then: body(value, path, scope, lambda item, place: each(item, place, then))

    def make_collect(self, node: Node, names: frozenset[str]) -> Filter:
        body = self.compiled(node[1], names)
        machine = self.machine

        def collect(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            items: list[Any] = []

            def keep(item: Any, _: Any) -> Step:
                items.append(item)
                if len(items) > MOST_RESULTS:
                    raise Broken("error: cannot allocate memory")
                return None

            machine.ways.append(lambda: (then, items, lost(path)))
            return body(value, None, scope, keep)

        return collect

    def make_object(self, node: Node, names: frozenset[str]) -> Filter:
        pairs = [(self.compiled(key, names), self.compiled(item, names)) for key, item in node[1]]

        def object_(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            def from_here(index: int, made: dict[str, Any]) -> Step:
                if index == len(pairs):
                    return then, made, lost(path)
                key, item = pairs[index]

                def with_key(name: Any, _: Any) -> Step:
                    if not isinstance(name, str):
                        raise Fault(f"Object keys must be strings, not {described(name)}")
                    return item(
                        value,
                        None,
                        scope,
                        lambda found, _: (lambda *_: from_here(index + 1, {**made, name: found}), None, None),
                    )

                return key(value, None, scope, with_key)

            return from_here(0, {})

        return object_

    # -- control -----------------------------------------------------------------------------------------------------

    def make_try(self, node: Node, names: frozenset[str]) -> Filter:
        body, catch = self.compiled(node[1], names), self.compiled(node[2], names)
        machine = self.machine

        def attempt(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            mark = Mark(lambda fault: catch(fault.value, lost(path), scope, then))
            machine.ways.append(mark)

            def leave(item: Any, place: Any) -> Step:
                machine.ways.append(Left(mark))
                return then, item, place

            return body(value, path, scope, leave)

        return attempt

    def make_if(self, node: Node, names: frozenset[str]) -> Filter:
        test, yes, no = (self.compiled(part, names) for part in node[1:4])
        return lambda value, path, scope, then: test(
            value, None, scope, lambda found, _: (yes if true(found) else no)(value, path, scope, then)
        )

    def make_label(self, node: Node, names: frozenset[str]) -> Filter:
        name = f"*{node[1]}"
        body = self.compiled(node[2], names | {name})
        machine = self.machine

        def label(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            mark = Mark()
            machine.ways.append(mark)
            return body(value, path, {**scope, name: mark}, then)

        return label

    def make_break(self, node: Node, names: frozenset[str]) -> Filter:
        name = f"*{node[1]}"
        if name not in names:
            raise BadFilter(f"$*label-{node[1].removeprefix('$')} is not defined")
        machine = self.machine

        def leave(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            machine.cut(scope[name])
            return None

        return leave

    def make_as(self, node: Node, names: frozenset[str]) -> Filter:
        source = self.compiled(node[1], names)
        patterns = node[2][1] if node[2][0] == "either" else [node[2]]
        bound = frozenset().union(*(variables(pattern) for pattern in patterns))
        binders = [self.binder(pattern, names | (bound if len(patterns) > 1 else frozenset())) for pattern in patterns]
        body = self.compiled(node[3], names | bound)
        machine = self.machine
        nothing = dict.fromkeys(bound) if len(binders) > 1 else {}

        def bind(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            def attempt(item: Any, index: int) -> Step:
                def with_all(inner: Scope) -> Step:
                    return body(value, path, inner, then)

                if index + 1 < len(binders):
                    machine.ways.append(Mark(lambda fault: attempt(item, index + 1)))
                return binders[index](item, {**scope, **nothing}, with_all)

            return source(value, None, scope, lambda item, _: attempt(item, 0))

        return bind

    def binder(self, pattern: Node, names: frozenset[str]) -> Callable[[Any, Scope, Callable[[Scope], Step]], Step]:
        """Gives the variables of a pattern their values, in every way it can."""
        if pattern[0] == "variable":
            name = pattern[1]
            return lambda value, scope, then: then({**scope, name: value})
        parts: list[tuple[Filter, str | None, Any]] = []
        for key, variable, inner in pattern[1]:
            parts.append((self.compiled(key, names), variable, inner and self.binder(inner, names)))
            names |= ({variable} if variable else frozenset()) | (variables(inner) if inner else frozenset())
        array = pattern[0] == "array"

        def bind(value: Any, scope: Scope, then: Callable[[Scope], Step]) -> Step:
            if value is not None and isinstance(value, list) != array:
                raise Fault(f"Cannot index {kind(value)} with {'number' if array else 'string'}")

            def from_here(index: int, inner: Scope) -> Step:
                if index == len(parts):
                    return then(inner)
                key, variable, binder = parts[index]

                def with_key(name: Any, _: Any) -> Step:
                    found = indexed(value, name)
                    more = {**inner, variable: found} if variable else inner
                    if binder is None:
                        return from_here(index + 1, more)
                    return binder(found, more, lambda scope: from_here(index + 1, scope))  # type: ignore[no-any-return]

                return key(value, None, inner, with_key)

            return from_here(0, scope)

        return bind

    def make_reduce(self, node: Node, names: frozenset[str]) -> Filter:
        return self.folding(node, names, each=False)

    def make_foreach(self, node: Node, names: frozenset[str]) -> Filter:
        return self.folding(node, names, each=True)

    def folding(self, node: Node, names: frozenset[str], each: bool) -> Filter:
        source, start = self.compiled(node[1], names), self.compiled(node[3][0], names)
        inner_names = names | variables(node[2])
        binder = self.binder(node[2], names)
        update = self.compiled(node[3][1], inner_names)
        extract = self.compiled(node[3][2], inner_names) if len(node[3]) > 2 else None
        machine = self.machine

        def fold(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            def begin(first: Any, place: Any) -> Step:
                state: list[tuple[Any, Any]] = [(first, place)]

                def one(item: Any, _: Any) -> Step:
                    return binder(item, scope, with_item)

                def with_item(inner: Scope) -> Step:
                    def keep(item: Any, place: Any) -> Step:
                        state[0] = (item, place)
                        if not each:
                            return None
                        return extract(item, place, inner, then) if extract else (then, item, place)

                    current = state[0]
                    if not each:
                        state[0] = (None, lost(path))
                    return update(*current, inner, keep)

                if not each:
                    machine.ways.append(lambda: (then, *state[0]))
                return source(value, None, scope, one)

            return start(value, path, scope, begin)

        return fold

    # -- operators ---------------------------------------------------------------------------------------------------

    def make_binary(self, node: Node, names: frozenset[str]) -> Filter:
        _, operator, left_node, right_node = node
        left, right = self.compiled(left_node, names), self.compiled(right_node, names)
        machine = self.machine
        if operator in UPDATES:
            return self.updating(operator, left, right)
        if operator == "|":
            return lambda value, path, scope, then: left(
                value, path, scope, lambda item, place: right(item, place, scope, then)
            )
        if operator == ",":

            def both(value: Any, path: Any, scope: Scope, then: Then) -> Step:
                machine.ways.append(lambda: right(value, path, scope, then))
                return left(value, path, scope, then)

            return both
        if operator == "//":
            return self.alternative(left, right)
        if operator in ("and", "or"):
            decided = operator == "or"

            def logic(value: Any, path: Any, scope: Scope, then: Then) -> Step:
                return left(
                    value,
                    None,
                    scope,
                    lambda one, _: (
                        (then, decided, lost(path))
                        if true(one) == decided
                        else right(value, None, scope, lambda other, _: (then, true(other), lost(path)))
                    ),
                )

            return logic
        return lambda value, path, scope, then: right(
            value,
            None,
            scope,
            lambda b, _: left(value, None, scope, lambda a, _: (then, arithmetic(operator, a, b), lost(path))),
        )

    def alternative(self, left: Filter, right: Filter) -> Filter:
        machine = self.machine

        def either(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            found = False

            def other() -> Step:
                return None if found else right(value, path, scope, then)

            def good(item: Any, place: Any) -> Step:
                nonlocal found
                if not true(item):
                    return None
                found = True
                machine.ways.append(Left(mark))
                return then, item, place

            machine.ways.append(other)
            mark = Mark(lambda fault: None)
            machine.ways.append(mark)
            return left(value, path, scope, good)

        return either

    def updating(self, operator: str, left: Filter, right: Filter) -> Filter:
        def update(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            def with_places(places: list[Path]) -> Step:
                if operator == "|=":
                    return self.modified(value, places, right, scope, lambda item: (then, item, lost(path)))

                def with_operand(operand: Any, _: Any) -> Step:
                    def changed(old: Any) -> Any:
                        if operator == "=":
                            return operand
                        if operator == "//=":
                            return old if true(old) else operand
                        return arithmetic(operator[0], old, operand)

                    def work() -> Generator[None, None, Any]:
                        edited = Edited(value)
                        for place in places:
                            edited.put(place, changed(at(edited.top[0], place)))
                            if due():
                                yield
                        return edited.top[0]

                    return worked(work(), then, path)

                return right(value, None, scope, with_operand)

            return self.places(left, value, scope, with_places)

        return update

    def places(self, filter: Filter, value: Any, scope: Scope, then: Callable[[list[Path]], Step]) -> Step:
        found: list[Path] = []

        def keep(item: Any, place: Any) -> Step:
            found.append(known(place, item))
            return None

        self.machine.ways.append(lambda: then(found))
        return filter(value, (), scope, keep)

    def modified(
        self, value: Any, places: list[Path], change: Filter, scope: Scope, then: Callable[[Any], Step]
    ) -> Step:
        """`places |= change`: the first result of each; none removes the place."""
        machine = self.machine
        gone: list[Path] = []
        edited = Edited(value)

        def from_here(index: int) -> Step:
            if index == len(places):
                if gone:
                    return worked(without(edited.top[0], gone), lambda item, _: then(item), None)
                return then(edited.top[0])
            mark = Mark()

            def fresh(item: Any, _: Any) -> Step:
                machine.cut(mark)
                machine.ways.pop()  # `none` does not count
                edited.put(places[index], item)
                return (lambda *_: from_here(index + 1)), None, None

            def none() -> Step:
                gone.append(places[index])
                return from_here(index + 1)

            machine.ways += [none, mark]
            return change(at(edited.top[0], places[index]), None, scope, fresh)

        return from_here(0)

    # -- functions ---------------------------------------------------------------------------------------------------

    def make_def(self, node: Node, names: frozenset[str]) -> Filter:
        _, name, parameters, body_node, rest_node = node
        key = f"{name}/{len(parameters)}"
        body = self.compiled(body_node, names | {key} | taken_by(parameters))
        rest = self.compiled(rest_node, names | {key})

        def define(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            home = dict(scope)
            home[key] = Function(parameters, body, home)
            return rest(value, path, home, then)

        return define

    def make_call(self, node: Node, names: frozenset[str]) -> Filter:
        from minikube_edu.container_runtime.simulated.tools.jq.filters import CONTROL, DEFINITIONS
        from minikube_edu.container_runtime.simulated.tools.jq.functions import FUNCTIONS

        _, name, arguments = node
        key = f"{name}/{len(arguments)}"
        given = [self.compiled(argument, names) for argument in arguments]
        if key in names:
            return self.calling(lambda scope: scope[key], given)
        if key in CONTROL:
            return CONTROL[key](self, given)
        if key in FUNCTIONS:
            return self.native(FUNCTIONS[key], given)
        if key in DEFINITIONS:
            if key not in self.library:
                parameters, body = DEFINITIONS[key]
                made: list[Function] = []
                self.library[key] = Function(parameters, lambda *a: made[0].body(*a), {})
                made.append(Function(parameters, self.compiled(body(), taken_by(parameters)), {}))
                self.library[key] = made[0]
            function = self.library[key]
            return self.calling(lambda scope: function, given)
        raise BadFilter(f"{key} is not defined")

    def calling(self, found: Callable[[Scope], Any], arguments: list[Filter]) -> Filter:
        def call(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            function: Function = found(scope)
            caller, depth = scope.get("", (None, 0))
            if then is not caller:  # else it is the last thing that the caller does
                depth += 1
                if depth > DEEPEST:
                    raise Broken("error: too many nested calls: cannot allocate memory")
            inner = {**function.home, "": (then, depth)}
            wanted: list[tuple[str, Filter]] = []
            for name, argument in zip(function.parameters, arguments, strict=True):
                if name.startswith("$"):
                    wanted.append((name, argument))
                else:
                    inner[f"{name}/0"] = Closure(argument, scope)

            def from_here(index: int, inner: Scope) -> Step:
                if index == len(wanted):
                    return (lambda value, path: function.body(value, path, inner, then)), value, path
                name, argument = wanted[index]
                return argument(
                    value,
                    None,
                    scope,
                    lambda item, _: from_here(
                        index + 1,
                        {**inner, name: item, f"{name[1:]}/0": Closure(self.make_value(("", item), NONE), {})},
                    ),
                )

            return from_here(0, inner)

        def enter(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            function = found(scope)
            if isinstance(function, Closure):  # a parameter: a filter in its caller's scope
                return (lambda value, path: function.filter(value, path, function.scope, then)), value, path
            return call(value, path, scope, then)

        return enter

    def native(self, function: Callable[..., Any], arguments: list[Filter]) -> Filter:
        """A function of values. A generator is one whose work is long."""

        def call(value: Any, path: Any, scope: Scope, then: Then) -> Step:
            def from_here(index: int, values: tuple[Any, ...]) -> Step:
                if index < 0:
                    result = function(value, *values)
                    if isinstance(result, Generator):
                        return worked(result, then, path)
                    return then, result, lost(path)
                return arguments[index](value, None, scope, lambda item, _: from_here(index - 1, (item, *values)))

            return from_here(len(arguments) - 1, ())

        return call


class Closure(Struct, frozen=True):
    filter: Filter
    scope: Scope


def worked(work: Generator[None, None, Any], then: Then, path: Any) -> Step:
    """The result of long work, a step at a time."""

    def on(value: Any, _: Any) -> Step:
        try:
            next(work)
        except StopIteration as end:
            return then, end.value, lost(path)
        return on, None, None

    return on, None, None


def taken_by(parameters: list[str]) -> frozenset[str]:
    """The names that parameters have inside."""
    return frozenset(
        name for one in parameters for name in ((one, f"{one[1:]}/0") if one.startswith("$") else (f"{one}/0",))
    )


def variables(pattern: Node) -> frozenset[str]:
    if pattern[0] == "variable":
        return frozenset((pattern[1],))
    found: frozenset[str] = frozenset()
    for _, variable, inner in pattern[1]:
        found |= ({variable} if variable else frozenset()) | (variables(inner) if inner else frozenset())
    return found
