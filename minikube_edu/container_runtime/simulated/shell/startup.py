"""The shell's own arguments, and the two inputs that are read bit by bit: -c's text and a script on stdin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from minikube_edu.container_runtime.simulated.shell.builtin.reading import read_line
from minikube_edu.container_runtime.simulated.shell.builtin.setting import SHOPT, put
from minikube_edu.container_runtime.simulated.shell.dispatch import run
from minikube_edu.container_runtime.simulated.shell.errors import Failure, Return, ScriptError
from minikube_edu.container_runtime.simulated.shell.grammar import Grammar
from minikube_edu.container_runtime.simulated.shell.options import LISTED, letter_of
from minikube_edu.container_runtime.simulated.shell.running import report, run_text
from minikube_edu.container_runtime.simulated.shell.simple import run_last

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell


class Refused(Exception):
    """The call is answered with a text: a usage error, --version."""

    def __init__(self, text: str, code: int) -> None:
        self.text = text
        self.code = code


class Call(Struct):
    text: str | None = None
    file: str | None = None
    login: bool = False


_VERSION = (
    "GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\nCopyright (C) 2022 Free Software Foundation, Inc.\n"
    "License GPLv3+: GNU GPL version 3 or later <http://gnu.org/licenses/gpl.html>\n\nThis is free software; you are"
    " free to change and redistribute it.\nThere is NO WARRANTY, to the extent permitted by law.\n"
)


def read_call(shell: Shell, words: list[str]) -> Call:
    call = Call(login=shell.name.startswith("-"))
    command = from_stdin = False
    forced = False
    while words and words[0][:1] in ("-", "+") and len(words[0]) > 1:
        word = words.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            _long_option(shell, call, word, words)
            continue
        for letter in word[1:]:
            if letter == "c":
                command = True
            elif letter == "s":
                from_stdin = shell.options.stdin = True
            elif letter == "i":
                forced = True
            elif letter == "l":
                call.login = True
            elif letter == "o" or (letter == "O" and shell.dialect.bash):
                _named_option(shell, words, word[0] == "-", letter)
            else:
                name = letter_of(shell.dialect.name, letter)
                if name is None:
                    raise Refused(_illegal(shell, word[0] + letter), 2)
                put(shell, name, word[0] == "-")
    if words[:1] == ["-"]:
        words.pop(0)
    if command:
        if not words:
            text = (
                f"{shell.name}: -c: option requires an argument\n"
                if shell.dialect.bash
                else (
                    f"{shell.name}: 0: -c requires an argument\n"
                    if shell.dialect.dash
                    else f"{shell.name}: -c requires an argument\n"
                )
            )
            raise Refused(text, 2)
        call.text = words.pop(0)
        if words:
            shell.name = shell.title = words.pop(0)
    elif words and not from_stdin:
        call.file = words.pop(0)
    shell.args = words
    terminals = all(number in shell.process.files and shell.process.files[number].is_terminal() for number in (0, 2))
    if forced or (call.text is None and call.file is None and terminals):
        shell.interactive = shell.options.interactive = True
    if call.text is None and call.file is None:
        shell.options.stdin = True
    return call


def _long_option(shell: Shell, call: Call, word: str, words: list[str]) -> None:
    if shell.dialect.bash:
        if word == "--version":
            raise Refused(_VERSION, 0)
        if word in ("--login", "--norc", "--noprofile", "--posix", "--noediting", "--restricted"):
            call.login = call.login or word == "--login"
            return
        if word in ("--rcfile", "--init-file"):
            del words[:1]
            return
        if word == "--help":
            raise Refused("GNU bash, version 5.2.15(1)-release-(x86_64-pc-linux-gnu)\n"
                          "Usage:\tbash [GNU long option] [option] ...\n"
                          "\tbash [GNU long option] [option] script-file ...\n", 0)  # fmt: skip
    raise Refused(_illegal(shell, word), 2)


def _illegal(shell: Shell, option: str) -> str:
    if shell.dialect.bash:
        return f"{shell.name}: {option}: invalid option\n"
    if shell.dialect.dash:
        return f"{shell.name}: 0: Illegal option {option[:2]}\n"
    return f"{shell.name}: illegal option {option}\n"


def _named_option(shell: Shell, words: list[str], value: bool, letter: str) -> None:
    name = words.pop(0) if words else ""
    if letter == "O" and name in SHOPT:
        shell.shopt[name] = value
    elif name in LISTED[shell.dialect.name]:
        put(shell, name, value)
    else:
        raise Refused(_illegal(shell, f"{'-' if value else '+'}o {name}"), 2)


async def read_profiles(shell: Shell) -> None:
    """A login shell's: /etc/profile, then the user's own."""
    home = shell.variables.get("HOME") or ""
    own = [f"{home}/.bash_profile", f"{home}/.profile"] if shell.dialect.bash else [f"{home}/.profile"]
    for path in ["/etc/profile", *own]:
        try:
            data = await shell.process.read_file(path)
        except OSError:
            continue
        try:
            await run_text(shell, data.decode("utf-8", "surrogateescape"))
        except (Failure, ScriptError, Return) as error:
            if isinstance(error, Failure):
                await report(shell, error)
        if path.endswith(".bash_profile"):
            return


async def run_command_string(shell: Shell, text: str) -> int:
    """-c: line by line; the last command may take the shell's place."""
    reader = Grammar(text, shell.dialect, shell.usable_aliases(), 1, shell.extended_globs)
    status = 0
    unit = _unit(reader)
    while unit is not None:
        if reader.text[reader.position :].strip() == "" and not shell.traps.has_any() and not shell.options.noexec:
            return await run_last(shell, unit)
        if not shell.options.noexec:
            status = await run(shell, unit)
        reader.extended_globs, reader.aliases = shell.extended_globs, shell.usable_aliases()
        unit = _unit(reader)
    return status


def _unit(reader: Grammar):  # type: ignore[no-untyped-def]  # a Command or None
    try:
        return reader.unit()
    except RecursionError:
        raise ScriptError("too deeply nested", reader.line) from None


async def run_input(shell: Shell) -> int:
    """A script on stdin: read as far as needed, so that its commands can read the rest."""
    text, line, status = "", 1, 0
    next_line = _buffered(shell) if not shell.dialect.bash else lambda: read_line(shell)
    while True:
        await shell.process.breathe()
        got = await next_line()
        ended = got is None
        text += "" if got is None else got.replace("\0", "") + "\n"
        if not text.strip():
            if ended:
                return status
            line += text.count("\n")
            text = ""
            continue
        reader = Grammar(text, shell.dialect, shell.usable_aliases(), line, shell.extended_globs)
        try:
            unit = _unit(reader)
        except ScriptError as error:
            if error.incomplete and not ended:
                continue
            raise
        if reader.heredoc_open and not ended:
            continue
        if not ended and _continues(text):
            continue
        if shell.options.verbose:
            await shell.write_error(text)
        line += text.count("\n")
        text = ""
        if unit is not None and (not shell.options.noexec):
            status = await run(shell, unit)
        if ended:
            return status


def _buffered(shell: Shell) -> Callable[[], Awaitable[str | None]]:
    """dash and busybox read blocks: what they have read, their commands cannot."""
    kept = bytearray()

    async def following() -> str | None:
        file = shell.process.files.get(0)
        while b"\n" not in kept and file is not None:
            data = await file.read(8192)
            if not data:
                break
            kept.extend(data)
        if not kept:
            return None
        line, _, rest = bytes(kept).partition(b"\n")
        kept[:] = rest
        return line.decode("utf-8", "surrogateescape")

    return following


def _continues(text: str) -> bool:
    """The last line ends in a backslash."""
    bare = text.removesuffix("\n")
    return (len(bare) - len(bare.rstrip("\\"))) % 2 == 1
