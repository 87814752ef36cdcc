"""test and [: conditions as exit codes."""

from __future__ import annotations

import re

from minikube_edu.container_runtime.simulated.contract import Process, Stat
from minikube_edu.container_runtime.simulated.tools import modes

COMMANDS = {"test": "test", "[": "test"}
FILES = "bcdefghkLnOGprsStuwxz"


class Wrong(Exception):
    pass


async def test(process: Process) -> int:
    words = list(process.argv[1:])
    name = process.argv[0].rsplit("/", 1)[-1]
    if name == "[" and (not words or words.pop() != "]"):
        await process.complain("missing ]")
        return 2
    try:
        return 0 if Condition(process, words).judge() else 1
    except Wrong as wrong:
        await process.complain(str(wrong))
        return 2


class Condition:
    def __init__(self, process: Process, words: list[str]) -> None:
        self.process, self.words, self.position = process, words, 0

    def judge(self) -> bool:
        """POSIX decides by the number of words; only longer ones are parsed."""
        words = self.words
        if not words:
            return False
        if len(words) == 1:
            return words[0] != ""
        if len(words) == 2:
            return words[1] == "" if words[0] == "!" else self.unary(words[0], words[1])
        if len(words) == 3 and self.is_binary(words[1]):
            return self.binary(*words)
        if words[0] == "!" and len(words) in (3, 4):
            return not Condition(self.process, words[1:]).judge()
        if len(words) == 3 and words[0] == "(" and words[2] == ")":
            return words[1] != ""
        result = self.disjunction()
        if self.position < len(words):
            raise Wrong(f"{words[self.position]}: unexpected operator")
        return result

    def peek(self, ahead: int = 0) -> str | None:
        place = self.position + ahead
        return self.words[place] if place < len(self.words) else None

    def take(self) -> str:
        word = self.peek()
        if word is None:
            raise Wrong("argument expected")
        self.position += 1
        return word

    def disjunction(self) -> bool:
        result = self.conjunction()
        while self.peek() == "-o":
            self.take()
            result = self.conjunction() or result
        return result

    def conjunction(self) -> bool:
        result = self.negation()
        while self.peek() == "-a":
            self.take()
            result = self.negation() and result
        return result

    def negation(self) -> bool:
        if self.peek() == "!":
            self.take()
            return not self.negation()
        return self.primary()

    def primary(self) -> bool:
        middle = self.peek(1)
        if middle is not None and self.is_binary(middle) and self.peek(2) is not None:
            return self.binary(self.take(), self.take(), self.take())
        word = self.take()
        if word == "(":
            result = self.disjunction()
            if self.take() != ")":
                raise Wrong("closing paren expected")
            return result
        if len(word) == 2 and word[0] == "-" and word[1] in FILES + "n" and self.peek() not in (None, "-a", "-o", ")"):
            return self.unary(word, self.take())
        return word != ""

    def is_binary(self, word: str) -> bool:
        return word in ("=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef")

    def integer(self, text: str) -> int:
        if not re.fullmatch(r"\s*[-+]?\d+\s*", text):
            raise Wrong(f"{text}: bad number")
        return int(text)

    def binary(self, left: str, operator: str, right: str) -> bool:
        if operator in ("=", "=="):
            return left == right
        if operator == "!=":
            return left != right
        if operator in ("<", ">"):
            return left < right if operator == "<" else left > right
        if operator in ("-nt", "-ot", "-ef"):
            one, other = self.stat(left), self.stat(right)
            if operator == "-ef":
                return one is not None and other is not None and (one.device, one.inode) == (other.device, other.inode)
            one, other = (one, other) if operator == "-nt" else (other, one)
            return one is not None and (other is None or one.mtime > other.mtime)
        a, b = self.integer(left), self.integer(right)
        return {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}[operator]

    def stat(self, path: str, follow: bool = True) -> Stat | None:
        try:
            return (self.process.stat if follow else self.process.lstat)(path)
        except OSError:
            return None

    def unary(self, operator: str, value: str) -> bool:
        letter = operator[1:]
        if operator[:1] != "-" or len(letter) != 1 or letter not in FILES + "nzt":
            raise Wrong(f"{operator}: unknown operand")
        if letter in "nz":
            return (value != "") == (letter == "n")
        if letter == "t":
            file = self.process.files.get(self.integer(value))
            return file is not None and file.is_terminal()
        if letter in "rwx":
            return self.process.access(value, {"r": 4, "w": 2, "x": 1}[letter])
        found = self.stat(value, follow=letter not in "hL")
        if found is None:
            return False
        kind = modes.shown(found.mode)[0]
        if letter in "fdhLpSbc":
            return kind == {"f": "-", "h": "l", "L": "l", "S": "s"}.get(letter, letter)
        if letter in "gku":
            return bool(found.mode & {"g": 0o2000, "k": 0o1000, "u": 0o4000}[letter])
        if letter in "OG":
            return (found.uid if letter == "O" else found.gid) == (
                self.process.user.uid if letter == "O" else self.process.user.gid
            )
        return found.size > 0 if letter == "s" else True
