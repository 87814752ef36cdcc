"""int-or-string: a number, a percentage or a name: `maxSurge: 25%`, `targetPort: http`.

Such a value is a Python int or str, as it came from JSON. Errors are ValueErrors with the real text.
"""

from __future__ import annotations

import math

from minikube_edu.lib.gotext import atoi, parse_int, quote

IntOrString = int | str


def parse(text: str) -> IntOrString:
    """A number of 32 bits when the text is one, the text otherwise."""
    try:
        return parse_int(text, 32)
    except ValueError:
        return text


def int_value(value: IntOrString) -> int:
    """The number; 0 for a text that is none."""
    if isinstance(value, int):
        return value
    try:
        return atoi(value)
    except ValueError:
        return 0


def is_percent(value: IntOrString) -> bool:
    return isinstance(value, str) and value.endswith("%")


def scaled(value: IntOrString | None, total: int, round_up: bool) -> int:
    """A number as it is, a percentage of `total` rounded as told."""
    if value is None:
        raise ValueError("nil value for IntOrString")
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        raise ValueError("invalid value for IntOrString: invalid type: string is not a percentage")
    try:
        share = atoi(value[:-1])
    except ValueError as error:
        raise ValueError(f"invalid value for IntOrString: invalid value {quote(value)}: {error}") from None
    exact = share * total / 100
    return math.ceil(exact) if round_up else math.floor(exact)
