"""Conditions of test, [ ] and [[ ]]: about files, texts and numbers."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.shell import arithmetic, patterns
from minikube_edu.container_runtime.simulated.shell.errors import Failure
from minikube_edu.container_runtime.simulated.shell.expansion import pattern_of, text_of
from minikube_edu.container_runtime.simulated.shell.fields import Field
from minikube_edu.container_runtime.simulated.shell.syntax import Test, Word

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.contract import Stat
    from minikube_edu.container_runtime.simulated.shell.dialect import Dialect
    from minikube_edu.container_runtime.simulated.shell.state import Shell

_NUMERIC: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda left, right: left == right,
    "-ne": lambda left, right: left != right,
    "-lt": lambda left, right: left < right,
    "-le": lambda left, right: left <= right,
    "-gt": lambda left, right: left > right,
    "-ge": lambda left, right: left >= right,
}
_TEXTUAL: dict[str, Callable[[str, str], bool]] = {
    "=": lambda left, right: left == right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
}
_KINDS: dict[str, Callable[[int], bool]] = {
    "-f": stat.S_ISREG,
    "-d": stat.S_ISDIR,
    "-b": stat.S_ISBLK,
    "-c": stat.S_ISCHR,
    "-p": stat.S_ISFIFO,
    "-S": stat.S_ISSOCK,
    "-g": lambda mode: bool(mode & stat.S_ISGID),
    "-u": lambda mode: bool(mode & stat.S_ISUID),
    "-k": lambda mode: bool(mode & stat.S_ISVTX),
}
_UNARY = frozenset("-" + letter for letter in "abcdefghknoprstuvwxzGLNORS")
_ACCESS = {"-r": os.R_OK, "-w": os.W_OK, "-x": os.X_OK}


class BadOperand(Exception):
    """No number where one must be."""

    def __init__(self, text: str) -> None:
        self.text = text

    def shown(self, dialect: Dialect) -> str:
        if dialect.bash:
            return f"{self.text}: integer expression expected"
        return f"Illegal number: {self.text}" if dialect.dash else f"{self.text}: bad number"


def is_unary(word: str) -> bool:
    return word in _UNARY


def is_binary(word: str, dialect: Dialect) -> bool:
    if word in _NUMERIC or word in ("=", "!=", "<", ">", "-nt", "-ot", "-ef"):
        return True
    return (word == "==" and not dialect.dash) or (word == "=~" and False)


def _integer(text: str) -> int:
    try:
        return int(text) if "_" not in text else int("x")
    except ValueError:
        raise BadOperand(text) from None


def _stat(shell: Shell, path: str, follow: bool = True) -> Stat | None:
    try:
        if path.startswith("/dev/fd/") and path[8:].isdigit() and int(path[8:]) in shell.process.files:
            return shell.process.files[int(path[8:])].stat()
        return shell.process.stat(path) if follow else shell.process.lstat(path)
    except OSError:
        return None


def unary(shell: Shell, operator: str, text: str) -> bool:
    if operator == "-n":
        return text != ""
    if operator == "-z":
        return text == ""
    if operator in ("-e", "-a"):
        return _stat(shell, text) is not None
    if operator in _ACCESS:
        return _stat(shell, text) is not None and shell.process.access(text, _ACCESS[operator])
    if operator in ("-h", "-L"):
        found = _stat(shell, text, follow=False)
        return found is not None and stat.S_ISLNK(found.mode)
    if operator == "-t":
        file = shell.process.files.get(_integer(text))
        return file is not None and file.is_terminal()
    if operator == "-v":
        return _is_set(shell, text)
    if operator == "-R":
        variable = shell.variables.table.get(text)
        return variable is not None and variable.nameref
    if operator == "-o":
        try:
            return shell.options.get(text)
        except AttributeError:
            return False
    found = _stat(shell, text)
    if found is None:
        return False
    if operator == "-s":
        return found.size > 0
    if operator == "-O":
        return found.uid == shell.process.user.uid
    if operator == "-G":
        return found.gid == shell.process.user.gid
    if operator == "-N":
        return found.mtime > found.atime
    return _KINDS[operator](found.mode)


def _is_set(shell: Shell, text: str) -> bool:
    """-v name, -v name[index]"""
    found = re.fullmatch(r"([A-Za-z_]\w*)\[(.*)\]", text)
    if found is None:
        return shell.value(text) is not None
    if found[2] in ("@", "*"):
        variable = shell.variables.table.get(found[1])
        return variable is not None and bool(variable.elements())
    return shell.element(found[1], found[2]) is not None


def binary(shell: Shell, left: str, operator: str, right: str) -> bool:
    numeric = _NUMERIC.get(operator)
    if numeric is not None:
        return numeric(_integer(left), _integer(right))
    textual = _TEXTUAL.get(operator)
    if textual is not None:
        return textual(left, right)
    one, other = _stat(shell, left), _stat(shell, right)
    if not shell.dialect.bash and (one is None or other is None):
        return False
    if operator == "-ef":
        return one is not None and other is not None and (one.device, one.inode) == (other.device, other.inode)
    if operator == "-ot":
        one, other = other, one
    if one is None:
        return False
    return other is None or one.mtime > other.mtime


# --- [[ ]]


async def judge(shell: Shell, test: Test) -> bool:
    operator, operands = test.operator, test.operands
    if operator == "!":
        return not await judge(shell, operands[0])
    if operator == "&&":
        return await judge(shell, operands[0]) and await judge(shell, operands[1])
    if operator == "||":
        return await judge(shell, operands[0]) or await judge(shell, operands[1])
    left = await text_of(shell, operands[0])
    if len(operands) == 1:
        try:
            return unary(shell, operator, left)
        except BadOperand as bad:
            raise Failure(bad.shown(shell.dialect), 2, fatal=False) from None
    if operator in ("=", "==", "!="):
        pattern = await pattern_of(shell, operands[1])
        fold = shell.shopt.get("nocasematch", False)
        return await patterns.whole(left, pattern, True, fold) == (operator != "!=")
    if operator == "=~":
        return await _matches(shell, left, operands[1])
    right = await text_of(shell, operands[1])
    if operator in _NUMERIC:
        return _NUMERIC[operator](arithmetic.evaluate(shell, left), arithmetic.evaluate(shell, right))
    return binary(shell, left, operator, right)


async def _matches(shell: Shell, text: str, word: Word) -> bool:
    """=~: an extended regular expression; what it found is in BASH_REMATCH."""
    from minikube_edu.container_runtime.simulated.shell.expansion import pieces_of
    from minikube_edu.container_runtime.simulated.shell.variables import Variable
    from minikube_edu.container_runtime.simulated.tools import long_texts, regular_expressions

    pieces: Field = await pieces_of(shell, word)
    expression = "".join(_SPECIAL.sub(r"\\\g<0>", piece) if quoted else piece for piece, quoted in pieces)
    try:
        pattern = regular_expressions.compile(expression, True, shell.shopt.get("nocasematch", False))
    except regular_expressions.BadPattern:
        raise Failure("", 2, fatal=False) from None
    found = await long_texts.search(shell.process, pattern, text)
    groups = [found.group(number) or "" for number in range(pattern.groups + 1)] if found else []
    variable = shell.variables.table.setdefault("BASH_REMATCH", Variable())
    variable.value = dict(enumerate(groups))
    return found is not None


_SPECIAL = re.compile(r"[][\\.*^$+?(){}|]")
