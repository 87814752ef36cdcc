"""Which function runs which kind of command, and what is judged whenever one has ended.

`RUN` is filled by `compound`, `pipelines` and `simple`, which call each other through it. A function returns the
command's exit code, which is `$?` as well. `set -e` is judged where a command that can fail ends (`checked`); lists,
conditions and ! count themselves into `shell.unchecked` meanwhile. Control that leaves its place (break, return, exit,
an error) is an exception of `errors`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from minikube_edu.container_runtime.simulated.shell.errors import Leave
from minikube_edu.container_runtime.simulated.shell.syntax import Command

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell

RUN: dict[type, Callable[[Shell, Any], Awaitable[int]]] = {}
MOST_NESTING = 1000  # functions, eval and . within each other


async def run(shell: Shell, node: Command) -> int:
    return await RUN[node.__class__](shell, node)


async def checked(shell: Shell, status: int) -> int:
    """A command has ended: traps that wait, ERR, and `set -e`."""
    shell.status = status
    if shell.traps.pending:
        await shell.traps.run_pending(shell)
    if status and not shell.unchecked:
        if "ERR" in shell.traps.commands:
            await shell.traps.run_error(shell)
        if shell.options.errexit:
            raise Leave(status)
    return status
