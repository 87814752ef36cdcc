"""python3, perl, node, ruby, java, go: not simulated, and they say so, with the few exceptions that tutorials need.

- `perl -Mbignum=bpi -wle 'print bpi(2000)'`: the Job of Kubernetes' documentation, pi to N digits.
- `perl -e 'print "…"'` and `python3 -c 'print(…)'` of literals (numbers, strings, + - * / % of them): evaluated by a
  walk over the syntax tree that knows nothing but literals. No code of the user is ever run.
- `python3 -m http.server` is a server of ours (`programs.interpreters`), in every image that has a Python.
"""

from __future__ import annotations

import ast
import re

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.streams import decode

COMMANDS = {
    "perl": "perl",
    "python3": "python3",
    "python": "python3",
    "node": "unsimulated",
    "ruby": "unsimulated",
    "java": "unsimulated",
    "go": "unsimulated",
    "php": "unsimulated",
    "gcc": "unsimulated",
    "make": "unsimulated",
}
VERSIONS = {
    "node": "v22.14.0",
    "ruby": "ruby 3.4.2",
    "java": 'openjdk version "21.0.6"',
    "go": "go version go1.24.1 linux/amd64",
    "php": "PHP 8.4.4 (cli)",
    "gcc": "gcc (Debian 12.2.0-14) 12.2.0",
    "make": "GNU Make 4.3",
}
MOST_DIGITS = 20_000


async def unsimulated(process: Process) -> int:
    if process.argv[1:] in (["--version"], ["-v"], ["-version"], ["version"]) and process.name in VERSIONS:
        await process.print(VERSIONS[process.name])
        return 0
    await process.complain("this program is not simulated: containers of minikube_edu run no foreign code")
    return 127


async def pi(process: Process, digits: int) -> str:
    """pi with `digits` significant digits, rounded: Machin's formula on integers."""
    scale: int = 10 ** (digits + 10)

    async def arctangent(inverse: int) -> int:
        total: int = scale // inverse
        term = total
        square, divisor, sign = inverse * inverse, 1, 1
        while term:
            term //= square
            divisor += 2
            sign = -sign
            total += sign * (term // divisor)
            await process.breathe()
        return total

    value = 4 * (4 * await arctangent(5) - await arctangent(239))
    value = (value + 5 * 10**10) // 10**11  # digits - 1 places
    text = decimal_text(value)
    return text[0] + ("." + text[1:] if len(text) > 1 else "")


def decimal_text(value: int) -> str:
    """str() of a big number; the interpreter's own limit for that is 4300 digits."""
    if value < 10**4000:
        return str(value)
    half = value.bit_length() * 30103 // 200000
    high, low = divmod(value, 10**half)
    return decimal_text(high) + decimal_text(low).rjust(half, "0")


async def perl(process: Process) -> int:
    words = process.argv[1:]
    if words in (["-v"], ["--version"]):
        await process.print("\nThis is perl 5, version 40, subversion 1 (v5.40.1) built for x86_64-linux-gnu\n")
        return 0
    bignum = any(word.startswith("-Mbignum") for word in words)
    flags = [index for index, word in enumerate(words) if re.fullmatch(r"-[wlnE]*[eE]", word)]
    source = words[flags[0] + 1] if flags and flags[0] + 1 < len(words) else ""
    newline = "\n" if flags and ("l" in words[flags[0]] or "E" in words[flags[0]]) else ""
    wanted = re.fullmatch(r"\s*print\s*\(?\s*bpi\s*\(\s*(\d+)\s*\)\s*\)?\s*;?\s*", source)
    if bignum and wanted:
        await process.print(await pi(process, max(1, min(int(wanted[1]), MOST_DIGITS))), end=newline)
        return 0
    simple = re.fullmatch(
        r"""\s*(?:print|say)\s*\(?\s*("(?:[^"\\$@]|\\.)*"|'(?:[^'\\]|\\.)*'|[-\d+*/.() ]+)\s*\)?\s*;?\s*""", source
    )
    if simple:
        text = simple[1]
        if text[0] in "'\"":
            shown = re.sub(
                r"\\(.)",
                lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]) if text[0] == '"' else found[0],
                text[1:-1],
            )
        else:
            try:
                value = evaluate(ast.parse(text.strip(), mode="eval").body)
            except (ValueError, SyntaxError, ArithmeticError):
                return await unsimulated(process)
            shown = f"{value:.15g}" if isinstance(value, float) else str(value)
        await process.print(shown, end=newline or ("\n" if "say" in source[:5] else ""))
        return 0
    return await unsimulated(process)


class Unknown(ValueError):
    """Something that is no literal."""


def evaluate(node: ast.expr) -> object:
    """Literals and arithmetic of numbers; nothing else, and nothing big."""
    if isinstance(node, ast.Constant) and not isinstance(node.value, bytes | type(...)):
        return node.value
    if isinstance(node, ast.Tuple | ast.List):
        items = [evaluate(item) for item in node.elts]
        return tuple(items) if isinstance(node, ast.Tuple) else items
    if isinstance(node, ast.Dict):
        return {
            evaluate(key): evaluate(value) for key, value in zip(node.keys, node.values, strict=True) if key is not None
        }
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = evaluate(node.operand)
        if isinstance(value, int | float):
            return -value
    if isinstance(node, ast.BinOp):
        left, right = evaluate(node.left), evaluate(node.right)
        if isinstance(left, str) and isinstance(right, str) and isinstance(node.op, ast.Add):
            return left + right
        if (
            isinstance(left, str)
            and isinstance(right, int)
            and isinstance(node.op, ast.Mult)
            and len(left) * right < 100_000
        ):
            return left * right
        if isinstance(left, int | float) and isinstance(right, int | float):
            return calculated(node.op, left, right)
    raise Unknown(ast.dump(node))


def calculated(operator: ast.operator, left: float, right: float) -> float:
    if max(abs(left), abs(right)) > 1e100:
        raise Unknown("too big")
    if isinstance(operator, ast.Add):
        return left + right
    if isinstance(operator, ast.Sub):
        return left - right
    if isinstance(operator, ast.Mult):
        return left * right
    if isinstance(operator, ast.Div):
        return left / right
    if isinstance(operator, ast.FloorDiv):
        return left // right
    if isinstance(operator, ast.Mod):
        return left % right
    if isinstance(operator, ast.Pow) and abs(right) <= 1000 and abs(left) <= 1000:
        power: float = left**right
        return power
    raise Unknown("operator")


async def python3(process: Process) -> int:
    words = process.argv[1:]
    if words in (["--version"], ["-V"], ["-VV"]):
        await process.print("Python 3.13.2")
        return 0
    flags = [word for word in words if word not in ("-u", "-B", "-s", "-E")]
    if flags[:2] == ["-m", "http.server"]:
        from minikube_edu.container_runtime.simulated.programs.interpreters import http_server

        return await http_server(process, flags[2:])
    if len(words) >= 2 and words[0] == "-c":
        lines = await printed(words[1])
        if lines is not None:
            for line in lines:
                await process.print(line)
            return 0
    elif not words and not process.stdin.is_terminal():
        lines = await printed(decode(b"".join(await process.lines())))
        if lines is not None:
            for line in lines:
                await process.print(line)
            return 0
    return await unsimulated(process)


async def printed(source: str) -> list[str] | None:
    """What a program of nothing but print() of literals prints; None when it is another program."""
    if len(source) > 10_000:
        return None
    try:
        tree = ast.parse(source)
        lines = []
        for statement in tree.body:
            call = statement.value if isinstance(statement, ast.Expr) else None
            if not (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Name)
                and call.func.id == "print"
                and not call.keywords
            ):
                return None
            lines.append(" ".join(str(evaluate(argument)) for argument in call.args))
    except (ValueError, SyntaxError, ArithmeticError, RecursionError, TypeError):
        return None
    return lines
