"""The Python module that is responsible for an API group.

`defaults/`, `validation/` and `conversion/` hold one module a group, named by the first part of the group's name
(`apps`, `batch`, `networking` …; `core` for the group without a name). They are imported when the first object of
their group is met.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def module_name(group: str) -> str:
    return group.split(".", 1)[0] if group else "core"


def table_of(package: str, group: str, table: str) -> dict[Any, Any]:
    """The table that the group's module of `package` holds; empty when the package has no module for the group.

    Only that absence is forgiven: a module that is there and cannot be imported is a fault, and is raised."""
    name = f"{package}.{module_name(group)}"
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return {}
    found: dict[Any, Any] = getattr(module, table)
    return found
