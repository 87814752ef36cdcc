"""The types of expressions.

A type is its name and its parameters: `Type("list", (INT,))`. Objects with declared fields are `ObjectType`. Types
have two spellings: `str(type)` as the API's messages have it, `shown(type)` as the checker's errors have it.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Type(Struct, frozen=True):
    name: str
    parameters: tuple[Type, ...] = ()

    def __str__(self) -> str:
        if not self.parameters:
            return self.name
        return f"{self.name}({', '.join(map(str, self.parameters))})"


class ObjectType(Type, frozen=True, eq=False):
    """A struct; `fields` of None means that any field is there, of any type."""

    fields: Mapping[str, Type] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Type) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


BOOL, INT, UINT, DOUBLE = Type("bool"), Type("int"), Type("uint"), Type("double")
STRING, BYTES, NULL, DYN = Type("string"), Type("bytes"), Type("null_type"), Type("dyn")
TIMESTAMP, DURATION = Type("google.protobuf.Timestamp"), Type("google.protobuf.Duration")
NAMED = {
    **{each.name: each for each in (BOOL, INT, UINT, DOUBLE, STRING, BYTES, NULL, DYN)},
    "timestamp": TIMESTAMP,
    "duration": DURATION,
}
_SHOWN = {NULL: "null", TIMESTAMP: "timestamp", DURATION: "duration"}


def list_of(item: Type) -> Type:
    return Type("list", (item,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", (key, value))


def optional_of(value: Type) -> Type:
    return Type("optional_type", (value,))


def shown(each: Type) -> str:
    """As the checker's errors name the type."""
    if each.parameters:
        return f"{each.name}({', '.join(map(shown, each.parameters))})"
    return _SHOWN.get(each, each.name)


def is_variable(each: Type) -> bool:
    """A type parameter of a function: `A`."""
    return len(each.name) == 1 and each.name.isupper()


def parse_type(text: str) -> Type:
    """`map(string,list(A))`."""
    name, _, rest = text.strip().partition("(")
    if not rest:
        return NAMED.get(name) or Type(name)
    parameters, depth, start = [], 0, 0
    rest = rest[:-1]
    for index, char in enumerate(rest + ","):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parameters.append(parse_type(rest[start:index]))
            start = index + 1
    return Type(name, tuple(parameters))
