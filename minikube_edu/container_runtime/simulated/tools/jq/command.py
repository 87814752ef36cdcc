"""The command: options, inputs, and how values are shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, program
from minikube_edu.container_runtime.simulated.tools.jq.engine import Engine, Fault
from minikube_edu.container_runtime.simulated.tools.jq.parser import BadFilter, parse
from minikube_edu.container_runtime.simulated.tools.streams import decode, encode, everything

COLOURS = {"null": "1;30", "false": "0;39", "true": "0;39", "number": "0;39", "string": "0;32", "key": "34;1"}
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
}


@program("jq [OPTIONS] FILTER [FILE]...", failure=2, version="jq-1.7")
async def jq(process: Process) -> int:
    flags, variables, operands, indent = await options(process)
    if not operands:
        raise Complaint("error: no filter given", 2, usage=True)
    source = operands.pop(0)
    try:
        tree = parse(source)
    except (BadFilter, RecursionError) as error:
        await process.stderr.write(
            encode(
                f"jq: error: {error} (Unix shell quoting issues?) at <top-level>, line 1:\n{source}\n"
                "jq: 1 compile error\n"
            )
        )
        return 3
    texts = []
    for name in operands:
        try:
            texts.append(decode(await process.read_file(name)))
        except OSError as error:
            await process.stderr.write(encode(f"jq: error: Could not open {name}: {reason(error)}\n"))
            return 2
    if not operands and "n" not in flags:
        texts.append(decode(await everything(process, process.stdin)))
    values = inputs("\n".join(texts), flags)
    engine = Engine(lambda: values, dict(process.env))
    code = 4 if "e" in flags else 0
    queue: Iterator[Any] = iter([None]) if "n" in flags else values
    if "s" in flags and "n" not in flags and "R" not in flags:
        try:
            queue = iter([list(values)])
        except ValueError as error:
            return await unparsed(process, error)
    while True:
        try:
            value = next(queue, Ellipsis)
        except ValueError as error:
            return await unparsed(process, error)
        if value is Ellipsis:
            return code
        await process.breathe()
        try:
            engine.steps = 0
            for result in engine.run(tree, value, variables):
                await process.stdout.write(encode(shown(result, flags, indent)))
                await process.breathe()
                if "e" in flags:
                    code = 1 if result is None or result is False else 0
        except Fault as fault:
            if fault.value == "break":
                continue
            await process.stderr.write(encode(f"jq: error (at <stdin>:{1 if value is not None else 0}): {fault}\n"))
            code = 5
        except (TypeError, ValueError, AttributeError, OverflowError, RecursionError, KeyError):
            await process.stderr.write(encode("jq: error (at <stdin>:1): the input does not fit the filter\n"))
            code = 5


async def unparsed(process: Process, error: ValueError) -> int:
    await process.stderr.write(encode(f"jq: error (at <stdin>:1): Invalid literal: {error}\n"))
    return 2 if is_busybox(process) else 4  # 1.7 of Alpine, 1.6 of Debian


async def options(process: Process) -> tuple[set[str], dict[str, Any], list[str], int]:
    flags: set[str] = set()
    variables: dict[str, Any] = {"$ENV": dict(process.env)}
    named: dict[str, Any] = {}
    operands: list[str] = []
    indent = 2
    words = process.argv[1:]
    while words:
        word = words.pop(0)
        if word in ("--arg", "--argjson", "--slurpfile", "--rawfile") and len(words) >= 2:
            name, text = words.pop(0), words.pop(0)
            try:
                if word in ("--slurpfile", "--rawfile"):
                    text = decode(await process.read_file(text))
                value: Any = (
                    text
                    if word in ("--arg", "--rawfile")
                    else list(inputs(text, set()))
                    if word == "--slurpfile"
                    else json.loads(text)
                )
            except ValueError:
                raise Complaint(f"Invalid JSON text passed to --{word[2:]}", 2) from None
            variables["$" + name] = named[name] = value
        elif word == "--indent" and words:
            indent = int(words.pop(0))
        elif word in ("--args", "--jsonargs"):
            variables["$__args"] = words[1:]
        elif word in ("-f", "--from-file") and words:
            operands.insert(0, decode(await process.read_file(words.pop(0))))
        elif word.startswith("--"):
            if word[2:] not in FLAGS:
                raise Complaint(
                    "Unknown arguments\nUse jq --help for help with command-line options,",
                    2,
                )
            flags.add(FLAGS[word[2:]])
        elif word.startswith("-") and len(word) > 1:
            flags |= set(word[1:])
        else:
            operands.append(word)
    variables["$__prog_args"] = named
    variables["$named"] = named
    return flags, variables, operands, indent


def inputs(text: str, flags: set[str]) -> Iterator[Any]:
    """The values of a text, one after the other."""
    if "R" in flags:
        yield from [text] if "s" in flags else text.split("\n")[: -1 if text.endswith("\n") else None]
        return
    decoder = json.JSONDecoder()
    position = 0
    while True:
        while position < len(text) and text[position] in " \t\r\n\x1e\ufeff":
            position += 1
        if position >= len(text):
            return
        value, position = decoder.raw_decode(text, position)
        yield value


def shown(value: Any, flags: set[str], indent: int) -> str:
    end = "" if "j" in flags else "\n"
    if isinstance(value, str) and flags & {"r", "j"}:
        return value + end
    compact = "c" in flags or "j" in flags or indent == 0
    text = json.dumps(
        finite(value),
        ensure_ascii="a" in flags,
        sort_keys="S" in flags,
        indent=None if compact else "\t" if "t" in flags else indent,
        separators=(",", ":") if compact else (",", ": "),
    )
    return text + end


def finite(value: Any) -> Any:
    if isinstance(value, float):
        if value != value:
            return None
        if value in (float("inf"), float("-inf")):
            return 1.7976931348623157e308 if value > 0 else -1.7976931348623157e308
    if isinstance(value, list):
        return [finite(item) for item in value]
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return value
