"""An awk program at work: one method for each kind of node of the tree.

Evaluation is asynchronous throughout, because any expression may read a line or run a command. Variables live in one
dictionary, a function's in a frame; an array is a dictionary. A parameter that was never set may still become an array
of the caller's (`Untyped`).

Longer than a screen of methods because the language is one noun: statements, expressions, assignments, built-ins.
"""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.tools import long_texts, regular_expressions
from minikube_edu.container_runtime.simulated.tools.awk.lexer import unescaped
from minikube_edu.container_runtime.simulated.tools.awk.parser import Node, Rule, Tree
from minikube_edu.container_runtime.simulated.tools.awk.records import Records, fields
from minikube_edu.container_runtime.simulated.tools.awk.streams import Streams
from minikube_edu.container_runtime.simulated.tools.awk.values import (
    MOST,
    UNSET,
    Array,
    Fatal,
    Looks,
    Value,
    compare,
    from_outside,
    number,
    sprintf,
    text,
    truth,
)
from minikube_edu.container_runtime.simulated.tools.regular_expressions import Pattern
from minikube_edu.container_runtime.simulated.tools.streams import encode
from minikube_edu.lib import clock, ids

ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)\Z", re.DOTALL | re.ASCII)


class Next(Exception):
    """next: the next record, please; `file`: of the next file."""

    def __init__(self, file: bool = False) -> None:
        self.file = file


class Exit(Exception):
    pass


class Break(Exception):
    pass


class Continue(Exception):
    pass


class Return(Exception):
    def __init__(self, value: Value) -> None:
        self.value = value


class Untyped(Struct):
    """An argument that may become an array: where it would have to be put."""

    scope: dict[str, Any]
    name: str


class Runtime:
    def __init__(self, process: Process, tree: Tree) -> None:
        self.process, self.tree = process, tree
        self.streams = Streams(process)
        self.globals: dict[str, Any] = {
            "FS": " ",
            "OFS": " ",
            "RS": "\n",
            "ORS": "\n",
            "SUBSEP": "\x1c",
            "CONVFMT": "%.6g",
            "OFMT": "%.6g",
            "NR": 0.0,
            "FNR": 0.0,
            "NF": 0.0,
            "RSTART": 0.0,
            "RLENGTH": -1.0,
            "FILENAME": "",
            "ENVIRON": {name: from_outside(value) for name, value in process.env.items()},
        }
        self.frames: list[dict[str, Any]] = [self.globals]
        self.record = ""
        self.fields: list[Value] | None = []  # None: not split yet
        self.record_stale = False  # a field was assigned: $0 is to be joined again
        self.main: Records | None = None
        self.exit_code = 0
        self.next_argument = 1
        self.used_file = False
        self.dice = ids.dice(0)
        self.seed = 0.0
        self.failed = False
        self.handlers: dict[str, Callable[[Node], Awaitable[Value]]] = {
            name[3:]: getattr(self, name) for name in dir(self) if name.startswith("on_")
        }

    # the program

    async def run(self, arguments: list[str]) -> int:
        self.globals["ARGC"] = float(len(arguments) + 1)
        self.globals["ARGV"] = {
            str(index): from_outside(word) for index, word in enumerate([self.process.name, *arguments])
        }
        rules = self.tree.rules
        try:
            try:
                for rule in rules:
                    if rule.kind == "BEGIN":
                        await self.execute(rule.body or ("block", []))
                if any(rule.kind != "BEGIN" for rule in rules):
                    await self.every_record()
            except Next:
                raise Fatal("`next' used in BEGIN or END action") from None
            except Exit:
                pass  # the END rules still run; another exit there is the last one
            for rule in rules:
                if rule.kind == "END":
                    await self.execute(rule.body or ("block", []))
        except Exit:
            pass
        await self.streams.finish()
        return self.exit_code or (2 if self.failed else 0)

    async def every_record(self) -> None:
        while (record := await self.main_record()) is not None:
            self.set_record(record)
            try:
                for rule in self.tree.rules:
                    if rule.kind in ("BEGIN", "END"):
                        continue
                    if rule.kind == "always" or await self.selected(rule):
                        if rule.body is None:
                            await self.streams.stdout.write(encode(self.whole() + text(self.globals["ORS"])))
                        else:
                            await self.execute(rule.body)
            except Next as jump:
                if jump.file:
                    self.close_main()
            await self.process.breathe()

    async def selected(self, rule: Rule) -> bool:
        assert rule.first is not None
        if rule.last is None:
            return truth(await self.value(rule.first))
        if not rule.active:
            if not truth(await self.value(rule.first)):
                return False
            rule.active = True
        if truth(await self.value(rule.last)):
            rule.active = False
        return True

    async def main_record(self) -> str | None:
        """The next record of the files on the command line; assignments between them happen on the way."""
        while True:
            if self.main is None:
                if not await self.open_next():
                    return None
                continue
            if self.main.waits():
                await self.streams.flush()
            record = await self.main.record(text(self.globals["RS"]))
            if record is not None:
                self.globals["NR"] = number(self.globals["NR"]) + 1
                self.globals["FNR"] = number(self.globals["FNR"]) + 1
                return record
            self.close_main()

    def close_main(self) -> None:
        if self.main is not None and self.main.file is not self.process.stdin:
            self.main.file.release()
        self.main = None

    async def open_next(self) -> bool:
        while self.next_argument < number(self.globals["ARGC"]):
            word = text(self.globals["ARGV"].get(str(self.next_argument), ""))
            self.next_argument += 1
            assignment = ASSIGNMENT.match(word)
            if assignment:
                self.set_variable(assignment[1], from_outside(unescaped(assignment[2])))
                continue
            if not word:
                continue
            self.used_file = True
            if word == "-":
                self.main = Records(self.process, self.process.stdin)
            else:
                try:
                    self.main = Records(self.process, self.process.open(word))
                except OSError as error:
                    await self.streams.flush()
                    await self.process.complain(f'cannot open "{word}" ({reason(error)})')
                    self.failed = True
                    continue
            self.globals["FILENAME"] = word
            self.globals["FNR"] = 0.0
            return True
        if not self.used_file:
            self.used_file = True
            self.main = Records(self.process, self.process.stdin)
            return True
        return False

    # $0 and the fields

    def set_record(self, record: str) -> None:
        self.record, self.fields, self.record_stale = record, None, False

    def split(self) -> list[Value]:
        if self.fields is None:
            pieces = fields(self.record, text(self.globals["FS"]), self.globals["RS"] == "")
            self.fields = [from_outside(piece) for piece in pieces]
            self.globals["NF"] = float(len(self.fields))
        return self.fields

    def whole(self) -> str:
        if self.record_stale:
            parts = self.fields or []
            self.record = text(self.globals["OFS"]).join(text(part, text(self.globals["CONVFMT"])) for part in parts)
            self.record_stale = False
        return self.record

    def field(self, index: int) -> Value:
        if index == 0:
            return from_outside(self.whole())
        if index < 0:
            raise Fatal(f"attempt to access field {index}")
        parts = self.split()
        return parts[index - 1] if index <= len(parts) else UNSET

    def set_field(self, index: int, value: Value) -> None:
        if index == 0:
            self.set_record(text(value))
            return
        if index < 0 or index > 1_000_000:
            raise Fatal(f"attempt to access field {index}")
        parts = self.split()
        while len(parts) < index:
            parts.append(UNSET)
        parts[index - 1] = value
        self.globals["NF"] = float(len(parts))
        self.record_stale = True

    def set_count(self, count: int) -> None:
        if not 0 <= count <= 1_000_000:
            raise Fatal("NF set to a negative or too big value")
        parts = self.split()
        del parts[count:]
        parts += [UNSET] * (count - len(parts))
        self.globals["NF"] = float(count)
        self.record_stale = True

    # variables

    def scope(self, name: str) -> dict[str, Any]:
        frame = self.frames[-1]
        return frame if name in frame else self.globals

    def array(self, name: str) -> Array:
        scope = self.scope(name)
        value = scope.get(name, UNSET)
        if isinstance(value, dict):
            return value
        if isinstance(value, Untyped):
            origin = value.scope.get(value.name, UNSET)
            if isinstance(origin, Untyped):
                # the caller's own parameter: let it become one first
                frames, self.frames = self.frames, [self.globals, value.scope]
                origin = self.array(value.name)
                self.frames = frames
            if not isinstance(origin, dict):
                origin = value.scope[value.name] = {}
            scope[name] = origin
            return origin
        if value is not UNSET:
            raise Fatal(f"attempt to use scalar `{name}' as an array")
        array: Array = {}
        scope[name] = array
        return array

    def set_variable(self, name: str, value: Value) -> None:
        scope = self.scope(name)
        if isinstance(scope.get(name), dict):
            raise Fatal(f"attempt to use array `{name}' in a scalar context")
        if name == "NF" and scope is self.globals:
            self.set_count(int(number(value)))
            return
        scope[name] = value

    async def subscript(self, parts: list[Node]) -> str:
        values = [text(await self.value(part), text(self.globals["CONVFMT"])) for part in parts]
        return values[0] if len(values) == 1 else text(self.globals["SUBSEP"]).join(values)

    async def assign(self, target: Node, value: Value) -> None:
        if target[0] == "name":
            self.set_variable(target[1], value)
        elif target[0] == "field":
            self.set_field(int(number(await self.value(target[1]))), value)
        else:
            subscript = await self.subscript(target[2])
            self.array(target[1])[subscript] = value

    def text(self, value: Value) -> str:
        return value if isinstance(value, str) else text(value, self.globals["CONVFMT"])

    # statements

    async def execute(self, node: Node) -> None:
        kind = node[0]
        if kind == "expression":
            await self.value(node[1])
        elif kind == "block":
            for statement in node[1]:
                await self.execute(statement)
        elif kind == "if":
            branch = node[2] if truth(await self.value(node[1])) else node[3]
            if branch is not None:
                await self.execute(branch)
        elif kind == "for":
            await self.loop(node)
        elif kind == "each":
            for key in list(self.array(node[2])):
                await self.assign(node[1], from_outside(key))
                if not await self.pass_through(node[3]):
                    break
        elif kind == "do":
            while await self.pass_through(node[1]) and truth(await self.value(node[2])):
                pass
        elif kind in ("print", "printf"):
            await self.output(node)
        elif kind == "next":
            raise Next
        elif kind == "nextfile":
            raise Next(file=True)
        elif kind == "exit":
            if node[1] is not None:
                self.exit_code = int(number(await self.value(node[1]))) & 255
            raise Exit
        elif kind == "return":
            raise Return(UNSET if node[1] is None else await self.value(node[1]))
        elif kind == "delete":
            if node[2] is None:
                self.array(node[1]).clear()
            else:
                self.array(node[1]).pop(await self.subscript(node[2]), None)
        elif kind == "break":
            raise Break
        else:
            raise Continue

    async def loop(self, node: Node) -> None:
        _, start, condition, step, body = node
        if start is not None:
            await self.execute(start)
        while condition is None or truth(await self.value(condition)):
            if not await self.pass_through(body):
                break
            if step is not None:
                await self.execute(step)

    async def pass_through(self, body: Node) -> bool:
        """Once through a loop's body; False after break."""
        await self.process.breathe()
        try:
            await self.execute(body)
        except Continue:
            pass
        except Break:
            return False
        return True

    async def output(self, node: Node) -> None:
        kind, expressions, redirect, target = node
        if kind == "printf":
            values = [await self.value(expression) for expression in expressions]
            line = sprintf(self.text(values[0]), values[1:])
        elif expressions:
            shown = []
            for expression in expressions:
                value = await self.value(expression)
                shown.append(value if isinstance(value, str) else text(value, self.globals["OFMT"]))
            line = text(self.globals["OFS"]).join(shown) + text(self.globals["ORS"])
        else:
            line = self.whole() + text(self.globals["ORS"])
        output = self.streams.stdout
        if redirect:
            output = await self.streams.output(redirect, self.text(await self.value(target)))
        await output.write(encode(line))
        if output is not self.streams.stdout and output.file.name == self.process.stderr.name:
            await output.flush()

    # expressions

    async def value(self, node: Node) -> Value:
        return await self.handlers[node[0]](node)

    async def on_number(self, node: Node) -> Value:
        result: float = node[1]
        return result

    async def on_string(self, node: Node) -> Value:
        result: str = node[1]
        return result

    async def on_group(self, node: Node) -> Value:
        return await self.value(node[1])

    async def on_regex(self, node: Node) -> Value:
        return 1.0 if await long_texts.search(self.process, self.pattern(node[1]), self.whole()) else 0.0

    async def on_name(self, node: Node) -> Value:
        name = node[1]
        if name == "NF" and self.fields is None:
            self.split()
        value = self.scope(name).get(name, UNSET)
        if isinstance(value, Untyped):
            return UNSET
        if isinstance(value, dict):
            raise Fatal(f"attempt to use array `{name}' in a scalar context")
        result: Value = value
        return result

    async def on_field(self, node: Node) -> Value:
        return self.field(int(number(await self.value(node[1]))))

    async def on_element(self, node: Node) -> Value:
        subscript = await self.subscript(node[2])
        return self.array(node[1]).setdefault(subscript, UNSET)

    async def on_in(self, node: Node) -> Value:
        subscript = await self.subscript(node[1])
        return float(subscript in self.array(node[2]))

    async def on_grouping(self, node: Node) -> Value:
        raise Fatal("syntax error: a list of expressions is no value")

    async def on_assign(self, node: Node) -> Value:
        _, target, operator, expression = node
        value = await self.value(expression)
        if operator != "=":
            value = self.arithmetic(operator[0], await self.value(target), value)
        await self.assign(target, value)
        return value

    async def on_ternary(self, node: Node) -> Value:
        return await self.value(node[2] if truth(await self.value(node[1])) else node[3])

    async def on_or(self, node: Node) -> Value:
        return float(truth(await self.value(node[1])) or truth(await self.value(node[2])))

    async def on_and(self, node: Node) -> Value:
        return float(truth(await self.value(node[1])) and truth(await self.value(node[2])))

    async def on_not(self, node: Node) -> Value:
        return float(not truth(await self.value(node[1])))

    async def on_negative(self, node: Node) -> Value:
        return -number(await self.value(node[1]))

    async def on_positive(self, node: Node) -> Value:
        return number(await self.value(node[1]))

    async def on_match(self, node: Node) -> Value:
        _, left, right, negated = node
        subject = self.text(await self.value(left))
        found = await long_texts.search(self.process, self.pattern(await self.regex_of(right)), subject)
        return float((found is not None) != negated)

    async def on_compare(self, node: Node) -> Value:
        _, left, operator, right = node
        one, other = await self.value(left), await self.value(right)
        order = compare(one, other)
        if isinstance(one, float) and isinstance(other, float) and (one != one or other != other):
            return float(operator == "!=")
        return float(
            {"<": order < 0, "<=": order <= 0, "==": order == 0, "!=": order != 0, ">": order > 0, ">=": order >= 0}[
                operator
            ]
        )

    async def on_concat(self, node: Node) -> Value:
        left = self.text(await self.value(node[1]))
        result = left + self.text(await self.value(node[2]))
        if len(result) > 1 << 20:
            self.process.use_memory(len(result))
            if len(result) > MOST:
                raise Fatal("out of memory")
        return result

    async def on_arithmetic(self, node: Node) -> Value:
        left = await self.value(node[2])
        return self.arithmetic(node[1], left, await self.value(node[3]))

    def arithmetic(self, operator: str, left: Value, right: Value) -> float:
        a, b = number(left), number(right)
        try:
            if operator == "+":
                return a + b
            if operator == "-":
                return a - b
            if operator == "*":
                return a * b
            if operator == "^":
                power = a**b
                return power if isinstance(power, float) else math.nan
            if b == 0:
                raise Fatal("division by zero" + (" in %" if operator == "%" else ""))
            return a / b if operator == "/" else math.fmod(a, b)
        except (OverflowError, ZeroDivisionError):
            return math.inf
        except ValueError:
            return math.nan

    async def on_step(self, node: Node) -> Value:
        _, target, operator, before = node
        old = number(await self.value(target))
        new = old + (1 if operator == "++" else -1)
        await self.assign(target, new)
        return new if before else old

    async def on_getline(self, node: Node) -> Value:
        _, kind, target, source = node
        if kind:
            records = await self.streams.input(kind, self.text(await self.value(source)))
            if records is None:
                return -1.0
            if records.waits():
                await self.streams.flush()
            try:
                record = await records.record(text(self.globals["RS"]))
            except IsADirectoryError:
                return -1.0
            if record is not None and kind == "|":
                self.globals["NR"] = number(self.globals["NR"]) + 1
        else:
            record = await self.main_record()
        if record is None:
            return 0.0
        if target is None:
            self.set_record(record)
        else:
            await self.assign(target, from_outside(record))
        return 1.0

    async def on_call(self, node: Node) -> Value:
        _, name, expressions = node
        function = self.tree.functions[name]
        if len(expressions) > len(function.parameters):
            raise Fatal(f"function `{name}' called with more arguments than declared")
        frame: dict[str, Any] = dict.fromkeys(function.parameters, UNSET)
        for parameter, expression in zip(function.parameters, expressions, strict=False):
            if expression[0] == "name":
                scope = self.scope(expression[1])
                given = scope.get(expression[1], UNSET)
                unset = given is UNSET or isinstance(given, Untyped)
                frame[parameter] = Untyped(scope, expression[1]) if unset and expression[1] != "NF" else given
                if expression[1] == "NF":
                    frame[parameter] = await self.value(expression)
            else:
                frame[parameter] = await self.value(expression)
        if len(self.frames) > 60:
            raise Fatal("function calls are nested too deeply")
        self.frames.append(frame)
        try:
            await self.process.breathe()
            await self.execute(function.body)
        except Return as result:
            return result.value
        finally:
            self.frames.pop()
        return UNSET

    # built-in functions

    def pattern(self, regex: str) -> Pattern:
        try:
            return regular_expressions.compile(regex, awk=True)
        except regular_expressions.BadPattern as error:
            raise Fatal(f"invalid regular expression /{regex}/: {error}") from None

    async def regex_of(self, node: Node) -> str:
        """A pattern as it is written, or the value of an expression used as one."""
        return str(node[1]) if node[0] == "regex" else self.text(await self.value(node))

    async def on_builtin(self, node: Node) -> Value:
        _, name, expressions = node
        special = getattr(self, f"special_{name}", None)
        if special is not None:
            result: Value = await special(expressions)
            return result
        values = [await self.value(expression) for expression in expressions]
        try:
            return self.plain(name, values)
        except IndexError:
            raise Fatal(f"not enough arguments to {name}()") from None
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    def plain(self, name: str, values: list[Value]) -> Value:
        if name == "substr":
            return self.substr(values)
        if name == "index":
            return float(self.text(values[0]).find(self.text(values[1])) + 1)
        if name in ("tolower", "toupper"):
            subject = self.text(values[0])
            return subject.lower() if name == "tolower" else subject.upper()
        if name == "sprintf":
            return sprintf(self.text(values[0]), values[1:])
        if name == "rand":
            return self.dice.random()
        if name == "srand":
            before, self.seed = self.seed, number(values[0]) if values else float(int(clock.now()))
            self.dice.seed(self.seed if values else ids.integer(0, 1 << 60))
            return before
        if name == "systime":
            return float(int(clock.now()))
        if name == "strftime":
            from minikube_edu.container_runtime.simulated.tools.date import formatted

            layout = self.text(values[0]) if values else "%a %b %e %H:%M:%S %Z %Y"
            moment = number(values[1]) if len(values) > 1 else clock.now()
            return formatted(layout, moment, self.process.env.get("TZ", ""))
        if name in ("and", "or", "xor", "lshift", "rshift"):
            a, b = int(number(values[0])), int(number(values[1]))
            return float({"and": a & b, "or": a | b, "xor": a ^ b, "lshift": a << min(b, 64), "rshift": a >> b}[name])
        if name == "compl":
            return float(~int(number(values[0])) & ((1 << 53) - 1))
        if name == "strtonum":
            subject = self.text(values[0]).strip()
            return float(int(subject, 16)) if subject[:2].lower() == "0x" else number(values[0])
        if name == "atan2":
            return math.atan2(number(values[0]), number(values[1]))
        argument = number(values[0])
        if name == "int":
            return float(math.trunc(argument)) if math.isfinite(argument) else argument
        if name == "log" and argument == 0:
            return -math.inf
        function: Callable[[float], float] = getattr(math, name)
        return function(argument)

    def substr(self, values: list[Value]) -> str:
        subject = self.text(values[0])
        start = number(values[1])
        length = number(values[2]) if len(values) > 2 else math.inf
        if math.isnan(start) or math.isnan(length):
            return ""
        first = max(1.0, rounded(start))  # as mawk and busybox do: what lies before the beginning is not counted
        last = min(first + rounded(length), len(subject) + 1) if math.isfinite(length) else len(subject) + 1
        return subject[int(max(first, 1)) - 1 : max(int(last) - 1, 0)] if first <= len(subject) else ""

    async def special_length(self, expressions: list[Node]) -> Value:
        if not expressions:
            return float(len(self.whole()))
        node = expressions[0]
        if node[0] == "name":
            value = self.scope(node[1]).get(node[1], UNSET)
            if isinstance(value, dict):
                return float(len(value))
            if isinstance(value, Untyped) and isinstance(value.scope.get(value.name), dict):
                return float(len(self.array(node[1])))
        return float(len(self.text(await self.value(node))))

    async def special_split(self, expressions: list[Node]) -> Value:
        subject = self.text(await self.value(expressions[0]))
        array = self.array(expressions[1][1])
        if len(expressions) > 2:
            separator = await self.regex_of(expressions[2])
            if expressions[2][0] == "regex" and len(separator) == 1 and separator == " ":
                separator = "[ ]"
        else:
            separator = text(self.globals["FS"])
        pieces = fields(subject, separator)
        array.clear()
        for index, piece in enumerate(pieces, 1):
            array[str(index)] = from_outside(piece)
        return float(len(pieces))

    async def special_match(self, expressions: list[Node]) -> Value:
        subject = self.text(await self.value(expressions[0]))
        found = await long_texts.search(self.process, self.pattern(await self.regex_of(expressions[1])), subject)
        self.globals["RSTART"] = float(found.start() + 1) if found else 0.0
        self.globals["RLENGTH"] = float(found.end() - found.start()) if found else -1.0
        if len(expressions) > 2 and found:
            array = self.array(expressions[2][1])
            array.clear()
            array["0"] = from_outside(found.group(0) or "")
            index = 1
            while index <= self.pattern(await self.regex_of(expressions[1])).groups:
                array[str(index)] = from_outside(found.group(index) or "")
                index += 1
        return float(self.globals["RSTART"])

    async def special_sub(self, expressions: list[Node]) -> Value:
        return await self.substitute(expressions, 1)

    async def special_gsub(self, expressions: list[Node]) -> Value:
        return await self.substitute(expressions, 0)

    async def substitute(self, expressions: list[Node], most: int) -> float:
        if len(expressions) < 2:
            raise Fatal("not enough arguments to sub()")
        pattern = self.pattern(await self.regex_of(expressions[0]))
        replacement = self.text(await self.value(expressions[1]))
        target: Node = expressions[2] if len(expressions) > 2 else ("field", ("number", 0.0))
        subject = self.text(await self.value(target))
        parts = replacement_parts(replacement)
        result, count = await replaced(self.process, pattern, parts, subject, most)
        if count and target[0] in ("name", "field", "element"):
            if len(result) > MOST:
                raise Fatal("out of memory")
            await self.assign(target, result)
        return float(count)

    async def special_gensub(self, expressions: list[Node]) -> Value:
        pattern = self.pattern(await self.regex_of(expressions[0]))
        replacement = self.text(await self.value(expressions[1]))
        how = self.text(await self.value(expressions[2]))
        subject = self.text(await self.value(expressions[3])) if len(expressions) > 3 else self.whole()
        parts = replacement_parts(replacement, groups=True)
        if how[:1] in ("g", "G"):
            return (await replaced(self.process, pattern, parts, subject, 0))[0]
        return (await replaced(self.process, pattern, parts, subject, 1, which=max(1, int(number(how)))))[0]

    async def special_system(self, expressions: list[Node]) -> Value:
        return await self.streams.system(self.text(await self.value(expressions[0])))

    async def special_close(self, expressions: list[Node]) -> Value:
        return await self.streams.close(self.text(await self.value(expressions[0])))

    async def special_fflush(self, expressions: list[Node]) -> Value:
        await self.streams.flush()
        return 0.0

    async def special_asort(self, expressions: list[Node]) -> Value:
        values = sorted(
            self.array(expressions[0][1]).values(),
            key=lambda value: (
                isinstance(value, str) and not isinstance(value, Looks),
                number(value) if not isinstance(value, str) or isinstance(value, Looks) else 0,
                text(value),
            ),
        )
        return self.numbered(expressions, values)

    async def special_asorti(self, expressions: list[Node]) -> Value:
        return self.numbered(expressions, sorted(self.array(expressions[0][1])))

    def numbered(self, expressions: list[Node], values: list[Any]) -> float:
        target = self.array(expressions[-1][1])
        target.clear()
        target.update({str(index): value for index, value in enumerate(values, 1)})
        return float(len(values))


def rounded(value: float) -> float:
    """To the nearest, halves to even: what substr does with its numbers."""
    return float(round(value)) if math.isfinite(value) else value


def replacement_parts(replacement: str, groups: bool = False) -> list[str | int]:
    """Texts and group numbers: & is the match, \\& is an ampersand."""
    parts: list[str | int] = []
    for found in re.finditer(r"\\(.)|&|[^\\&]+|\\", replacement, re.DOTALL):
        if found[0] == "&":
            parts.append(0)
        elif found[1] and (found[1] in "&\\"):
            parts.append(found[1])
        elif found[1] and groups and found[1].isdigit():
            parts.append(int(found[1]))
        else:
            parts.append(found[0])
    return parts


async def replaced(
    process: Process, pattern: Pattern, parts: list[str | int], subject: str, most: int, which: int = 1
) -> tuple[str, int]:
    result: list[str] = []
    position = copied = count = seen = 0
    previous_end = -1
    while position <= len(subject):
        match = await long_texts.search(process, pattern, subject, position)
        if match is None:
            break
        start, end = match.start(), match.end()
        position = end if end > start else end + 1
        if start == end == previous_end:
            continue
        previous_end = end
        seen += 1
        if seen % 256 == 0:
            await process.breathe()
        if seen < which:
            continue
        result.append(subject[copied:start])
        result += [match.group(part) or "" if isinstance(part, int) else part for part in parts]
        copied = end
        count += 1
        if count == most:
            break
    return "".join(result) + subject[copied:], count
