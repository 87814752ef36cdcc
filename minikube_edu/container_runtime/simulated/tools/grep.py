"""grep, egrep, fgrep: lines that match."""

from __future__ import annotations

import errno
import fnmatch
from collections import deque
from collections.abc import Awaitable, Callable

from msgspec import Struct

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process, failure, reason
from minikube_edu.container_runtime.simulated.tools import long_texts, regular_expressions
from minikube_edu.container_runtime.simulated.tools.arguments import Arguments, Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import Batches, decode, encode

USAGE = "grep [-HhnlLoqvsrRiwFExaI] [-m N] [-A|B|C N] {PATTERN | -e PATTERN... | -f FILE...} [FILE]..."
LONG = {
    "ignore-case": "i",
    "invert-match": "v",
    "count": "c",
    "line-number": "n",
    "files-with-matches": "l",
    "files-without-match": "L",
    "only-matching": "o",
    "quiet": "q",
    "silent": "q",
    "recursive": "r",
    "dereference-recursive": "R",
    "word-regexp": "w",
    "line-regexp": "x",
    "extended-regexp": "E",
    "fixed-strings": "F",
    "basic-regexp": "G",
    "perl-regexp": "P",
    "regexp:": "e",
    "file:": "f",
    "after-context:": "A",
    "before-context:": "B",
    "context:": "C",
    "max-count:": "m",
    "no-messages": "s",
    "no-filename": "h",
    "with-filename": "H",
    "color::": "color",
    "colour::": "color",
    "include:": "include",
    "exclude:": "exclude",
    "exclude-dir:": "exclude-dir",
    "text": "a",
    "line-buffered": "u",
    "byte-offset": "b",
    "null": "Z",
    "no-ignore-case": "y",
    "binary-files:": "binary",
}
MOST_MATCHES = 1_000_000  # in one line
Spans = Callable[[Process, str], Awaitable["list[tuple[int, int]] | None"]]


class Request(Struct):
    """What was asked for."""

    spans: Spans  # of the matches in a line; None when the line is not selected
    options: Arguments
    titles: bool = False
    colour: bool = False
    before: int = 0
    after: int = 0
    most: int = -1

    def has(self, *names: str) -> bool:
        return self.options.has(*names)


@program(USAGE, failure=2, version="GNU grep) 3.8")
async def grep(process: Process) -> int:
    return await search(process, "G")


@program(USAGE.replace("grep", "egrep", 1), failure=2)
async def egrep(process: Process) -> int:
    return await search(process, "E")


@program(USAGE.replace("grep", "fgrep", 1), failure=2)
async def fgrep(process: Process) -> int:
    return await search(process, "F")


async def search(process: Process, dialect: str) -> int:
    argv = [f"-C{word[1:]}" if word[:1] == "-" and word[1:].isdigit() else word for word in process.argv[1:]]
    arguments = parse(process, "ivcnlLoqrRwxEFGPe:f:A:B:C:m:shHaIbuZzyTU", LONG, argv=argv)
    operands = arguments.operands
    patterns: list[str] = []
    for name, value in arguments.options:
        if name == "e":
            patterns += value.split("\n")
        elif name == "f":
            data = b"".join(await process.lines()) if value == "-" else await process.read_file(value)
            patterns += decode(data).removesuffix("\n").split("\n") if data else []
    if not arguments.has("e", "f"):
        if not operands:
            if is_busybox(process):
                raise Complaint("", 2, usage=True)
            await process.stderr.write(encode(f"Usage: {process.name} [OPTION]... PATTERNS [FILE]...\n"))
            raise Complaint("", 2, usage=True)
        patterns = operands.pop(0).split("\n")
    dialect = arguments.last_of("E", "F", "G", "P") or dialect
    recursive = arguments.has("r", "R")
    context = arguments.number("C", 0)
    colour = arguments.last("color")
    request = Request(
        await matcher(process, patterns, dialect, arguments),
        arguments,
        titles=(len(operands) > 1 or recursive or arguments.has("H")) and not arguments.has("h"),
        colour=colour == "always"
        or (colour in ("", "auto") and arguments.has("color") and process.stdout.is_terminal()),
        before=arguments.number("B", context),
        after=arguments.number("A", context),
        most=arguments.number("m", -1),
    )
    if arguments.last_of("h", "H") == "H":
        request.titles = True
    found = failed = False
    names = operands or ([] if recursive else ["-"])
    if recursive:
        names = await walk(process, operands or ["."], arguments, bool(operands))
    for name in names:
        try:
            file = process.stdin if name == "-" else process.open(name)
            if file.stat().mode & 0o170000 == 0o040000:
                if not arguments.has("s") and not is_busybox(process):
                    await process.complain(f"{name}: Is a directory")
                continue
        except OSError as error:
            failed = True
            if not arguments.has("s"):
                await process.complain(f"{name}: {reason(error)}")
            continue
        try:
            if await one_file(process, request, "(standard input)" if name == "-" else name, file):
                found = True
                if arguments.has("q"):
                    return 0
        finally:
            if name != "-":
                file.release()
    return 2 if failed else 0 if found else 1


async def matcher(process: Process, patterns: list[str], dialect: str, arguments: Arguments) -> Spans:
    """A function from a line to its matches."""
    ignore, word, line = arguments.has("i", "y"), arguments.has("w"), arguments.has("x")
    invert = arguments.has("v")
    compiled = []
    for text in dict.fromkeys(patterns):
        await process.breathe()
        if dialect == "F":
            text = "".join("\\" + letter if letter in "\\.[*^$" else letter for letter in text)
        try:
            compiled.append(regular_expressions.compile(text, dialect in "EP", ignore))
        except regular_expressions.BadPattern as error:
            raise Complaint(str(error)) from None

    async def spans(process: Process, text: str) -> list[tuple[int, int]] | None:
        result: list[tuple[int, int]] = []
        selected = False
        for tried, pattern in enumerate(compiled):
            if tried % 128 == 127:
                await process.breathe()
            position = 0
            while position <= len(text):
                match = await long_texts.search(process, pattern, text, position)
                if match is None:
                    break
                start, end = match.start(), match.end()
                position = end if end > start else end + 1
                if line and (start, end) != (0, len(text)):
                    if start == 0 and end < len(text):
                        continue
                    break
                if word and not whole_word(text, start, end):
                    position = start + 1
                    continue
                selected = True
                if invert or not want_spans:
                    break
                if end > start:
                    result.append((start, end))
                    if len(result) % 256 == 0:
                        await process.breathe()
                        if len(result) > MOST_MATCHES:
                            raise failure(errno.ENOMEM)
            if selected and not want_spans:
                break
        if selected == invert:
            return None
        return merged(result) if len(compiled) > 1 else result

    want_spans = arguments.has("o", "color")
    return spans


def whole_word(text: str, start: int, end: int) -> bool:
    def part_of_word(index: int) -> bool:
        return 0 <= index < len(text) and (text[index].isalnum() or text[index] == "_")

    return not part_of_word(start - 1) and not part_of_word(end)


def merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The matches of several patterns, leftmost and longest first, without overlaps."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not result or start >= result[-1][1]:
            result.append((start, end))
    return result


async def walk(process: Process, roots: list[str], arguments: Arguments, named: bool) -> list[str]:
    """The files below directories, with --include and --exclude."""
    result: list[str] = []
    include, exclude = arguments.all("include"), arguments.all("exclude")
    waiting = list(reversed(roots))
    while waiting:
        path = waiting.pop()
        await process.breathe()
        try:
            stat = process.stat(path) if path in roots or arguments.has("R") else process.lstat(path)
        except OSError as error:
            if not arguments.has("s"):
                await process.complain(f"{path}: {reason(error)}")
            continue
        kind = stat.mode & 0o170000
        base = path.rsplit("/", 1)[-1]
        if kind == 0o040000:
            if path not in roots and any(fnmatch.fnmatchcase(base, glob) for glob in arguments.all("exclude-dir")):
                continue
            try:
                names = process.listdir(path)
            except OSError as error:
                await process.complain(f"{path}: {reason(error)}")
                continue
            waiting += [f"{path.rstrip('/')}/{name}" if named or path != "." else name for name in reversed(names)]
        elif kind == 0o100000:
            if include and not any(fnmatch.fnmatchcase(base, glob) for glob in include):
                continue
            if not any(fnmatch.fnmatchcase(base, glob) for glob in exclude):
                result.append(path)
    return result


async def one_file(process: Process, request: Request, name: str, file: OpenFile) -> bool:
    """Print what is asked for; whether a line was selected."""
    count, number, last_shown, after = 0, 0, 0, 0
    before: deque[tuple[int, str]] = deque(maxlen=request.before)
    context = request.before or request.after
    quiet = request.has("q", "l", "L", "c")
    binary = False

    def titled(line_number: int, mark: str, text: str, offset: int = 0) -> str:
        head = ""
        for wanted, value, paint in (
            (request.titles, name, "35"),
            (request.has("n"), str(line_number), "32"),
            (request.has("b"), str(offset), "32"),
        ):
            if wanted:
                head += (
                    f"\x1b[{paint}m\x1b[K{value}\x1b[m\x1b[K\x1b[36m\x1b[K{mark}\x1b[m\x1b[K"
                    if request.colour
                    else value + mark
                )
        return head + text + "\n"

    offset = 0
    done = request.most == 0
    async for lines in Batches(process, file):
        shown: list[str] = []
        if done:
            break
        for raw in lines:
            number += 1
            if number % 256 == 0:
                await process.breathe()
            start_of_line = offset
            offset += len(raw)
            if b"\0" in raw and not request.has("a"):
                binary = True
            text = decode(raw.removesuffix(b"\n"))
            spans = None if done else await request.spans(process, text)
            if spans is None:
                if after > 0 and not quiet and not request.has("o"):
                    shown.append(titled(number, "-", text))
                    last_shown, after = number, after - 1
                else:
                    before.append((number, text))
                if done and after <= 0:
                    break
                continue
            count += 1
            if quiet:
                if not request.has("c") and not request.has("L"):
                    done = True
                    break
            elif binary:
                kind = "Binary file {} matches" if is_busybox(process) else "grep: {}: binary file matches"
                await process.stdout.write(encode("".join(shown) + kind.format(name) + "\n"))
                return True
            else:
                if context and last_shown and number - len(before) > last_shown + 1 and not request.has("o"):
                    shown.append("\x1b[36m\x1b[K--\x1b[m\x1b[K\n" if request.colour else "--\n")
                for earlier, words in before if not request.has("o") else ():
                    shown.append(titled(earlier, "-", words))
                before.clear()
                if request.has("o"):
                    at, before_it = start_of_line, 0
                    for start, end in spans:
                        piece = text[start:end]
                        at, before_it = at + len(encode(text[before_it:start])), start
                        shown.append(titled(number, ":", painted(piece) if request.colour else piece, at))
                        if len(shown) % 256 == 0:
                            await process.stdout.write(encode("".join(shown)))
                            shown = []
                else:
                    shown.append(titled(number, ":", colourful(text, spans) if request.colour else text, start_of_line))
                last_shown, after = number, request.after
            if count == request.most:
                done = True
                if after <= 0 or quiet:
                    break
        await process.stdout.write(encode("".join(shown)))
        if done and after <= 0:
            break
    ending = "\0" if request.has("Z") else "\n"
    if request.has("q"):
        return count > 0
    if request.has("l", "L"):
        if (count > 0) != request.has("L"):
            await process.print(name, end=ending)
        return (count > 0) != (request.has("L") and is_busybox(process))
    if request.has("c"):
        await process.print(f"{name}:{count}" if request.titles else str(count))
    return count > 0


def painted(text: str) -> str:
    return f"\x1b[01;31m\x1b[K{text}\x1b[m\x1b[K"


def colourful(text: str, spans: list[tuple[int, int]]) -> str:
    result, position = "", 0
    for start, end in spans:
        result += text[position:start] + painted(text[start:end])
        position = end
    return result + text[position:]
