"""What Kubernetes fills in when a field is not set: one module a group.

Each module has a table `DEFAULTS: dict[tuple[version, kind], function]`. A function changes the object in place; it
gets an object that `schema.decode` has passed, so that types are right and unknown fields gone. Setting a default
never depends on other objects. The same functions run on what is read from a request, before managed fields are
reckoned.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from minikube_edu.api.groups import table_of

Object = dict[str, Any]
Defaulter = Callable[[Object], None]


def _nothing(_: Object) -> None:
    """Most kinds have no defaults."""


@cache
def defaulter(group: str, version: str, kind: str) -> Defaulter:
    """The function that sets the defaults of a kind."""
    table: dict[tuple[str, str], Defaulter] = table_of(__name__, group, "DEFAULTS")
    return table.get((version, kind), _nothing)
