"""The protocol's calls and values as JSON: a table made of cri.py itself, no second description of it.

`methods()` has every call of `ContainerRuntime` with its parameters' and its result's types, read from the
annotations. msgspec writes and reads the values (enums by value, bytes as base64). Fields that have their default value
may be missing, unknown ones are ignored: a kubelet and a runtime of neighbouring versions understand each other.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from minikube_edu.container_runtime import cri
from minikube_edu.lib.streams.byte_stream import ByteStream

Reader = Callable[[Any], Any]
STREAM_TYPES = (cri.Streams, ByteStream)


def _other(value: object) -> object:
    if isinstance(value, collections.abc.Mapping):
        return dict(value)
    if isinstance(value, collections.abc.Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no place in the protocol")


dump = msgspec.json.Encoder(enc_hook=_other).encode


@functools.cache
def reader(kind: Any) -> Reader:
    """What makes a value of `kind` out of JSON's."""
    return functools.partial(msgspec.convert, type=kind, str_keys=True)


class Method(Struct, frozen=True):
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
        reader(Any if hints["return"] in STREAM_TYPES else hints["return"]),
        len(plain) != len(parameters),
    )


@functools.cache
def methods() -> dict[str, Method]:
    """`dial` is there as well: what it answers is a stream, on the connection that asked."""
    names = [name for name, value in vars(cri.ContainerRuntime).items() if inspect.iscoroutinefunction(value)]
    return {name: _method(name) for name in names} | {"dial": _method("dial", cri.PodDialer)}
