"""echo, as each dialect has it, and printf."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.shell import arithmetic
from minikube_edu.container_runtime.simulated.shell.formats import escapes, shell_quoted
from minikube_edu.container_runtime.simulated.tools.steps import taken

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Builtin, Shell

_DIRECTIVE = re.compile(r"%([-+ #0']*)(\*|\d+)?(?:\.(\*|-?\d+)?)?((?:hh|h|ll|l|L|j|z|t)?)(\([^)]*\)T|.)?", re.DOTALL)


async def echo(shell: Shell, argv: list[str]) -> int:
    newline, interpret = True, shell.dialect.dash
    words = argv[1:]
    if shell.dialect.dash:
        if words and words[0] == "-n":
            newline = False
            del words[0]
    else:
        interpret = shell.shopt.get("xpg_echo", False)
        while words and re.fullmatch(r"-[neE]+", words[0]):
            for letter in words.pop(0)[1:]:
                if letter == "n":
                    newline = False
                elif letter == "e" or shell.dialect.bash:
                    interpret = letter == "e"
    text = " ".join(words)
    if interpret and "\\" in text:
        text, stopped = escapes(text, bash=shell.dialect.bash, hexadecimal=not shell.dialect.dash)
        newline = newline and not stopped
    await shell.write(text + "\n" if newline else text)
    return 0


class Printer:
    """One call of printf: the format is used again while there are arguments."""

    def __init__(self, shell: Shell, words: list[str]) -> None:
        self.shell = shell
        self.words = words
        self.place = 0
        self.out: list[str] = []
        self.size = 0
        self.code = 0
        self.errors: list[str] = []
        self.stopped = False

    def next(self) -> str | None:
        if self.place < len(self.words):
            self.place += 1
            return self.words[self.place - 1]
        return None

    def add(self, text: str) -> None:
        self.out.append(text)
        self.size += len(text)

    def run(self, form: str) -> Generator[None, None, None]:
        while True:
            before = self.place
            self._once(form)
            yield
            if self.stopped or self.place >= len(self.words) or self.place == before or self.size > 1 << 26:
                return

    def _once(self, form: str) -> None:
        position = 0
        for found in _DIRECTIVE.finditer(form):
            self._literal(form[position : found.start()])
            position = found.end()
            self._directive(found)
            if self.stopped:
                return
        self._literal(form[position:])

    def _literal(self, text: str) -> None:
        if text and not self.stopped:
            shown, stopped = escapes(text, zero_octal=False, bash=self.shell.dialect.bash, hexadecimal=True)
            self.stopped = stopped and not self.shell.dialect.bash
            self.add(shown)

    def _directive(self, found: re.Match[str]) -> None:
        flags, width, precision, _, kind = found.groups()
        if kind == "%":
            self.add("%")
            return
        if not kind or not (kind in "diouxXeEfFgGaAcsbq" or (kind.endswith("T") and self.shell.dialect.bash)):
            self.code = 2 if self.shell.dialect.dash else 1
            self.stopped = True
            shown = found[0]
            if self.shell.dialect.bash:
                self.errors.append(
                    f"`{shown[-1]}': invalid format character" if kind else f"`{shown}': missing format character"
                )
            else:
                self.errors.append(
                    f"{shown}: invalid directive" if self.shell.dialect.dash else f"{shown}: invalid format"
                )
            return
        if width == "*":
            number = self._number(self.next() or "0")
            if number < 0:
                flags, number = flags + "-", -number
            width = str(number)
        if precision == "*":
            number = self._number(self.next() or "0")
            precision = None if number < 0 else str(number)
        elif precision is None and "." in found[0]:
            precision = "0"
        self._formatted(
            flags, min(int(width or 0), 1 << 20), None if precision is None else min(int(precision), 1 << 20), kind
        )

    def _formatted(self, flags: str, width: int, precision: int | None, kind: str) -> None:
        word = self.next()
        if kind in "sbq":
            text = word or ""
            if kind == "b":
                text, self.stopped = escapes(text, bash=self.shell.dialect.bash and False, hexadecimal=True)
            elif kind == "q":
                text = shell_quoted(text)
            if precision is not None:
                text = text[:precision]
        elif kind == "c":
            text = (word or "")[:1]
        elif kind.endswith("T"):
            text = self._time(kind[1:-2], word)
        elif kind in "diouxX":
            text = self._integer(flags, precision, kind, self._number(word) if word is not None else 0)
            if precision is not None:
                flags = flags.replace("0", "")
        else:
            text = self._real(flags, precision, kind, word)
        self.add(_padded(text, flags, width, kind not in "sbqc"))

    def _integer(self, flags: str, precision: int | None, kind: str, number: int) -> str:
        if kind in "di":
            digits, sign = str(abs(number)), "-" if number < 0 else ""
        else:
            sign = ""
            number %= 1 << 64
            digits = {"o": f"{number:o}", "x": f"{number:x}", "X": f"{number:X}"}.get(kind, str(number))
        if precision is not None:
            digits = "" if precision == 0 and number == 0 else digits.rjust(precision, "0")
        if "#" in flags and number:
            digits = {"o": "0", "x": "0x", "X": "0X"}.get(kind, "") + digits
        if kind in "di" and not sign:
            sign = "+" if "+" in flags else " " if " " in flags else ""
        return sign + digits

    def _real(self, flags: str, precision: int | None, kind: str, word: str | None) -> str:
        try:
            number = float(self._character(word) if word and word[0] in "'\"" else (word or "0").strip() or "0")
        except ValueError:
            prefix = re.match(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", word or "")
            self._complain_number(word or "", prefix is None)
            number = float(prefix[0]) if prefix else 0.0
        if kind in "aA":
            text = number.hex()
            return text.upper() if kind == "A" else text
        sign = "+" if "+" in flags else " " if " " in flags else ""
        alternate = "#" if "#" in flags else ""
        return f"{number:{sign}{alternate}.{6 if precision is None else precision}{kind}}"

    @staticmethod
    def _character(word: str) -> int:
        return ord(word[1]) if len(word) > 1 else 0

    def _number(self, word: str) -> int:
        if word and word[0] in "'\"":
            return self._character(word)
        text = word.strip()
        found = re.match(r"([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)", text)
        if found is None:
            if text or not self.shell.dialect.bash:
                self._complain_number(word, True)
            return 0
        number = (
            arithmetic.literal(found[2])
            if len(found[2]) < 19
            else int(found[2], 0 if found[2][0] != "0" else 8 if found[2][1:2] not in "xX" else 16)
        )
        if found.end() != len(text):
            self._complain_number(word, False)
            if self.shell.dialect.busybox:
                return 0
        return -number if found[1] == "-" else number

    def _complain_number(self, word: str, nothing: bool) -> None:
        self.code = 1
        if self.shell.dialect.bash:
            self.errors.append(f"{word}: invalid number")
        elif self.shell.dialect.dash:
            self.errors.append(f"{word}: expected numeric value" if nothing else f"{word}: not completely converted")
        else:
            self.errors.append(f"invalid number '{word}'")

    @staticmethod
    def _time(form: str, word: str | None) -> str:
        import time

        from minikube_edu.lib import clock

        moment = clock.now() if word in (None, "-1", "-2") else float(word or 0)
        return time.strftime(form or "%X", time.gmtime(moment))


def _padded(text: str, flags: str, width: int, numeric: bool) -> str:
    if len(text) >= width:
        return text
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and numeric:
        sign = text[:1] if text[:1] in ("+", "-", " ") else ""
        rest = text[len(sign) :]
        if rest[:2] in ("0x", "0X"):
            return sign + rest[:2] + rest[2:].rjust(width - len(sign) - 2, "0")
        return sign + rest.rjust(width - len(sign), "0")
    return text.rjust(width)


async def printf(shell: Shell, argv: list[str]) -> int:
    words = argv[1:]
    target = None
    if shell.dialect.bash and words[:1] == ["-v"] and len(words) > 1:
        target = words[1]
        words = words[2:]
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        if shell.dialect.bash:
            await shell.write_error("printf: usage: printf [-v var] format [arguments]\n")
        elif shell.dialect.dash:
            await shell.complain("usage: printf format [arg ...]", "printf")
        else:
            await shell.write_error("BusyBox v1.36.1 () multi-call binary.\n\nUsage: printf FORMAT [ARG]...\n")
        return 1 if shell.dialect.busybox else 2
    printer = Printer(shell, words[1:])
    await taken(shell.process, printer.run(words[0]))
    text = "".join(printer.out)
    from minikube_edu.container_runtime.simulated.shell.formats import join_octets

    text = join_octets(text)
    for error in printer.errors:
        await shell.complain(error, "" if shell.dialect.busybox else "printf")
    if target is None:
        await shell.write(text)
    elif target.endswith("]"):
        name, _, index = target[:-1].partition("[")
        shell.set_element(name, index, text)
    else:
        shell.variables.set(target, text)
    return printer.code


POSIX: dict[str, Builtin] = {"echo": echo, "printf": printf}
