"""The command: options, inputs, and how values are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, program
from minikube_edu.container_runtime.simulated.tools.jq.engine import (
    PAUSE,
    Compiler,
    Filter,
    Halt,
    Machine,
    Surroundings,
)
from minikube_edu.container_runtime.simulated.tools.jq.json_text import BadText, Layout, Reader, pieces
from minikube_edu.container_runtime.simulated.tools.jq.parser import BadFilter, parse
from minikube_edu.container_runtime.simulated.tools.jq.values import Broken, Fault, dumped
from minikube_edu.container_runtime.simulated.tools.steps import taken
from minikube_edu.container_runtime.simulated.tools.streams import BLOCK, decode, encode, everything

FLAGS = {
    "raw-output": "r",
    "compact-output": "c",
    "null-input": "n",
    "exit-status": "e",
    "slurp": "s",
    "sort-keys": "S",
    "raw-input": "R",
    "join-output": "j",
    "color-output": "C",
    "monochrome-output": "M",
    "tab": "t",
    "ascii-output": "a",
    "seq": "q",
    "stream": "m",
    "unbuffered": "u",
    "raw-output0": "0",
    "help": "h",
    "version": "V",
}
USAGE = """Usage:\tjq [OPTIONS] FILTER [FILES...]
\tjq [OPTIONS] -n FILTER
\tjq [OPTIONS] --args FILTER [ARGUMENTS...]
\tjq [OPTIONS] --jsonargs FILTER [JSON_VALUES...]
"""

HINT = """Use jq --help for help with command-line options,
or see the jq manpage, or online docs  at https://jqlang.github.io/jq"""


class Options(Struct):
    flags: set[str] = field(default_factory=set)
    operands: list[str] = field(default_factory=list)
    named: dict[str, Any] = field(default_factory=dict)
    positional: list[Any] = field(default_factory=list)
    filter: str | None = None
    indent: str = "  "


@program("jq [OPTIONS] FILTER [FILE]...", failure=2, version="jq-1.7")
async def jq(process: Process) -> int:
    options = await read_options(process)
    if "V" in options.flags:
        await process.print("jq-1.7.1")
        return 0
    if options.filter is None or "h" in options.flags:
        await (process.stdout if "h" in options.flags else process.stderr).write(USAGE.encode())
        return 0 if "h" in options.flags else 2
    machine = Machine(Surroundings(env=dict(process.env)))
    scope = {
        **{f"${name}": value for name, value in options.named.items()},
        "$ARGS": {"positional": options.positional, "named": options.named},
        "$__prog_args": options.named,
    }
    try:
        tree = parse(options.filter)
    except (BadFilter, RecursionError) as error:
        hint = "(Unix shell quoting issues?) "
        return await _uncompiled(
            process, options.filter, f"{error} {hint}" if isinstance(error, BadFilter) else "too deep "
        )
    try:
        filter = Compiler(machine).compiled(tree, frozenset(scope))
    except (BadFilter, RecursionError) as error:
        return await _uncompiled(process, options.filter, f"{error} ")
    return await Run(process, options, machine, filter, scope).all()


async def _uncompiled(process: Process, source: str, words: str) -> int:
    await process.stderr.write(encode(f"jq: error: {words}at <top-level>, line 1:\n{source}\njq: 1 compile error\n"))
    return 3


class Run:
    """A filter over all inputs."""

    def __init__(
        self, process: Process, options: Options, machine: Machine, filter: Filter, scope: dict[str, Any]
    ) -> None:
        self.process, self.options, self.machine, self.filter, self.scope = process, options, machine, filter, scope
        self.flags = options.flags
        self.readers: list[tuple[str | None, Reader]] = []
        self.reader = Reader("")
        self.code = 4 if "e" in self.flags else 0
        compact = "c" in self.flags
        self.layout = Layout(
            "" if compact else "\t" if "t" in self.flags else options.indent,
            "S" in self.flags,
            "a" in self.flags,
            "C" in self.flags and "M" not in self.flags,
        )
        self.failed = False

    def lines(self) -> int:
        """So many were read: whole ones, as it reads them."""
        text, position = self.reader.text, self.reader.position
        return text.count("\n", 0, text.find("\n", position) + 1 or len(text)) if position else 0

    async def all(self) -> int:
        if await self.texts() is False:
            return 2
        surroundings = self.machine.surroundings
        surroundings.inputs = values = self.inputs()
        surroundings.lines = self.lines
        queue: Iterator[Any] = iter([None]) if "n" in self.flags else values
        try:
            for value in queue:
                if value is PAUSE:
                    await self.process.breathe()
                else:
                    await self.one(value)
        except BadText as error:
            await self.complain(f"parse error: {error}")
            return 2 if is_busybox(self.process) else 4  # 1.7 of Alpine, 1.6 of Debian
        except Halt as end:
            await self.flush()
            if not end.silent:
                text = end.value if isinstance(end.value, str) else dumped(end.value) + "\n"
                await self.process.stderr.write(encode(text))
            return end.code & 255
        except Broken as error:
            await self.complain(str(error))
            return 5
        return 2 if self.failed and not self.code else self.code

    async def one(self, value: Any) -> None:
        try:
            for result in self.machine.run(self.filter, value, self.scope):
                if self.machine.surroundings.debug:
                    await self.flush()
                await self.process.breathe()
                if result is PAUSE:
                    continue
                await self.show(result)
                if "e" in self.flags:
                    self.code = 1 if result is None or result is False else 0
        except Fault as fault:
            await self.flush()
            await self.complain(f"error (at {self.where()}){':' if isinstance(fault.value, str) else ''} {fault}")
            self.code = 5

    async def flush(self) -> None:
        debug = self.machine.surroundings.debug
        if debug:
            text = "".join(debug)
            debug.clear()
            await self.process.stderr.write(encode(text))

    async def complain(self, words: str) -> None:
        await self.process.stderr.write(encode(f"jq: {words}\n"))

    def where(self) -> str:
        if "n" in self.flags and not self.reader.position:
            return "<unknown>"
        return f"<stdin>:{self.lines()}"

    # -- inputs ------------------------------------------------------------------------------------------------------

    async def texts(self) -> bool:
        """What is to be read: files, or stdin."""
        for name in self.options.operands:
            try:
                data = await self.process.read_file(name)
            except OSError as error:
                await self.complain(f"error: Could not open {name}: {reason(error)}")
                self.failed = True
                continue
            self.readers.append((name, Reader(decode(data))))
        if not self.options.operands and ("n" not in self.flags or re.search("input", self.options.filter or "")):
            self.readers.append((None, Reader(decode(await everything(self.process, self.process.stdin)))))
        return True

    def inputs(self) -> Iterator[Any]:
        """The values of all texts, and PAUSE between whiles."""
        source = self.raw() if "R" in self.flags else self.parsed()
        if "m" in self.flags and "R" not in self.flags:
            source = self.streamed(source)
        if "s" not in self.flags or "R" in self.flags:
            yield from source
            return
        slurped = []
        for value in source:
            if value is PAUSE:
                yield PAUSE
            else:
                slurped.append(value)
        yield slurped

    def raw(self) -> Iterator[Any]:
        text = "".join(reader.text for _, reader in self.readers)
        if "s" in self.flags:
            yield text
            return
        lines = text.split("\n")
        yield from lines if lines[-1] else lines[:-1]

    def parsed(self) -> Iterator[Any]:
        for name, reader in self.readers:
            self.reader, self.machine.surroundings.file = reader, name
            while reader.more():
                work = reader.value()
                try:
                    while True:
                        next(work)
                        yield PAUSE
                except StopIteration as end:
                    yield end.value

    def streamed(self, values: Iterator[Any]) -> Iterator[Any]:
        machine = Machine()
        split = Compiler(machine).compiled(("call", "tostream", []))
        for value in values:
            if value is PAUSE:
                yield PAUSE
            else:
                yield from machine.run(split, value, {})

    # -- outputs -----------------------------------------------------------------------------------------------------

    async def show(self, value: Any) -> None:
        end = "" if "j" in self.flags else "\0" if "0" in self.flags else "\n"
        start = "\x1e" if "q" in self.flags else ""
        if isinstance(value, str) and self.flags & {"r", "j", "0"} and not self.layout.ascii:
            await self.process.stdout.write(encode(start + value + end))
            return
        text: list[str] = [start]
        for number, piece in enumerate(pieces(value, self.layout)):
            text.append(piece)
            if number % 400 == 399:
                await self.process.breathe()
                if len(text) > BLOCK // 8:
                    await self.process.stdout.write(encode("".join(text)))
                    text = []
        text.append(end)
        await self.process.stdout.write(encode("".join(text)))


async def read_options(process: Process) -> Options:
    options = Options()
    words = list(process.argv[1:])
    rest = "files"  # what operands are: files, args, jsonargs
    source: str | None = None
    while words:
        word = words.pop(0)
        if word in ("--arg", "--argjson", "--slurpfile", "--rawfile"):
            if len(words) < 2:
                raise Complaint(f"{word} takes two parameters (e.g. {word} varname value)", 2)
            name, text = words.pop(0), words.pop(0)
            options.named.setdefault(name, await _named(process, word[2:], name, text))
        elif word == "--indent":
            number = int(words.pop(0)) if words and words[0].lstrip("-").isdigit() else -1
            if not 0 <= number <= 7:
                raise Complaint(f"Cannot indent {'more than 7' if number > 7 else 'less than zero'} characters", 2)
            options.indent = " " * number
            options.flags.discard("t")
        elif word in ("--args", "--jsonargs"):
            rest = word[2:]
        elif word in ("-f", "--from-file") and words:
            source = decode(await process.read_file(words.pop(0)))
        elif word in ("-L", "--library-path") and words:
            words.pop(0)
        elif word == "--":
            options.operands += words
            words = []
        elif word.startswith("--") and word[2:] in FLAGS:
            options.flags.add(FLAGS[word[2:]])
        elif word.startswith("--") or (word[:1] == "-" and set(word[1:]) - set("rcnesSRjCMtahVu")):
            raise Complaint(f"Unknown option: {word}\n{USAGE}{HINT}", 2)
        elif word.startswith("-") and len(word) > 1:
            options.flags |= set(word[1:])
        elif source is None and options.filter is None:
            options.filter = word
        elif rest == "files":
            options.operands.append(word)
        elif rest == "args":
            options.positional.append(word)
        else:
            options.positional.append(await _named(process, "jsonargs", word, word))
    if source is not None:
        if options.filter is not None:
            options.operands.insert(0, options.filter)
        options.filter = source
    elif options.filter is None and options.operands:
        options.filter = options.operands.pop(0)
    return options


async def _named(process: Process, option: str, name: str, text: str) -> Any:
    if option == "arg":
        return text
    if option in ("rawfile", "slurpfile"):
        try:
            content = decode(await process.read_file(text))
        except OSError as error:
            raise Complaint(
                f"Bad JSON in --{option} {name} {text}: Could not open {text}: {reason(error)}", 2
            ) from None
        if option == "rawfile":
            return content
        text = content
    reader = Reader(text)
    found = []
    try:
        while reader.more():
            found.append(await taken(process, reader.value()))
    except BadText:
        found = []
        if option == "slurpfile":
            raise Complaint(f"Bad JSON in --slurpfile {name}", 2) from None
    if option == "slurpfile":
        return found
    if len(found) != 1:
        raise Complaint(f"Invalid JSON text passed to --{option}", 2)
    return found[0]
