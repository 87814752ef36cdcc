"""$(list): a child writes into a pipe, the shell reads. <(list): a pipe with a path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process
from minikube_edu.container_runtime.simulated.shell.errors import Failure
from minikube_edu.container_runtime.simulated.shell.jobs import wait_for
from minikube_edu.container_runtime.simulated.shell.syntax import Command, Redirected, Simple
from minikube_edu.container_runtime.simulated.shell.variables import MOST

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell


def child(
    shell: Shell,
    body: Command,
    files: dict[int, OpenFile],
    group: int | None = None,
    new_group: bool = False,
    for_substitution: bool = False,
) -> Process:
    """A subshell as a process of its own. Its state is copied now, not when it comes to run."""
    from minikube_edu.container_runtime.simulated.shell.running import run_as_child

    state = shell.forked()
    if for_substitution and not shell.dialect.dash and not shell.shopt.get("inherit_errexit"):
        state.options.errexit = False

    states = [state]  # the only hold on it: a subshell that becomes a program leaves nothing behind
    del state

    async def program(process: Process) -> int:
        own = states.pop()
        own.process = process
        ended = await run_as_child(own, body)
        del own
        return ended if isinstance(ended, int) else await process.exec(*ended)

    argv = shell.process.argv or ["sh"]
    return shell.process.spawn(argv, files=files, program=program, new_group=new_group, group=group)


async def output_of(shell: Shell, body: Command | None) -> str:
    if body is None:
        shell.substituted = 0
        return ""
    if (path := _only_file(body)) is not None and shell.dialect.bash:
        return await _content(shell, body, path)
    reader, writer = shell.process.pipe()
    process = child(shell, body, {**shell.process.files, 1: writer}, for_substitution=True)
    writer.release()
    chunks: list[bytes] = []
    size = 0
    try:
        while data := await reader.read():
            chunks.append(data)
            size += len(data)
            if size > MOST:
                raise Failure("command substitution: out of memory")
    finally:
        reader.release()
    status = await wait_for(shell, process)
    shell.substituted = status.shell_code()
    return b"".join(chunks).replace(b"\0", b"").decode("utf-8", "surrogateescape").rstrip("\n")


def _only_file(body: Command) -> Simple | None:
    """$(<file)"""
    if isinstance(body, Simple) and not body.words and not body.assignments and len(body.redirects) == 1:
        return body if body.redirects[0].operator == "<" and not body.redirects[0].descriptor else None
    return None


async def _content(shell: Shell, body: Command, simple: Simple) -> str:
    from minikube_edu.container_runtime.simulated.shell.redirection import Undo, redirect

    undo = Undo(dict(shell.process.files))
    try:
        await redirect(shell, simple.redirects, undo)
    except Failure as failure:
        await shell.complain(failure.text)
        shell.substituted = 1
        return ""
    chunks = []
    while data := await undo.files[0].read():
        chunks.append(data)
    undo.back()
    shell.substituted = 0
    return b"".join(chunks).replace(b"\0", b"").decode("utf-8", "surrogateescape").rstrip("\n")


async def path_of(shell: Shell, direction: str, body: Command | None) -> str:
    """A path below /dev/fd that the next command inherits."""
    reader, writer = shell.process.pipe()
    mine, theirs = (reader, writer) if direction == "<" else (writer, reader)
    descriptor = next(number for number in range(63, 2, -1) if number not in shell.process.files)
    files = {**shell.process.files, 1 if direction == "<" else 0: theirs}
    process = child(shell, body if body is not None else Redirected(Simple([], [], []), [], 0), files)
    theirs.release()
    shell.process.files[descriptor] = mine

    async def finish() -> None:
        if shell.process.files.get(descriptor) is mine:
            del shell.process.files[descriptor]
        mine.release()
        reap_later(shell, process)

    shell.opened_for_substitution.append(finish)
    return f"/dev/fd/{descriptor}"


def reap_later(shell: Shell, process: Process) -> None:
    """A child that nobody asks about: it is collected when the shell next looks at its jobs."""
    shell.jobs.unasked.append(process)
