"""Random objects of any type, made from the schema facts, in the form in which the server would store them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from minikube_edu.api import schema

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
JSON = st.one_of(st.none(), st.dictionaries(TEXT, st.integers(0, 9) | TEXT, min_size=1, max_size=2))
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "bool": st.booleans(),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not x.is_integer()),
    "bytes": st.sampled_from(["", "aGVsbG8=", "AAECAw=="]),
    "time": st.sampled_from(["2026-01-02T03:04:05Z", "1969-12-31T23:59:59Z", "0900-01-01T00:00:00Z"]),
    "microtime": st.sampled_from(["2026-01-02T03:04:05.000006Z", "1969-12-31T23:59:59.500000Z"]),
    "quantity": st.sampled_from(["1", "100m", "1536Mi", "1e3"]),
    "intstr": st.one_of(st.integers(-5, 70000), st.sampled_from(["25%", "http"])),
    "any": JSON,
}


def of_kind(kind: str, depth: int) -> st.SearchStrategy[Any]:
    if kind[0] == "=":
        return of_type(kind[1:], depth)
    if kind.startswith("[]"):
        return st.lists(of_kind(kind[2:], depth), max_size=2)
    if kind.startswith("{}"):
        return st.dictionaries(TEXT, of_kind(kind[2:], depth), max_size=2)
    return SCALARS[kind]


def of_type(name: str, depth: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with up to six fields, structs down to `depth`; apiVersion and kind belong to the envelope."""
    fields = schema.struct(name).fields
    outside = ("apiVersion", "kind") if schema.struct(name).gvk else ()
    names = [f.name for f in fields.values() if f.name not in outside and (depth > 0 or "=" not in f.kind)]

    @st.composite
    def build(draw: st.DrawFn) -> dict[str, Any]:
        chosen = draw(st.lists(st.sampled_from(names), max_size=6, unique=True)) if names else []
        return {field: draw(of_kind(fields[field].kind, depth - 1)) for field in chosen}

    return build()
