"""diff and cmp: what differs between two files, or trees."""

from __future__ import annotations

import difflib
from difflib import Match

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.kernel.baton import give_way, in_turns
from minikube_edu.container_runtime.simulated.tools import modes
from minikube_edu.container_runtime.simulated.tools.arguments import Arguments, Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import BLOCK, Output, decode, encode, everything
from minikube_edu.lib import clock

Block = tuple[str, int, int, int, int]
LARGEST = 256 << 10  # bytes of both files: the comparison takes the square of their lines


@program("diff [-abBdiqrTstw] [-U LINES] [-L LABEL] FILE1 FILE2", failure=2, version="GNU diffutils) 3.8")
async def diff(process: Process) -> int:
    arguments = parse(
        process,
        "abBdiNqrTstwuU:L:S:EyZc",
        {
            "unified::": "u",
            "brief": "q",
            "recursive": "r",
            "ignore-case": "i",
            "ignore-all-space": "w",
            "label:": "L",
            "ignore-space-change": "b",
            "ignore-blank-lines": "B",
            "new-file": "N",
            "report-identical-files": "s",
            "color::": "color",
            "text": "a",
            "side-by-side": "y",
            "strip-trailing-cr": "cr",
            "exclude:": "x",
        },
    )
    if len(arguments.operands) != 2:
        raise Complaint("missing operand after '" + (arguments.operands or ["diff"])[-1] + "'", usage=True)
    return await Comparison(process, arguments).files(*arguments.operands)


class Comparison:
    def __init__(self, process: Process, arguments: Arguments) -> None:
        self.process, self.arguments = process, arguments
        self.has = arguments.has

    async def files(self, one: str, other: str) -> int:
        kinds = []
        for path in (one, other):
            try:
                kinds.append(False if path == "-" else modes.is_directory(self.process.stat(path).mode))
            except OSError as error:
                if self.has("N") and error.errno == 2:
                    kinds.append(False)
                    continue
                words = (
                    f"can't stat '{path}': {reason(error)}" if is_busybox(self.process) else f"{path}: {reason(error)}"
                )
                raise Complaint(words) from None
        if kinds == [True, True]:
            return await self.trees(one, other)
        if kinds[0]:
            one = f"{one.rstrip('/')}/{other.rsplit('/', 1)[-1]}"
        if kinds[1]:
            other = f"{other.rstrip('/')}/{one.rsplit('/', 1)[-1]}"
        return await self.pair(one, other, "")

    async def trees(self, one: str, other: str) -> int:
        code = 0
        names = sorted({*self.process.listdir(one), *self.process.listdir(other)})
        for name in names:
            a, b = f"{one.rstrip('/')}/{name}", f"{other.rstrip('/')}/{name}"
            there = [self.kind(a), self.kind(b)]
            if None in there and not self.has("N"):
                await self.process.print(f"Only in {one if there[0] else other}: {name}".replace("//", "/"))
                code = 1
            elif there == ["d", "d"]:
                if self.has("r"):
                    code = max(code, await self.trees(a, b))
                else:
                    await self.process.print(f"Common subdirectories: {a} and {b}")
            elif "d" not in there:
                flags = "".join(
                    f" -{letter}"
                    for letter in dict.fromkeys(name for name, _ in self.arguments.options)
                    if len(letter) == 1
                )
                code = max(code, await self.pair(a, b, f"diff{flags} {a} {b}\n"))
        return code

    def kind(self, path: str) -> str | None:
        try:
            return modes.shown(self.process.stat(path).mode)[0]
        except OSError:
            return None

    async def content(self, path: str) -> bytes:
        if path == "-":
            return await everything(self.process, self.process.stdin)
        try:
            return await self.process.read_file(path)
        except OSError as error:
            if self.has("N") and error.errno == 2:
                return b""
            words = f"can't stat '{path}': {reason(error)}" if is_busybox(self.process) else f"{path}: {reason(error)}"
            raise Complaint(words) from None

    async def pair(self, one: str, other: str, title: str) -> int:
        left, right = await self.content(one), await self.content(other)
        a, b = (self.normal(data) for data in (left, right))
        if a == b:
            if self.has("s"):
                await self.process.print(f"Files {one} and {other} are identical")
            return 0
        if self.has("q"):
            await self.process.print(f"Files {one} and {other} differ")
            return 1
        if b"\0" in left[:4096] + right[:4096] and not self.has("a"):
            await self.process.print(
                f"Binary files {one} and {other} differ"
                if not is_busybox(self.process)
                else f"Files {one} and {other} differ"
            )
            return 1 if is_busybox(self.process) else 2
        if len(left) + len(right) > LARGEST:
            raise Complaint("memory exhausted")

        def compared() -> str:
            blocks = opcodes(a, b)
            old, new = lines_of(left), lines_of(right)
            unified = self.has("u", "U") or is_busybox(self.process)
            return self.unified(one, other, old, new, blocks) if unified else normal(old, new, blocks)

        text = await in_turns(compared)
        await self.process.stdout.write(encode((title if not is_busybox(self.process) else "") + text))
        return 1

    def normal(self, data: bytes) -> list[str]:
        """The lines as they are compared."""
        lines = lines_of(data)
        if self.has("i"):
            lines = [line.lower() for line in lines]
        if self.has("w"):
            lines = ["".join(line.split()) for line in lines]
        elif self.has("b"):
            lines = [
                " ".join(line.split()) if not line[:1].isspace() else " " + " ".join(line.split()) for line in lines
            ]
        if self.has("B"):
            lines = [line for line in lines if line.strip()]
        return lines

    def unified(self, one: str, other: str, old: list[str], new: list[str], blocks: list[Block]) -> str:
        context = int(self.arguments.last("U", "u") or 3)
        labels = self.arguments.all("L")
        heads = []
        for index, path in enumerate((one, other)):
            heads.append(
                labels[index]
                if index < len(labels)
                else path + ("" if is_busybox(self.process) else "\t" + self.stamp(path))
            )
        result = f"--- {heads[0]}\n+++ {heads[1]}\n"
        for group in grouped(blocks, context):
            first, last = group[0], group[-1]
            result += f"@@ -{span(first[1], last[2])} +{span(first[3], last[4])} @@\n"
            for kind, a1, a2, b1, b2 in group:
                if kind == "equal":
                    result += "".join(marked(" ", line) for line in old[a1:a2])
                    continue
                result += "".join(marked("-", line) for line in old[a1:a2])
                result += "".join(marked("+", line) for line in new[b1:b2])
        return result

    def stamp(self, path: str) -> str:
        from minikube_edu.container_runtime.simulated.tools.date import formatted

        moment = clock.now() if path == "-" else self.process.stat(path).mtime if self.kind(path) else 0.0
        return formatted("%Y-%m-%d %H:%M:%S.%N %z", moment, self.process.env.get("TZ", ""))


def lines_of(data: bytes) -> list[str]:
    return [line + "\n" for line in decode(data).split("\n")[:-1]] + (
        [decode(data).split("\n")[-1]] if not data.endswith(b"\n") and data else []
    )


def marked(mark: str, line: str) -> str:
    return f"{mark}{line}" if line.endswith("\n") else f"{mark}{line}\n\\ No newline at end of file\n"


class Patient(difflib.SequenceMatcher[str]):
    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        give_way()
        return super().find_longest_match(alo, ahi, blo, bhi)


def opcodes(a: list[str], b: list[str]) -> list[Block]:
    """The common beginning and end are taken off first: most files differ in little."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    middle = Patient(None, a[start : len(a) - end], b[start : len(b) - end], autojunk=False).get_opcodes()
    blocks: list[Block] = [("equal", 0, start, 0, start)] if start else []
    blocks += [(kind, i1 + start, i2 + start, j1 + start, j2 + start) for kind, i1, i2, j1, j2 in middle]
    if end:
        blocks.append(("equal", len(a) - end, len(a), len(b) - end, len(b)))
    return blocks


def grouped(blocks: list[Block], context: int) -> list[list[Block]]:
    groups: list[list[Block]] = []
    current: list[Block] = []
    for index, (kind, a1, a2, b1, b2) in enumerate(blocks):
        if kind != "equal":
            current.append((kind, a1, a2, b1, b2))
            continue
        first, last = index == 0, index == len(blocks) - 1
        if not first and not last and a2 - a1 <= 2 * context:
            current.append((kind, a1, a2, b1, b2))
            continue
        if not first:
            keep = min(context, a2 - a1)
            if keep:
                current.append((kind, a1, a1 + keep, b1, b1 + keep))
            groups.append(current)
            current = []
        if not last:
            keep = min(context, a2 - a1)
            if keep:
                current.append((kind, a2 - keep, a2, b2 - keep, b2))
    if any(block[0] != "equal" for block in current):
        groups.append(current)
    return groups


def span(start: int, end: int) -> str:
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def normal(old: list[str], new: list[str], blocks: list[Block]) -> str:
    def place(start: int, end: int) -> str:
        return str(end) if end - start <= 1 else f"{start + 1},{end}"

    result: list[str] = []
    for kind, a1, a2, b1, b2 in blocks:
        give_way()
        if kind == "equal":
            continue
        letter = {"replace": "c", "delete": "d", "insert": "a"}[kind]
        result.append(f"{place(a1, a2)}{letter}{place(b1, b2)}\n")
        result += [marked("< ", line) for line in old[a1:a2]]
        result += ["---\n"] if kind == "replace" else []
        result += [marked("> ", line) for line in new[b1:b2]]
    return "".join(result)


@program("cmp [-ls] [-n NUM] FILE1 [FILE2]", failure=2)
async def cmp(process: Process) -> int:
    arguments = parse(process, "lsn:b", {"silent": "s", "quiet": "s", "verbose": "l", "bytes:": "n"})
    if not arguments.operands:
        raise Complaint("missing operand after 'cmp'", usage=True)
    names = [*arguments.operands, "-"][:2]
    data = []
    for name in names:
        try:
            data.append(await everything(process, process.stdin) if name == "-" else await process.read_file(name))
        except OSError as error:
            raise Complaint(f"{name}: {reason(error)}") from None
    limit = arguments.number("n", 1 << 62)
    one, other = data[0][:limit], data[1][:limit]
    if one == other:
        return 0
    if arguments.has("s"):
        return 1
    size = min(len(one), len(other))
    output = Output(process.stdout)
    for start in range(0, size, BLOCK):
        await process.breathe()
        if one[start : start + BLOCK] == other[start : start + BLOCK]:
            continue
        for index in range(start, min(start + BLOCK, size)):
            if one[index] == other[index]:
                continue
            if not arguments.has("l"):
                line = one[:index].count(b"\n") + 1
                word = "char" if is_busybox(process) else "byte"
                await process.print(f"{names[0]} {names[1]} differ: {word} {index + 1}, line {line}")
                return 1
            await output.write(encode(f"{index + 1:>{len(str(len(one)))}} {one[index]:3o} {other[index]:3o}\n"))
            await process.breathe()
    await output.flush()
    shorter = names[0] if len(one) < len(other) else names[1]
    if len(one) != len(other):
        lines = one[:size].count(b"\n")
        tail = "" if is_busybox(process) else f" after byte {size}, line {lines}" if size else " which is empty"
        await process.complain(
            f"EOF on {shorter}{tail}"
            if is_busybox(process)
            else f"EOF on '{shorter}'{tail}"
            if size
            else f"EOF on '{shorter}' which is empty"
        )
    return 1
