"""read, and bash's mapfile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import OpenFile
from minikube_edu.container_runtime.simulated.shell.errors import Failure
from minikube_edu.container_runtime.simulated.shell.variables import Variable

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Builtin, Shell


async def read_line(shell: Shell, descriptor: int = 0) -> str | None:
    """One line without its newline; None at the end."""
    file = shell.process.files.get(descriptor)
    if file is None:
        return None
    data, ended = await _until(shell, file, b"\n", None)
    return None if ended and not data else data.decode("utf-8", "surrogateescape")


async def _until(shell: Shell, file: OpenFile, delimiter: bytes, most: int | None) -> tuple[bytes, bool]:
    """Bytes before the delimiter, one by one, so that what follows is left for others. True: the end came first."""
    data = bytearray()
    try:
        begin = file.seek(0, 1)
    except OSError:
        while most is None or _characters(data) < most:
            byte = await file.read(1)
            if not byte:
                return bytes(data), True
            if byte == delimiter:
                return bytes(data), False
            data += byte
            if len(data) > 1 << 26:
                break
        return bytes(data), False
    # A file can be read ahead and set back.
    while True:
        chunk = await file.read(4096)
        end = chunk.find(delimiter)
        if end >= 0:
            data += chunk[:end]
        else:
            data += chunk
        if most is not None and _characters(data) >= most:
            data = bytearray(data.decode("utf-8", "surrogateescape")[:most].encode("utf-8", "surrogateescape"))
            file.seek(begin + len(data), 0)
            return bytes(data), False
        if end >= 0:
            file.seek(begin + len(data) + 1, 0)
            return bytes(data), False
        if not chunk:
            return bytes(data), True


def _characters(data: bytearray) -> int:
    return len(data.decode("utf-8", "ignore"))


class _Wishes:
    """The options of one read."""

    def __init__(self) -> None:
        self.raw = self.silent = False
        self.prompt = ""
        self.array = ""
        self.delimiter = b"\n"
        self.count: int | None = None
        self.exact = False
        self.timeout: float | None = None
        self.descriptor = 0


async def _wishes(shell: Shell, argv: list[str]) -> tuple[_Wishes, list[str]] | None:
    wishes = _Wishes()
    words = argv[1:]
    allowed = "rp" if shell.dialect.dash else "rptnsadNuei" if shell.dialect.bash else "rptnsdu"
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option = words.pop(0)[1:]
        if option == "-":
            break
        while option:
            letter, option = option[0], option[1:]
            if letter not in allowed:
                if shell.dialect.bash:
                    await shell.complain(f"-{letter}: invalid option", "read")
                    await shell.write_error(
                        "read: usage: read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt]"
                        " [-t timeout] [-u fd] [name ...]\n"
                    )
                    return None
                text = f"Illegal option -{letter}" if shell.dialect.dash else f"illegal option -{letter}"
                await shell.complain(text, "read")
                raise Failure("", 2)
            if letter in "rse":
                wishes.raw = wishes.raw or letter == "r"
                wishes.silent = wishes.silent or letter == "s"
                continue
            value, option = option or (words.pop(0) if words else ""), ""
            if not await _wish(shell, wishes, letter, value):
                return None
    return wishes, words


async def _wish(shell: Shell, wishes: _Wishes, letter: str, value: str) -> bool:
    if letter == "p":
        wishes.prompt = value
    elif letter == "a":
        wishes.array = value
    elif letter == "d":
        wishes.delimiter = value[:1].encode() or b"\0"
    elif letter in "nN":
        if not value.isdigit():
            await shell.complain(f"{value}: invalid number" if shell.dialect.bash else "invalid count", "read")
            return False
        wishes.count, wishes.exact = int(value), letter == "N"
        if wishes.exact:
            wishes.delimiter = b""
    elif letter == "t":
        try:
            wishes.timeout = float(value)
        except ValueError:
            await shell.complain(f"{value}: invalid timeout specification", "read")
            return False
    elif letter == "u":
        wishes.descriptor = int(value) if value.isdigit() else -1
    return True


async def read(shell: Shell, argv: list[str]) -> int:
    parsed = await _wishes(shell, argv)
    if parsed is None:
        return 2 if shell.dialect.bash else 1
    wishes, names = parsed
    if shell.dialect.dash and not names:
        await shell.complain("arg count", "read")
        raise Failure("", 2)
    for name in names:
        if not name.replace("_", "a").isalnum() or name[0].isdigit():
            if shell.dialect.bash:
                if "[" in name:
                    continue
                await shell.complain(f"`{name}': not a valid identifier", "read")
                return 1
            await shell.complain(f"{name}: bad variable name", "read")
            raise Failure("", 2)
    file = shell.process.files.get(wishes.descriptor)
    if file is None:
        text = (
            f"read error: {wishes.descriptor}: Bad file descriptor"
            if shell.dialect.bash
            else "read error: Bad file descriptor"
        )
        await shell.complain(text, "read")
        return 1
    terminal = file.is_terminal()
    if wishes.prompt and terminal:
        await shell.write_error(wishes.prompt)
    typed, ended, late = await _input(shell, wishes, file, terminal)
    _assign(shell, wishes, names, *typed)
    if late:
        return 142 if shell.dialect.bash else 1
    return int(ended)


_Typed = tuple[str, frozenset[int]]  # characters, and the places of those before which a backslash stood


async def _input(shell: Shell, wishes: _Wishes, file: OpenFile, terminal: bool) -> tuple[_Typed, bool, bool]:
    """What was typed; was it the end; was it too late."""
    import asyncio

    raw_terminal = terminal and (wishes.silent or wishes.count is not None)
    if raw_terminal:
        file.set_raw(True)  # type: ignore[attr-defined]  # a terminal
    try:
        if wishes.timeout is None:
            return (*await _characters_of(shell, wishes, file, raw_terminal), False)
        try:
            async with asyncio.timeout(wishes.timeout):
                return (*await _characters_of(shell, wishes, file, raw_terminal), False)
        except TimeoutError:
            return ("", frozenset()), True, True
    finally:
        if raw_terminal:
            file.set_raw(False)  # type: ignore[attr-defined]  # a terminal


async def _characters_of(shell: Shell, wishes: _Wishes, file: OpenFile, raw_terminal: bool) -> tuple[_Typed, bool]:
    parts: list[str] = []
    protected: set[int] = set()
    size = 0
    delimiter = b"\r" if raw_terminal and wishes.delimiter == b"\n" else wishes.delimiter
    while True:
        data, ended = await _until(shell, file, delimiter or b"\0\0", wishes.count)
        text = data.decode("utf-8", "surrogateescape").replace("\0", "")
        if wishes.raw:
            return (text, frozenset()), ended
        position, continued = 0, False
        while (slash := text.find("\\", position)) >= 0:
            parts.append(text[position:slash])
            size += slash - position
            if slash + 1 == len(text):
                position, continued = len(text), not ended
                break
            protected.add(size)
            parts.append(text[slash + 1])
            size += 1
            position = slash + 2
            if len(parts) % 512 == 0:
                await shell.process.breathe()
        parts.append(text[position:])
        size += len(text) - position
        if not continued:
            return ("".join(parts), frozenset(protected)), ended


def _assign(shell: Shell, wishes: _Wishes, names: list[str], text: str, protected: frozenset[int]) -> None:
    ifs = shell.variables.get("IFS")
    ifs = " \t\n" if ifs is None else ifs
    if wishes.array:
        fields = _Splitter(text, protected, ifs).fields(None)
        variable = shell.variables.table.setdefault(wishes.array, Variable())
        variable.value = dict(enumerate(fields))
        return
    if not names:
        shell.variables.set("REPLY", text)
        return
    fields = [text] if wishes.exact else _Splitter(text, protected, ifs).fields(len(names))
    for place, name in enumerate(names):
        value = fields[place] if place < len(fields) else ""
        if "[" in name:
            base, _, index = name[:-1].partition("[")
            shell.set_element(base, index, value)
        else:
            shell.variables.set(name, value)


class _Splitter:
    """Splits by IFS; the last name gets the rest as it stands."""

    def __init__(self, text: str, protected: frozenset[int], ifs: str) -> None:
        self.text, self.protected = text, protected
        self.white = "".join(character for character in ifs if character in " \t\n")
        self.other = "".join(character for character in ifs if character not in " \t\n")
        self.stops = re.compile(f"[{re.escape(ifs)}]") if ifs else None

    def _after_white(self, place: int) -> int:
        while place < len(self.text) and self.text[place] in self.white and place not in self.protected:
            place += 1
        return place

    def _is_other(self, place: int) -> bool:
        return place < len(self.text) and self.text[place] in self.other and place not in self.protected

    def _stop(self, place: int) -> int:
        """The next character that separates."""
        while self.stops is not None and (found := self.stops.search(self.text, place)):
            if found.start() not in self.protected:
                return found.start()
            place = found.end()
        return len(self.text)

    def fields(self, most: int | None) -> list[str]:
        found: list[str] = []
        position = self._after_white(0)
        while position < len(self.text):
            if most is not None and len(found) == most - 1:
                found.append(self._rest(position))
                break
            end = self._stop(position)
            found.append(self.text[position:end])
            position = self._after_white(end)
            if self._is_other(position):
                position = self._after_white(position + 1)
        return found

    def _rest(self, begin: int) -> str:
        """The last field: without white space at its end, and without one separator if that is all there is after."""
        end = len(self.text)
        while end > begin and self.text[end - 1] in self.white and end - 1 not in self.protected:
            end -= 1
        place = self._stop(begin)
        after = min(self._after_white(place), end)
        if after == end - 1 and self._is_other(after):
            end = place
        return self.text[begin:end]


async def mapfile(shell: Shell, argv: list[str]) -> int:
    words, strip, most, skip, delimiter, origin, descriptor = argv[1:], False, 0, 0, "\n", 0, 0
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option = words.pop(0)[1:]
        if option == "t":
            strip = True
            continue
        if option[0] == "t":
            strip, option = True, option[1:]
        value = option[1:] or (words.pop(0) if words else "")
        if option[0] == "d":
            delimiter = value[:1] or "\0"
        elif option[0] in "nsOu" and value.isdigit():
            number = int(value)
            if option[0] == "n":
                most = number
            elif option[0] == "s":
                skip = number
            elif option[0] == "O":
                origin = number
            else:
                descriptor = number
        elif option[0] not in "cC":
            await shell.complain(f"-{option[0]}: invalid option", argv[0])
            return 2
    file = shell.process.files.get(descriptor)
    if file is None:
        return 1
    chunks = []
    while data := await file.read():
        chunks.append(data)
    text = b"".join(chunks).decode("utf-8", "surrogateescape")
    await shell.process.breathe()
    kept = text.split(delimiter)
    if not kept[-1]:
        kept.pop()
    ended = len(kept) - (not text.endswith(delimiter))  # so many lines have an end
    end = "" if strip else delimiter
    kept, ended = (kept[skip : skip + most] if most else kept[skip:]), ended - skip
    await shell.process.breathe()
    name = words[0] if words else "MAPFILE"
    variable = shell.variables.table.setdefault(name, Variable())
    shell.variables.check(name, variable)
    if not origin or not isinstance(variable.value, dict):
        variable.value = {}
    for number, line in enumerate(kept):
        place = origin + number
        variable.value[place] = line + end if number < ended else line  # type: ignore[index]  # indices are ints
        if number % 256 == 0:
            await shell.process.breathe()
    return 0


POSIX: dict[str, Builtin] = {"read": read}
BASH: dict[str, Builtin] = {"mapfile": mapfile, "readarray": mapfile}
