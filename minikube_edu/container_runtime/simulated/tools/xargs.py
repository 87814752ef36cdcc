"""xargs: command lines out of input."""

from __future__ import annotations

import errno
import re
from collections.abc import Generator

from minikube_edu.container_runtime.simulated.contract import Process, Status, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, parse, program
from minikube_edu.container_runtime.simulated.tools.steps import mapped, taken
from minikube_edu.container_runtime.simulated.tools.streams import confirmed, decode, encode, everything

LONGEST = 131072


@program("xargs [-0prt] [-I REPL] [-n MAX] [-L LINES] [-P JOBS] [-d DELIM] [-a FILE] [PROG ARGS]",
         version="GNU findutils) 4.9.0")  # fmt: skip
async def xargs(process: Process) -> int:
    arguments = parse(
        process, "0prtI:n:L:P:d:a:s:E:xi::l::",
        {"null": "0", "no-run-if-empty": "r", "replace::": "i", "max-args:": "n", "max-lines:": "L", "max-procs:": "P",
         "delimiter:": "d", "arg-file:": "a", "verbose": "t", "interactive": "p", "max-chars:": "s", "exit": "x"},
        permute=False,
    )  # fmt: skip
    name = arguments.last("a")
    if name:
        try:
            data = await process.read_file(name)
        except OSError as error:
            raise Complaint(f"can't open '{name}': {reason(error)}") from None
    else:
        data = await everything(process, process.stdin)
    command = arguments.operands or ["echo"]
    text = decode(data)
    replace = arguments.last("I", "i")
    replace = "{}" if replace == "" else replace
    delimiter = "\0" if arguments.has("0") else arguments.last("d")
    if delimiter in ("\\n", "\\t", "\\0"):
        delimiter = {"\\n": "\n", "\\t": "\t", "\\0": "\0"}[delimiter]
    if delimiter is not None:
        items = [[item] for item in text.removesuffix(delimiter).split(delimiter)] if text else []
    elif replace is not None:
        items = [words(line.strip(" \t"), whole=True) for line in text.split("\n") if line.strip()]
    else:
        items = await taken(process, mapped(await taken(process, joined_lines(text)), words))
    runs = await taken(process, commands(command, items, arguments.number("n", 0), arguments.number("L", 0), replace))
    if not runs and not arguments.has("r") and replace is None:
        runs = [command]
    return await Jobs(process, arguments.number("P", 1), arguments.has("t"), arguments.has("p")).run(runs)


def joined_lines(text: str) -> Generator[None, None, list[str]]:
    """A line that ends in a blank goes on in the next (for -L)."""
    result: list[str] = []
    going_on = False
    for number, line in enumerate(text.split("\n")):
        if number % 256 == 0:
            yield
        if going_on:
            result[-1] += line
        elif line.strip():
            result.append(line)
        going_on = line.endswith((" ", "\t")) and bool(line.strip())
    return result


PROTECTING = re.compile(r"['\"\\]")


def words(line: str, whole: bool = False) -> list[str]:
    """Blanks separate, quotes and backslashes protect."""
    result: list[str] = []
    if not whole and not PROTECTING.search(line):
        return [word for word in re.split("[ \t]+", line) if word]
    current: str | None = None
    quote = ""
    position = 0
    while position < len(line):
        letter = line[position]
        position += 1
        if quote:
            if letter == quote:
                quote = ""
            else:
                current = (current or "") + letter
        elif letter in "'\"":
            quote, current = letter, current or ""
        elif letter == "\\" and position < len(line):
            current = (current or "") + line[position]
            position += 1
        elif letter in " \t" and not whole:
            if current is not None:
                result.append(current)
                current = None
        else:
            current = (current or "") + letter
    if quote:
        kind = "double" if quote == '"' else "single"
        raise Complaint(f"unmatched {kind} quote; by default quotes are special to xargs unless you use the -0 option")
    return [*result, current] if current is not None else result


def commands(
    command: list[str], items: list[list[str]], most: int, lines: int, replace: str | None
) -> Generator[None, None, list[list[str]]]:
    if replace is not None:
        return [[word.replace(replace, item[0]) for word in command] for item in items if item]
    if lines:
        groups = [[word for item in items[i : i + lines] for word in item] for i in range(0, len(items), lines)]
        return [command + group for group in groups if group]
    runs: list[list[str]] = []
    current: list[str] = []
    size = 0
    for number, item in enumerate(items):
        if number % 256 == 0:
            yield
        for word in item:
            if current and ((most and len(current) >= most) or size + len(word) > LONGEST):
                runs.append(command + current)
                current, size = [], 0
            current.append(word)
            size += len(word) + 1
    return [*runs, command + current] if current else runs


class Jobs:
    def __init__(self, process: Process, at_once: int, trace: bool, ask: bool) -> None:
        self.process, self.at_once, self.trace, self.ask = process, at_once or 1 << 30, trace, ask
        self.code = 0
        self.running = 0

    async def run(self, runs: list[list[str]]) -> int:
        for argv in runs:
            if self.ask and not await confirmed(self.process, " ".join(argv) + " ?..."):
                continue
            if self.trace and not self.ask:
                await self.process.stderr.write(encode(" ".join(argv) + "\n"))
            while self.running >= self.at_once:
                if await self.reap():
                    return self.code
            try:
                self.process.spawn(argv)
            except OSError as error:
                await self.process.complain(f"{argv[0]}: {reason(error)}")
                self.code = 127 if error.errno == errno.ENOENT else 126
                break
            self.running += 1
        while self.running:
            await self.reap()
        return self.code

    async def reap(self) -> bool:
        """Wait for one; whether that is a reason to stop."""
        child, status = await self.process.wait()
        self.running -= 1
        return await self.judge(child, status)

    async def judge(self, child: Process, status: Status) -> bool:
        if status.signal:
            await self.process.complain(f"{child.argv[0]}: terminated by signal {status.signal}")
            self.code = 125
            return True
        if status.code == 255:
            await self.process.complain(f"{child.argv[0]}: exited with status 255; aborting")
            self.code = 124
            return True
        if status.code:
            self.code = 123
        return False
