"""The protocol's values as JSON: what goes out comes back, whatever it is."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from minikube_edu.container_runtime import cri
from minikube_edu.container_runtime.codec import dump, methods, reader

VALUES = [
    value
    for value in vars(cri).values()
    if isinstance(value, type) and issubclass(value, Struct) and value not in (Struct, cri.Streams)
]


@pytest.mark.parametrize("kind", VALUES)
def test_does_every_value_of_the_protocol_come_back(kind: type[Struct]) -> None:
    @settings(max_examples=25, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        value = data.draw(_built(kind))
        assert reader(kind)(orjson.loads(dump(value))) == value

    check()


def _built(kind: type[Struct]) -> st.SearchStrategy[object]:
    import typing

    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{name: _of(hints[name]) for name in kind.__struct_fields__})


def _of(hint: object) -> st.SearchStrategy[object]:
    import collections.abc
    import typing
    from enum import Enum

    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    if origin is tuple:
        return st.lists(_of(arguments[0]), max_size=3).map(tuple)
    if origin is collections.abc.Mapping:
        return st.dictionaries(text, text, max_size=3)
    if origin is not None:
        return st.none() | _of(arguments[0])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if isinstance(hint, type) and issubclass(hint, Struct):
        return _built(hint)
    simple: dict[object, st.SearchStrategy[object]] = {
        str: text,
        int: st.integers(-(2**53), 2**53),
        bool: st.booleans(),
        bytes: st.binary(max_size=20),
        float: st.floats(0, 4e9, allow_nan=False),
    }
    return simple[hint]


def test_is_every_call_of_the_protocol_in_the_table_and_in_the_driver() -> None:
    from minikube_edu.container_runtime.socket_driver import SocketRuntime

    calls = {name for name in dir(cri.ContainerRuntime) if not name.startswith("_")} - {"events"}
    assert set(methods()) == calls | {"dial"}
    for name in (*calls, "dial", "events"):
        assert callable(getattr(SocketRuntime, name))
    assert {name for name, method in methods().items() if method.streaming} == {"exec", "attach", "port_forward"}


def test_are_unknown_fields_ignored_and_missing_ones_defaults() -> None:
    read = reader(cri.SandboxConfig)
    assert read({"name": "a", "namespace": "b", "uid": "c", "later": 1}) == cri.SandboxConfig("a", "b", "c")
