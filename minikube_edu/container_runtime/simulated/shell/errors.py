"""How a script's course is changed: errors of its text, errors of an expansion, and the jumps of break and return."""

from __future__ import annotations


class ScriptError(Exception):
    """The text is no script. `what` is the kind; `token` what was met, `expecting` what should have been."""

    def __init__(self, what: str, line: int, token: str = "", expecting: str = "", incomplete: bool = False) -> None:
        super().__init__(what, token)
        self.what = what  # unexpected, unterminated, bad for loop variable, ...
        self.line = line
        self.token = token
        self.expecting = expecting
        self.source = ""  # the line of the text, which bash shows
        self.incomplete = incomplete  # more text could heal it: the prompt goes on with PS2


class Failure(Exception):
    """An error that the shell reports: ends a script, a prompt's line only. `text` without the shell's name."""

    def __init__(self, text: str, code: int | None = None, fatal: bool = True) -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.fatal = fatal  # False: only this command fails


class Jump(Exception):
    """Not an error: control goes elsewhere."""


class Break(Jump):
    def __init__(self, levels: int) -> None:
        self.levels = levels


class Continue(Jump):
    def __init__(self, levels: int) -> None:
        self.levels = levels


class Return(Jump):
    def __init__(self, code: int) -> None:
        self.code = code


class Leave(Jump):
    """exit: the shell ends after its EXIT trap."""

    def __init__(self, code: int) -> None:
        self.code = code


Successor = tuple[list[str], dict[str, str]]  # the program that takes a shell's process, and its environment


class Become(Jump):
    """exec: nothing of this shell is left; the outermost function starts the successor."""

    def __init__(self, argv: list[str], env: dict[str, str]) -> None:
        self.successor: Successor = (argv, env)
