"""A sed program at work: pattern space, hold space, and the lines that come in and go out.

The file is long because every command of sed is a small method over the same two spaces.
"""

from __future__ import annotations

from collections.abc import Generator

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process
from minikube_edu.container_runtime.simulated.tools import long_texts
from minikube_edu.container_runtime.simulated.tools.arguments import is_busybox
from minikube_edu.container_runtime.simulated.tools.regular_expressions import Match, Pattern
from minikube_edu.container_runtime.simulated.tools.sed.script import Address, Command
from minikube_edu.container_runtime.simulated.tools.steps import taken
from minikube_edu.container_runtime.simulated.tools.streams import (
    LineReader,
    Output,
    Words,
    decode,
    encode,
    held,
    unopened,
)

MOST_SPACE = 4 << 20  # letters that the pattern space may have


class Quit(Exception):
    def __init__(self, code: int) -> None:
        self.code = code


class Editor:
    def __init__(self, process: Process, commands: list[Command], silent: bool, separate: bool, zero: bool) -> None:
        self.process, self.commands = process, commands
        self.silent, self.separate = silent, separate
        self.end = "\0" if zero else "\n"
        self.output = Output(process.stdout)
        self.names: list[str] = []
        self.reader: LineReader | None = None
        self.current: OpenFile | None = None
        self.name = "-"
        self.next_line: bytes | None = None
        self.line_number = 0
        self.pattern_space, self.hold_space = "", ""
        self.missing_newline = False
        self.appended: list[tuple[str, str]] = []
        self.last_pattern: Pattern | None = None
        self.replaced = False
        self.failed = False
        self.written: dict[str, Output] = {}
        self.read_files: dict[str, LineReader] = {}

    # lines in

    async def fetch(self) -> bytes | None:
        """The next line of all inputs; opens the next file when one has ended."""
        while True:
            if self.reader is None:
                if not self.names:
                    return None
                self.name = self.names.pop(0)
                try:
                    if self.name == "-":
                        self.current = self.process.stdin
                    else:
                        self.current = self.process.open(self.name)
                        if self.current.stat().mode & 0o170000 == 0o040000:
                            self.current = None
                            await self.process.complain(
                                f"couldn't edit {self.name}: not a regular file"
                                if self.separate
                                else f"read error on {self.name}: Is a directory"
                            )
                            self.failed = True
                            continue
                except OSError as error:
                    self.failed = True
                    words = Words("can't read {}")
                    await self.process.complain(unopened(self.process, self.name, error, words))
                    continue
                self.reader = LineReader(self.process, self.current, self.end.encode())
            if self.reader.waits():
                await self.output.flush()
            line = await self.reader.line()
            if line is not None:
                return line
            self.close()

    def close(self) -> None:
        if self.current is not None and self.name != "-":
            self.current.release()
        self.reader = self.current = None

    async def is_last(self) -> bool:
        if self.next_line is None and not (self.separate and self.reader is None):
            if self.separate:
                assert self.reader is not None
                self.next_line = await self.reader.line()
            else:
                self.next_line = await self.fetch()
        return self.next_line is None

    async def advance(self) -> bool:
        """The next line, without its end, to the pattern space."""
        line = self.next_line
        self.next_line = None
        if line is None:
            line = await self.fetch()
        if line is None:
            return False
        text = decode(line)
        self.missing_newline = not text.endswith(self.end)
        self.upcoming = text.removesuffix(self.end)
        self.line_number += 1
        return True

    # lines out

    async def show(self, text: str, whole: bool = True) -> None:
        await self.output.write(encode(text + ("" if self.missing_newline and whole else self.end)))

    async def show_appended(self) -> None:
        for kind, text in self.appended:
            if self.missing_newline:
                await self.output.write(b"\n")
            if kind == "text":
                await self.output.write(encode(text))
            elif kind == "line":
                reader = self.read_files.get(text)
                if reader is None:
                    try:
                        reader = self.read_files[text] = LineReader(self.process, self.process.open(text))
                    except OSError:
                        continue
                line = await reader.line()
                if line is not None:
                    await self.output.write(line.removesuffix(b"\n") + b"\n")
            else:
                try:
                    await self.output.write(
                        b"".join(await self.process.lines())
                        if text == "/dev/stdin"
                        else await self.process.read_file(text)
                    )
                except OSError:
                    pass  # a file that cannot be read is no error
        self.appended = []

    async def write_to(self, path: str, text: str) -> None:
        if path in ("/dev/stdout", "-"):
            await self.show(text)
            return
        if path == "/dev/stderr":
            await self.process.stderr.write(encode(text + "\n"))
            return
        await self.written[path].write(encode(text + "\n"))

    # the cycle

    async def run(self, names: list[str]) -> int:
        self.names = names
        for command in self.commands:
            for path in (command.text if command.name in "wW" else "", command.file):
                if path and path not in self.written and not path.startswith("/dev/std"):
                    self.written[path] = Output(self.process.open(path, "w"))
        code = 0
        try:
            while await self.advance():
                self.pattern_space = self.upcoming
                while await self.cycle():
                    pass  # D begins again without reading
                await self.process.breathe()
        except Quit as end:
            code = end.code
            if self.reader is not None and self.current is not None:
                if self.next_line:
                    self.reader.buffer.append(self.next_line)
                self.reader.give_back()
        await self.finish()
        return code or (0 if not self.failed else 1 if is_busybox(self.process) else 2)

    async def finish(self) -> None:
        await self.output.flush()
        for output in self.written.values():
            await output.flush()
        self.close()

    async def end_of_cycle(self) -> None:
        if not self.silent:
            await self.show(self.pattern_space)
        await self.show_appended()

    async def cycle(self) -> bool:
        """Once through the program; True when the next cycle must not read a line."""
        index = 0
        self.replaced = False
        steps = 0
        while index < len(self.commands):
            command = self.commands[index]
            index += 1
            steps += 1
            if steps % 64 == 0:
                await self.process.breathe()
            if (command.first is None or await self.selected(command)) == command.negated:
                if command.name == "{":
                    index = command.target
                continue
            name = command.name
            if name == "s":
                await self.substitute(command)
            elif name == "p":
                await self.show(self.pattern_space)
            elif name == "d":
                await self.show_appended()
                return False
            elif name == "b":
                index = command.target
            elif name in "tT":
                if self.replaced == (name == "t"):
                    index = command.target
                self.replaced = False
            elif name == "D":
                _head, newline, rest = self.pattern_space.partition("\n")
                await self.show_appended()
                self.pattern_space = rest
                return bool(newline)
            elif name == "n":
                if not await self.is_last() or not self.silent:
                    if await self.is_last():
                        await self.end_of_cycle()
                        raise Quit(0)
                    await self.end_of_cycle()
                if not await self.advance():
                    raise Quit(0)
                self.pattern_space = self.upcoming
            elif name == "N":
                if await self.is_last():
                    await self.end_of_cycle()  # GNU prints what it has when there is no next line
                    if not self.separate:
                        raise Quit(0)
                    return False
                await self.show_appended()
                await self.advance()
                self.pattern_space += "\n" + self.upcoming
            elif name == "q":
                await self.end_of_cycle()
                raise Quit(command.number)
            elif name == "Q":
                raise Quit(command.number)
            elif name == "c":
                if command.second is None or command.negated or not command.active:
                    await self.output.write(encode(command.text))
                await self.show_appended()
                return False
            else:
                await self.simple(command)
        await self.end_of_cycle()
        return False

    async def simple(self, command: Command) -> None:
        """The commands that only move text."""
        name = command.name
        if name == "g":
            self.pattern_space = self.hold_space
        elif name == "G":
            self.pattern_space += "\n" + self.hold_space
        elif name == "h":
            self.hold_space = self.pattern_space
        elif name == "H":
            self.hold_space += "\n" + self.pattern_space
        elif name == "x":
            self.pattern_space, self.hold_space = self.hold_space, self.pattern_space
        elif name == "z":
            self.pattern_space = ""
        elif name == "P":
            await self.show(self.pattern_space.partition("\n")[0], whole=False)
        elif name == "a":
            self.appended.append(("text", command.text))
        elif name == "i":
            await self.output.write(encode(command.text))
        elif name == "r":
            self.appended.append(("file", command.text))
        elif name == "R":
            self.appended.append(("line", command.text))
        elif name == "w":
            await self.write_to(command.text, self.pattern_space)
        elif name == "W":
            await self.write_to(command.text, self.pattern_space.partition("\n")[0])
        elif name == "y":
            self.pattern_space = self.pattern_space.translate(command.table)
        elif name == "=":
            await self.output.write(b"%d\n" % self.line_number)
        elif name == "l":
            await self.output.write(encode(await taken(self.process, unambiguous(self.pattern_space, command.number))))
        elif name == "F":
            await self.output.write(encode(self.name + "\n"))

    # addresses

    async def selected(self, command: Command) -> bool:
        first, second = command.first, command.second
        assert first is not None
        if second is None:
            return await self.matches(first)
        if command.active:
            if second.kind == "pattern":
                command.active = not await self.matches(second)
                return True
            if second.kind == "last":
                command.active = not await self.is_last()
                return True
            command.active = self.line_number < command.until
            if self.line_number > command.until and second.kind == "line":
                return await self.begins(command)  # an end that was jumped over by n or N
            return True
        return await self.begins(command)

    async def begins(self, command: Command) -> bool:
        first, second = command.first, command.second
        assert first is not None
        assert second is not None
        if first.kind == "line" and first.number == 0 and self.line_number == 1 and second.kind == "pattern":
            command.active = not await self.matches(second)
            return True
        if not await self.matches(first):
            command.active = False
            return False
        if second.kind == "line":
            command.until = second.number
        elif second.kind == "plus":
            command.until = self.line_number + second.number
        elif second.kind == "multiple":
            command.until = -(-self.line_number // second.number) * second.number if second.number else self.line_number
        if second.kind == "pattern":
            command.active = True
        elif second.kind == "last":
            command.active = not await self.is_last()
        else:
            command.active = command.until > self.line_number
        return True

    async def matches(self, address: Address) -> bool:
        if address.kind == "line":
            return self.line_number == address.number
        if address.kind == "last":
            return await self.is_last()
        if address.kind == "step":
            if address.step == 0:
                return self.line_number == address.number
            return self.line_number >= address.number and (self.line_number - address.number) % address.step == 0
        return await long_texts.search(self.process, self.remembered(address.pattern), self.pattern_space) is not None

    def remembered(self, pattern: Pattern | None) -> Pattern:
        """An empty pattern is the last one that was used."""
        pattern = pattern or self.last_pattern
        if pattern is None:
            raise OSError(0, "no previous regular expression")
        self.last_pattern = pattern
        return pattern

    # s

    async def substitute(self, command: Command) -> None:
        pattern = self.remembered(command.pattern)
        text = self.pattern_space
        result: list[str] = []
        position = copied = count = 0
        previous_end = -1
        while position <= len(text):
            match = await long_texts.search(self.process, pattern, text, position)
            if match is None:
                break
            start, end = match.start(), match.end()
            if start == end == previous_end:  # an empty match right after a match does not count
                position = end + 1
                continue
            previous_end = end
            count += 1
            if count % 256 == 0:
                await self.process.breathe()
            position = end if end > start else end + 1
            if count >= command.which:
                result += (text[copied:start], expanded(command.replacement, match))
                copied = end
                if not command.everywhere:
                    break
        if count < command.which or not result:
            return
        held(self.process, sum(map(len, result)) + len(text) - copied, MOST_SPACE)
        self.pattern_space = "".join(result) + text[copied:]
        self.replaced = True
        for _ in range(command.print_times):
            await self.show(self.pattern_space)
        if command.file:
            await self.write_to(command.file, self.pattern_space)


def expanded(parts: list[str | int], match: Match) -> str:
    if len(parts) == 1 and isinstance(parts[0], str) and not parts[0].startswith("\\"):
        return parts[0]
    result, mode, once = "", "E", ""
    for part in parts:
        if isinstance(part, str) and len(part) == 2 and part[0] == "\\" and part[1] in "ULulE":
            if part[1] in "ul":
                once = part[1]
            else:
                mode = part[1]
            continue
        piece = match.group(part) or "" if isinstance(part, int) else part
        piece = piece.upper() if mode == "U" else piece.lower() if mode == "L" else piece
        if once and piece:
            piece = (piece[0].upper() if once == "u" else piece[0].lower()) + piece[1:]
            once = ""
        result += piece
    return result


SHOWN = {"\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def unambiguous(text: str, width: int) -> Generator[None, None, str]:
    """What `l` shows, in steps."""
    width = 70 if width == -1 else width
    lines: list[str] = []
    line: list[str] = []
    used = 0
    for number, byte in enumerate(encode(text)):
        if number % 1024 == 0:
            yield
        letter = chr(byte)
        piece = SHOWN.get(letter) or (letter if 32 <= byte < 127 else f"\\{byte:03o}")
        if width > 1 and used + len(piece) > width - 1:
            lines.append("".join(line) + "\\\n")
            line, used = [], 0
        line.append(piece)
        used += len(piece)
    return "".join(lines) + "".join(line) + "$\n"
