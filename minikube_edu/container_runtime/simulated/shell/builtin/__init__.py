"""Commands that the shell runs itself, by subject; `table` says which a dialect has.

A builtin is called with the shell and its argv and returns an exit code, at once or awaited. Its errors go to stderr
through `shell.complain(text, where=name)`; one that must end the script is a `Failure`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.dialect import Dialect
    from minikube_edu.container_runtime.simulated.shell.state import Builtin


@functools.cache
def table(dialect: Dialect) -> dict[str, Builtin]:
    from minikube_edu.container_runtime.simulated.shell.builtin import (
        declaring,
        directories,
        flow,
        jobcontrol,
        limits,
        output,
        reading,
        searching,
        setting,
        testing,
    )

    found: dict[str, Builtin] = {}
    for module in (declaring, directories, flow, jobcontrol, limits, output, reading, searching, setting, testing):
        found.update(module.POSIX)
        if dialect.more_than_posix:
            found.update(getattr(module, "MORE", {}))
        if dialect.bash:
            found.update(getattr(module, "BASH", {}))
    if not dialect.bash:
        found["chdir"] = found["cd"]
    return found
