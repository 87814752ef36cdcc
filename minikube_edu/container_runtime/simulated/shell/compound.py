"""Compound commands: if, loops, case, functions' definitions, (( )) and [[ ]]."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.shell import arithmetic, patterns
from minikube_edu.container_runtime.simulated.shell.dispatch import RUN, checked, run
from minikube_edu.container_runtime.simulated.shell.errors import Break, Continue, Failure
from minikube_edu.container_runtime.simulated.shell.expansion import arguments, pattern_of, text_of
from minikube_edu.container_runtime.simulated.shell.syntax import (
    ArithmeticCommand,
    Case,
    Command,
    Conditional,
    CountingFor,
    For,
    Function,
    If,
    While,
    Word,
)

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell


async def _condition(shell: Shell, node: Command) -> bool:
    shell.unchecked += 1
    try:
        return await RUN[node.__class__](shell, node) == 0
    finally:
        shell.unchecked -= 1


async def _if(shell: Shell, node: If) -> int:
    for condition, body in node.branches:
        if await _condition(shell, condition):
            return await RUN[body.__class__](shell, body)
    if node.otherwise is not None:
        return await RUN[node.otherwise.__class__](shell, node.otherwise)
    shell.status = 0
    return 0


async def _while(shell: Shell, node: While) -> int:
    status = 0
    wanted = not node.until
    condition, body, breathe = node.condition, node.body, shell.process.breathe
    run_condition, run_body = RUN[condition.__class__], RUN[body.__class__]
    shell.loops += 1
    try:
        while True:
            await breathe()
            try:
                shell.unchecked += 1
                try:
                    goes_on = (await run_condition(shell, condition) == 0) is wanted
                finally:
                    shell.unchecked -= 1
                if not goes_on:
                    break
                status = await run_body(shell, body)
            except Continue as jump:
                status = 0
                _next_round(shell, jump)
    except Break as jump:
        status = 0
        _outwards(shell, jump)
    finally:
        shell.loops -= 1
    shell.status = status
    return status


def _next_round(shell: Shell, jump: Continue) -> None:
    if jump.levels > 1 and shell.loops > 1:
        raise Continue(jump.levels - 1)


def _outwards(shell: Shell, jump: Break) -> None:
    if jump.levels > 1 and shell.loops > 1:
        raise Break(jump.levels - 1)


async def _for(shell: Shell, node: For) -> int:
    shell.line = node.line
    words = list(shell.args) if node.words is None else await arguments(shell, node.words)
    if node.select:
        return await _select(shell, node, words)
    status = 0
    shell.loops += 1
    body, run_body = node.body, RUN[node.body.__class__]
    try:
        for word in words:
            await shell.process.breathe()
            shell.variables.set(node.name, word)
            if shell.options.xtrace and shell.dialect.bash:
                await _trace_words(shell, f"for {node.name} in", words)
            try:
                status = await run_body(shell, body)
            except Continue as jump:
                status = 0
                _next_round(shell, jump)
    except Break as jump:
        status = 0
        _outwards(shell, jump)
    finally:
        shell.loops -= 1
    shell.status = status
    return status


async def _select(shell: Shell, node: For, words: list[str]) -> int:
    """bash's menu."""
    from minikube_edu.container_runtime.simulated.shell.builtin.reading import read_line

    status = 0
    shell.loops += 1
    try:
        while words:
            menu = "".join(f"{number}) {word}\n" for number, word in enumerate(words, 1))
            await shell.write_error(menu + (shell.variables.get("PS3") or "#? "))
            line = await read_line(shell)
            if line is None:
                await shell.write("\n")
                status = 1
                break
            reply = line.strip()
            shell.variables.set("REPLY", reply)
            valid = reply.isdigit() and 1 <= int(reply) <= len(words)
            shell.variables.set(node.name, words[int(reply) - 1] if valid else "")
            try:
                status = await run(shell, node.body)
            except Continue as jump:
                _next_round(shell, jump)
    except Break as jump:
        _outwards(shell, jump)
    finally:
        shell.loops -= 1
    shell.status = status
    return status


async def _counting_for(shell: Shell, node: CountingFor) -> int:
    status = 0
    await arithmetic_of(shell, node.first)
    shell.loops += 1
    try:
        while True:
            await shell.process.breathe()
            if not await arithmetic_of(shell, node.condition, empty=1):
                break
            try:
                status = await run(shell, node.body)
            except Continue as jump:
                status = 0
                _next_round(shell, jump)
            await arithmetic_of(shell, node.step)
    except Break as jump:
        status = 0
        _outwards(shell, jump)
    finally:
        shell.loops -= 1
    shell.status = status
    return status


async def arithmetic_of(shell: Shell, word: Word, empty: int = 0) -> int:
    text = await text_of(shell, word)
    return arithmetic.evaluate(shell, text) if text.strip() else empty


async def _case(shell: Shell, node: Case) -> int:
    shell.line = node.line
    text = await text_of(shell, node.word)
    if shell.options.xtrace and shell.dialect.bash:
        await _trace_words(shell, "case", [text], " in")
    status, falling = 0, False
    fold = shell.shopt.get("nocasematch", False)
    for choices, body, end in node.items:
        if not falling and not await _matches(shell, text, choices, fold):
            continue
        status = 0 if body is None else await RUN[body.__class__](shell, body)
        if end == ";;":
            break
        falling = end == ";&"
    shell.status = status
    return status


async def _matches(shell: Shell, text: str, choices: list[Word], fold: bool) -> bool:
    for choice in choices:
        pattern = await pattern_of(shell, choice)
        if await patterns.whole(text, pattern, shell.extended_globs, fold):
            return True
    return False


async def _trace_words(shell: Shell, lead: str, words: list[str], tail: str = "") -> None:
    """set -x in bash shows the heads of compound commands as well."""
    from minikube_edu.container_runtime.simulated.shell.formats import traced
    from minikube_edu.container_runtime.simulated.shell.simple import trace

    await trace(shell, " ".join([lead, *map(traced, words)]) + tail)


async def _function(shell: Shell, node: Function) -> int:
    shell.functions[node.name] = node
    shell.status = 0
    return 0


async def _arithmetic_command(shell: Shell, node: ArithmeticCommand) -> int:
    shell.line = node.line
    try:
        return await checked(shell, int(await arithmetic_of(shell, node.text) == 0))
    except Failure as failure:
        await shell.complain(failure.text, "((")
        return await checked(shell, 1)


async def _conditional(shell: Shell, node: Conditional) -> int:
    from minikube_edu.container_runtime.simulated.shell.conditions import judge

    shell.line = node.line
    try:
        return await checked(shell, int(not await judge(shell, node.test)))
    except Failure as failure:
        if failure.fatal:
            raise
        await shell.complain(failure.text)
        return await checked(shell, failure.code or 2)


RUN.update(
    {
        If: _if,
        While: _while,
        For: _for,
        CountingFor: _counting_for,
        Case: _case,
        Function: _function,
        ArithmeticCommand: _arithmetic_command,
        Conditional: _conditional,
    }
)
