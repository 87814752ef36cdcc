"""Where control goes: break, continue, return, exit, eval, ., exec, shift, and the three that do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import reason
from minikube_edu.container_runtime.simulated.shell.dispatch import MOST_NESTING
from minikube_edu.container_runtime.simulated.shell.errors import (
    Break,
    Continue,
    Failure,
    Leave,
    Return,
    ScriptError,
)
from minikube_edu.container_runtime.simulated.shell.running import complain_syntax, run_text

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Builtin, Shell


def true(shell: Shell, argv: list[str]) -> int:
    return 0


def false(shell: Shell, argv: list[str]) -> int:
    return 1


async def _number(shell: Shell, argv: list[str], default: int) -> int:
    if len(argv) > 1 and argv[1] == "--":
        del argv[1]
    if len(argv) < 2:
        return default
    try:
        number = int(argv[1])
        if not shell.dialect.bash and number < 0:
            raise ValueError
    except ValueError:
        if shell.dialect.bash:
            await shell.complain(f"{argv[1]}: numeric argument required", argv[0])
            if argv[0] in ("exit", "return"):
                return 2
            raise Failure("", 128 if argv[0] in ("break", "continue") else 1) from None
        await shell.complain(f"Illegal number: {argv[1]}", argv[0])
        raise Failure("", 2) from None
    return number


async def break_(shell: Shell, argv: list[str]) -> int:
    levels = await _number(shell, argv, 1)
    if not shell.loops and (levels > 0 or shell.dialect.bash):
        if shell.dialect.bash:
            await shell.complain("only meaningful in a `for', `while', or `until' loop", argv[0])
        return 0
    if levels < 1:
        await shell.complain(
            f"{levels}: loop count out of range" if shell.dialect.bash else f"Illegal number: {levels}", argv[0]
        )
        if not shell.dialect.bash:
            raise Failure("", 2)
        raise Break(shell.loops)
    shell.status = 0
    raise Break(levels) if argv[0] == "break" else Continue(levels)


async def return_(shell: Shell, argv: list[str]) -> int:
    code = await _number(shell, argv, shell.status) & 255
    if shell.dialect.bash and not shell.calls and not shell.sourced:
        await shell.complain("can only `return' from a function or sourced script", "return")
        return 2
    shell.status = code
    raise Return(code)


async def exit_(shell: Shell, argv: list[str]) -> int:
    code = await _number(shell, argv, shell.status)
    if shell.interactive and shell.dialect.bash and not shell.subshell:
        await shell.write_error("exit\n")
    raise Leave(code & 255)


async def eval_(shell: Shell, argv: list[str]) -> int:
    text = " ".join(argv[2:] if len(argv) > 1 and argv[1] == "--" else argv[1:])
    within, shell.within = shell.within, "" if shell.dialect.bash else "eval"
    try:
        return await _nested(shell, text, "eval", shell.line)
    finally:
        shell.within = within


async def _nested(shell: Shell, text: str, where: str, line: int = 1) -> int:
    if shell.depth >= MOST_NESTING:
        raise Failure(f"{where}: maximum nesting level exceeded ({MOST_NESTING})", 1)
    shell.depth += 1
    try:
        return await run_text(shell, text, line)
    except ScriptError as error:
        await complain_syntax(shell, error, where)
        if not shell.dialect.bash:
            raise Failure("", 2) from None
        return 2
    finally:
        shell.depth -= 1


async def source(shell: Shell, argv: list[str]) -> int:
    """. and source"""
    if len(argv) > 1 and argv[1] == "--":
        del argv[1]
    if len(argv) < 2:
        if shell.dialect.bash:
            await shell.complain("filename argument required", argv[0])
            await shell.write_error(f"{argv[0]}: usage: {argv[0]} filename [arguments]\n")
            return 2
        return 0 if shell.dialect.dash else 2
    path = _found(shell, argv[1])
    try:
        if path is None:
            raise FileNotFoundError(2, "No such file or directory")
        data = await shell.process.read_file(path)
    except OSError as error:
        return await _not_read(shell, argv, error)
    args = shell.args
    loops, shell.loops = shell.loops, shell.loops
    if len(argv) > 2 and not shell.dialect.dash:
        shell.args = argv[2:]
    title, line, command_string = shell.title, shell.line, shell.is_command_string
    if shell.dialect.bash:
        shell.title, shell.is_command_string = path, False
    shell.sourced += 1
    try:
        return await _nested(shell, data.decode("utf-8", "surrogateescape").replace("\0", ""), argv[1])
    except Return as jump:
        return jump.code
    finally:
        shell.sourced -= 1
        shell.loops = loops
        shell.title, shell.line, shell.is_command_string = title, line, command_string
        if len(argv) > 2 and not shell.dialect.dash:
            shell.args = args


def _found(shell: Shell, name: str) -> str | None:
    """With a slash the path itself; else along PATH, and (not in POSIX shells) here."""
    if "/" in name:
        return name
    for folder in (shell.variables.get("PATH") or "").split(":"):
        path = f"{folder or '.'}/{name}"
        if shell.process.access(path, 4) and not _is_directory(shell, path):
            return path
    return name if not shell.dialect.dash and shell.process.access(name, 4) else None


def _is_directory(shell: Shell, path: str) -> bool:
    import stat

    return stat.S_ISDIR(shell.process.stat(path).mode)


async def _not_read(shell: Shell, argv: list[str], error: OSError) -> int:
    words, path = reason(error), argv[1]
    if shell.dialect.bash:
        await shell.complain(
            f"{path}: {words}" if "/" in path else f"{path}: file not found", "" if "/" in path else argv[0]
        )
        return 1
    if shell.dialect.dash:
        text = f"cannot open {path}: No such file" if "/" in path else f"{path}: not found"
        await shell.complain(text, argv[0])
    else:
        text = f"can't open '{path}': {words}" if "/" in path else f"{path}: not found"
        await shell.complain(text, argv[0])
    raise Failure("", 2)


async def exec_(shell: Shell, argv: list[str]) -> int:
    from minikube_edu.container_runtime.simulated.shell.programs import start

    env = shell.variables.environment()
    words = argv[1:]
    shown = None
    while words and words[0].startswith("-") and shell.dialect.more_than_posix:
        option = words.pop(0)
        if option == "--":
            break
        if "c" in option:
            env = {}
        if "a" in option and words:
            shown = words.pop(0)
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        return 0
    if shown is not None:
        env["_"] = shown
    for number, name in ((15, "TERM"), (3, "QUIT"), (2, "INT")):
        if shell.interactive and name not in shell.traps.commands:
            from minikube_edu.container_runtime.simulated.contract import Default

            shell.process.on_signal(number, Default)
    within, shell.within = shell.within, "exec"
    try:
        code = await start(shell, words, env, dict(shell.process.files), last=True)
    finally:
        shell.within = within
    if shell.interactive:
        return code
    shell.traps.commands.pop("EXIT", None) if not shell.dialect.bash else None
    raise Leave(code)


async def shift(shell: Shell, argv: list[str]) -> int:
    count = await _number(shell, argv, 1)
    if count < 0 or count > len(shell.args):
        if shell.dialect.dash:
            await shell.complain("can't shift that many", "shift")
            raise Failure("", 2)
        if shell.dialect.bash and count < 0:
            await shell.complain(f"{count}: shift count out of range", "shift")
        return 1
    del shell.args[:count]
    return 0


POSIX: dict[str, Builtin] = {
    ":": true,
    "true": true,
    "false": false,
    "break": break_,
    "continue": break_,
    "return": return_,
    "exit": exit_,
    "eval": eval_,
    ".": source,
    "exec": exec_,
    "shift": shift,
}
MORE: dict[str, Builtin] = {"source": source}
BASH: dict[str, Builtin] = {"logout": exit_}
