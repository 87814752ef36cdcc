"""echo, printf, true, false, expr's little sisters: words to standard output.

`printf` follows POSIX: the format is used again until the arguments are used up; a bad number is complained about and
counts as far as it could be read. The shell's builtin is its own; this one runs as `command: ["printf", …]`.
"""

from __future__ import annotations

import re

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, program
from minikube_edu.container_runtime.simulated.tools.streams import encode

ESCAPES = {"a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
ESCAPE = re.compile(r"\\(?:([abefnrtv\\\"'])|0?([0-7]{1,3})|x([0-9a-fA-F]{1,2})|c)")
WIDEST = 1 << 20


class Enough(Exception):
    """\\c: nothing more is written."""

    def __init__(self, before: bytes) -> None:
        self.before = before


def unescaped(text: str, octal_needs_zero: bool = False) -> bytes:
    result = b""
    position = 0
    pattern = re.compile(ESCAPE.pattern.replace("0?([0-7]{1,3})", "0([0-7]{0,3})")) if octal_needs_zero else ESCAPE
    for found in pattern.finditer(text):
        result += encode(text[position : found.start()])
        position = found.end()
        if found[0] == "\\c":
            raise Enough(result)
        if found[1]:
            result += encode(ESCAPES.get(found[1], found[0] if found[1] == "'" else found[1]))
        elif found[2] is not None:
            result += bytes([int(found[2] or "0", 8) & 255])
        else:
            result += bytes([int(found[3], 16)])
    return result + encode(text[position:])


async def echo(process: Process) -> int:
    words = process.argv[1:]
    newline, escapes = True, False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        for letter in words.pop(0)[1:]:
            newline &= letter != "n"
            escapes = letter == "e" or (escapes and letter != "E")
    text = " ".join(words)
    try:
        data = unescaped(text, octal_needs_zero=True) if escapes else encode(text)
    except Enough as enough:
        data, newline = enough.before, False
    await process.stdout.write(data + (b"\n" if newline else b""))
    return 0


async def true(process: Process) -> int:
    return 0


async def false(process: Process) -> int:
    return 1


DIRECTIVE = re.compile(r"%(?:%|([-+ #0']*)(\*|\d+)?(?:\.(\*|\d*))?[hlLqjzt]*([a-zA-Z]))")


class Printer:
    def __init__(self, process: Process, words: list[str]) -> None:
        self.process, self.words = process, words
        self.position = 0
        self.code = 0
        self.complaints: list[str] = []

    def next(self) -> str | None:
        if self.position < len(self.words):
            self.position += 1
            return self.words[self.position - 1]
        return None

    def number(self) -> int:
        text = self.next()
        if text is None or text == "":
            if text == "":
                self.bad(text)
            return 0
        if text[0] in "'\"":
            return ord(text[1]) if len(text) > 1 else 0
        found = re.match(r"\s*([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)", text)
        if not found:
            self.bad(text)
            return 0
        if found.end() != len(text):
            self.bad(text, "value not completely converted")
        digits = found[2]
        value = int(digits, 16 if digits[:2] in ("0x", "0X") else 8 if digits.startswith("0") else 10)
        return -value if found[1] == "-" else value

    def real(self) -> float:
        text = self.next()
        if not text:
            return 0.0
        if text[0] in "'\"":
            return float(ord(text[1])) if len(text) > 1 else 0.0
        found = re.match(r"\s*[-+]?(\d+\.?\d*([eE][-+]?\d+)?|\.\d+([eE][-+]?\d+)?|inf|nan)", text)
        if not found:
            self.bad(text)
            return 0.0
        if found.end() != len(text):
            self.bad(text, "value not completely converted")
        return float(found[0])

    def bad(self, text: str, words: str = "expected a numeric value") -> None:
        self.code = 1
        if is_busybox(self.process):
            self.complaints.append(f"invalid number '{text}'")
        else:
            self.complaints.append(f"'{text}': {words}")

    def size(self, text: str | None) -> str:
        if text == "*":
            text = str(self.number())
        if text and abs(int(text)) > WIDEST:
            raise Complaint(f"{text}: Value too large for defined data type")
        return text or ""

    def once(self, template: str) -> bytes:
        result = b""
        position = 0
        try:
            for found in DIRECTIVE.finditer(template):
                result += unescaped(template[position : found.start()])
                position = found.end()
                result += self.one(found)
            return result + unescaped(template[position:])
        except Enough as enough:
            raise Enough(result + enough.before) from None

    def one(self, found: re.Match[str]) -> bytes:
        if found[0] == "%%":
            return b"%"
        flags = found[1].replace("'", "")
        width = self.size(found[2])
        if width.startswith("-"):
            flags, width = flags + "-", width[1:]
        precision = None if found[3] is None else self.size(found[3]) or "0"
        if precision is not None and precision.startswith("-"):
            precision = None
        kind = found[4]
        head = f"%{flags}{width}" + ("" if precision is None else f".{precision}")
        if kind in "sb":
            data = encode(self.next() or "")
            if kind == "b":
                data = unescaped(data.decode("utf-8", "surrogateescape"), octal_needs_zero=False)
            data = data if precision is None else data[: int(precision)]
            count = int(width or 0)
            return data.ljust(count) if "-" in flags else data.rjust(count)
        if kind == "c":
            letter = (self.next() or "")[:1]
            return encode(f"%{flags.replace('0', '')}{width}s" % letter)
        if kind in "diouxX":
            value = self.number()
            value = value & (1 << 64) - 1 if kind in "ouxX" and value < 0 else value
            text = (head + {"i": "d", "u": "d"}.get(kind, kind)) % value
            if kind == "o" and "#" in flags:
                text = text.replace("0o", "0")
            return encode(text)
        if kind in "eEfFgG":
            return encode((head + kind) % self.real())
        raise Complaint(f"%{kind}: invalid directive" if not is_busybox(self.process) else f"%{kind}: invalid format")


@program("printf FORMAT [ARG]...")
async def printf(process: Process) -> int:
    words = process.argv[1:]
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        raise Complaint("missing operand", usage=True)
    printer = Printer(process, words[1:])
    code = 0
    try:
        while True:
            before = printer.position
            await process.stdout.write(printer.once(words[0]))
            if printer.position >= len(printer.words) or printer.position == before:
                break
            await process.breathe()
    except Enough as enough:
        await process.stdout.write(enough.before)
    for complaint in printer.complaints:
        await process.complain(complaint)
        code = 1
    return code
