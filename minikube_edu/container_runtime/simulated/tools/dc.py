"""dc: the desk calculator, whose numbers stand before what is done with them.

Numbers of any length, with `k` digits behind the point; registers (s l S L), strings and macros ([ ] x > < =), bases
are ten only. Beyond some thousand digits it has no room, and long work gives way.
"""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, Decimal, InvalidOperation, localcontext

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import Inputs, decode

MOST_DIGITS = 5000
DEEPEST = 100_000  # values on the stack
TOKEN = re.compile(r"\s+|#[^\n]*|_?(?:\d+\.?\d*|\.\d+)|!?[<>=].|[slSL:;].|.", re.DOTALL)
Value = Decimal | str


class Leave(Exception):
    pass


class Desk:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.stack: list[Value] = []
        self.registers: dict[str, list[Value]] = {}
        self.scale = 0

    async def run(self, text: str, depth: int = 0) -> None:
        position = 0
        while position < len(text):
            await self.process.breathe()
            if text[position] == "[":
                end = self.closing(text, position)
                self.push(text[position + 1 : end])
                position = end + 1
                continue
            found = TOKEN.match(text, position)
            assert found is not None  # the last alternative is any character
            position = found.end()
            token = found[0]
            if token.isspace() or token.startswith("#"):
                continue
            try:
                macro = await self.command(token)
            except (InvalidOperation, OverflowError, ZeroDivisionError) as error:
                await self.process.complain(
                    "divide by zero" if isinstance(error, ZeroDivisionError) else "out of range"
                )
                continue
            if macro is not None:
                if position >= len(text):  # the last command: a loop needs no depth
                    text, position = macro, 0
                elif depth > 200:
                    raise Complaint("recursion too deep")
                else:
                    await self.run(macro, depth + 1)

    @staticmethod
    def closing(text: str, start: int) -> int:
        depth = 0
        for at in range(start, len(text)):
            depth += (text[at] == "[") - (text[at] == "]")
            if not depth:
                return at
        return len(text)

    def push(self, value: Value) -> None:
        if len(self.stack) >= DEEPEST:
            raise Complaint("out of memory")
        self.stack.append(value)

    async def command(self, token: str) -> str | None:
        """What is to be run next, if it says so."""
        if token[-1].isdigit() or (token[-1] == "." and len(token) > 1):
            self.push(Decimal(token.replace("_", "-")))
            return None
        if token[0] in "slSL" and len(token) == 2:
            await self.register(token[0], token[1])
            return None
        if token[0] in "<>=!" and len(token) >= 2:
            return await self.comparison(token)
        if token in ("+", "-", "*", "/", "%", "^", "~"):
            await self.arithmetic(token)
            return None
        return await self.other(token)

    async def need(self, count: int) -> bool:
        if len(self.stack) < count:
            await self.process.complain("stack empty")
            return False
        return True

    async def register(self, what: str, name: str) -> None:
        kept = self.registers.setdefault(name, [])
        if what in "sS":
            if await self.need(1):
                if what == "s" and kept:
                    kept.pop()
                kept.append(self.stack.pop())
        elif not kept:
            if what == "L":
                await self.process.complain(f"stack register '{name}' (0{ord(name):o}) is empty")
            else:
                self.push(Decimal(0))
        else:
            self.push(kept[-1] if what == "l" else kept.pop())

    async def comparison(self, token: str) -> str | None:
        if not await self.need(2):
            return None
        top, second = self.stack.pop(), self.stack.pop()
        operator = token.lstrip("!")[0]
        if isinstance(top, str) or isinstance(second, str):
            return None
        holds = {"<": top < second, ">": top > second, "=": top == second}[operator]
        kept = self.registers.get(token[-1])
        return str(kept[-1]) if holds != token.startswith("!") and kept else None

    async def arithmetic(self, operator: str) -> None:
        if not await self.need(2):
            return
        right, left = self.stack[-1], self.stack[-2]
        if isinstance(right, str) or isinstance(left, str):
            await self.process.complain("non-numeric value")
            return
        with localcontext() as context:
            context.prec = MOST_DIGITS
            if operator in "/%~" and not right:
                raise ZeroDivisionError
            one, other = (max(0, -int(value.as_tuple().exponent)) for value in (left, right))
            if operator in "+-":
                results = [left + right if operator == "+" else left - right]
            elif operator == "*":
                results = [self.cut(left * right, min(one + other, max(self.scale, one, other)))]
            elif operator == "^":
                power = int(right)
                if abs(power) * max(1, left.adjusted() + 1) > MOST_DIGITS:
                    raise OverflowError
                digits = self.scale if power < 0 else min(one * power, max(self.scale, one))
                results = [self.cut(left**power, digits)]
            else:
                quotient = self.cut(left / right, self.scale)
                rest = left - quotient * right
                results = {"/": [quotient], "%": [rest], "~": [quotient, rest]}[operator]
        self.stack[-2:] = results

    @staticmethod
    def cut(value: Decimal, digits: int) -> Decimal:
        return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_DOWN)

    async def other(self, token: str) -> str | None:
        stack = self.stack
        if token == "q":
            raise Leave
        if token == "f":
            for value in reversed(stack):
                await self.process.print(shown(value))
        elif token == "c":
            stack.clear()
        elif token == "z":
            self.push(Decimal(len(stack)))
        elif token == "K":
            self.push(Decimal(self.scale))
        elif token in "pnPdxkvrRaZXio" and not await self.need(2 if token == "r" else 1):
            return None
        elif token in "pnP":
            text = shown(stack[-1] if token == "p" else stack.pop())
            await self.process.print(text, end="\n" if token == "p" else "")
        elif token == "d":
            self.push(stack[-1])
        elif token == "r":
            stack[-1], stack[-2] = stack[-2], stack[-1]
        elif token == "R":
            stack.pop()
        elif token == "x":
            if isinstance(stack[-1], str):
                return str(stack.pop())
        elif token in "io":
            if stack.pop() != 10:
                raise Complaint("bases other than ten are not simulated")
        elif token == "Z":
            value = stack.pop()
            self.push(Decimal(len(value) if isinstance(value, str) else len(value.as_tuple().digits)))
        elif token in "kvX":
            await self.number(token)
        else:
            await self.process.complain(f"'{token}' (0{ord(token):o}) unimplemented")
        return None

    async def number(self, token: str) -> None:
        value = self.stack.pop()
        if isinstance(value, str) or (token in "kv" and value < 0):
            words = {"k": "scale must be a nonnegative number", "v": "square root of negative number"}
            await self.process.complain(words.get(token, "non-numeric value"))
        elif token == "k":
            self.scale = min(int(value), MOST_DIGITS // 2)
        elif token == "X":
            self.push(Decimal(max(0, -int(value.as_tuple().exponent))))
        else:
            with localcontext() as context:
                context.prec = MOST_DIGITS // 2 + self.scale
                self.push(self.cut(value.sqrt(), max(self.scale, -int(value.as_tuple().exponent), 0)))


def shown(value: Value) -> str:
    if isinstance(value, str):
        return value
    text = f"{value:f}"
    return "0" if not value else text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


@program("dc [-e EXPRESSION] [-f FILE] [FILE]...", version="dc (GNU bc 1.07.1) 1.4.1")
async def dc(process: Process) -> int:
    arguments = parse(process, "e:f:V", {"expression:": "e", "file:": "f"})
    desk = Desk(process)
    try:
        for letter, value in arguments.options:
            if letter == "e":
                await desk.run(value)
            elif letter == "f":
                await desk.run(decode(await process.read_file(value)))
        if arguments.operands or not arguments.options:
            inputs = Inputs(process, arguments.operands)
            async for _, data in inputs.contents():
                await desk.run(decode(data))
            return int(inputs.failed)
    except Leave:
        pass
    return 0
