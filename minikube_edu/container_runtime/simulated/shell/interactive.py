"""A shell at a terminal: prompt, line editor, history, continued lines, and news of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from minikube_edu.container_runtime.simulated.contract import reason
from minikube_edu.container_runtime.simulated.shell.completion import candidates
from minikube_edu.container_runtime.simulated.shell.dispatch import run
from minikube_edu.container_runtime.simulated.shell.editor import Editor, Interrupted
from minikube_edu.container_runtime.simulated.shell.errors import Failure, Jump, Leave, ScriptError
from minikube_edu.container_runtime.simulated.shell.grammar import Grammar
from minikube_edu.container_runtime.simulated.shell.prompt import expanded_prompt
from minikube_edu.container_runtime.simulated.shell.recall import NotFound, recalled
from minikube_edu.container_runtime.simulated.shell.running import complain_syntax, report, run_text
from minikube_edu.container_runtime.simulated.shell.traps import interactive_signals
from minikube_edu.container_runtime.simulated.shell.variables import Variable

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.contract import Terminal
    from minikube_edu.container_runtime.simulated.shell.state import Shell
    from minikube_edu.container_runtime.simulated.shell.syntax import Command

MOST_HISTORY = 500


async def converse(shell: Shell) -> int:
    """Until exit, ^D or the terminal's end."""
    interactive_signals(shell)
    if all(number in shell.process.files and shell.process.files[number].is_terminal() for number in (0, 2)):
        shell.options.monitor = True
    shell.traps.pending.clear()
    _prompts(shell)
    await _startup_files(shell)
    reader = _Lines(shell)
    while True:
        await _news(shell)
        try:
            text = await _one_command(shell, reader)
            if text is None:
                return await _end(shell)
            await _run_line(shell, text)
        except Interrupted:
            shell.status = 130
        shell.unchecked = shell.loops = shell.depth = 0


def _prompts(shell: Shell) -> None:
    table = shell.variables.table
    root = shell.process.user.uid == 0
    default = "# " if root else "$ "
    if shell.dialect.busybox:
        default = "\\w \\$ "
    elif shell.dialect.bash:
        default = "\\u@\\h:\\w\\$ " if _is_debian(shell) else "\\s-\\v\\$ "
    table.setdefault("PS1", Variable(default))
    table.setdefault("PS2", Variable("> "))


def _is_debian(shell: Shell) -> bool:
    """Debian and Ubuntu set a friendlier prompt in /etc/bash.bashrc."""
    return shell.process.access("/etc/debian_version", 0) or any(
        name in shell.process.container.image for name in ("debian", "ubuntu")
    )


async def _startup_files(shell: Shell) -> None:
    files = []
    if shell.dialect.bash:
        files = ["/etc/bash.bashrc", f"{shell.variables.get('HOME') or ''}/.bashrc"]
    elif shell.variables.get("ENV"):
        files = [str(shell.variables.get("ENV"))]
    for path in files:
        try:
            data = await shell.process.read_file(path)
        except OSError:
            continue
        try:
            await run_text(shell, data.decode("utf-8", "surrogateescape"))
        except (Failure, ScriptError, Jump):
            continue


class _Lines:
    """Where lines come from: the editor on a terminal, stdin as it is otherwise (sh -i)."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.history = shell.history

    async def next(self, prompt: str) -> str | None:
        shell = self.shell
        stdin, stderr = shell.process.files.get(0), shell.process.files.get(2)
        if stdin is None or stderr is None:
            return None
        if not stdin.is_terminal():
            from minikube_edu.container_runtime.simulated.shell.builtin.reading import read_line

            await shell.write_error(prompt)
            return await read_line(shell)
        editor = Editor(cast("Terminal", stdin), stderr, self.history, lambda text: candidates(shell, text))
        line = await editor.read(prompt)
        shell.traps.pending[:] = [number for number in shell.traps.pending if number != 2]
        return line


async def _one_command(shell: Shell, reader: _Lines) -> str | None:
    """Lines until they make a whole command."""
    text = await reader.next(await expanded_prompt(shell, "PS1"))
    if text is None:
        return None
    if shell.dialect.bash:
        try:
            before, text = text, recalled(text, shell.history)
        except NotFound as missing:
            await shell.complain(f"{missing}: event not found")
            shell.status = 1
            return ""
        if text != before:
            await shell.write_error(text + "\n")
    text += "\n"
    while not _is_whole(shell, text):
        more = await reader.next(await expanded_prompt(shell, "PS2"))
        if more is None:
            break
        text += more + "\n"
    line = text.strip()
    if line and (not shell.history or shell.history[-1] != line):
        shell.history.append(line)
        del shell.history[:-MOST_HISTORY]
    return text


def _is_whole(shell: Shell, text: str) -> bool:
    bare = text.removesuffix("\n")
    if (len(bare) - len(bare.rstrip("\\"))) % 2:
        return False
    grammar = Grammar(text, shell.dialect, shell.usable_aliases(), 1, shell.extended_globs)
    try:
        while grammar.unit() is not None:
            pass
    except ScriptError as error:
        return not error.incomplete
    except RecursionError:
        return True
    return not grammar.heredoc_open


async def _run_line(shell: Shell, text: str) -> None:
    grammar = Grammar(text, shell.dialect, shell.usable_aliases(), 1, shell.extended_globs)
    try:
        while True:
            unit: Command | None = grammar.unit()
            if unit is None:
                return
            await run(shell, unit)
            if shell.traps.pending:
                await shell.traps.run_pending(shell)
    except Leave:
        raise
    except Failure as failure:
        if failure.code == 130 and not failure.text:
            await shell.write_error("\n")
        await report(shell, failure)
    except ScriptError as error:
        await complain_syntax(shell, error)
        shell.status = 2
    except RecursionError:
        await shell.complain("maximum nesting level exceeded")
        shell.status = 2
    except OSError as error:
        await shell.complain(reason(error))
        shell.status = 1


async def _news(shell: Shell) -> None:
    """Jobs that ended since the last prompt."""
    await shell.jobs.reap(shell)
    for job in list(shell.jobs.table.values()):
        if job.is_done():
            await shell.write_error(shell.jobs.line(job, shell.dialect.bash) + "\n")
            shell.jobs.remove(job)


async def _end(shell: Shell) -> int:
    """^D, or the terminal is gone: jobs are told."""
    if shell.dialect.bash:
        await shell.write_error("exit\n")
    else:
        await shell.write_error("\n")
    for job in shell.jobs.table.values():
        for process in job.processes:
            if process.status is None and not job.disowned:
                try:
                    shell.process.kill(process.pid, 1)
                except OSError:
                    continue
    return shell.status
