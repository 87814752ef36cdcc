"""wc: lines, words, characters and bytes."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import BLOCK, Inputs, decode


@program("wc [-cmlwL] [FILE]...")
async def wc(process: Process) -> int:
    arguments = parse(
        process, "cmlwL", {"bytes": "c", "chars": "m", "lines": "l", "words": "w", "max-line-length": "L"}
    )
    shown = [letter for letter in "lwmcL" if arguments.has(letter)] or ["l", "w", "c"]
    inputs = Inputs(process, arguments.operands)
    rows: list[tuple[dict[str, int], str]] = []
    sizes = 0
    async for name, file in inputs:
        counts = dict.fromkeys("lwmcL", 0)
        in_word = False
        column = 0
        while block := await file.read(BLOCK):
            await process.breathe()
            counts["c"] += len(block)
            counts["l"] += block.count(b"\n")
            counts["m"] += sum((byte & 0xC0) != 0x80 for byte in block) if "m" in shown else 0
            words = block.split()
            counts["w"] += len(words) - (in_word and not block[:1].isspace())
            in_word = not block[-1:].isspace()
            if "L" in shown:
                for index, line in enumerate(decode(block).split("\n")):
                    column = len(line.expandtabs()) + (column if index == 0 else 0)
                    counts["L"] = max(counts["L"], column)
        rows.append((counts, "" if name == "-" and not arguments.operands else name))
        sizes += counts["c"]
    total = {
        letter: (max if letter == "L" else sum)(counts[letter] for counts, _ in rows) if rows else 0
        for letter in "lwmcL"
    }
    if len(inputs.names) > 1:
        rows.append((total, "total"))
    # GNU makes the columns as wide as the sum of the sizes needs, 7 when it reads a pipe; busybox always 9
    one = len(shown) == 1 and len(rows) == 1
    width = 1 if one else len(str(sizes)) if arguments.operands and "-" not in inputs.names else 7
    if is_busybox(process):
        width = 1 if one else 9
    for counts, name in rows:
        columns = " ".join(f"{counts[letter]:{width}d}" for letter in shown)
        await process.print(f"{columns} {name}" if name else columns)
    return int(inputs.failed)
