"""How Go prints a decoded JSON value: `%v`, `%#v`, `%T`. Error texts of the real system hold such things."""

from __future__ import annotations

from typing import Any

from minikube_edu.lib.gotext import quote


def show(value: Any) -> str:
    """`%v`: `map[a:1 b:[x y]]`, `<nil>`, `true`."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{show(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(show, value)) + "]"
    return value if isinstance(value, str) else _scalar(value, "<nil>")


def syntax(value: Any) -> str:
    """`%#v`: `map[string]interface {}{"a":1}`."""
    if isinstance(value, dict):
        return (
            "map[string]interface {}{" + ", ".join(f"{quote(key)}:{syntax(value[key])}" for key in sorted(value)) + "}"
        )
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(map(syntax, value)) + "}"
    return quote(value) if isinstance(value, str) else _scalar(value, "interface {}(nil)")


def type_name(value: Any) -> str:
    """`%T`."""
    if value is None:
        return "<nil>"
    names = {dict: "map[string]interface {}", list: "[]interface {}", str: "string", bool: "bool", int: "int64"}
    return names.get(type(value), "float64")


def _scalar(value: Any, nothing: str) -> str:
    if value is None:
        return nothing
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    return str(value)


def _float(value: float) -> str:
    """The shortest form; with an exponent from 1e21 on and below 1e-4, as `%v` has it."""
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    return (
        f"{mantissa.removesuffix('.0')}e{exponent[0] if exponent[0] in '+-' else '+'}{exponent.lstrip('+-').zfill(2)}"
    )
