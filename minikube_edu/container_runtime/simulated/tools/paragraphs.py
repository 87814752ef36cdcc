"""fold, fmt, expand, unexpand: how wide lines are."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import Batches, Inputs, decode, encode


def old_width(argv: list[str]) -> list[str]:
    return [f"-w{word[1:]}" if word[:1] == "-" and word[1:].isdigit() else word for word in argv]


@program("fold [-bs] [-w WIDTH] [FILE]...")
async def fold(process: Process) -> int:
    arguments = parse(process, "bsw:", {"bytes": "b", "spaces": "s", "width:": "w"}, argv=old_width(process.argv[1:]))
    width = arguments.number("w", 80)
    if width < 1:
        raise Complaint(f"invalid number of columns: '{width}'")
    inputs = Inputs(process, arguments.operands)
    async for _, file in inputs:
        async for lines in Batches(process, file):
            shown = []
            for line in lines:
                text = decode(line)
                length, start = len(text.rstrip("\n")), 0
                while length - start > width:
                    cut = text.rfind(" ", start, start + width) + 1 if arguments.has("s") else 0
                    cut = cut or start + width
                    shown.append(text[start:cut] + "\n")
                    start = cut
                    if len(shown) % 256 == 0:
                        await process.stdout.write(encode("".join(shown)))
                        shown = []
                shown.append(text[start:])
            await process.stdout.write(encode("".join(shown)))
    return int(inputs.failed)


@program("fmt [-w WIDTH] [FILE]...")
async def fmt(process: Process) -> int:
    arguments = parse(process, "w:su", {"width:": "w"}, argv=old_width(process.argv[1:]))
    width = arguments.number("w", 75)
    inputs = Inputs(process, arguments.operands)
    async for _, data in inputs.contents():
        paragraph: list[str] = []
        for line in [*decode(data).split("\n"), ""]:
            if line.strip():
                paragraph.append(line)
                continue
            if paragraph:
                indent = paragraph[0][: len(paragraph[0]) - len(paragraph[0].lstrip())]
                current = ""
                for word in " ".join(paragraph).split():
                    if current and len(indent) + len(current) + 1 + len(word) > width:
                        await process.print(indent + current)
                        current = word
                    else:
                        current = f"{current} {word}" if current else word
                    await process.breathe()
                await process.print(indent + current)
                paragraph = []
            await process.print("")
    return int(inputs.failed)


@program("expand [-i] [-t N] [FILE]...")
async def expand(process: Process) -> int:
    arguments = parse(process, "it:", {"tabs:": "t", "initial": "i"})
    tab = arguments.number("t", 8)
    inputs = Inputs(process, arguments.operands)
    async for _, file in inputs:
        async for lines in Batches(process, file):
            shown = []
            for line in lines:
                text = decode(line)
                if arguments.has("i"):
                    rest = text.lstrip(" \t")
                    shown.append(text[: len(text) - len(rest)].expandtabs(tab) + rest)
                else:
                    shown.append(text.expandtabs(tab))
            await process.stdout.write(encode("".join(shown)))
    return int(inputs.failed)


@program("unexpand [-a] [-t N] [FILE]...")
async def unexpand(process: Process) -> int:
    arguments = parse(process, "at:f", {"all": "a", "tabs:": "t", "first-only": "f"})
    tab = arguments.number("t", 8)
    everywhere = arguments.has("a", "t") and not arguments.has("f")
    inputs = Inputs(process, arguments.operands)
    async for _, file in inputs:
        async for lines in Batches(process, file):
            await process.stdout.write(encode("".join(tabbed(decode(line), tab, everywhere) for line in lines)))
    return int(inputs.failed)


def tabbed(line: str, tab: int, everywhere: bool) -> str:
    """Runs of two or more blanks that reach a tab stop become tabs."""
    text = line.expandtabs(tab)
    result = ""
    position = 0
    while position < len(text):
        cell = text[position : position + tab]
        stripped = cell.rstrip(" ")
        if (
            len(cell) == tab
            and len(cell) - len(stripped) > (1 if everywhere and stripped else 0)
            and (everywhere or not stripped)
        ):
            result += stripped + "\t"
        else:
            result += cell
            if not everywhere and stripped:
                return result + text[position + tab :]
        position += tab
    return result
