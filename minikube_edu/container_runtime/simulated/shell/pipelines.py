"""Lists, pipelines, background, subshells and groups: commands beside and after each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikube_edu.container_runtime.simulated.shell.dispatch import RUN, checked, run
from minikube_edu.container_runtime.simulated.shell.errors import Become, Failure
from minikube_edu.container_runtime.simulated.shell.foreground import in_foreground, terminal_of
from minikube_edu.container_runtime.simulated.shell.redirection import Undo, redirect
from minikube_edu.container_runtime.simulated.shell.substitution import child
from minikube_edu.container_runtime.simulated.shell.syntax import (
    AndOr,
    Background,
    Group,
    Pipeline,
    Redirected,
    Sequence,
    Subshell,
)

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell


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
    statuses = await in_foreground(shell, processes, node.source)
    codes = [status.shell_code() for status in statuses]
    await tell_signal(shell, statuses[-1].signal, processes[-1].pid, node.source)
    if shell.dialect.bash:
        shell.variables.table.setdefault("PIPESTATUS", _fresh()).value = dict(enumerate(map(str, codes)))
    if shell.options.pipefail:
        return next((code for code in reversed(codes) if code), 0)
    return codes[-1]


def _fresh() -> Any:
    from minikube_edu.container_runtime.simulated.shell.variables import Variable

    return Variable()


def start_pipeline(shell: Shell, node: Pipeline, background: bool = False) -> list[Any]:
    own_group = shell.options.monitor and (background or shell.interactive)
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
    own_group = terminal_of(shell) is not None
    process = child(shell, node.body, dict(shell.process.files), new_group=own_group)
    ended = (await in_foreground(shell, [process], node.source))[-1]
    await tell_signal(shell, ended.signal, process.pid, node.source)
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
    except Become:
        undo.keep()
        raise
    finally:
        undo.back()
        await finish_substitutions(shell)


async def finish_substitutions(shell: Shell) -> None:
    """The pipes of <(list) live as long as the command that was given them."""
    while shell.opened_for_substitution:
        await shell.opened_for_substitution.pop()()


RUN.update(
    {
        Pipeline: _pipeline,
        AndOr: _and_or,
        Sequence: _sequence,
        Background: _background,
        Redirected: _redirected,
        Subshell: _subshell,
        Group: _group,
    }
)
