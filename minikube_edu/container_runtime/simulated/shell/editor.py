"""The line editor of an interactive shell: a small readline, on a terminal in raw mode.

Left, right, home, end, delete, history with up and down, ^A ^B ^D ^E ^F ^K ^L ^N ^P ^R ^T ^U ^W ^Y, Alt-B and Alt-F,
and tab for commands and files. `read` gives the line without its newline, None for ^D on an empty one, and raises
`Interrupted` for ^C. A real readline has a hundred commands more, and vi's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.contract import OpenFile, Terminal

_INVISIBLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|[\x01\x02]")
_KEYS = {
    "[A": "up", "[B": "down", "[C": "right", "[D": "left", "OA": "up", "OB": "down", "OC": "right", "OD": "left",
    "[H": "home", "[F": "end", "OH": "home", "OF": "end", "[1~": "home", "[4~": "end", "[7~": "home", "[8~": "end",
    "[3~": "delete", "b": "word left", "f": "word right", "[1;5D": "word left", "[1;5C": "word right", "d": "kill word",
}  # fmt: skip
_CONTROL = {
    1: "home", 2: "left", 4: "end of file", 5: "end", 6: "right", 8: "rubout", 9: "tab", 11: "kill", 12: "clear",
    14: "down", 16: "up", 18: "search", 20: "swap", 21: "discard", 23: "word rubout", 25: "yank", 127: "rubout",
}  # fmt: skip


class Interrupted(Exception):
    """^C"""


class Editor:
    def __init__(
        self, terminal: Terminal, output: OpenFile, history: list[str], complete: Callable[[str], list[str]]
    ) -> None:
        self.terminal = terminal
        self.output = output
        self.history = history
        self.complete = complete
        self.prompt = ""
        self.text = ""
        self.cursor = 0
        self.killed = ""
        self.place = 0  # in the history
        self.kept = ""  # the new line, while the history is looked at
        self.row = 0  # of the cursor, below the prompt's first row
        self.tabbed = False

    async def read(self, prompt: str) -> str | None:
        head, _, self.prompt = prompt.rpartition("\n")
        self.text, self.cursor, self.row, self.place, self.kept = "", 0, 0, len(self.history), ""
        self.terminal.set_raw(True)
        try:
            await self._show((head.replace("\n", "\r\n") + "\r\n" if "\n" in prompt else "") + self.prompt)
            return await self._line()
        finally:
            self.terminal.set_raw(False)

    async def _line(self) -> str | None:
        while True:
            key = "\r" if self.accepted else await self._key()
            self.accepted = False
            if key is None:
                return None
            if key in ("\r", "\n"):
                if self.cursor < len(self.text):
                    self.cursor = len(self.text)
                    await self._refresh()
                await self._show("\r\n")
                return self.text
            if key == "\x03":
                await self._show("^C\r\n")
                raise Interrupted
            if key == "end of file" and not self.text:
                return None
            await self._do(key)

    async def _key(self) -> str | None:
        """A character, or the name of a command; None when the terminal is gone."""
        byte = await self.terminal.read(1)
        if not byte:
            return None
        number = byte[0]
        if number in (3, 10, 13):
            return chr(number)
        if number == 27:
            return await self._escape()
        if number in _CONTROL:
            return _CONTROL[number]
        if number < 32:
            return ""
        while number >= 0xC0 and len(byte) < (2 if number < 0xE0 else 3 if number < 0xF0 else 4):
            byte += await self.terminal.read(1)
        return byte.decode("utf-8", "replace")

    async def _escape(self) -> str:
        sequence = (await self.terminal.read(1)).decode("latin-1")
        if sequence in ("[", "O"):
            while True:
                character = (await self.terminal.read(1)).decode("latin-1")
                sequence += character
                if not character or character.isalpha() or character == "~":
                    break
        return _KEYS.get(sequence, "")

    # --- what keys do

    async def _do(self, key: str) -> None:
        if key == "tab":
            await self._complete()
            return
        self.tabbed = False
        if len(key) == 1:
            await self._insert(key)
            return
        if key in ("up", "down"):
            self._walk(-1 if key == "up" else 1)
        elif key == "search":
            await self._search()
        elif key == "clear":
            await self._show("\x1b[H\x1b[J")
            self.row = 0
        else:
            self._edit(key)
        await self._refresh()

    async def _insert(self, text: str) -> None:
        at_end = self.cursor == len(self.text)
        self.text = self.text[: self.cursor] + text + self.text[self.cursor :]
        self.cursor += len(text)
        columns = self.terminal.columns or 80  # 0: whoever has it does not say
        if at_end and (self._width() + len(self.text)) % columns:
            await self._show(text)
            self.row = (self._width() + self.cursor) // columns
        else:
            await self._refresh()

    def _edit(self, key: str) -> None:
        text, cursor = self.text, self.cursor
        if key == "left":
            self.cursor = max(cursor - 1, 0)
        elif key == "right":
            self.cursor = min(cursor + 1, len(text))
        elif key == "home":
            self.cursor = 0
        elif key == "end":
            self.cursor = len(text)
        elif key == "word left":
            self.cursor = len(re.sub(r"\w+\W*\Z", "", text[:cursor]))
        elif key == "word right":
            found = re.match(r"\W*\w+", text[cursor:])
            self.cursor += found.end() if found else 0
        elif key == "rubout" and cursor:
            self.text, self.cursor = text[: cursor - 1] + text[cursor:], cursor - 1
        elif key in ("delete", "end of file"):
            self.text = text[:cursor] + text[cursor + 1 :]
        elif key == "kill":
            self.text, self.killed = text[:cursor], text[cursor:]
        elif key == "kill word":
            found = re.match(r"\W*\w+", text[cursor:])
            end = cursor + (found.end() if found else 0)
            self.text, self.killed = text[:cursor] + text[end:], text[cursor:end]
        elif key == "discard":
            self.text, self.killed, self.cursor = text[cursor:], text[:cursor], 0
        elif key == "word rubout":
            kept = re.sub(r"\S+\s*\Z", "", text[:cursor])
            self.killed = text[len(kept) : cursor]
            self.text, self.cursor = kept + text[cursor:], len(kept)
        elif key == "yank":
            self.text, self.cursor = text[:cursor] + self.killed + text[cursor:], cursor + len(self.killed)
        elif key == "swap" and cursor and len(text) > 1:
            at = min(cursor, len(text) - 1)
            self.text = text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :]
            self.cursor = at + 1

    def _walk(self, step: int) -> None:
        """Through the history."""
        place = self.place + step
        if not 0 <= place <= len(self.history):
            return
        if self.place == len(self.history):
            self.kept = self.text
        self.place = place
        self.text = self.kept if place == len(self.history) else self.history[place]
        self.cursor = len(self.text)

    async def _search(self) -> None:
        """^R: the last line that holds what is typed; ^R again goes further back."""
        wanted, place = "", len(self.history)
        prompt, before = self.prompt, self.text
        while True:
            found = next((number for number in range(min(place, len(self.history) - 1), -1, -1)
                          if wanted in self.history[number]), None) if wanted else None  # fmt: skip
            if found is not None:
                place = found
                self.text = self.history[found]
                self.cursor = self.text.find(wanted)
            self.prompt = f"(reverse-i-search)`{wanted}': "
            await self._refresh()
            key = await self._key()
            if key == "search":
                place -= 1
            elif key == "rubout":
                wanted, place = wanted[:-1], len(self.history)
            elif key is not None and len(key) == 1 and key not in "\r\n\x03":
                wanted, place = wanted + key, len(self.history)
            else:
                break
        self.prompt = prompt
        if key == "\x03":
            self.text = before
        self.cursor = len(self.text)
        if key in ("\r", "\n"):
            self.accepted = True
        elif key is not None:
            self._edit(key)

    accepted = False  # a search ended in return

    async def _complete(self) -> None:
        head = self.text[: self.cursor]
        choices = self.complete(head)
        word = re.search(r"(?:[^\s;|&()<>]|\\.)*\Z", head)
        typed = word[0] if word else ""
        if not choices:
            await self._show("\a")
            return
        shared = choices[0]
        for choice in choices[1:]:
            while not choice.startswith(shared):
                shared = shared[:-1]
        if len(choices) == 1 and not shared.endswith("/"):
            shared += " "
        if len(shared) > len(typed):
            self.text = head[: len(head) - len(typed)] + shared + self.text[self.cursor :]
            self.cursor += len(shared) - len(typed)
            await self._refresh()
        elif self.tabbed:
            names = [
                choice.rstrip("/").rpartition("/")[2] + ("/" if choice.endswith("/") else "") for choice in choices
            ]
            await self._show("\r\n" + "  ".join(names) + "\r\n")
            self.row = 0
            await self._refresh()
        else:
            self.tabbed = True
            await self._show("\a")

    # --- what is seen

    def _width(self) -> int:
        return len(_INVISIBLE.sub("", self.prompt))

    async def _refresh(self) -> None:
        """Draw the line anew from the prompt's row on."""
        columns = self.terminal.columns or 80  # 0: whoever has it does not say
        width = self._width()
        end = (width + len(self.text)) // columns
        row, column = divmod(width + self.cursor, columns)
        up = f"\x1b[{self.row}A" if self.row else ""
        back = f"\x1b[{end - row}A" if end > row else ""
        wrap = "\r\n" if (width + len(self.text)) % columns == 0 and self.text else ""
        right = f"\x1b[{column}C" if column else ""
        at_end = self.cursor == len(self.text)
        place = "" if at_end and not wrap else f"{back}\r{right}"
        await self._show(f"{up}\r\x1b[J{self.prompt}{self.text}{wrap}{place}")
        self.row = row

    async def _show(self, text: str) -> None:
        if text:
            await self.output.write(text.encode("utf-8", "surrogateescape"))
