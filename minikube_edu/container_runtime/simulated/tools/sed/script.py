"""A sed program, read: commands with their addresses, in a flat list with the places to jump to.

GNU's errors carry the expression and the character (`sed: -e expression #1, char 3: unterminated `s' command`); busybox
says `sed: unmatched '/'`. Both refuse the same programs.
"""

from __future__ import annotations

import re

from msgspec import Struct, field

from minikube_edu.container_runtime.simulated.tools import regular_expressions
from minikube_edu.container_runtime.simulated.tools.regular_expressions import Pattern

SANDBOX = "e/r/w commands disabled in sandbox mode"  # here it is `e` alone: sed starts no programs


class BadScript(Exception):
    def __init__(self, words: str, position: int = 0) -> None:
        super().__init__(words)
        self.words, self.position = words, position


class Address(Struct):
    """line, last, pattern (None: the last one used), step FIRST~STEP, or after: +N and ~N of a range's end."""

    kind: str
    number: int = 0
    step: int = 0
    pattern: Pattern | None = None


class Command(Struct):
    name: str
    first: Address | None = None
    second: Address | None = None
    negated: bool = False
    text: str = ""  # of a i c, a label, a file's name
    number: int = 0  # of q Q l L
    target: int = 0  # index to go on from: } of {, a label
    pattern: Pattern | None = None
    replacement: list[str | int] = field(default_factory=list)  # text, groups, and case changes as "\\U"
    everywhere: bool = False
    which: int = 1
    print_times: int = 0
    file: str = ""
    table: dict[int, int] = field(default_factory=dict)
    # while running
    active: bool = False
    until: int = 0


class Reader:
    def __init__(self, text: str, extended: bool) -> None:
        self.text, self.extended = text, extended
        self.position = 0
        self.commands: list[Command] = []
        self.labels: dict[str, int] = {}
        self.blocks: list[int] = []

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def take(self) -> str:
        letter = self.peek()
        self.position += 1
        return letter

    def skip(self, letters: str) -> None:
        while self.peek() and self.peek() in letters:
            self.position += 1

    def fail(self, words: str) -> BadScript:
        return BadScript(words, self.position)

    def read(self) -> list[Command]:
        while True:
            self.skip(" \t\n;\r")
            if not self.peek():
                break
            if self.peek() == "#":
                self.line()
                continue
            self.command()
        if self.blocks:
            raise BadScript("unmatched `{'", 0)
        for command in self.commands:
            if command.name in "btT" and command.text:
                if command.text not in self.labels:
                    raise BadScript(f"can't find label for jump to `{command.text}'", -1)
                command.target = self.labels[command.text]
            elif command.name in "btT":
                command.target = len(self.commands)
        return self.commands

    def line(self) -> str:
        start = self.position
        end = self.text.find("\n", start)
        self.position = len(self.text) if end < 0 else end
        return self.text[start : self.position]

    def command(self) -> None:
        command = Command("", self.address())
        if command.first is not None:
            self.skip(" \t")
            if self.peek() == ",":
                self.position += 1
                self.skip(" \t")
                command.second = self.address(end=True)
                if command.second is None:
                    raise self.fail("unexpected `,'")
        self.skip(" \t")
        while self.peek() == "!":
            self.position += 1
            command.negated = True
            self.skip(" \t")
        name = command.name = self.take()
        if not name:
            raise BadScript("missing command", len(self.text))
        if name == "{":
            self.blocks.append(len(self.commands))
        elif name == "}":
            if command.first is not None:
                raise self.fail("} doesn't want any addresses")
            if not self.blocks:
                raise self.fail("unexpected `}'")
            self.commands[self.blocks.pop()].target = len(self.commands) + 1
            self.end_of_command()
        elif name == ":":
            if command.first is not None:
                raise self.fail(": doesn't want any addresses")
            label = self.word(";")
            if not label:
                raise self.fail('":" lacks a label')
            self.labels[label] = len(self.commands)
        elif name in "btT":
            command.text = self.word(";}")
        elif name in "aic":
            command.text = self.insertion()
        elif name in "rRwW":
            self.skip(" \t")
            command.text = self.line()
            if not command.text:
                raise self.fail("missing filename in r/R/w/W commands")
        elif name == "s":
            self.substitution(command)
        elif name == "y":
            self.transliteration(command)
        elif name in "qQlL":
            self.skip(" \t")
            digits = ""
            while self.peek().isdigit():
                digits += self.take()
            command.number = int(digits) if digits else (-1 if name in "lL" else 0)
            self.end_of_command()
        elif name == "e":
            raise self.fail(SANDBOX)
        elif name in "=dDgGhHnNpPxzF":
            self.end_of_command()
        else:
            raise self.fail(f"unknown command: `{name}'")
        self.commands.append(command)

    def word(self, stops: str) -> str:
        self.skip(" \t")
        start = self.position
        while self.peek() and self.peek() not in "\n" + stops:
            self.position += 1
        return self.text[start : self.position].rstrip()

    def end_of_command(self) -> None:
        self.skip(" \t\r")
        if self.peek() and self.peek() not in "\n;}#":
            raise self.fail("extra characters after command")

    def address(self, end: bool = False) -> Address | None:
        letter = self.peek()
        if letter.isdigit():
            number = self.number()
            if self.peek() == "~" and not end:
                self.position += 1
                return Address("step", number, self.number())
            return Address("line", number)
        if letter == "$":
            self.position += 1
            return Address("last")
        if end and letter in ("+", "~") and letter:
            self.position += 1
            return Address("plus" if letter == "+" else "multiple", self.number())
        if letter and letter in "/\\":
            self.position += 1
            delimiter = self.take() if letter == "\\" else "/"
            text = self.delimited(delimiter, "unterminated address regex")
            ignore = multiline = False
            while self.peek() and self.peek() in "IM":
                ignore |= self.peek() == "I"
                multiline |= self.take() == "M"
            return Address("pattern", pattern=self.pattern(text, ignore, multiline))
        return None

    def number(self) -> int:
        digits = ""
        while self.peek().isdigit():
            digits += self.take()
        return int(digits or 0)

    def pattern(self, text: str, ignore: bool, multiline: bool) -> Pattern | None:
        if not text:
            return None
        try:
            return regular_expressions.compile(text, self.extended, ignore, multiline)
        except regular_expressions.BadPattern as error:
            raise self.fail(str(error)) from None

    def delimited(self, delimiter: str, words: str, regex: bool = True) -> str:
        """Up to the delimiter; inside brackets it stands for itself."""
        result = ""
        in_bracket = False
        while True:
            letter = self.take()
            if not letter or (letter == "\n" and regex and not in_bracket and delimiter != "\n"):
                raise BadScript(words, len(self.text))
            if in_bracket:
                result += letter
                if letter == "[" and self.peek() and self.peek() in ":.=":
                    close = self.text.find(self.peek() + "]", self.position + 1)
                    if close > 0:
                        result += self.text[self.position : close + 2]
                        self.position = close + 2
                in_bracket = letter != "]"
                continue
            if letter == delimiter:
                return result
            if letter == "\\":
                following = self.take()
                if following == delimiter:
                    # In a pattern \D is the character itself, unless it has a meaning of its own
                    result += (
                        delimiter
                        if delimiter not in "|+?(){}.*[]^$" or not regex
                        else f"[{delimiter}]"
                        if delimiter not in "^"
                        else "\\^"
                    )
                elif following == "n" and regex:
                    result += "\n"
                else:
                    result += "\\" + following
                continue
            result += letter
            if letter == "[" and regex:
                in_bracket = True
                if self.peek() == "^":
                    result += self.take()
                if self.peek() == "]":
                    result += self.take()

    def insertion(self) -> str:
        """The text of a, i, c: in one line (GNU), or after a backslash and a newline."""
        self.skip(" \t")
        if self.peek() == "\\":
            self.position += 1
            self.skip(" \t")
            if self.peek() == "\n":
                self.position += 1
            elif not self.peek():
                raise self.fail("expected \\ after `a', `c' or `i'")
        elif not self.peek():
            raise self.fail("expected \\ after `a', `c' or `i'")
        result = ""
        while (letter := self.take()) and letter != "\n":
            result += self.take() if letter == "\\" else letter
        return result + "\n"

    def substitution(self, command: Command) -> None:
        delimiter = self.take()
        if not delimiter or delimiter in "\n\\":
            raise self.fail("unterminated `s' command")
        text = self.delimited(delimiter, "unterminated `s' command")
        replacement = self.delimited(delimiter, "unterminated `s' command", regex=False)
        ignore = multiline = False
        while self.peek() and self.peek() not in " \t\n;}#\r":
            flag = self.take()
            if flag == "g":
                command.everywhere = True
            elif flag == "p":
                command.print_times += 1
            elif flag in "iI":
                ignore = True
            elif flag in "mM":
                multiline = True
            elif flag == "e":
                raise self.fail(SANDBOX)
            elif flag == "w":
                self.skip(" \t")
                command.file = self.line()
            elif flag.isdigit():
                self.position -= 1
                command.which = self.number()
                if command.which == 0:
                    raise self.fail("number option to `s' command may not be zero")
            else:
                raise self.fail("unknown option to `s'")
        self.end_of_command()
        command.pattern = self.pattern(text, ignore, multiline)
        command.replacement = replacement_parts(replacement)
        groups = command.pattern.groups if command.pattern else 9
        highest = max((part for part in command.replacement if isinstance(part, int)), default=0)
        if highest > groups:
            raise self.fail(f"invalid reference \\{highest} on `s' command's RHS")

    def transliteration(self, command: Command) -> None:
        delimiter = self.take()
        sides = [
            re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), side)
            for side in (self.delimited(delimiter, "unterminated `y' command", regex=False) for _ in range(2))
        ]
        if len(sides[0]) != len(sides[1]):
            raise self.fail("strings for `y' command are different lengths")
        command.table = {ord(a): ord(b) for a, b in zip(sides[0], sides[1], strict=True)}
        self.end_of_command()


def replacement_parts(text: str) -> list[str | int]:
    """Literal texts, group numbers (0 for &), and the case changes \\U \\L \\u \\l \\E."""
    parts: list[str | int] = []
    literal = ""
    position = 0
    while position < len(text):
        letter = text[position]
        position += 1
        if letter == "\\" and position < len(text):
            following = text[position]
            position += 1
            if following.isdigit() or following in "ULulE":
                if literal:
                    parts.append(literal)
                    literal = ""
                parts.append(int(following) if following.isdigit() else "\\" + following)
            else:
                literal += {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}.get(following, following)
        elif letter == "&":
            if literal:
                parts.append(literal)
                literal = ""
            parts.append(0)
        else:
            literal += letter
    if literal:
        parts.append(literal)
    return parts
