"""Field numbers of protobuf messages: what reader and writer share.

A message is a table number -> (name, kind); kinds are written as in `schema` (`=core.v1.Pod`, `[]string`,
`{}quantity`), with some more for what has another form in JSON. A field without a name is an inline struct.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import orjson

Object = dict[str, Any]
MAGIC = b"k8s\x00"
# Which wire type a kind has when it stands alone; all others are length-delimited.
WIRE = {"int32": 0, "int64": 0, "bool": 0, "float": 1}
SINGLE, LIST, MAP, INLINE = range(4)


class WireError(ValueError):
    """The bytes are no such message."""


@cache
def messages() -> dict[str, dict[str, list[str]]]:
    return dict(orjson.loads(files("minikube_edu.api").joinpath("facts/protobuf.json").read_bytes()))


# The small messages behind the special kinds; they are part of the format, not of the API.
_SMALL: dict[str, dict[str, list[str]]] = {
    "runtime.Unknown": {"1": ["typeMeta", "=runtime.TypeMeta"], "2": ["raw", "rawbytes"]},
    "runtime.TypeMeta": {"1": ["apiVersion", "string"], "2": ["kind", "string"]},
    "api.resource.Quantity": {"1": ["string", "string"]},
    "util.intstr.IntOrString": {"1": ["type", "int64"], "2": ["intVal", "int32"], "3": ["strVal", "string"]},
    "(raw)": {"1": ["raw", "rawbytes"]},
    "(strings)": {"1": ["items", "[]string"]},
    "apiextensions.v1.JSONSchemaPropsOrArray": {
        "1": ["schema", "=apiextensions.v1.JSONSchemaProps"],
        "2": ["jSONSchemas", "[]=apiextensions.v1.JSONSchemaProps"],
    },
    "apiextensions.v1.JSONSchemaPropsOrBool": {
        "1": ["allows", "bool"],
        "2": ["schema", "=apiextensions.v1.JSONSchemaProps"],
    },
    "apiextensions.v1.JSONSchemaPropsOrStringArray": {
        "1": ["schema", "=apiextensions.v1.JSONSchemaProps"],
        "2": ["property", "[]string"],
    },
}


def fields_of(type_name: str) -> dict[str, list[str]]:
    return _SMALL.get(type_name) or messages()[type_name]


class Slot:
    """One field: where its value goes, and how it is written."""

    __slots__ = ("kind", "mode", "name", "wire")

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.mode = SINGLE
        if kind.startswith("[]"):
            self.mode, kind = LIST, kind[2:]
        elif kind.startswith("{}"):
            self.mode, kind = MAP, kind[2:]
        elif not name:
            self.mode = INLINE
        self.kind = kind
        self.wire = 2 if self.mode == MAP else WIRE.get(kind, 2)
