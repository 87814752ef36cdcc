"""patch: what diff found, applied (unified diffs)."""

from __future__ import annotations

import re

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import decode, encode, everything

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@program("patch [-RNE] [-p N] [-i DIFF] [ORIGFILE [PATCHFILE]]", failure=2)
async def patch(process: Process) -> int:
    arguments = parse(
        process,
        "RNEp:i:sufd:",
        {"reverse": "R", "strip:": "p", "input:": "i", "forward": "N", "silent": "s", "dry-run": "n"},
    )
    source = arguments.last("i") or (arguments.operands[1] if len(arguments.operands) > 1 else None)
    try:
        text = decode(
            await everything(process, process.stdin) if source in (None, "-") else await process.read_file(source or "")
        )
    except OSError as error:
        raise Complaint(
            f"can't open '{source}': {reason(error)}"
            if is_busybox(process)
            else f"**** Can't open patch file {source} : {reason(error)}"
        ) from None
    lines = text.split("\n")
    position, code, found = 0, 0, False
    while position < len(lines):
        if not (
            lines[position].startswith("--- ") and position + 1 < len(lines) and lines[position + 1].startswith("+++ ")
        ):
            position += 1
            continue
        found = True
        names = [line[4:].split("\t")[0].strip() for line in lines[position : position + 2]]
        hunks: list[tuple[int, list[str], list[str]]] = []
        position += 2
        while position < len(lines) and (head := HUNK.match(lines[position])):
            position, hunk = read_hunk(lines, position + 1, int(head[1]), int(head[2] or 1), int(head[4] or 1))
            hunks.append(hunk)
        if arguments.has("R"):
            hunks = [(start, new, old) for start, old, new in hunks]
            names.reverse()
        name = arguments.operands[0] if arguments.operands else chosen(names, arguments.number("p", -1))
        code = max(
            code,
            await apply(process, name, hunks, names[0] == "/dev/null", names[1] == "/dev/null", arguments.has("n")),
        )
    if not found:
        raise Complaint("**** Only garbage was found in the patch input.")
    return code


def chosen(names: list[str], strip: int) -> str:
    name = names[1] if names[1] != "/dev/null" else names[0]
    return name.rsplit("/", 1)[-1] if strip < 0 else "/".join(name.split("/")[strip:])


def read_hunk(
    lines: list[str], position: int, start: int, olds: int, news: int
) -> tuple[int, tuple[int, list[str], list[str]]]:
    old: list[str] = []
    new: list[str] = []
    while position < len(lines) and (len(old) < olds or len(new) < news or lines[position].startswith("\\")):
        line = lines[position]
        position += 1
        if line.startswith("\\"):
            continue
        if line[:1] in (" ", "-", ""):
            old.append(line[1:])
        if line[:1] in (" ", "+", ""):
            new.append(line[1:])
    return position, (start, old, new)


async def apply(
    process: Process, name: str, hunks: list[tuple[int, list[str], list[str]]], creates: bool, removes: bool, dry: bool
) -> int:
    try:
        content = [] if creates else decode(await process.read_file(name)).removesuffix("\n").split("\n")
    except OSError as error:
        raise Complaint(f"can't open '{name}': {reason(error)}", 1) from None
    await process.print(f"patching file {name}" if is_busybox(process) or not dry else f"checking file {name}")
    offset = failed = 0
    for number, (start, old, new) in enumerate(hunks, 1):
        wanted = max(0, start - 1 + offset)
        places = sorted(range(len(content) - len(old) + 1), key=lambda place: abs(place - wanted))
        place = next((place for place in places if content[place : place + len(old)] == old), None)
        if place is None:
            failed += 1
            await process.print(f"Hunk #{number} FAILED at {start}.")
            continue
        content[place : place + len(old)] = new
        offset += len(new) - len(old) + place - wanted
    if failed:
        await process.print(f"{failed} out of {len(hunks)} hunk{'s' if len(hunks) > 1 else ''} FAILED")
        return 1
    if not dry:
        if removes and not content:
            process.unlink(name)
        else:
            await process.write_file(name, encode("".join(line + "\n" for line in content)))
    return 0
