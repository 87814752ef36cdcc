"""test and [: POSIX's rules by the number of arguments, then -a, -o and parentheses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.shell.conditions import (
    BadOperand,
    binary,
    is_binary,
    is_unary,
    unary,
)

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Builtin, Shell


class _Confused(Exception):
    def __init__(self, text: str) -> None:
        self.text = text


def test(shell: Shell, argv: list[str]) -> int:
    words = argv[1:]
    if argv[0] == "[":
        if not words or words[-1] != "]":
            return _later(shell, argv[0], "missing `]'" if shell.dialect.bash else "missing ]")
        words.pop()
    try:
        return int(not _judge(shell, words))
    except BadOperand as bad:
        return _later(shell, argv[0], bad.shown(shell.dialect))
    except _Confused as confused:
        return _later(shell, argv[0], confused.text)


def _later(shell: Shell, name: str, text: str) -> int:
    """An error's text needs waiting for, which `test` avoids for speed."""
    return _complain(shell, name, text)  # type: ignore[return-value]  # the caller awaits what is no int


async def _complain(shell: Shell, name: str, text: str) -> int:
    await shell.complain(text, "" if shell.dialect.busybox else name)
    return 2


def _judge(shell: Shell, words: list[str]) -> bool:
    count = len(words)
    if count == 0:
        return False
    if count == 1:
        return words[0] != ""
    if count == 2:
        if words[0] == "!":
            return words[1] == ""
        if is_unary(words[0]):
            return unary(shell, words[0], words[1])
    elif count == 3:
        if is_binary(words[1], shell.dialect):
            return binary(shell, words[0], words[1], words[2])
        if words[1] == "-a":
            return bool(words[0] and words[2])
        if words[1] == "-o":
            return bool(words[0] or words[2])
        if words[0] == "!":
            return not _judge(shell, words[1:])
        if words[0] == "(" and words[2] == ")":
            return words[1] != ""
    elif count == 4:
        if words[0] == "!":
            return not _judge(shell, words[1:])
        if words[0] == "(" and words[3] == ")":
            return _judge(shell, words[1:3])
    return _Expression(shell, words).whole()


class _Expression:
    def __init__(self, shell: Shell, words: list[str]) -> None:
        self.shell = shell
        self.words = words
        self.place = 0

    def peek(self, ahead: int = 0) -> str | None:
        place = self.place + ahead
        return self.words[place] if place < len(self.words) else None

    def whole(self) -> bool:
        value = self.any_of()
        if self.place < len(self.words):
            rest = self.words[self.place]
            if self.shell.dialect.bash:
                if len(self.words) == 3:
                    raise _Confused(f"{self.words[1]}: binary operator expected")
                if len(self.words) == 2:
                    raise _Confused(f"{self.words[0]}: unary operator expected")
                raise _Confused("too many arguments")
            if self.shell.dialect.busybox:
                raise _Confused(f"{rest}: unknown operand")
            raise _Confused(f"{self.words[max(self.place - 1, 0)]}: unexpected operator")
        return value

    def any_of(self) -> bool:
        value = self.all_of()
        while self.peek() == "-o":
            self.place += 1
            other = self.all_of()
            value = value or other
        return value

    def all_of(self) -> bool:
        value = self.single()
        while self.peek() == "-a":
            self.place += 1
            other = self.single()
            value = value and other
        return value

    def single(self) -> bool:
        word = self.peek()
        if word is None:
            raise _Confused("argument expected")
        operator = self.peek(1)
        if operator is not None and is_binary(operator, self.shell.dialect) and self.peek(2) is not None:
            right = self.peek(2)
            self.place += 3
            return binary(self.shell, word, operator, right or "")
        self.place += 1
        if word == "!":
            return not self.single()
        if word == "(":
            value = self.any_of()
            if self.peek() != ")":
                raise _Confused("`)' expected" if self.shell.dialect.bash else "closing paren expected")
            self.place += 1
            return value
        if is_unary(word) and self.peek() is not None and self.peek() not in ("-a", "-o", ")"):
            operand = self.peek() or ""
            self.place += 1
            return unary(self.shell, word, operand)
        return word != ""


POSIX: dict[str, Builtin] = {"test": test, "[": test}
