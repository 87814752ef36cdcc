"""less and more: a text page by page. Without a terminal they are cat."""

from __future__ import annotations

from typing import cast

from minikube_edu.container_runtime.simulated.contract import Process, Terminal
from minikube_edu.container_runtime.simulated.tools import long_texts, regular_expressions
from minikube_edu.container_runtime.simulated.tools.arguments import parse, program
from minikube_edu.container_runtime.simulated.tools.streams import BLOCK, Inputs, decode, encode, everything


async def page(process: Process) -> int:
    arguments = parse(
        process,
        "EFMNSRXcsfideqrnb:p:",
        {"quit-if-one-screen": "F", "raw-control-chars": "R"},
        argv=[word for word in process.argv[1:] if not word.startswith("+")],
    )
    inputs = Inputs(process, arguments.operands)
    # The keys come from the terminal, also when the text comes through a pipe
    keys = process.stdin if process.stdin.is_terminal() else process.stderr
    if not process.stdout.is_terminal() or not keys.is_terminal():
        async for _, file in inputs:
            while block := await file.read(BLOCK):
                await process.stdout.write(block)
        return int(inputs.failed)
    lines: list[str] = []
    async for _, file in inputs:
        lines += decode(await everything(process, file)).removesuffix("\n").split("\n")
    if inputs.failed and not lines:
        return 1
    terminal, source = cast(Terminal, process.stdout), cast(Terminal, keys)
    source.set_raw(True)
    try:
        await Pager(process, terminal, source, lines).run()
    finally:
        source.set_raw(False)
        await process.stdout.write(b"\r\x1b[K")
    return 0


class Pager:
    def __init__(self, process: Process, terminal: Terminal, keys: Terminal, lines: list[str]) -> None:
        self.process, self.terminal, self.keys, self.lines = process, terminal, keys, lines
        self.top = 0
        self.pattern = ""

    async def run(self) -> None:
        more = self.process.name == "more"
        while True:
            height = max(1, self.terminal.rows - 1)
            last = max(0, len(self.lines) - height)
            self.top = max(0, min(self.top, last))
            ended = self.top >= last
            shown = [line[: self.terminal.columns] for line in self.lines[self.top : self.top + height]]
            shown += ["~"] * (0 if more else height - len(shown))
            status = (
                "(END)" if ended else ":" if not more else f"--More-- ({(self.top + height) * 100 // len(self.lines)}%)"
            )
            await self.process.stdout.write(encode("\x1b[H\x1b[J" + "\r\n".join(shown) + f"\r\n\x1b[7m{status}\x1b[m"))
            if more and ended:
                return
            key = decode(await self.keys.read(64))
            if key in ("", "q", "Q", "\x03", ":q"):
                return
            if key in (" ", "f", "\x06", "\x1b[6~", "z"):
                self.top += height
            elif key in ("b", "\x02", "\x1b[5~"):
                self.top -= height
            elif key in ("j", "\r", "\n", "e", "\x1b[B", "\x1bOB"):
                self.top += 1
            elif key in ("k", "y", "\x1b[A", "\x1bOA"):
                self.top -= 1
            elif key in ("g", "<", "\x1b[H"):
                self.top = 0
            elif key in ("G", ">", "\x1b[F"):
                self.top = last
            elif key[:1] == "/":
                await self.ask(key[1:])
            elif key == "n":
                self.find()

    async def ask(self, text: str) -> None:
        while not text.endswith(("\r", "\n")):
            await self.process.stdout.write(encode(f"\r\x1b[K/{text}"))
            more = decode(await self.keys.read(64))
            if not more:
                return
            text = text[:-1] if more in "\x7f\b" else text + more
        self.pattern = text.rstrip("\r\n") or self.pattern
        self.find()

    def find(self) -> None:
        try:
            pattern = regular_expressions.compile(self.pattern)
        except regular_expressions.BadPattern:
            return
        for number in range(self.top + 1, len(self.lines)):
            line = self.lines[number]
            if long_texts.at_once(pattern, line).search(line):
                self.top = number
                break


@program("less [-EFMNSR] [FILE]...")
async def less(process: Process) -> int:
    return await page(process)


@program("more [FILE]...")
async def more(process: Process) -> int:
    return await page(process)
