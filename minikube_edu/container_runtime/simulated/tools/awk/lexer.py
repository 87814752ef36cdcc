"""The words of an awk program. Whether a slash divides or opens a pattern depends on the word before it."""

from __future__ import annotations

import re

from msgspec import Struct

KEYWORDS = {
    "BEGIN", "END", "function", "func", "if", "else", "while", "for", "do", "break", "continue", "next", "nextfile",
    "exit", "return", "delete", "in", "getline", "print", "printf", "switch", "case", "default",
}  # fmt: skip
BUILTINS = {
    "length", "substr", "index", "split", "sub", "gsub", "match", "sprintf", "sin", "cos", "atan2", "exp", "log",
    "sqrt", "int", "rand", "srand", "tolower", "toupper", "system", "close", "fflush", "gensub", "strftime",
    "systime", "mktime", "and", "or", "xor", "lshift", "rshift", "compl", "asort", "asorti", "strtonum",
}  # fmt: skip
OPERATORS = [
    "**=", "&&", "||", "==", "!=", "<=", ">=", ">>", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "!~", "**",
    "{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", ">", "<", "|", "?", ":", "~", "$", "=",
]  # fmt: skip
NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "/": "/", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class SyntaxFault(Exception):
    def __init__(self, words: str, line: int) -> None:
        super().__init__(words)
        self.words, self.line = words, line


class Token(Struct):
    kind: str  # number string regex name call(name before a parenthesis) builtin keyword operator newline end
    text: str
    line: int
    spaced: bool = False  # whether blanks stood before it


def unescaped(text: str) -> str:
    """The escapes of awk's string literals, also for -v and var=value."""

    def one(found: re.Match[str]) -> str:
        body = found[1]
        if body[0] in "01234567":
            return chr(int(body, 8) & 255)
        if body == "\n":
            return ""
        return ESCAPES.get(body, "\\" + body)

    return re.sub(r"\\([0-7]{1,3}|.|\n)", one, text, flags=re.DOTALL)


def tokens(source: str) -> list[Token]:
    result: list[Token] = []
    position, line, spaced = 0, 1, False

    def operand_before() -> bool:
        if not result:
            return False
        last = result[-1]
        return last.kind in ("number", "string", "regex", "name") or (
            last.kind == "builtin" and last.text == "length"
        ) or (last.kind == "operator" and last.text in (")", "]", "$", "++", "--"))  # fmt: skip

    def add(kind: str, text: str) -> None:
        nonlocal spaced
        result.append(Token(kind, text, line, spaced))
        spaced = False

    while position < len(source):
        letter = source[position]
        if letter in " \t\r":
            position += 1
            spaced = True
        elif letter == "\\" and source[position + 1 : position + 2] in ("\n", "\r"):
            position = source.index("\n", position) + 1
            line += 1
            spaced = True
        elif letter == "\n":
            add("newline", "\n")
            line += 1
            position += 1
        elif letter == "#":
            end = source.find("\n", position)
            position = len(source) if end < 0 else end
        elif letter == '"':
            end = position + 1
            while end < len(source) and source[end] != '"':
                if source[end] == "\n":
                    raise SyntaxFault("unterminated string", line)
                end += 2 if source[end] == "\\" else 1
            if end >= len(source):
                raise SyntaxFault("unterminated string", line)
            add("string", unescaped(source[position + 1 : end]))
            position = end + 1
        elif letter == "/" and not operand_before():
            position = regex(source, position, line, add)
        elif number := NUMBER.match(source, position) if letter.isdigit() or letter == "." else None:
            add("number", number[0])
            position = number.end()
        elif name := NAME.match(source, position):
            position = name.end()
            text = name[0]
            if text in KEYWORDS:
                add("keyword", "function" if text == "func" else text)
            elif text in BUILTINS:
                add("builtin", text)
            else:
                add("call" if source.startswith("(", position) else "name", text)
        else:
            for operator in OPERATORS:
                if source.startswith(operator, position):
                    add("operator", {"**": "^", "**=": "^="}.get(operator, operator))
                    position += len(operator)
                    break
            else:
                raise SyntaxFault(f"unexpected character '{letter}'", line)
    add("newline", "\n")
    result.append(Token("end", "", line))
    return result


def regex(source: str, position: int, line: int, add: object) -> int:
    """/…/: a slash inside brackets, or behind a backslash, belongs to it."""
    assert callable(add)
    end = position + 1
    text = ""
    bracket = False
    while True:
        letter = source[end : end + 1]
        if letter in ("", "\n"):
            raise SyntaxFault("unterminated regexp", line)
        if letter == "\\" and end + 1 < len(source):
            following = source[end + 1]
            text += following if following == "/" else letter + following
            end += 2
            continue
        if letter == "[" and not bracket:
            bracket = True
            rest = re.compile(r"\[\^?\]?").match(source, end)
            assert rest is not None
            text += rest[0]
            end = rest.end()
            continue
        if letter == "[" and source[end + 1 : end + 2] == ":":
            close = source.find(":]", end + 2)
            if close > 0:
                text += source[end : close + 2]
                end = close + 2
                continue
        if letter == "]":
            bracket = False
        if letter == "/" and not bracket:
            break
        text += letter
        end += 1
    add("regex", text)
    return end + 1
