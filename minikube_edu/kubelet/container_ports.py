"""A port of a probe or hook: a number, or the name that its container gives to one."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def port_number(port: int | str, container: Object) -> int:
    """ValueError in the real words."""
    number = 0
    if isinstance(port, int):
        number = port
    else:
        named = [one["containerPort"] for one in container.get("ports") or () if one.get("name") == port]
        if named:
            number = named[0]
        elif port.isascii() and port.isdigit():
            number = int(port)
        else:
            raise ValueError(f'strconv.Atoi: parsing "{port}": invalid syntax')
    if not 0 < number < 65536:
        raise ValueError(f"invalid port number: {number}")
    return number
