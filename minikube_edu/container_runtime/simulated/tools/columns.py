"""paste, join, comm, column: lines side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest

from minikube_edu.container_runtime.simulated.contract import Process, Terminal
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, parse, program
from minikube_edu.container_runtime.simulated.tools.steps import mapped, taken
from minikube_edu.container_runtime.simulated.tools.streams import Inputs, decode, encode, everything, unopened


async def lines_of(process: Process, name: str) -> list[str]:
    if name == "-":
        data = await everything(process, process.stdin)
    else:
        try:
            data = await process.read_file(name)
        except OSError as error:
            raise Complaint(unopened(process, name, error)) from None
    return decode(data).removesuffix("\n").split("\n") if data else []


@program("paste [-d LIST] [-s] [FILE]...")
async def paste(process: Process) -> int:
    arguments = parse(process, "d:sz", {"delimiters:": "d", "serial": "s"})
    text = arguments.last("d")
    found = re.findall(r"\\.|[^\\]", "\t" if text is None else text) or [""]
    delimiters = [{"\\n": "\n", "\\t": "\t", "\\\\": "\\", "\\0": ""}.get(item, item) for item in found]
    names = arguments.operands or ["-"]
    if not arguments.has("s") and names.count("-") > 1:
        every = iter(await lines_of(process, "-"))
        rows = list(zip_longest(*([every] * len(names)), fillvalue=""))
    else:
        files = [await lines_of(process, name) for name in names]
        rows = [tuple(file) for file in files] if arguments.has("s") else list(zip_longest(*files, fillvalue=""))
    for row in rows:
        parts = []
        for index, item in enumerate(row):
            parts.append(item + (delimiters[index % len(delimiters)] if index < len(row) - 1 else ""))
            if index % 1024 == 1023:
                await process.breathe()
        await process.print("".join(parts))
    return 0


@program("comm [-123] FILE1 FILE2")
async def comm(process: Process) -> int:
    arguments = parse(process, "123", {"output-delimiter:": "O", "nocheck-order": "n", "check-order": "n"})
    if len(arguments.operands) != 2:
        raise Complaint("missing operand" if len(arguments.operands) < 2 else "extra operand", usage=True)
    one, other = [await lines_of(process, name) for name in arguments.operands]
    tab = arguments.last("O") or "\t"
    hidden = {column for column in "123" if arguments.has(column)}
    i = j = 0
    shown = []
    while i < len(one) or j < len(other):
        await process.breathe()
        if j >= len(other) or (i < len(one) and encode(one[i]) < encode(other[j])):
            column, text, i = "1", one[i], i + 1
        elif i >= len(one) or encode(other[j]) < encode(one[i]):
            column, text, j = "2", other[j], j + 1
        else:
            column, text, i, j = "3", one[i], i + 1, j + 1
        if column not in hidden:
            shown.append(tab * sum(left not in hidden for left in "123"[: int(column) - 1]) + text + "\n")
    await process.stdout.write(encode("".join(shown)))
    return 0


@program("join [-1 FIELD] [-2 FIELD] [-j FIELD] [-t CHAR] [-a FILENUM] [-v FILENUM] [-o FORMAT] [-e EMPTY] FILE1 FILE2")
async def join(process: Process) -> int:
    arguments = parse(process, "1:2:j:t:a:v:o:e:i", {"ignore-case": "i", "header": "header", "nocheck-order": "n"})
    if len(arguments.operands) != 2:
        raise Complaint("missing operand" if len(arguments.operands) < 2 else "extra operand", usage=True)
    both = arguments.number("j", 1)
    places = (arguments.number("1", both) - 1, arguments.number("2", both) - 1)
    separator = arguments.last("t")
    empty = arguments.last("e") or ""
    tables = []
    for name, place in zip(arguments.operands, places, strict=True):
        rows = []
        for number, line in enumerate(await lines_of(process, name)):
            if number % 1024 == 1023:
                await process.breathe()
            fields = line.split(separator) if separator else line.split()
            rows.append((fields[place] if place < len(fields) else "", fields))
        tables.append(rows)
    glue = separator or " "
    layout = [item for text in arguments.all("o") for item in re.split("[, ]", text)]

    def row(key: str, fields: tuple[list[str] | None, list[str] | None]) -> str:
        if not layout:
            rest = [
                value
                for side, place in zip(fields, places, strict=True)
                for index, value in enumerate(side or [])
                if index != place
            ]
            return glue.join([key, *rest])
        cells = []
        for item in layout:
            if item == "0":
                cells.append(key)
                continue
            side, _, column = item.partition(".")
            values = fields[int(side) - 1] or []
            cells.append(values[int(column) - 1] if int(column) <= len(values) else empty)
        return glue.join(cells)

    shown = []
    matched: set[str] = set()
    others: dict[str, list[list[str]]] = {}
    for number, (key, fields) in enumerate(tables[1]):
        if number % 1024 == 1023:
            await process.breathe()
        others.setdefault(key.lower() if arguments.has("i") else key, []).append(fields)
    alone = arguments.all("a") + arguments.all("v")
    for key, fields in tables[0]:
        await process.breathe()
        same = key.lower() if arguments.has("i") else key
        if same in others:
            matched.add(same)
            if not arguments.has("v"):
                shown += [row(key, (fields, partner)) for partner in others[same]]
        elif "1" in alone:
            shown.append(row(key, (fields, None)))
    if "2" in alone:
        left = [
            (key, fields) for key, fields in tables[1] if (key.lower() if arguments.has("i") else key) not in matched
        ]
        shown += [row(key, (None, fields)) for key, fields in left]
        shown.sort(key=lambda line: line.split(glue)[0])
    for line in shown:
        await process.print(line)
    return 0


@program("column [-t] [-s SEPARATORS] [-o STRING] [-c WIDTH] [FILE]...")
async def column(process: Process) -> int:
    arguments = parse(
        process, "ts:o:c:xn", {"table": "t", "separator:": "s", "output-separator:": "o", "output-width:": "c"}
    )
    inputs = Inputs(process, arguments.operands)
    lines: list[str] = []
    async for _, data in inputs.contents():
        for number, line in enumerate(decode(data).split("\n")):
            if line.strip():
                lines.append(line)
            if number % 256 == 0:
                await process.breathe()
    if arguments.has("t"):
        separators = arguments.last("s")
        expression = re.compile(f"[{re.escape(separators)}]") if separators else None
        rows = await taken(process, mapped(lines, expression.split if expression else str.split))
        widths: list[int] = []
        for row in rows:
            widths += [0] * (len(row) - len(widths))
            for index, cell in enumerate(row):
                widths[index] = max(widths[index], len(cell))
            await process.breathe()
        glue = arguments.last("o") if arguments.has("o") else "  "
        for row in rows:
            last = len(row) - 1
            cells = [cell if index == last else cell.ljust(widths[index]) for index, cell in enumerate(row)]
            await process.print((glue or "").join(cells))
            await process.breathe()
        return int(inputs.failed)
    width = arguments.number("c", terminal_width(process))
    for line in columned(lines, width, 8):
        await process.print(line)
        await process.breathe()
    return int(inputs.failed)


def terminal_width(process: Process) -> int:
    if process.env.get("COLUMNS", "").isdigit():
        return int(process.env["COLUMNS"])
    if process.stdout.is_terminal():
        terminal: Terminal = process.stdout  # type: ignore[assignment]  # is_terminal() says so
        return terminal.columns or 80
    return 80


def columned(words: list[str], width: int, tab: int) -> Iterator[str]:
    """Down the columns, each as wide as the longest word, rounded up to tabs."""
    if not words:
        return
    longest = (max(len(word) for word in words) // tab + 1) * tab
    count = max(1, width // longest)
    rows = -(-len(words) // count)
    for row in range(rows):
        line = ""
        for index, word in enumerate(words[row::rows]):
            while index and len(line.expandtabs(tab)) < index * longest:
                line += "\t"
            line += word
        yield line
