"""A shell's life: texts are read and run, and every way in which they can end becomes an exit code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import reason
from minikube_edu.container_runtime.simulated.kernel.baton import in_turns
from minikube_edu.container_runtime.simulated.shell import compound, pipelines, simple
from minikube_edu.container_runtime.simulated.shell.dialect import syntax_error
from minikube_edu.container_runtime.simulated.shell.dispatch import run
from minikube_edu.container_runtime.simulated.shell.errors import (
    Become,
    Failure,
    Jump,
    Leave,
    Return,
    ScriptError,
    Successor,
)
from minikube_edu.container_runtime.simulated.shell.grammar import Grammar
from minikube_edu.container_runtime.simulated.shell.syntax import Command

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell

AT_ONCE = 16_384  # characters that are parsed without a pause
KINDS = (compound, pipelines, simple)  # importing them fills `dispatch.RUN`


async def run_text(shell: Shell, text: str, line: int = 1, is_script: bool = False) -> int:
    """Commands out of a text, in this shell: eval, ., traps. Reads a line, runs it, reads the next."""
    reader = Grammar(text, shell.dialect, shell.usable_aliases(), line, shell.extended_globs)
    status = begin = 0
    while True:
        await shell.process.breathe()
        try:
            unit = reader.unit() if len(reader.text) - begin < AT_ONCE else await in_turns(reader.unit)
        except RecursionError:
            raise ScriptError("too deeply nested", reader.line) from None
        if is_script and shell.options.verbose:
            await shell.write_error(reader.text[begin : reader.position])
        begin = reader.position
        if unit is None:
            return status
        if not shell.options.noexec or shell.interactive:
            status = await run(shell, unit)
        reader.extended_globs, reader.aliases = shell.extended_globs, shell.usable_aliases()


async def run_as_child(shell: Shell, body: Command) -> int | Successor:
    """The program of a subshell's process."""
    from minikube_edu.container_runtime.simulated.shell.simple import run_last

    shell.traps.install(shell)
    shell.interactive = False
    return await to_the_end(shell, lambda: run_last(shell, body))


async def to_the_end(shell: Shell, work: Callable[[], Awaitable[int]]) -> int | Successor:
    """A shell's whole life: the work, whatever ends it, the EXIT trap, the exit code; or who comes after it."""
    try:
        code = await _ended(shell, work)
        command = shell.traps.commands.pop("EXIT", None)
        if command:
            shell.status = code
            code = await _ended(shell, lambda: _exit_trap(shell, command, code))
    except Become as jump:
        return jump.successor
    return code & 255


async def _exit_trap(shell: Shell, command: str, code: int) -> int:
    await run_text(shell, command)
    return code


async def _ended(shell: Shell, work: Callable[[], Awaitable[int]]) -> int:
    """Every way in which a script can end, as its code."""
    try:
        code = await work()
        if shell.traps.pending:
            await shell.traps.run_pending(shell)
        return code
    except Become:
        raise
    except (Leave, Return) as jump:
        return jump.code
    except Jump:
        return shell.status
    except Failure as failure:
        return await report(shell, failure)
    except ScriptError as error:
        await complain_syntax(shell, error)
        return 2
    except RecursionError:
        await shell.complain("maximum nesting level exceeded")
        return 2
    except MemoryError:
        await shell.complain("out of memory")
        return 2
    except OSError as error:
        await shell.complain(reason(error))
        return 1


async def report(shell: Shell, failure: Failure) -> int:
    """Tell an error that ended a script; its code."""
    if failure.text:
        await shell.complain(failure.text)
    code = failure.code if failure.code is not None else (1 if shell.dialect.bash else 2)
    shell.status = code
    return code


async def complain_syntax(shell: Shell, error: ScriptError, where: str = "") -> None:
    line, shell.line = shell.line, error.line
    text = syntax_error(shell.dialect, error)
    if shell.dialect.bash:
        title = shell.title
        if shell.is_command_string and not shell.interactive:
            shell.title = f"{title}: {where or '-c'}"
        elif where:
            shell.title = f"{title}: {where}"
        if error.token == "end of file":
            shell.line += 1
        await shell.complain(text)
        if error.source:
            await shell.complain(f"`{error.source}'")
        shell.title = title
    else:
        await shell.complain(text, where)
    shell.line = line
