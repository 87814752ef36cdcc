"""In which ways busybox's ash, Debian's dash and bash differ: syntax that they know, and the words of their errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.errors import ScriptError


class Dialect(Struct, frozen=True):
    name: str  # dash, busybox, bash
    bash: bool = False
    busybox: bool = False
    dash: bool = False

    @property
    def more_than_posix(self) -> bool:
        """What bash brought and busybox took over: [[ ]], $'..', ${a//b/c}, &>, source, function f."""
        return not self.dash


DASH = Dialect("dash", dash=True)
BUSYBOX = Dialect("busybox", busybox=True)
BASH = Dialect("bash", bash=True)


def prefix(dialect: Dialect, name: str, line: int, where: str = "") -> str:
    """What stands before every message: `sh: `, `/bin/sh: 1: `, `bash: line 1: `. `where` is a builtin's name."""
    if dialect.bash:
        start = f"{name}: line {line}: " if line else f"{name}: "
        return f"{start}{where}: " if where else start
    if dialect.busybox:
        return f"{name}: {where}: line {line}: " if where else f"{name}: "
    return f"{name}: {line or 1}: {where}: " if where else f"{name}: {line or 1}: "


def syntax_error(dialect: Dialect, error: ScriptError) -> str:
    """The message without the shell's name."""
    if dialect.bash:
        return _bash_syntax(error)
    expecting = f' (expecting "{error.expecting}")' if error.expecting else ""
    token = error.token
    if error.what == "unexpected":
        if dialect.dash:
            shown = token if token in ("end of file", "newline", "word", "redirection") else f'"{token}"'
            return f"Syntax error: {shown} unexpected{expecting}"
        shown = token if token in ("end of file", "newline", "word", "redirection") else f'"{token}"'
        return f"syntax error: unexpected {shown}{expecting}"
    if error.what == "unterminated":
        kinds = {'"': "quoted string", "'": "quoted string", "`": "EOF in backquote substitution"}
        kind = kinds.get(token)
        if kind == "quoted string":
            text = "unterminated quoted string"
        elif token == "`":
            text = "EOF in backquote substitution"
        elif token == "$((":
            text = "missing '))'"
        elif token == "${":
            text = "missing '}'"
        else:
            text = (
                f'end of file unexpected (expecting "{token}")'
                if dialect.dash
                else (f'unexpected end of file (expecting "{token}")')
            )
    else:
        text = error.what
    if dialect.dash:
        return (
            f"Syntax error: {text[0].upper()}{text[1:]}"
            if token in ('"', "'") or not token
            else (f"Syntax error: {text}")
        )
    return f"syntax error: {text}"


def _bash_syntax(error: ScriptError) -> str:
    if error.what == "unexpected":
        if error.token == "end of file":
            return "syntax error: unexpected end of file"
        return f"syntax error near unexpected token `{error.token}'"
    if error.what == "unterminated":
        closing = {"(": ")", "$((": ")", "${": "}", "$(": ")"}.get(error.token, error.token)
        return f"unexpected EOF while looking for matching `{closing}'"
    return f"syntax error: {error.what}"
