"""The typed view of objects that ownership of fields needs: what is one field, what is many.

A `Shape` says how a value is divided: a map field by field, a list item by item (when it is a `map` list with keys, or
a `set`), anything atomic as one. Each shape answers the same questions:

    added(value)            the set of all that is there when the value is new
    leaves(value)           the set that somebody owns who applies the value; None: nothing of its own
    compare(old, new)       (what was changed or added, what was removed); called only when the two differ
    merge(live, applied)    the applied value laid over the live one
    remove(value, fields)   the value without these fields
    check(value, …)         what is wrong with an applied value, in the real words

`of_type` makes the shape of a type of the schema facts, `typed_custom` those of custom resources, DEDUCED is the shape
of what has no schema. Shapes are made once per type, lazily, and kept. Sets are those of `fieldset`; None stands for
"no branch at all". The real component is structured-merge-diff's `typed`. The file is long because one shape should be
read as a whole: its answers must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from minikube_edu.api import schema
from minikube_edu.api.fieldset import LEAF, Path, Set, key_step, ordered, path_text, value_step
from minikube_edu.lib import govalue

Pair = tuple[Set | None, Set | None]
Problems = list[str]
MISSING: Any = object()  # no value at all, which is not the same as null


class Mistyped(ValueError):
    """The value cannot be divided as its type says; the message is the real one."""


def member(node: Set | None) -> Set:
    """The branch with its root in the set."""
    if not node:
        return LEAF
    return node if "." in node else {".": LEAF, **node}


def problem(path: Path, text: str) -> str:
    return f"{path_text(path)}: {text}" if path else text


def same(a: Any, b: Any) -> bool:
    """Equality as the real one has it: true is not 1, but 1 is 1.0."""
    if a.__class__ is bool or b.__class__ is bool:
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(item, b[key]) for key, item in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


class Shape:
    """One field, owned as a whole: a scalar or something atomic. Base of the others."""

    __slots__ = ("inner",)
    divided = False  # can parts of it have owners of their own?
    loose = False  # may values have other types than the type says? Then `same` must compare them

    def __init__(self, inner: Shape | None = None) -> None:
        self.inner = inner  # of an atomic list or map: what its parts must look like

    def added(self, value: Any) -> Set:
        return LEAF

    def leaves(self, value: Any) -> Set | None:
        return LEAF

    def compare(self, old: Any, new: Any) -> Pair:
        return LEAF, None

    def merge(self, live: Any, applied: Any) -> Any:
        return live if applied is MISSING else applied

    def remove(self, value: Any, fields: Set) -> Any:
        return None if isinstance(value, dict | list) else value

    def check(self, value: Any, path: Path, problems: Problems) -> None:
        if self.inner is not None:
            self.inner.check(value, path, problems)

    def below(self, step: str) -> Shape | None:
        """The shape that a step leads to."""
        return None

    def names(self, step: str) -> bool:
        """Is the step a field that the type declares (and not a key of a map)?"""
        return False


class Scalar(Shape):
    """A scalar of a known type."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def check(self, value: Any, path: Path, problems: Problems) -> None:
        if value is None:
            return
        wrapped = f"&value.valueUnstructured{{Value:{govalue.syntax(value)}}}"
        if self.kind == "numeric":
            if isinstance(value, bool) or not isinstance(value, int | float):
                problems.append(problem(path, f"expected numeric (int or float), got {govalue.type_name(value)}"))
        elif self.kind == "string":
            if not isinstance(value, str):
                problems.append(problem(path, f"expected string, got {wrapped}"))
        elif self.kind == "boolean":
            if not isinstance(value, bool):
                problems.append(problem(path, f"expected boolean, got &{{{govalue.show(value)}}}"))
        elif isinstance(value, dict | list):
            problems.append(problem(path, f"expected any scalar, got &{{{govalue.show(value)}}}"))


class Map(Shape):
    """Divided by name: a struct (declared fields), a map (any key, all of one shape), or both."""

    __slots__ = ("_load", "element", "entries", "loose", "plain", "type_name")
    divided = True
    entries: dict[str, tuple[str, Shape, bool]]

    def __init__(
        self, load: Callable[[], dict[str, Shape]] | None, element: Shape | None = None, loose: bool = False
    ) -> None:
        super().__init__()
        self._load = load  # types may contain themselves, so fields are looked at when first needed
        self.element = element
        self.plain = load is None and element is not None and not element.divided  # map[string]string and its like
        self.entries = {}
        self.type_name = ""  # of the schema facts
        self.loose = loose

    def entry(self, name: str) -> tuple[str, Shape, bool] | None:
        """(step, shape, declared) of a key."""
        if self._load is not None:
            fields, self._load = self._load(), None
            self.entries = {field: (f"f:{field}", shape, True) for field, shape in fields.items()}
        found = self.entries.get(name)
        if found is None and self.element is not None:
            return f"f:{name}", self.element, False
        return found

    def added(self, value: Any) -> Set:
        if not value or value.__class__ is not dict:  # of a wrong type: validation will say so
            return LEAF
        if self.plain:
            return {".": LEAF, **{f"f:{name}": LEAF for name in sorted(value)}}
        entries = self.entries
        out: Set = {".": LEAF}
        for name in sorted(value):
            entry = entries.get(name) or self.entry(name)
            if entry is not None:
                shape = entry[1]
                out[entry[0]] = shape.added(value[name]) if shape.divided else LEAF
        return out

    def leaves(self, value: Any) -> Set | None:
        if not value:
            return None
        out: Set = {}
        for name in sorted(value):
            entry = self.entry(name)
            if entry is None:
                continue
            step, shape, declared = entry
            item = value[name]
            node = shape.leaves(item)
            if item is None or item == {} or not declared:
                out[step] = member(node)
            elif node is not None:
                out[step] = node
        return out or None

    def compare(self, old: Any, new: Any) -> Pair:
        if not old and not new:
            return LEAF, None  # null became empty or the reverse
        old, new = old or {}, new or {}
        changed: Set = {}
        removed: Set = {}
        entries = self.entries
        for name, item in new.items():
            before = old.get(name, MISSING)
            if before is item or (before == item and (not self.loose or same(before, item))):
                continue
            entry = entries.get(name) or self.entry(name)
            if entry is None:
                continue
            step, shape, _ = entry
            if before is MISSING:
                changed[step] = shape.added(item) if shape.divided else LEAF
            elif not shape.divided:
                changed[step] = LEAF
            else:
                gained, lost = shape.compare(before, item)
                if gained is not None:
                    changed[step] = gained
                if lost is not None:
                    removed[step] = lost
        for name, item in old.items():
            if name not in new and (entry := self.entry(name)) is not None:
                removed[entry[0]] = entry[1].added(item)
        return ordered(changed) or None, ordered(removed) or None

    def merge(self, live: Any, applied: Any) -> Any:
        theirs = live if isinstance(live, dict) else {}
        mine = applied if isinstance(applied, dict) else {}
        if not theirs and not mine:  # the difference of null and empty is kept
            return live if applied is MISSING else applied
        out = {}
        for name in (*theirs, *(name for name in mine if name not in theirs)):
            entry = self.entry(name)
            if entry is not None:
                merged = entry[1].merge(theirs.get(name, MISSING), mine.get(name, MISSING))
                if merged is not MISSING:
                    out[name] = merged
        return out or MISSING

    def remove(self, value: Any, fields: Set) -> Any:
        if not value or not isinstance(value, dict):
            return None
        out = {}
        for name, item in value.items():
            node = fields.get(f"f:{name}")
            if node is None:
                out[name] = item
            elif node and "." not in node:
                entry = self.entry(name)
                out[name] = entry[1].remove(item, node) if entry else item
        return out or None

    def check(self, value: Any, path: Path, problems: Problems) -> None:
        if value is None:
            return
        if not isinstance(value, dict):
            problems.append(problem(path, f"expected map, got &{{{govalue.show(value)}}}"))
            return
        for name in sorted(value):  # the real order is that of a Go map: none
            entry = self.entry(name)
            if entry is None:
                problems.append(problem((*path, f"f:{name}"), "field not declared in schema"))
                return
            entry[1].check(value[name], (*path, entry[0]), problems)

    def below(self, step: str) -> Shape | None:
        entry = self.entry(step[2:]) if step[0] == "f" else None
        return entry[1] if entry else None

    def names(self, step: str) -> bool:
        entry = self.entry(step[2:]) if step[0] == "f" else None
        return entry is not None and entry[2]


class List(Shape):
    """A list as such: its items have indexes, for checks only; it is owned as a whole (see `atomic`)."""

    __slots__ = ("element",)

    def __init__(self, element: Shape) -> None:
        super().__init__()
        self.element = element

    def check(self, value: Any, path: Path, problems: Problems) -> None:
        if value is None:
            return
        if not isinstance(value, list):
            problems.append(problem(path, f"expected list, got &{{{govalue.show(value)}}}"))
            return
        seen: set[str] = set()
        for index, item in enumerate(value):
            try:
                step = self.step(item) if self.divided else f"i:{index}"
            except Mistyped as error:
                problems.append(problem(path, f"element {index}: {error}"))
                return
            if step in seen:
                problems.append(problem(path, f"duplicate entries for key {path_text((step,))}"))
            seen.add(step)
            self.element.check(item, (*path, step), problems)

    def step(self, item: Any) -> str:
        raise NotImplementedError


class Items(List):
    """Divided by item: `step` tells items apart. Items of one step, which may be in objects that were not applied, are
    owned together."""

    __slots__ = ()
    divided = True

    def index(self, value: Any) -> dict[str, Any]:
        """step -> item, in order; a `Twins` for items of one step."""
        found: dict[str, Any] = {}
        for item in value or ():
            step = self.step(item)
            if step in found:
                twins = found[step]
                if twins.__class__ is not Twins:
                    found[step] = twins = Twins([twins])
                twins.append(item)
            else:
                found[step] = item
        return found

    def added(self, value: Any) -> Set:
        if not value:
            return LEAF
        element = self.element
        out: Set = {}
        for step, item in self.index(value).items():
            out[step] = element.added(item) if item.__class__ is not Twins else LEAF
        return {".": LEAF, **ordered(out)}

    def leaves(self, value: Any) -> Set | None:
        if not value:
            return None
        found = self.index(value)
        element = self.element
        return ordered({s: LEAF if i.__class__ is Twins else member(element.leaves(i)) for s, i in found.items()})

    def compare(self, old: Any, new: Any) -> Pair:
        if not old and not new:
            return LEAF, None
        before, after = self.index(old), self.index(new)
        changed: Set = {}
        removed: Set = {}
        for step, item in after.items():
            was = before.get(step, MISSING)
            twins, were = item.__class__ is Twins, was.__class__ is Twins
            if was is MISSING:
                changed[step] = LEAF if twins else self.element.added(item)
            elif twins == were and was == item and (not self.element.loose or same(was, item)):
                continue
            elif twins and were:
                changed[step] = LEAF
            elif were:
                changed[step], removed[step] = self.element.added(item), LEAF
            elif twins:
                changed[step], removed[step] = LEAF, self.element.added(was)
            else:
                gained, lost = self.element.compare(was, item)
                if gained is not None:
                    changed[step] = gained
                if lost is not None:
                    removed[step] = lost
        for step, item in before.items():
            if step not in after:
                removed[step] = LEAF if item.__class__ is Twins else self.element.added(item)
        return ordered(changed) or None, ordered(removed) or None

    def merge(self, live: Any, applied: Any) -> Any:
        theirs = live if isinstance(live, list) else []
        mine = applied if isinstance(applied, list) else []
        if not theirs and not mine:  # the difference of null and empty is kept
            return live if applied is MISSING else applied
        return [item for item in self._interleave(theirs, mine) if item is not MISSING] or MISSING

    def _interleave(self, live: list[Any], applied: list[Any]) -> list[Any]:
        """Items of both: in the applied order where there is one, live items as near as can be to where they were."""
        mine, theirs = self.index(applied), self.index(live)
        order = [self.step(item) for item in live]
        out: list[Any] = []
        done: set[str] = set()
        shared = [step for step in mine if step in theirs]

        def both(step: str) -> Any:
            done.add(step)
            if shared and shared[0] == step:
                shared.pop(0)
            was = theirs.get(step, MISSING)
            return self.element.merge(None if was.__class__ is Twins else was, mine[step])

        steps = list(mine)
        left = right = 0
        while left < len(order) or right < len(steps):
            if left < len(order) and right < len(steps):
                if order[left] == steps[right]:
                    out.append(both(steps[right]))
                    left, right = left + 1, right + 1
                    continue
                if order[left] in mine and shared and shared[0] != order[left]:
                    left += 1  # comes later, where the applied order has it
                    continue
            if left < len(order):
                if order[left] not in mine:
                    out.append(self.element.merge(live[left], MISSING))
                    left += 1
                    continue
                if order[left] in done:
                    left += 1
            if right < len(steps):
                out.append(both(steps[right]))
                right += 1
        return out

    def remove(self, value: Any, fields: Set) -> Any:
        if not value or not isinstance(value, list):
            return None
        out = []
        for item in value:
            node = fields.get(self.step(item))
            if node is None:
                out.append(item)
            elif node and "." not in node:
                out.append(self.element.remove(item, node))
        return out or None

    def below(self, step: str) -> Shape | None:
        return self.element if step[0] in "kv" else None


class Twins(list[Any]):
    """Several items that cannot be told apart."""


class KeyedList(Items):
    """A list whose items are told apart by the values of some fields."""

    __slots__ = ("_defaults", "keys")

    def __init__(self, element: Shape, keys: tuple[str, ...], defaults: Mapping[str, Any]) -> None:
        super().__init__(element)
        self.keys = tuple(sorted(keys))
        self._defaults = defaults

    def step(self, item: Any) -> str:
        if item.__class__ is not dict:
            what = "a null element" if item is None else "non-map elements"
            raise Mistyped(f"associative list with keys may not have {what}")
        values = {}
        for key in self.keys:
            value = item.get(key, MISSING)
            if value is MISSING:
                value = self._defaults.get(key)
                if value is None:
                    continue
            values[key] = value
        if not values:
            names = "[" + " ".join(f'"{key}"' for key in self.keys) + "]"
            raise Mistyped(
                f"associative list with keys has an element that omits all key fields {names} "
                "(and doesn't have default values for any key fields)"
            )
        return key_step(values)


class SetList(Items):
    """A list of scalars, each of which is there once."""

    __slots__ = ()

    def step(self, item: Any) -> str:
        if isinstance(item, dict):
            raise Mistyped("associative list without keys has an element that's a map type")
        if isinstance(item, list):
            raise Mistyped("not supported: associative list with lists as elements")
        if item is None:
            raise Mistyped("associative list without keys has an element that's an explicit null")
        return value_step(item)


class Deduced(Shape):
    """No schema: what it is, is seen from the value. Maps are divided, lists are atomic."""

    __slots__ = ("_map",)
    divided = True
    loose = True

    def __init__(self) -> None:
        super().__init__()
        self._map = Map(None, self, loose=True)

    def _shape(self, value: Any) -> Shape:
        return self._map if isinstance(value, dict) else ATOMIC

    def added(self, value: Any) -> Set:
        return self._shape(value).added(value)

    def leaves(self, value: Any) -> Set | None:
        return self._shape(value).leaves(value)

    def compare(self, old: Any, new: Any) -> Pair:
        if isinstance(old, dict) == isinstance(new, dict):
            return self._shape(new).compare(old, new)
        if old is None or new is None:
            return self._map.compare(old, new)
        changed: Set | None = LEAF
        removed: Set | None = None
        if isinstance(new, dict) and new:
            changed = self._map.added(new)
        if isinstance(old, dict) and old:
            removed = {step: node for step, node in self._map.added(old).items() if step != "."}
        return changed, removed

    def merge(self, live: Any, applied: Any) -> Any:
        if isinstance(applied, dict) or (applied is MISSING and isinstance(live, dict)):
            return self._map.merge(live if isinstance(live, dict) else MISSING, applied)
        if applied is None and isinstance(live, dict):
            return self._map.merge(live, applied)
        return ATOMIC.merge(live, applied)

    def remove(self, value: Any, fields: Set) -> Any:
        return self._shape(value).remove(value, fields)

    def below(self, step: str) -> Shape | None:
        return self if step[0] == "f" else None


ATOMIC = Shape()
NUMERIC, STRING, BOOLEAN, UNTYPED = Scalar("numeric"), Scalar("string"), Scalar("boolean"), Scalar("untyped")
DEDUCED = Deduced()

_SCALARS: dict[str, Shape] = {
    "string": STRING, "bool": BOOLEAN, "int32": NUMERIC, "int64": NUMERIC, "float": NUMERIC, "bytes": STRING,
    "time": STRING, "microtime": STRING, "quantity": UNTYPED, "intstr": UNTYPED, "any": ATOMIC,
}  # fmt: skip


# ---------------------------------------------------------------- the types of the schema facts


@cache
def of_type(name: str) -> Shape:
    """The shape of a type of the schema facts; KeyError when there is none."""
    facts = schema.struct(name)
    shape = Map(lambda: {field.name: _of_field(field) for field in facts.fields.values()})
    shape.type_name = name
    return shape


def _of_field(field: schema.Field) -> Shape:
    kind = field.kind
    if kind.startswith("[]"):
        element = _of_kind(kind[2:])
        if field.list_type == "set":
            return SetList(element)
        if field.list_type == "map":
            return KeyedList(element, tuple(field.keys), _defaults(kind[2:], field.keys))
        return Shape(List(element))
    return _of_kind(kind, field.map_type)


def _of_kind(kind: str, map_type: str | None = None) -> Shape:
    if kind[0] == "=":
        shape = of_type(kind[1:])
        map_type = map_type or schema.struct(kind[1:]).map_type  # what the field says counts more than its type
        return Shape(shape) if map_type == "atomic" else shape
    if kind.startswith("{}"):
        of_map = Map(None, _of_kind(kind[2:]))
        return Shape(of_map) if map_type == "atomic" else of_map
    if kind.startswith("[]"):
        return Shape(List(_of_kind(kind[2:])))
    return _SCALARS[kind]


def _defaults(kind: str, keys: list[str]) -> dict[str, Any]:
    """What an item has for a key that it leaves out: the default, or zero where the encoder always writes the field."""
    fields = schema.struct(kind[1:]).fields if kind[0] == "=" else {}
    out: dict[str, Any] = {}
    for key in keys:
        field = fields[key]
        if field.default is not None:
            out[key] = field.default
        elif field.always or kind == "=core.v1.LocalObjectReference":  # whose name is declared to default to ""
            out[key] = schema.zero(field.kind)
    return out
