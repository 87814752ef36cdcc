"""vi, vim, nano: a screen editor in raw terminal mode, enough to change a file and to get out again.

Commands: h j k l arrows 0 ^ $ w b e gg G NG, i a I A o O, x X D dd dw d$ yy p P J r ~ u, / ? n N, and on the colon line
:w :q :wq :x :q! :w FILE :N :s/a/b/g :%s/a/b/g :set. nano starts in insert mode; ^O writes, ^X leaves.
Without a terminal the commands come from stdin, as `vi file < script` would have them.

The file is long because an editor is a table of keys: a few lines for each, over one screen and one text.
"""

from __future__ import annotations

from typing import cast

from minikube_edu.container_runtime.simulated.contract import Process, Terminal, reason
from minikube_edu.container_runtime.simulated.tools import long_texts, regular_expressions
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, parse, program
from minikube_edu.container_runtime.simulated.tools.sed.editor import expanded
from minikube_edu.container_runtime.simulated.tools.sed.script import replacement_parts
from minikube_edu.container_runtime.simulated.tools.streams import decode, encode

COMMANDS = {"vi": "vi", "vim": "vi", "view": "vi", "nano": "nano", "pico": "nano"}
ARROWS = {
    "\x1b[A": "k",
    "\x1b[B": "j",
    "\x1b[C": "l",
    "\x1b[D": "h",
    "\x1b[H": "0",
    "\x1b[F": "$",
    "\x1b[3~": "x",
    "\x1bOA": "k",
    "\x1bOB": "j",
    "\x1bOC": "l",
    "\x1bOD": "h",
}
MOST_UNDO = 100


class Leave(Exception):
    pass


class Editor:
    def __init__(self, process: Process, name: str | None, modeless: bool) -> None:
        self.process, self.name, self.modeless = process, name, modeless
        self.lines = [""]
        self.row = self.column = self.top = 0
        self.inserting = modeless
        self.changed = False
        self.message = ""
        self.register: list[str] = []
        self.pattern = ""
        self.history: list[tuple[list[str], int, int]] = []
        self.keys = ""  # typed, not used yet
        self.terminal = cast(Terminal, process.stdout) if process.stdout.is_terminal() else None

    async def load(self) -> None:
        if self.name is None:
            return
        try:
            text = decode(await self.process.read_file(self.name))
        except FileNotFoundError:
            self.message = f'"{self.name}" [New File]' if not self.modeless else "[ New File ]"
            return
        except OSError as error:
            self.message = f"'{self.name}' {reason(error)}"
            return
        self.lines = text.removesuffix("\n").split("\n")
        self.message = f'"{self.name}" {len(self.lines) if text else 0}L, {len(encode(text))}B'

    async def save(self, name: str | None = None) -> bool:
        target = name or self.name
        if not target:
            self.message = "No current filename"
            return False
        empty = self.lines == [""]
        data = b"" if empty else encode("\n".join(self.lines) + "\n")
        try:
            await self.process.write_file(target, data)
        except OSError as error:
            self.message = f"'{target}' {reason(error)}"
            return False
        self.name = self.name or target
        self.changed = self.changed and name is not None and name != self.name
        self.message = f"'{target}' {0 if empty else len(self.lines)}L, {len(data)}C"
        return True

    # the screen

    async def draw(self, prompt: str | None = None) -> None:
        if self.terminal is None:
            return
        rows, columns = max(2, self.terminal.rows), max(10, self.terminal.columns)
        height = rows - 1
        if self.row < self.top:
            self.top = self.row
        if self.row >= self.top + height:
            self.top = self.row - height + 1
        left = max(0, self.column - columns + 1)
        parts = ["\x1b[?25l\x1b[H"]
        for offset in range(height):
            number = self.top + offset
            text = self.lines[number].expandtabs(8)[left : left + columns] if number < len(self.lines) else "~"
            if number >= len(self.lines) and self.modeless:
                text = ""
            parts.append(f"\x1b[{offset + 1};1H{text}\x1b[K")
        status = prompt if prompt is not None else self.status()
        parts.append(f"\x1b[{rows};1H{status[: columns - 1]}\x1b[K")
        if prompt is None:
            shown = len(self.lines[self.row][: self.column].expandtabs(8)) - left
            parts.append(f"\x1b[{self.row - self.top + 1};{shown + 1}H")
        parts.append("\x1b[?25h")
        await self.process.stdout.write(encode("".join(parts)))

    def status(self) -> str:
        if self.modeless:
            return self.message or "^O Write Out   ^X Exit"
        if self.message:
            return self.message
        mark = "I" if self.inserting else "-"
        return (
            f"{mark} {self.name or 'No file'}{' [Modified]' if self.changed else ''} {self.row + 1}/{len(self.lines)}"
        )

    # keys

    async def key(self) -> str:
        """One key: a character, or the sequence of a special key."""
        while not self.keys:
            data = await self.process.stdin.read(1024)
            if not data:
                raise Leave
            self.keys += decode(data)
        for sequence in ARROWS:
            if self.keys.startswith(sequence):
                self.keys = self.keys[len(sequence) :]
                return sequence
        key, self.keys = self.keys[0], self.keys[1:]
        return key

    async def line(self, prompt: str) -> str | None:
        """What is typed on the last line; None after escape."""
        text = ""
        while True:
            await self.draw(prompt + text)
            key = await self.key()
            if key in "\r\n":
                return text
            if key == "\x1b" or key == "\x03" or (key in "\x7f\b" and not text):
                return None
            text = text[:-1] if key in "\x7f\b" else text + key if key.isprintable() else text

    # changes

    def remember(self) -> None:
        self.history.append((list(self.lines), self.row, self.column))
        del self.history[:-MOST_UNDO]
        self.changed = True

    def clamp(self) -> None:
        self.row = max(0, min(self.row, len(self.lines) - 1))
        most = len(self.lines[self.row]) - (0 if self.inserting else 1)
        self.column = max(0, min(self.column, max(0, most)))

    def type(self, key: str) -> None:
        text = self.lines[self.row]
        if key in "\r\n":
            self.lines[self.row : self.row + 1] = [text[: self.column], text[self.column :]]
            self.row, self.column = self.row + 1, 0
        elif key in "\x7f\b":
            if self.column:
                self.lines[self.row] = text[: self.column - 1] + text[self.column :]
                self.column -= 1
            elif self.row:
                self.column = len(self.lines[self.row - 1])
                self.lines[self.row - 1] += text
                del self.lines[self.row]
                self.row -= 1
        elif key.isprintable() or key == "\t":
            self.lines[self.row] = text[: self.column] + key + text[self.column :]
            self.column += 1
        self.changed = True

    def delete_lines(self, count: int) -> None:
        self.register = self.lines[self.row : self.row + count]
        del self.lines[self.row : self.row + count]
        self.lines = self.lines or [""]

    def word(self, step: int) -> int:
        """The column of the next (1) or previous (-1) word in this line."""
        text, place = self.lines[self.row], self.column
        if step > 0:
            while place < len(text) and not text[place].isspace():
                place += 1
            while place < len(text) and text[place].isspace():
                place += 1
            return place
        while place > 0 and text[place - 1].isspace():
            place -= 1
        while place > 0 and not text[place - 1].isspace():
            place -= 1
        return place

    def search(self, forward: bool) -> None:
        try:
            pattern = regular_expressions.compile(self.pattern, extended=False)
        except regular_expressions.BadPattern as error:
            self.message = str(error)
            return
        order = range(1, len(self.lines) + 1) if forward else range(-1, -len(self.lines) - 1, -1)
        line = self.lines[self.row]
        here = long_texts.at_once(pattern, line).search(line, self.column + 1) if forward else None
        if here is not None:
            self.column = here.start()
            return
        for offset in order:
            row = (self.row + offset) % len(self.lines)
            found = long_texts.at_once(pattern, self.lines[row]).search(self.lines[row])
            if found is not None:
                self.row, self.column = row, found.start()
                return
        self.message = "Pattern not found"

    # modes

    async def run(self) -> int:
        await self.load()
        try:
            while True:
                self.clamp()
                await self.draw()
                await self.process.breathe()
                key = await self.key()
                self.message = ""
                if self.inserting:
                    await self.insert(key)
                else:
                    await self.command(key)
        except Leave:
            return 0

    async def insert(self, key: str) -> None:
        if self.modeless and key in "\x0f\x18":
            await self.nano_command(key)
        elif key in ARROWS:
            self.move(ARROWS[key], 1)
        elif key in ("\x1b", "\x03"):
            self.inserting = self.modeless
            self.column -= not self.modeless
        else:
            self.type(key)

    async def nano_command(self, key: str) -> None:
        if key == "\x18":
            if self.changed:
                answer = await self.line("Save modified buffer?  Y Yes  N No  ^C Cancel ")
                if answer is None:
                    return
                if answer[:1] in "nN":
                    raise Leave
            else:
                raise Leave
        name = await self.line(f"File Name to Write: {self.name or ''}")
        if name is not None and await self.save(name or None):
            self.changed = False
            if key == "\x18":
                raise Leave

    def move(self, key: str, count: int) -> bool:
        text = self.lines[self.row]
        if key in "jk+\r\n-":
            self.row += -count if key in "k-" else count
        elif key in "hl\x7f ":
            self.column += -count if key in "h\x7f" else count
        elif key == "0":
            self.column = 0
        elif key == "^":
            self.column = len(text) - len(text.lstrip())
        elif key == "$":
            self.column = len(text)
        elif key in "wWbB":
            for _ in range(count):
                place = self.word(1 if key in "wW" else -1)
                if key in "wW" and place >= len(text) and self.row + 1 < len(self.lines):
                    self.row, self.column = self.row + 1, 0
                else:
                    self.column = place
        elif key in "eE":
            self.column += 1
            self.column = max(self.column, len(text[: self.column]) + len(text[self.column :].split(" ")[0]) - 1)
        else:
            return False
        return True

    async def command(self, key: str) -> None:
        count = ""
        while key.isdigit() and (count or key != "0"):
            count += key
            key = await self.key()
        number = min(int(count or 1), 100_000)
        key = ARROWS.get(key, key)
        if self.move(key, number):
            return
        if key == "G":
            self.row = int(count) - 1 if count else len(self.lines) - 1
        elif key == "g" and await self.key() == "g":
            self.row = 0
        elif key in "iaIAoO":
            self.begin_insert(key)
        elif key == ":":
            text = await self.line(":")
            if text is not None:
                await self.colon(text.strip())
        elif key in "/?":
            text = await self.line(key)
            if text is not None:
                self.pattern = text or self.pattern
                self.search(key == "/")
        elif key in "nN":
            self.search(key == "n")
        elif key == "u" and self.history:
            self.lines, self.row, self.column = self.history.pop()
        elif key == "Z" and await self.key() == "Z":
            await self.colon("x")
        elif key == "y" and await self.key() == "y":
            self.register = self.lines[self.row : self.row + number]
        elif key in "xXDdcpPJr~CS":
            self.remember()
            await self.change(key, number)

    def begin_insert(self, key: str) -> None:
        self.remember()
        text = self.lines[self.row]
        self.inserting = True
        if key in "oO":
            self.row += key == "o"
            self.lines.insert(self.row, "")
        self.column = {
            "i": self.column,
            "a": min(self.column + 1, len(text)),
            "A": len(text),
            "I": len(text) - len(text.lstrip()),
        }.get(key, 0)

    async def change(self, key: str, count: int) -> None:
        text, place = self.lines[self.row], self.column
        if key in "xX":
            start = place if key == "x" else max(0, place - count)
            end = place + count if key == "x" else place
            self.lines[self.row], self.column = text[:start] + text[end:], start
        elif key in "DC":
            self.lines[self.row] = text[:place]
            self.inserting = key == "C"
        elif key == "S":
            self.lines[self.row], self.inserting = "", True
        elif key in "dc":
            motion = ARROWS.get(following := await self.key(), following)
            if motion == key:
                if key == "d":
                    self.delete_lines(count)
                else:
                    self.lines[self.row] = ""
            elif motion == "G" and key == "d":
                self.delete_lines(len(self.lines))
            else:
                reach: int | None = {
                    "w": self.word(1),
                    "$": len(text),
                    "0": 0,
                    "b": self.word(-1),
                    "l": place + 1,
                    "h": place - 1,
                }.get(motion)
                if reach is not None:
                    low, high = sorted((place, max(0, reach)))
                    self.lines[self.row], self.column = text[:low] + text[high:], low
            self.inserting = key == "c"
        elif key in "pP" and self.register:
            self.row += key == "p"
            self.lines[self.row : self.row] = self.register
        elif key == "J" and self.row + 1 < len(self.lines):
            self.lines[self.row : self.row + 2] = [text.rstrip() + " " + self.lines[self.row + 1].lstrip()]
        elif key == "r":
            letter = await self.key()
            self.lines[self.row] = text[:place] + letter + text[place + 1 :] if text and letter.isprintable() else text
        elif key == "~":
            self.lines[self.row] = text[:place] + text[place : place + 1].swapcase() + text[place + 1 :]
            self.column += 1

    async def colon(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        if text.isdigit() or text == "$":
            self.row = len(self.lines) - 1 if text == "$" else int(text) - 1
        elif word in ("w", "w!", "wq", "wq!", "x", "x!", "xit"):
            saved = (word.startswith("x") and not self.changed) or await self.save(rest.strip() or None)
            if saved and word not in ("w", "w!"):
                raise Leave
        elif word in ("q", "quit"):
            if self.changed:
                self.message = "No write since last change (:q! overrides)"
            else:
                raise Leave
        elif word in ("q!", "qa!", "qa", "cq"):
            raise Leave
        elif word in ("e!", "e"):
            self.changed = False
            await self.load()
        elif word in ("set", "se", "syntax", "noh", "nohlsearch", ""):
            pass
        elif text.endswith("d") and text[:-1] in ("", "%"):
            self.remember()
            if text == "%d":
                self.row = 0
                self.delete_lines(len(self.lines))
            else:
                self.delete_lines(1)
        elif "s" in text and text.lstrip("%0123456789,.$")[:1] == "s":
            await self.substitute(text)
        else:
            self.message = f":{text}: not implemented"

    async def substitute(self, text: str) -> None:
        span, _, rest = text.partition("s")
        parts = rest[1:].split(rest[:1]) if rest[:1] else []
        if len(parts) < 2:
            self.message = "bad :s"
            return
        try:
            pattern = regular_expressions.compile(parts[0] or self.pattern, extended=False)
        except regular_expressions.BadPattern as error:
            self.message = str(error)
            return
        low, high = self.row, self.row
        if span == "%":
            low, high = 0, len(self.lines) - 1
        elif span:
            bounds = [
                self.row if one == "." else len(self.lines) - 1 if one == "$" else int(one or 1) - 1
                for one in span.split(",")
            ]
            low, high = bounds[0], min(bounds[-1], len(self.lines) - 1)
        self.remember()
        replacement = replacement_parts(parts[1])
        for row in range(low, high + 1):
            line, position, result = self.lines[row], 0, ""
            while (found := long_texts.at_once(pattern, line).search(line, position)) is not None:
                result += line[position : found.start()] + expanded(replacement, found)
                position = found.end()
                if len(parts) < 3 or "g" not in parts[2] or found.end() == found.start():
                    break
            self.lines[row] = result + line[position:]
            await self.process.breathe()


async def edit(process: Process, modeless: bool) -> int:
    arguments = parse(
        process, "RHc:wlv", {"version": "version"}, argv=[word for word in process.argv[1:] if not word.startswith("+")]
    )
    if arguments.has("version"):
        await process.print("VIM - Vi IMproved 9.0 (2022 Jun 28)" if not modeless else " GNU nano, version 7.2")
        return 0
    editor = Editor(process, arguments.operands[0] if arguments.operands else None, modeless)
    terminal = cast(Terminal, process.stdin) if process.stdin.is_terminal() else None
    if terminal is None and modeless:
        raise Complaint("Standard input is not a terminal")
    if terminal is not None:
        terminal.set_raw(True)
        await process.stdout.write(b"\x1b[?1049h")
    try:
        return await editor.run()
    finally:
        if terminal is not None:
            terminal.set_raw(False)
            await process.stdout.write(b"\x1b[?1049l")


@program("vi [-c CMD] [FILE]...")
async def vi(process: Process) -> int:
    return await edit(process, False)


@program("nano [FILE]")
async def nano(process: Process) -> int:
    return await edit(process, True)
