"""expr and bc: arithmetic on the command line, and with as many digits as one likes."""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, Context, Decimal, localcontext

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools import long_texts, regular_expressions
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import decode, everything


class Expression:
    """expr's grammar: | & comparisons + - * / % : and words, loosest first."""

    LEVELS = (("|",), ("&",), ("<", "<=", "=", "==", "!=", ">=", ">"), ("+", "-"), ("*", "/", "%"), (":",))

    def __init__(self, process: Process, words: list[str]) -> None:
        self.process, self.words, self.position = process, words, 0

    def take(self) -> str:
        if self.position >= len(self.words):
            if is_busybox(self.process):
                raise Complaint("syntax error", 2)
            raise Complaint(f"syntax error: missing argument after '{self.words[-1]}'", 2)
        self.position += 1
        return self.words[self.position - 1]

    async def value(self, level: int = 0) -> str:
        if level == len(self.LEVELS):
            return await self.primary()
        left = await self.value(level + 1)
        while self.position < len(self.words) and self.words[self.position] in self.LEVELS[level]:
            operator = self.take()
            left = await self.apply(operator, left, await self.value(level + 1))
        return left

    async def primary(self) -> str:
        word = self.take()
        if word == "(":
            inner = await self.value()
            if self.position >= len(self.words) or self.take() != ")":
                raise Complaint(
                    "syntax error"
                    if is_busybox(self.process)
                    else f"syntax error: expecting ')' after '{self.words[-1]}'",
                    2,
                )
            return inner
        more = len(self.words) - self.position
        if word == "+" and more:
            return self.take()
        if word == "length" and more:
            return str(len(await self.primary()))
        if word == "match" and more >= 2:
            return await self.match(await self.primary(), await self.primary())
        if word == "index" and more >= 2:
            text, letters = await self.primary(), await self.primary()
            return str(next((i for i, letter in enumerate(text, 1) if letter in letters), 0))
        if word == "substr" and more >= 3:
            text, start, length = await self.primary(), await self.primary(), await self.primary()
            if (
                not (re.fullmatch(r"-?\d+", start) and re.fullmatch(r"-?\d+", length))
                or int(start) < 1
                or int(length) < 1
            ):
                return ""
            return text[int(start) - 1 : int(start) - 1 + int(length)]
        return word

    async def match(self, text: str, pattern: str) -> str:
        try:
            compiled = regular_expressions.compile(r"^\(" + pattern.removeprefix("^") + r"\)", extended=False)
        except regular_expressions.BadPattern as error:
            raise Complaint(str(error), 2) from None
        found = await long_texts.search(self.process, compiled, text)
        if compiled.groups > 1:
            return (found.group(2) or "") if found else ""
        return str(found.end() if found else 0)

    async def apply(self, operator: str, left: str, right: str) -> str:
        def empty(text: str) -> bool:
            return text == "" or re.fullmatch(r"-?0+", text) is not None

        if operator == ":":
            return await self.match(left, right)
        if operator == "|":
            return left if not empty(left) else "0" if empty(right) else right
        if operator == "&":
            return "0" if empty(left) or empty(right) else left
        numbers = re.fullmatch(r"-?\d+", left) and re.fullmatch(r"-?\d+", right)
        if operator in ("<", "<=", "=", "==", "!=", ">=", ">"):
            order = (int(left) > int(right)) - (int(left) < int(right)) if numbers else (left > right) - (left < right)
            return str(
                int(
                    {
                        "<": order < 0,
                        "<=": order <= 0,
                        "=": order == 0,
                        "==": order == 0,
                        "!=": order != 0,
                        ">=": order >= 0,
                        ">": order > 0,
                    }[operator]
                )
            )
        if not numbers:
            raise Complaint("non-integer argument" if not is_busybox(self.process) else "non-numeric argument", 2)
        a, b = int(left), int(right)
        if operator in "/%" and b == 0:
            raise Complaint("division by zero", 2)
        sign = -1 if (a < 0) != (b < 0) else 1
        result = {"+": a + b, "-": a - b, "*": a * b, "/": sign * (abs(a) // abs(b)) if b else 0}.get(operator)
        return str(result if result is not None else (-1 if a < 0 else 1) * (abs(a) % abs(b)))


@program("expr EXPRESSION", failure=2)
async def expr(process: Process) -> int:
    words = process.argv[1:]
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        raise Complaint("missing operand", usage=True)
    expression = Expression(process, words)
    value = await expression.value()
    if expression.position < len(words):
        raise Complaint(
            "syntax error"
            if is_busybox(process)
            else f"syntax error: unexpected argument '{words[expression.position]}'",
            2,
        )
    await process.print(value)
    return int(value == "" or re.fullmatch(r"-?0+", value) is not None)


TOKEN = re.compile(
    r"\s*(\d+\.?\d*|\.\d+|[a-z][a-z0-9_]*|\+=|-=|\*=|/=|%=|\^=|==|!=|<=|>=|\+\+|--|&&|\|\||[-+*/%^()=<>!{};,]|\"[^\"]*\")"
)
MOST_DIGITS = 5000


class Calculator:
    """bc's expressions, variables, scale, ibase 10, obase, sqrt, length, -l's functions; none of one's own."""

    def __init__(self, library: bool) -> None:
        self.variables: dict[str, Decimal] = {
            "scale": Decimal(20 if library else 0),
            "obase": Decimal(10),
            "ibase": Decimal(10),
            "last": Decimal(0),
        }
        self.tokens: list[str] = []
        self.position = 0

    @property
    def scale(self) -> int:
        return max(0, min(int(self.variables["scale"]), MOST_DIGITS))

    def run(self, line: str) -> list[str]:
        line = re.sub(r"/\*.*?\*/|#.*", "", line, flags=re.DOTALL)
        shown = []
        for statement in line.split(";"):
            self.tokens, self.position = tokens(statement), 0
            if not self.tokens:
                continue
            if self.tokens[0].startswith('"'):
                shown.append("\x00" + self.tokens[0][1:-1])
                continue
            if self.tokens[0] in ("quit", "halt"):
                raise EOFError
            assigned = len(self.tokens) > 1 and self.tokens[1] in ("=", "+=", "-=", "*=", "/=", "%=", "^=")
            value = self.assignment()
            if self.position < len(self.tokens):
                raise SyntaxError
            if not assigned:
                self.variables["last"] = value
                shown.append(self.text(value))
        return shown

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self) -> str:
        self.position += 1
        if self.position > len(self.tokens):
            raise SyntaxError
        return self.tokens[self.position - 1]

    def assignment(self) -> Decimal:
        if (
            self.position + 1 < len(self.tokens)
            and self.tokens[self.position + 1] in ("=", "+=", "-=", "*=", "/=", "%=", "^=")
            and self.peek()[0].isalpha()
        ):
            name, operator = self.take(), self.take()
            value = self.assignment()
            if operator != "=":
                value = self.calculate(operator[0], self.variables.get(name, Decimal(0)), value)
            self.variables[name] = value
            return value
        return self.binary(0)

    LEVELS = (("||",), ("&&",), ("<", "<=", "==", "!=", ">=", ">"), ("+", "-"), ("*", "/", "%"))

    def binary(self, level: int) -> Decimal:
        if level == len(self.LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while self.peek() in self.LEVELS[level]:
            operator = self.take()
            left = self.calculate(operator, left, self.binary(level + 1))
        return left

    def unary(self) -> Decimal:
        if self.peek() == "-":
            self.take()
            return -self.unary()
        if self.peek() == "!":
            self.take()
            return Decimal(int(self.unary() == 0))
        base = self.primary()
        if self.peek() == "^":
            self.take()
            return self.calculate("^", base, self.unary())
        return base

    def primary(self) -> Decimal:
        token = self.take()
        if token == "(":
            value = self.assignment()
            if self.take() != ")":
                raise SyntaxError
            return value
        if token[0].isdigit() or token[0] == ".":
            return Decimal(token)
        if token in ("++", "--"):
            name = self.take()
            self.variables[name] = self.variables.get(name, Decimal(0)) + (1 if token == "++" else -1)
            return self.variables[name]
        if not token[0].isalpha():
            raise SyntaxError
        if self.peek() == "(":
            self.take()
            argument = self.assignment()
            if self.take() != ")":
                raise SyntaxError
            return self.function(token, argument)
        value = self.variables.get(token, Decimal(0))
        if self.peek() in ("++", "--"):
            self.variables[token] = value + (1 if self.take() == "++" else -1)
        return value

    def function(self, name: str, argument: Decimal) -> Decimal:
        import math

        if name == "sqrt":
            if argument < 0:
                raise ArithmeticError("Square root of a negative number")
            return self.cut(argument.sqrt(), max(self.scale, places(argument)))
        if name == "length":
            return Decimal(len(str(argument).replace(".", "").lstrip("-0")) or 1)
        if name == "scale":
            return Decimal(places(argument))
        if name == "l" and argument > 0:
            return self.cut(argument.ln(), self.scale)
        if name == "e":
            return self.cut(argument.exp(), self.scale)
        if name in "sca" and len(name) == 1:
            function = {"s": math.sin, "c": math.cos, "a": math.atan}[name]
            if name == "a" and argument == 1:
                return self.cut(quarter_pi(self.scale + 5), self.scale)
            return self.cut(Decimal(repr(function(float(argument)))), self.scale)
        raise ArithmeticError(f"Function {name} not defined")

    def cut(self, value: Decimal, digits: int) -> Decimal:
        return (
            value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_DOWN)
            if digits
            else value.to_integral_value(ROUND_DOWN)
        )

    def calculate(self, operator: str, a: Decimal, b: Decimal) -> Decimal:
        if operator in ("<", "<=", "==", "!=", ">=", ">", "&&", "||"):
            return Decimal(
                int(
                    {
                        "<": a < b,
                        "<=": a <= b,
                        "==": a == b,
                        "!=": a != b,
                        ">=": a >= b,
                        ">": a > b,
                        "&&": bool(a and b),
                        "||": bool(a or b),
                    }[operator]
                )
            )
        if operator == "+":
            return a + b
        if operator == "-":
            return a - b
        if operator == "*":
            digits = min(places(a) + places(b), max(self.scale, places(a), places(b)))
            return self.cut(a * b, digits)
        if operator == "^":
            if abs(b) > 20000:
                raise ArithmeticError("exponent too large in raise")
            if b < 0:
                return self.cut(Decimal(1) / a ** int(-b), self.scale)
            return self.cut(a ** int(b), min(places(a) * int(b), max(self.scale, places(a))))
        if b == 0:
            raise ArithmeticError("Divide by zero" if operator == "/" else "Modulo by zero")
        quotient = self.cut(a / b, self.scale)
        if operator == "/":
            return quotient
        return self.cut(a - quotient * b, max(self.scale + places(b), places(a)))

    def text(self, value: Decimal) -> str:
        base = int(self.variables["obase"])
        if base != 10 and 2 <= base <= 36 and value == value.to_integral_value():
            number, digits = abs(int(value)), ""
            while number:
                number, digit = divmod(number, base)
                digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + digits
            return ("-" if value < 0 else "") + (digits or "0")
        text = f"{value:f}"
        if value == 0:
            return "0"
        text = text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
        if len(text) > 69:  # lines of 70 characters, the last a backslash
            text = "\\\n".join(text[i : i + 68] for i in range(0, len(text), 68))
        return text


def places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def quarter_pi(digits: int) -> Decimal:
    scale: int = 10 ** (digits + 10)

    def arctangent(inverse: int) -> int:
        term = total = scale // inverse
        divisor, sign = 1, 1
        while term:
            term //= inverse * inverse
            divisor += 2
            sign = -sign
            total += sign * (term // divisor)
        return total

    return Decimal(4 * arctangent(5) - arctangent(239)) / scale


def tokens(text: str) -> list[str]:
    result, position = [], 0
    text = text.strip()
    while position < len(text):
        found = TOKEN.match(text, position)
        if not found:
            raise SyntaxError(text[position])
        result.append(found[1])
        position = found.end()
    return result


@program("bc [-lq] [FILE]...")
async def bc(process: Process) -> int:
    arguments = parse(process, "lqsiw", {"mathlib": "l", "quiet": "q", "standard": "s"})
    source = "".join([decode(await process.read_file(name)) for name in arguments.operands])
    source += "\n" + decode(await everything(process, process.stdin))
    calculator = Calculator(arguments.has("l"))
    with localcontext(Context(prec=MOST_DIGITS + 20, Emax=10**6, Emin=-(10**6))):
        for line in source.split("\n"):
            await process.breathe()
            try:
                shown = calculator.run(line)
            except EOFError:
                break
            except SyntaxError:
                await process.stderr.write(
                    b"(standard_in) 1: syntax error\n" if not is_busybox(process) else b"bc: bad expression\n"
                )
                continue
            except ArithmeticError as error:
                await process.stderr.write(f"Runtime error (func=(main), adr=3): {error}\n".encode())
                continue
            for text in shown:
                await process.print(text.removeprefix("\x00"), end="" if text.startswith("\x00") else "\n")
    return 0
