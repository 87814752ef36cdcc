"""The protocol's calls and values as JSON: a table made of cri.py itself, no second description of it.

`methods()` has every call of `ContainerRuntime` with its parameters' and its result's types, read from the
annotations. Values go out as orjson writes them (dataclasses, enums by value; bytes as base64), and come back through
`reader(type)`, compiled once a type. Fields that have their default value may be missing, unknown ones are ignored: a
kubelet and a runtime of neighbouring versions understand each other.
"""

from __future__ import annotations

import base64
import collections.abc
import dataclasses
import functools
import inspect
import types
import typing
from collections.abc import Callable
from enum import Enum
from typing import Any

import orjson

from minikube_edu.container_runtime import cri
from minikube_edu.lib.streams.byte_stream import ByteStream

Reader = Callable[[Any], Any]
STREAM_TYPES = (cri.Streams, ByteStream)


def _other(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, collections.abc.Mapping):
        return dict(value)
    if isinstance(value, collections.abc.Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no place in the protocol")


def dump(value: object) -> bytes:
    return orjson.dumps(value, default=_other, option=orjson.OPT_NON_STR_KEYS)


def _same(value: Any) -> Any:
    return value


@functools.cache
def reader(kind: Any) -> Reader:
    """What makes a value of `kind` out of JSON's."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        inner = reader(next(argument for argument in arguments if argument is not type(None)))
        return lambda value: None if value is None else inner(value)
    if origin is list:
        item = reader(arguments[0])
        return _same if item is _same else lambda value: [item(one) for one in value]
    if origin in (collections.abc.Sequence, tuple):
        item = reader(arguments[0])
        return tuple if item is _same else lambda value: tuple(item(one) for one in value)
    if kind is bytes:
        return base64.b64decode
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    return _same


def _dataclass_reader(kind: Any) -> Reader:
    hints = typing.get_type_hints(kind)
    readers = {field.name: reader(hints[field.name]) for field in dataclasses.fields(kind)}
    plain = {name for name, read in readers.items() if read is _same}

    def read(value: dict[str, Any]) -> Any:
        return kind(
            **{name: item if name in plain else readers[name](item) for name, item in value.items() if name in readers}
        )

    return read


@dataclasses.dataclass(frozen=True)
class Method:
    name: str
    parameters: tuple[str, ...]  # without streams
    defaults: dict[str, Any]
    readers: tuple[Reader, ...]
    result: Reader
    streaming: bool  # takes streams: a connection of its own

    def arguments(self, values: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        """As the protocol carries them: in order, defaults filled in."""
        given = [*values, *(named.get(name, self.defaults.get(name)) for name in self.parameters[len(values) :])]
        if len(given) != len(self.parameters):
            raise TypeError(f"{self.name}() takes {len(self.parameters)} arguments")
        return given

    def read(self, values: list[Any]) -> list[Any]:
        return [read(value) for read, value in zip(self.readers, values, strict=False)]


def _method(name: str, protocol: type = cri.ContainerRuntime) -> Method:
    function = getattr(protocol, name)
    hints = typing.get_type_hints(function)
    parameters = [item for item in inspect.signature(function).parameters.values() if item.name != "self"]
    plain = [item for item in parameters if hints[item.name] not in STREAM_TYPES]
    return Method(
        name,
        tuple(item.name for item in plain),
        {item.name: item.default for item in plain if item.default is not inspect.Parameter.empty},
        tuple(reader(hints[item.name]) for item in plain),
        reader(hints["return"]),
        len(plain) != len(parameters),
    )


@functools.cache
def methods() -> dict[str, Method]:
    """`dial` is there as well: what it answers is a stream, on the connection that asked."""
    names = [name for name, value in vars(cri.ContainerRuntime).items() if inspect.iscoroutinefunction(value)]
    return {name: _method(name) for name in names} | {"dial": _method("dial", cri.PodDialer)}
