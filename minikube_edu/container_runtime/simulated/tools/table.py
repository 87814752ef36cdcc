"""All commands that a simulated image can have, by name, and the programs behind them.

Values are "module:function": a module relative to `simulated` ("tools.cat:cat", "shell.main:sh") or a full name that
starts with the project's. A program's module is imported when the program first runs: a cluster whose containers never
call `awk` never reads awk.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import cast

from minikube_edu.container_runtime.simulated.contract import Program

FIELDS = ("shell", "text", "files", "system", "network", "databases")
SIMULATED = "minikube_edu.container_runtime.simulated"


@cache
def table() -> dict[str, str]:
    """Every command -> "module:function". An earlier field's entry wins."""
    merged: dict[str, str] = {}
    for field in FIELDS:
        module = importlib.import_module(f"{SIMULATED}.tools.tables.{field}")
        for name, place in module.TABLE.items():
            merged.setdefault(name, place)
    return merged


@cache
def load(place: str) -> Program:
    """The program at "module:function"."""
    module, _, function = place.partition(":")
    if not module.startswith("minikube_edu.") and not module.startswith("tests."):
        module = f"{SIMULATED}.{module}"
    return cast(Program, getattr(importlib.import_module(module), function))


def find(command: str) -> Program | None:
    """The program of a command; None when no such tool exists."""
    place = table().get(command)
    return None if place is None else load(place)
