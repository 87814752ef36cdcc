"""Arithmetic of $(( )), (( )) and let: 64-bit numbers and all operators of C, compiled to closures.

A closure takes the shell, reads and assigns its variables, and returns a number. Compiled expressions are kept, because
loops ask for the same ones again and again. The file is long by the number of C's operators.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from minikube_edu.container_runtime.simulated.shell.errors import Failure

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.dialect import Dialect
    from minikube_edu.container_runtime.simulated.shell.state import Shell

Closure = Callable[["Shell"], int]
_TOKEN = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]*|\d+#[0-9a-zA-Z@_]+|\d[0-9a-zA-Z_]*)|([A-Za-z_]\w*)"
    r"|(<<=|>>=|\*\*|&&|\|\||<<|>>|<=|>=|==|!=|\+\+|--|[-+*/%&|^]=|[-+*/%&|^~!<>=?:,()\[\]])|(\S))"
)
_BINARY = {
    "||": 2, "&&": 3, "|": 4, "^": 5, "&": 6, "==": 7, "!=": 7, "<": 8, "<=": 8, ">": 8, ">=": 8,
    "<<": 9, ">>": 9, "+": 10, "-": 10, "*": 11, "/": 11, "%": 11, "**": 13,
}  # fmt: skip
_ASSIGNING = frozenset(["=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="])
_LOW, _HIGH = -(1 << 63), (1 << 63) - 1
_MOST_NESTING = 200


def wrap(number: int) -> int:
    """As 64 bits hold it."""
    if _LOW <= number <= _HIGH:
        return number
    return (number - _LOW) % (1 << 64) + _LOW


class _Broken(Exception):
    """The text is no expression; what is left of it begins at `at`."""

    def __init__(self, at: int, kind: str = "operand", text: str = "") -> None:
        self.at = at
        self.kind = kind
        self.text = text


class DivisionByZero(Exception):
    pass


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise DivisionByZero
    quotient = abs(left) // abs(right)
    return wrap(quotient if (left < 0) == (right < 0) else -quotient)


def _remainder(left: int, right: int) -> int:
    if right == 0:
        raise DivisionByZero
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def _power(left: int, right: int) -> int:
    if right < 0:
        raise _Broken(0, "exponent")
    return wrap(((pow(left, right, 1 << 64)) - _LOW) % (1 << 64) + _LOW) if right > 63 else wrap(left**right)


_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "|": lambda left, right: left | right,
    "^": lambda left, right: left ^ right,
    "&": lambda left, right: left & right,
    "==": lambda left, right: int(left == right),
    "!=": lambda left, right: int(left != right),
    "<": lambda left, right: int(left < right),
    "<=": lambda left, right: int(left <= right),
    ">": lambda left, right: int(left > right),
    ">=": lambda left, right: int(left >= right),
    "<<": lambda left, right: wrap(left << (right & 63)),
    ">>": lambda left, right: left >> (right & 63),
    "+": lambda left, right: wrap(left + right),
    "-": lambda left, right: wrap(left - right),
    "*": lambda left, right: wrap(left * right),
    "/": _divide,
    "%": _remainder,
    "**": _power,
}


def _digits(text: str, base: int) -> int:
    """Digits of a base up to 64: 0-9 a-z A-Z @ _."""
    number = 0
    for character in text:
        if character.isdigit():
            digit = int(character)
        elif "a" <= character <= "z":
            digit = ord(character) - 87
        elif "A" <= character <= "Z":
            digit = ord(character) - (55 if base <= 36 else 29)
        else:
            digit = 62 if character == "@" else 63
        if digit >= base:
            raise ValueError("value too great for base")
        number = number * base + digit
    return wrap(number)


def literal(text: str) -> int:
    """A number as written: decimal, 0x…, 0…, BASE#…; ValueError when it is none."""
    if text[:2] in ("0x", "0X"):
        return wrap(int(text[2:], 16)) if len(text) > 2 else 0
    if "#" in text:
        base, _, digits = text.partition("#")
        if not 2 <= int(base) <= 64:
            raise ValueError("invalid arithmetic base")
        return _digits(digits, int(base))
    if text[0] == "0" and len(text) > 1:
        return _digits(text, 8)
    return _digits(text, 10)


def _variable(name: str) -> Closure:
    def load(shell: Shell) -> int:
        text = shell.arithmetic_value(name)
        if text.isdigit() and text[0] != "0" and len(text) < 19:
            return int(text)
        return number_of(shell, text, name)

    return load


def number_of(shell: Shell, text: str, name: str = "") -> int:
    """The value of a variable: a number, or (not in dash) an expression of its own."""
    stripped = text.strip()
    if not stripped:
        return 0
    sign = -1 if stripped[0] == "-" else 1
    bare = stripped[1:] if stripped[0] in "+-" else stripped
    if bare.isascii() and bare.isalnum() and bare[0].isdigit():
        try:
            return wrap(sign * literal(bare))
        except ValueError:
            pass
    if shell.dialect.dash:
        raise Failure(f"Illegal number: {text}")
    shell.arithmetic_depth += 1
    try:
        if shell.arithmetic_depth > 60:
            raise Failure(f'{name}: expression recursion level exceeded (error token is "{name}")')
        return evaluate(shell, stripped)
    finally:
        shell.arithmetic_depth -= 1


class _Compiler:
    """Precedence climbing over the tokens of one expression."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self.text = text
        self.dialect = dialect
        self.tokens: list[tuple[str, str, int]] = []
        for found in _TOKEN.finditer(text):
            kind = ("number", "name", "operator", "other")[(found.lastindex or 4) - 1]
            self.tokens.append((kind, found[found.lastindex or 4], found.start(found.lastindex or 4)))
        if dialect.dash:
            self._split_increments()
        self.place = 0
        self.nesting = 0

    def _split_increments(self) -> None:
        """dash has no ++ and --: they are two signs."""
        tokens = []
        for kind, text, start in self.tokens:
            if text in ("++", "--"):
                tokens += [(kind, text[0], start), (kind, text[0], start + 1)]
            else:
                tokens.append((kind, text, start))
        self.tokens = tokens

    def peek(self) -> str:
        if self.place < len(self.tokens):
            kind, text, _ = self.tokens[self.place]
            return text if kind == "operator" else kind
        return ""

    def at(self) -> int:
        return self.tokens[self.place][2] if self.place < len(self.tokens) else len(self.text)

    def expect(self, operator: str) -> None:
        if self.peek() != operator:
            raise _Broken(self.at(), "missing")
        self.place += 1

    def whole(self) -> Closure:
        if not self.tokens:
            return lambda shell: 0
        closure = self.comma()
        if self.place < len(self.tokens):
            raise _Broken(self.at(), "end")
        return closure

    def comma(self) -> Closure:
        self.nesting += 1
        if self.nesting > _MOST_NESTING:
            raise _Broken(self.at(), "recursion")
        closure = self.assignment()
        while self.peek() == ",":
            self.place += 1
            left, right = closure, self.assignment()

            def both(shell: Shell, left: Closure = left, right: Closure = right) -> int:
                left(shell)
                return right(shell)

            closure = both
        self.nesting -= 1
        return closure

    def assignment(self) -> Closure:
        if self.peek() == "name":
            start = self.place
            name = self.tokens[start][1]
            self.place += 1
            index = self.index() if self.peek() == "[" else None
            operator = self.peek()
            if operator in _ASSIGNING:
                self.place += 1
                value = self.assignment()
                return _assigning(name, index, operator[:-1], value)
            self.place = start
        return self.ternary()

    def index(self) -> str:
        """The text between brackets: an expression, or an associative array's key."""
        begin = self.tokens[self.place][2] + 1
        depth = 0
        while self.place < len(self.tokens):
            _, text, start = self.tokens[self.place]
            self.place += 1
            depth += (text == "[") - (text == "]")
            if depth == 0:
                return self.text[begin:start]
        raise _Broken(begin, "subscript")

    def ternary(self) -> Closure:
        condition = self.binary(2)
        if self.peek() != "?":
            return condition
        self.place += 1
        yes = self.comma()
        self.expect(":")
        no = self.assignment()
        return lambda shell: yes(shell) if condition(shell) else no(shell)

    def binary(self, least: int) -> Closure:
        self.nesting += 1
        if self.nesting > _MOST_NESTING:
            raise _Broken(self.at(), "recursion")
        left = self.unary()
        while True:
            operator = self.peek()
            strength = _BINARY.get(operator, 0)
            if strength < least or (operator == "**" and self.dialect.dash):
                self.nesting -= 1
                return left
            self.place += 1
            right = self.binary(strength if operator == "**" else strength + 1)
            left = _combined(operator, left, right)

    def unary(self) -> Closure:
        operator = self.peek()
        if operator in ("+", "-", "!", "~"):
            self.place += 1
            self.nesting += 1
            if self.nesting > _MOST_NESTING:
                raise _Broken(self.at(), "recursion")
            operand = self.unary()
            self.nesting -= 1
            if operator == "-":
                return lambda shell: wrap(-operand(shell))
            if operator == "!":
                return lambda shell: int(not operand(shell))
            return (lambda shell: ~operand(shell)) if operator == "~" else operand
        if operator in ("++", "--"):
            self.place += 1
            if self.peek() == "name":
                name = self.tokens[self.place][1]
                self.place += 1
                index = self.index() if self.peek() == "[" else None
                return _assigning(name, index, operator[0], lambda shell: 1)
            operand = self.unary()
            return operand  # two signs before something that is no variable
        return self.primary()

    def primary(self) -> Closure:
        if self.place >= len(self.tokens):
            raise _Broken(self.tokens[-1][2] if self.tokens else 0)
        kind, text, start = self.tokens[self.place]
        self.place += 1
        if kind == "number":
            try:
                number = literal(text)
            except ValueError as error:
                raise _Broken(start, "number", f'{text}: {error} (error token is "{text}")') from None
            return lambda shell: number
        if text == "(" and kind == "operator":
            inside = self.comma()
            self.expect(")")
            return inside
        if kind != "name":
            raise _Broken(start)
        return self.named(text)

    def named(self, name: str) -> Closure:
        index = self.index() if self.peek() == "[" else None
        load = _variable(name) if index is None else _element(name, index)
        if self.peek() in ("++", "--"):
            operator = self.peek()[0]
            self.place += 1
            change = _assigning(name, index, operator, lambda shell: 1)
            if operator == "+":
                return lambda shell: wrap(change(shell) - 1)
            return lambda shell: wrap(change(shell) + 1)
        return load


def _element(name: str, index: str) -> Closure:
    return lambda shell: number_of(shell, shell.element(name, index) or "", name)


def _combined(operator: str, left: Closure, right: Closure) -> Closure:
    if operator == "&&":
        return lambda shell: int(bool(left(shell) and right(shell)))
    if operator == "||":
        return lambda shell: int(bool(left(shell) or right(shell)))
    operation = _OPERATIONS[operator]
    return lambda shell: operation(left(shell), right(shell))


def _assigning(name: str, index: str | None, operator: str, value: Closure) -> Closure:
    load = _variable(name) if index is None else _element(name, index)
    operation = _OPERATIONS[operator] if operator else None

    def assign(shell: Shell) -> int:
        number = value(shell) if operation is None else operation(load(shell), value(shell))
        if index is None:
            shell.variables.set(name, str(number))
        else:
            shell.set_element(name, index, str(number))
        return number

    return assign


@functools.lru_cache(maxsize=4096)
def _compiled(text: str, dialect: Dialect) -> Closure | _Broken:
    compiler = _Compiler(text, dialect)
    try:
        return compiler.whole()
    except _Broken as broken:
        return broken


def evaluate(shell: Shell, text: str) -> int:
    closure = _compiled(text, shell.dialect)
    if isinstance(closure, _Broken):
        _complain(shell, text, closure)
    try:
        return closure(shell)
    except DivisionByZero:
        raise Failure(_division(shell, text)) from None
    except _Broken as broken:
        _complain(shell, text, broken)


def prepared(text: str, dialect: Dialect) -> Closure | None:
    """The closure of a text without expansions, for those who keep it; None: `evaluate` says what is wrong."""
    closure = _compiled(text, dialect)
    return None if isinstance(closure, _Broken) else closure


def _division(shell: Shell, text: str) -> str:
    if shell.dialect.dash:
        return f'arithmetic expression: division by zero: "{text}"'
    if shell.dialect.busybox:
        return "divide by zero"
    tail = re.split(r"[/%]=?", text)[-1].lstrip()
    return f'{text.lstrip()}: division by 0 (error token is "{tail}")'


def _complain(shell: Shell, text: str, broken: _Broken) -> NoReturn:
    if shell.dialect.busybox:
        raise Failure("arithmetic syntax error")
    if shell.dialect.dash:
        kinds = {"operand": "expecting primary", "missing": "expecting ')'"}
        raise Failure(f'arithmetic expression: {kinds.get(broken.kind, "expecting EOF")}: "{text}"')
    if broken.kind == "number":
        raise Failure(broken.text)
    words = {
        "operand": "syntax error: operand expected",
        "missing": "missing `)'",
        "recursion": "expression recursion level exceeded",
        "exponent": "exponent less than 0",
        "subscript": "bad array subscript",
    }.get(broken.kind, "syntax error in expression")
    if broken.kind == "end" and re.match(r"[^\w\s]", text[broken.at :]):
        words = "syntax error: invalid arithmetic operator" if text[broken.at] in ".@#$" else words
    raise Failure(f'{text.lstrip()}: {words} (error token is "{text[broken.at :]}")')
