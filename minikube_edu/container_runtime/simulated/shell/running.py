"""Running: the walk over a script's tree, one function for each kind of command.

A function returns the command's exit code, which is `$?` as well. `set -e` is judged where a command that can fail ends
(`checked`); lists, conditions and ! count themselves into `shell.unchecked` meanwhile. Control that leaves its place
(break, return, exit, an error) is an exception of `errors`. Files that are as long as this one hold one switch.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from minikube_edu.container_runtime.simulated.contract import reason
from minikube_edu.container_runtime.simulated.shell import arithmetic, patterns
from minikube_edu.container_runtime.simulated.shell.dialect import syntax_error
from minikube_edu.container_runtime.simulated.shell.errors import (
    Become,
    Break,
    Continue,
    Failure,
    Jump,
    Leave,
    Return,
    ScriptError,
)
from minikube_edu.container_runtime.simulated.shell.expansion import arguments, pattern_of, text_of
from minikube_edu.container_runtime.simulated.shell.grammar import Grammar
from minikube_edu.container_runtime.simulated.shell.jobs import wait_for
from minikube_edu.container_runtime.simulated.shell.redirection import Undo, redirect
from minikube_edu.container_runtime.simulated.shell.substitution import child
from minikube_edu.container_runtime.simulated.shell.syntax import (
    AndOr,
    ArithmeticCommand,
    Background,
    Case,
    Command,
    Conditional,
    CountingFor,
    For,
    Function,
    Group,
    If,
    Pipeline,
    Redirected,
    Sequence,
    Simple,
    Subshell,
    While,
    Word,
)

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell

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


# --- lists and pipelines


async def _sequence(shell: Shell, node: Sequence) -> int:
    status = 0
    for item in node.items:
        status = await RUN[item.__class__](shell, item)
        if shell.options.noexec and not shell.interactive:
            break
    return status


async def _and_or(shell: Shell, node: AndOr) -> int:
    shell.unchecked += 1
    try:
        status = await RUN[node.first.__class__](shell, node.first)
        for operator, command in node.rest[:-1]:
            if (status == 0) == (operator == "&&"):
                status = await RUN[command.__class__](shell, command)
    finally:
        shell.unchecked -= 1
    operator, last = node.rest[-1]
    if (status == 0) == (operator == "&&"):
        status = await RUN[last.__class__](shell, last)
    shell.status = status
    return status


async def _pipeline(shell: Shell, node: Pipeline) -> int:
    if node.negated:
        shell.unchecked += 1
    try:
        if node.timed:
            status = await _timed(shell, node)
        elif len(node.commands) == 1:
            status = await RUN[node.commands[0].__class__](shell, node.commands[0])
        else:
            status = await _piped(shell, node)
    finally:
        if node.negated:
            shell.unchecked -= 1
    if node.negated:
        shell.status = int(status == 0)
        return shell.status
    return await checked(shell, status) if len(node.commands) > 1 else status


async def _timed(shell: Shell, node: Pipeline) -> int:
    from minikube_edu.lib import clock

    begin = clock.monotonic()
    bare = Pipeline(node.commands, False, node.both)
    status = await _piped(shell, bare) if len(node.commands) > 1 else await run(shell, node.commands[0])
    minutes, seconds = divmod(clock.monotonic() - begin, 60)
    await shell.write_error(f"\nreal\t{int(minutes)}m{seconds:.3f}s\nuser\t0m0.000s\nsys\t0m0.000s\n")
    return status


async def _piped(shell: Shell, node: Pipeline) -> int:
    """Each command is a child; all are waited for, the last one's status counts."""
    processes = start_pipeline(shell, node)
    codes = []
    for number, process in enumerate(processes):
        ended = await wait_for(shell, process)
        codes.append(ended.shell_code())
        if number == len(processes) - 1:
            await tell_signal(shell, ended.signal, process.pid, node.source)
    if shell.dialect.bash:
        shell.variables.table.setdefault("PIPESTATUS", _fresh()).value = dict(enumerate(map(str, codes)))
    if shell.options.pipefail:
        return next((code for code in reversed(codes) if code), 0)
    return codes[-1]


def _fresh() -> Any:
    from minikube_edu.container_runtime.simulated.shell.variables import Variable

    return Variable()


def start_pipeline(shell: Shell, node: Pipeline, background: bool = False) -> list[Any]:
    own_group = background and (shell.options.monitor or shell.interactive)
    before = None
    group: int | None = None
    processes: list[Any] = []
    for number, command in enumerate(node.commands):
        files = dict(shell.process.files)
        opened = []
        if background and number == 0 and not own_group:
            files[0] = shell.process.open("/dev/null")
            opened.append(files[0])
        if before is not None:
            files[0] = before
        reader = writer = None
        if number < len(node.commands) - 1:
            reader, writer = shell.process.pipe()
            files[1] = writer
            if node.both[number]:
                files[2] = writer
        process = child(shell, command, files, group, new_group=own_group and group is None)
        if own_group and group is None:
            group = process.pid
        processes.append(process)
        for file in (before, writer, *opened):
            if file is not None:
                file.release()
        before = reader
    return processes


async def tell_signal(shell: Shell, signal: int, pid: int, source: str) -> None:
    """`Terminated`, when a child in the foreground died of something the user did not do."""
    from minikube_edu.container_runtime.simulated.shell.traps import DESCRIPTIONS

    if not signal or signal in (2, 13):
        return
    words = DESCRIPTIONS.get(signal, f"Unknown signal {signal}")
    if not shell.dialect.bash or shell.interactive:
        await shell.write_error(f"{words}\n")
    else:
        await shell.complain(f"{pid:>5} {words:<23} {source}")


async def _background(shell: Shell, node: Background) -> int:
    await shell.jobs.reap(shell)
    inner = node.command
    if isinstance(inner, Pipeline) and len(inner.commands) > 1 and not inner.negated:
        processes = start_pipeline(shell, inner, background=True)
    else:
        processes = start_pipeline(shell, Pipeline([inner]), background=True)
    job = shell.jobs.add(processes, node.source)
    if shell.interactive:
        await shell.write_error(f"[{job.number}] {job.pid}\n" if shell.dialect.bash else "")
    shell.status = 0
    return 0


async def _subshell(shell: Shell, node: Subshell) -> int:
    process = child(shell, node.body, dict(shell.process.files))
    ended = await wait_for(shell, process)
    await tell_signal(shell, ended.signal, process.pid, "( ... )")
    return await checked(shell, ended.shell_code())


async def _group(shell: Shell, node: Group) -> int:
    return await RUN[node.body.__class__](shell, node.body)


async def _redirected(shell: Shell, node: Redirected) -> int:
    undo = Undo(shell.process.files)
    try:
        await redirect(shell, node.redirects, undo)
    except Failure as failure:
        if failure.fatal:
            raise
        await shell.complain(failure.text)
        return await checked(shell, failure.code or (2 if shell.dialect.dash else 1))
    try:
        return await RUN[node.command.__class__](shell, node.command)
    finally:
        undo.back()
        await finish_substitutions(shell)


async def finish_substitutions(shell: Shell) -> None:
    """The pipes of <(list) live as long as the command that was given them."""
    while shell.opened_for_substitution:
        await shell.opened_for_substitution.pop()()


# --- compound commands


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
        if patterns.compiled(pattern, shell.extended_globs, fold).match(text):
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


# --- texts and children


async def run_text(shell: Shell, text: str, line: int = 1, is_script: bool = False) -> int:
    """Commands out of a text, in this shell: eval, ., traps. Reads a line, runs it, reads the next."""
    reader = Grammar(text, shell.dialect, shell.usable_aliases(), line, shell.extended_globs)
    status = begin = 0
    while True:
        await shell.process.breathe()
        try:
            unit = reader.unit()
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


async def run_as_child(shell: Shell, body: Command) -> int:
    """The program of a subshell's process."""
    from minikube_edu.container_runtime.simulated.shell.simple import run_last

    shell.traps.install(shell)
    shell.interactive = False
    return await to_the_end(shell, lambda: run_last(shell, body))


async def to_the_end(shell: Shell, work: Callable[[], Awaitable[int]]) -> int:
    """A shell's whole life: the work, whatever ends it, the EXIT trap, the exit code."""
    try:
        code = await _ended(shell, work)
        command = shell.traps.commands.pop("EXIT", None)
        if command:
            shell.status = code
            code = await _ended(shell, lambda: _exit_trap(shell, command, code))
    except Become as jump:
        return jump.code
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
        shell.title = title
    else:
        await shell.complain(text, where)
    shell.line = line


async def _simple(shell: Shell, node: Simple) -> int:
    from minikube_edu.container_runtime.simulated.shell.simple import run_simple

    RUN[Simple] = run_simple
    return await run_simple(shell, node)


RUN: dict[type, Callable[[Shell, Any], Awaitable[int]]] = {
    Simple: _simple,
    Pipeline: _pipeline,
    AndOr: _and_or,
    Sequence: _sequence,
    Background: _background,
    Redirected: _redirected,
    Subshell: _subshell,
    Group: _group,
    If: _if,
    While: _while,
    For: _for,
    CountingFor: _counting_for,
    Case: _case,
    Function: _function,
    ArithmeticCommand: _arithmetic_command,
    Conditional: _conditional,
}
