"""tsort: an order in which everything comes before what depends on it."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import Inputs, decode


@program("tsort [FILE]")
async def tsort(process: Process) -> int:
    arguments = parse(process, "")
    if len(arguments.operands) > 1:
        raise Complaint(f"extra operand '{arguments.operands[1]}'", usage=True)
    inputs = Inputs(process, arguments.operands)
    words: list[str] = []
    async for _, data in inputs.contents():
        words = decode(data).split()
    name = arguments.operands[0] if arguments.operands else "-"
    if len(words) % 2:
        raise Complaint(f"{name}: input contains an odd number of tokens")
    before: dict[str, int] = {}  # how many come before it
    after: dict[str, list[str]] = {}
    for first, second in zip(words[::2], words[1::2], strict=True):
        before.setdefault(first, 0)
        before.setdefault(second, 0)
        if first != second:
            after.setdefault(first, []).insert(0, second)
            before[second] += 1
    ready = sorted(word for word, count in before.items() if not count)
    code = int(inputs.failed)
    while before:
        if not ready:
            code = 1
            loop = await looped(process, before, after)
            await process.complain(f"{name}: input contains a loop:")
            for word in loop:
                await process.complain(word)
            after[loop[-1]].remove(loop[0])
            before[loop[0]] -= 1
            ready = [loop[0]] if not before[loop[0]] else []
            continue
        word = ready.pop(0)
        del before[word]
        await process.print(word)
        for other in after.get(word, ()):
            before[other] -= 1
            if not before[other]:
                ready.append(other)
        await process.breathe()
    return code


async def looped(process: Process, left: dict[str, int], after: dict[str, list[str]]) -> list[str]:
    """Everything that is left has something before it: going backwards one comes to where one was."""
    earlier = {second: first for first in sorted(left, reverse=True) for second in after.get(first, ())}
    word, way = min(left), list[str]()
    while word not in way:
        way.append(word)
        word = earlier[word]
        await process.breathe()
    loop = way[way.index(word) :][::-1]
    first = loop.index(min(loop))
    return loop[first:] + loop[:first]
