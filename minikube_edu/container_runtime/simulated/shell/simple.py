"""Simple commands: assignments, arguments, redirections, and then a function, a builtin or a program.

The order of search is the shells': functions, builtins, PATH (POSIX's special builtins come before functions). What is
assigned before a name lasts as long as the command, except before a special builtin.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import reason
from minikube_edu.container_runtime.simulated.shell.dispatch import MOST_NESTING, RUN, checked, run
from minikube_edu.container_runtime.simulated.shell.errors import Become, Failure, Return
from minikube_edu.container_runtime.simulated.shell.expansion import arguments, text_of
from minikube_edu.container_runtime.simulated.shell.formats import single_quoted, traced
from minikube_edu.container_runtime.simulated.shell.pipelines import finish_substitutions
from minikube_edu.container_runtime.simulated.shell.programs import start
from minikube_edu.container_runtime.simulated.shell.redirection import Undo, redirect
from minikube_edu.container_runtime.simulated.shell.syntax import (
    AndOr,
    ArrayLiteral,
    Assignment,
    Command,
    Function,
    Group,
    Sequence,
    Simple,
)
from minikube_edu.container_runtime.simulated.shell.variables import Variable

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Builtin, Shell

SPECIAL = frozenset(
    [".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "times",
     "trap", "unset"]
)  # fmt: skip


async def run_simple(shell: Shell, node: Simple, last: bool = False) -> int:
    """`last`: nothing comes after it, so a program may take this process's place."""
    shell.line = node.line
    shell.substituted = None
    try:
        argv = await arguments(shell, node.words) if not node.declared else await _declaring(shell, node)
        if not argv:
            return await checked(shell, await _assignments_alone(shell, node))
        return await checked(shell, await _invoke(shell, node, argv, last))
    except Failure as failure:
        if failure.fatal:
            raise
        await shell.complain(failure.text)
        if not shell.dialect.bash and node.words and node.words[0].literal() in SPECIAL:
            raise Failure("", failure.code) from None
        return await checked(shell, failure.code or (2 if shell.dialect.dash else 1))


async def run_last(shell: Shell, node: Command) -> int:
    """A command after which the shell ends."""
    if isinstance(node, Simple):
        return await run_simple(shell, node, last=True)
    if isinstance(node, Group):
        return await run_last(shell, node.body)
    if isinstance(node, Sequence):
        for item in node.items[:-1]:
            await run(shell, item)
            if shell.options.noexec:
                return shell.status
        return await run_last(shell, node.items[-1])
    if isinstance(node, AndOr) and len(node.rest) == 1:
        shell.unchecked += 1
        try:
            status = await run(shell, node.first)
        finally:
            shell.unchecked -= 1
        operator, command = node.rest[0]
        if (status == 0) == (operator == "&&"):
            return await run_last(shell, command)
        return status
    return await run(shell, node)


async def _declaring(shell: Shell, node: Simple) -> list[str]:
    """Arguments of declare, export, local, readonly: assignments among them are not split."""
    argv: list[str] = []
    shell.array_arguments = {}
    for place, word in enumerate(node.words):
        assignment = node.declared.get(place)
        if assignment is None:
            argv += await arguments(shell, [word])
            continue
        if isinstance(assignment.value, ArrayLiteral):
            shell.array_arguments[len(argv)] = assignment
            argv.append(assignment.name)
            continue
        index = "" if assignment.index is None else f"[{await text_of(shell, assignment.index)}]"
        operator = "+=" if assignment.append else "="
        argv.append(f"{assignment.name}{index}{operator}{await text_of(shell, assignment.value)}")
    return argv


async def assign(shell: Shell, assignment: Assignment) -> str | None:
    """Do it; the text that was assigned, if it was one."""
    value = assignment.value
    if isinstance(value, ArrayLiteral):
        await assign_array(shell, assignment)
        return None
    text = await text_of(shell, value)
    if assignment.index is not None:
        shell.set_element(assignment.name, await text_of(shell, assignment.index), text, assignment.append)
    else:
        shell.variables.set(assignment.name, text, assignment.append)
    return text


async def assign_array(shell: Shell, assignment: Assignment, keyed: bool = False) -> None:
    literal = assignment.value
    assert isinstance(literal, ArrayLiteral)
    name = shell.variables.resolve(assignment.name)
    variable = shell.variables.table.get(name)
    values: list[tuple[str | None, str]] = []
    for index, word in literal.items:
        if index is None:
            values += [(None, text) for text in await arguments(shell, [word])]
        else:
            values.append((await text_of(shell, index), await text_of(shell, word)))
    if variable is None:
        variable = shell.variables.table[name] = Variable()
    shell.variables.check(name, variable)
    variable.keyed = variable.keyed or keyed
    if not assignment.append:
        variable.value = {}
    elif not isinstance(variable.value, dict):
        variable.value = {} if variable.value is None else {0: str(variable.value)}
    if variable.keyed:
        pending: str | None = None
        for key, text in values:
            if key is not None:
                shell.variables.set_element(name, key, text)
            elif pending is None:
                pending = text
            else:
                shell.variables.set_element(name, pending, text)
                pending = None
        if pending is not None:
            shell.variables.set_element(name, pending, "")
        return
    following = max(variable.value, default=-1) + 1  # type: ignore[operator]  # indices are ints
    for key, text in values:
        if key is not None:
            from minikube_edu.container_runtime.simulated.shell.arithmetic import evaluate

            following = evaluate(shell, key)
        shell.variables.set_element(name, following, text)
        following += 1
        if following % 1024 == 0:
            await shell.process.breathe()


async def _assignments_alone(shell: Shell, node: Simple) -> int:
    for assignment in node.assignments:
        text = await assign(shell, assignment)
        if shell.options.xtrace:
            await trace(shell, f"{assignment.name}{'+' if assignment.append else ''}={_traced(shell, text or '')}")
    if node.redirects:
        undo = Undo(shell.process.files)
        await redirect(shell, node.redirects, undo)
        undo.back()
    return shell.substituted or 0


def _traced(shell: Shell, text: str) -> str:
    if shell.dialect.bash:
        return traced(text)
    safe = text and all(character.isalnum() or character in "_@%+=:,./-" for character in text)
    return text if safe else single_quoted(text) if text or shell.dialect.busybox else text


async def trace(shell: Shell, text: str) -> None:
    """set -x"""
    sign = shell.variables.get("PS4")
    shown = shell.prompt_text(sign) if sign else "" if sign == "" else "+ "
    if shell.subshell and shown and shell.dialect.bash:
        shown = shown[0] * shell.subshell + shown
    await shell.write_error(f"{shown}{text}\n")


async def _trace_command(shell: Shell, node: Simple, argv: list[str]) -> None:
    if shell.dialect.bash:
        for assignment in node.assignments:
            if not isinstance(assignment.value, ArrayLiteral):
                await trace(shell, f"{assignment.name}={traced(await text_of(shell, assignment.value))}")
        await trace(shell, " ".join(traced(word) for word in argv))
        return
    words = [
        f"{assignment.name}={_traced(shell, await text_of(shell, assignment.value))}"
        for assignment in node.assignments
        if not isinstance(assignment.value, ArrayLiteral)
    ]
    await trace(shell, " ".join(words + [_traced(shell, word) if shell.dialect.busybox else word for word in argv]))


async def _invoke(shell: Shell, node: Simple, argv: list[str], last: bool) -> int:
    name = argv[0]
    if shell.options.xtrace:
        await _trace_command(shell, node, argv)
    builtin = shell.builtins.get(name)
    function = shell.functions.get(name)
    if function is not None and not (builtin is not None and name in SPECIAL and not shell.dialect.bash):
        return await _with_surroundings(shell, node, argv, None, function)
    if builtin is not None:
        if not node.redirects and not node.assignments:
            try:
                result = builtin(shell, argv)
                status = result if result.__class__ is int else await result  # type: ignore[misc]  # an awaitable then
            except OSError as error:
                status = await _broken_builtin(shell, name, error)
            shell.last_argument = argv[-1]
            return status
        if name == "exec":
            return await _exec(shell, node, argv, builtin)
        return await _with_surroundings(shell, node, argv, builtin, None)
    return await _program(shell, node, argv, last)


async def _broken_builtin(shell: Shell, name: str, error: OSError) -> int:
    """A builtin could not read or write."""
    if error.errno == errno.EPIPE and "PIPE" not in shell.traps.commands:
        shell.process.kill(shell.process.pid, 13)
        await shell.process.breathe()
    words = reason(error)
    if shell.dialect.bash:
        await shell.complain(f"write error: {words}" if error.filename is None else f"{error.filename}: {words}", name)
    elif shell.dialect.dash:
        await shell.complain("I/O error" if error.errno != errno.EPIPE else f"{name}: I/O error")
    else:
        await shell.complain(f"write error: {words}")
    return 1


async def _exec(shell: Shell, node: Simple, argv: list[str], builtin: Builtin) -> int:
    """exec keeps its redirections, and its assignments."""
    for assignment in node.assignments:
        await assign(shell, assignment)
        if len(argv) > 1 and assignment.name in shell.variables.table:
            shell.variables.table[assignment.name].exported = True
    undo = Undo(shell.process.files)
    try:
        await redirect(shell, node.redirects, undo)
    except Failure as failure:
        raise Failure(failure.text, failure.code) from None
    undo.keep()
    result = builtin(shell, argv)
    return result if isinstance(result, int) else await result


async def _with_surroundings(
    shell: Shell, node: Simple, argv: list[str], builtin: Builtin | None, function: Function | None
) -> int:
    """A builtin or function, with its own redirections and variables around it."""
    undo = Undo(shell.process.files)
    lasting = argv[0] in SPECIAL and function is None and not shell.dialect.bash
    hidden: dict[str, Variable | None] = {}
    try:
        await redirect(shell, node.redirects, undo)
        for assignment in node.assignments:
            if not lasting and assignment.name not in hidden:
                before = shell.variables.table.get(assignment.name)
                if before is not None and before.readonly:
                    shell.variables.check(assignment.name, before)
                hidden[assignment.name] = before
                if before is not None:
                    shell.variables.table[assignment.name] = before.copy()
            await assign(shell, assignment)
            if not lasting:
                shell.variables.table[assignment.name].exported = True
        if function is not None:
            return await call(shell, function, argv)
        assert builtin is not None
        try:
            result = builtin(shell, argv)
            status = result if isinstance(result, int) else await result
        except OSError as error:
            status = await _broken_builtin(shell, argv[0], error)
        shell.last_argument = argv[-1]
        return status
    except Become:
        undo.keep()
        raise
    finally:
        for name, variable in hidden.items():
            if variable is None:
                shell.variables.table.pop(name, None)
            else:
                shell.variables.table[name] = variable
        undo.back()
        if shell.opened_for_substitution:
            await finish_substitutions(shell)


async def call(shell: Shell, function: Function, argv: list[str]) -> int:
    """A function: positional parameters and locals of its own."""
    if shell.depth >= MOST_NESTING:
        raise Failure(f"{argv[0]}: maximum function nesting level exceeded ({MOST_NESTING})", 1)
    await shell.process.breathe()
    args, shell.args = shell.args, argv[1:]
    loops, shell.loops = shell.loops, 0
    shell.depth += 1
    shell.calls.append((argv[0], shell.line))
    shell.variables.enter()
    body = function.body
    try:
        return await RUN[body.__class__](shell, body)
    except Return as jump:
        return jump.code
    finally:
        shell.variables.leave()
        shell.calls.pop()
        shell.depth -= 1
        shell.loops = loops
        shell.args = args


async def _program(shell: Shell, node: Simple, argv: list[str], last: bool) -> int:
    env = shell.variables.environment()
    for assignment in node.assignments:
        if not isinstance(assignment.value, ArrayLiteral):
            value = await text_of(shell, assignment.value)
            before = shell.variables.get(assignment.name) or "" if assignment.append else ""
            env[assignment.name] = before + value
    undo = Undo(dict(shell.process.files))
    await redirect(shell, node.redirects, undo)
    inherited = {**undo.files}
    try:
        return await start(shell, argv, env, inherited, last and not shell.traps.has_any(), node.source)
    except Become:
        shell.opened_for_substitution.clear()  # their pipes are the successor's now
        raise
    finally:
        undo.back()
        shell.last_argument = argv[-1]
        if shell.opened_for_substitution:
            await finish_substitutions(shell)


RUN[Simple] = run_simple
