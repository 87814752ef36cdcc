"""tail: the end of files, and what is still to come.

Following looks at the files' sizes once a second as busybox does (a container that tails a log for a year costs one
timer), `-F` also notices a file that was replaced, truncated or only made later.
"""

from __future__ import annotations

from msgspec import Struct

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program, size
from minikube_edu.container_runtime.simulated.tools.streams import BLOCK, Words, everything, unopened


class Followed(Struct):
    name: str
    file: OpenFile | None
    inode: int = 0
    position: int = 0


@program("tail [-fF] [-n [+]LINES] [-c [+]BYTES] [-s SECONDS] [-qv] [FILE]...")
async def tail(process: Process) -> int:
    arguments = parse(
        process, "n:c:fFqvs:z",
        {"lines:": "n", "bytes:": "c", "follow::": "f", "retry": "F", "quiet": "q", "silent": "q", "verbose": "v",
         "sleep-interval:": "s", "pid:": "pid"},
        argv=old_style(process.argv[1:]),
    )  # fmt: skip
    by_bytes = arguments.last_of("n", "c") == "c"
    wanted = arguments.last("n", "c") or "10"
    try:
        count = abs(size(wanted.lstrip("+-")))
    except Complaint:
        raise Complaint(f"invalid number of {'bytes' if by_bytes else 'lines'}: '{wanted}'") from None
    names = arguments.operands or ["-"]
    titles = (len(names) > 1 or arguments.has("v")) and not arguments.has("q")
    by_name = arguments.has("F") or "name" in arguments.all("f")
    code = 0
    followed: list[Followed] = []
    for index, name in enumerate(names):
        item = Followed(name, None)
        followed.append(item)
        try:
            item.file = process.stdin if name == "-" else process.open(name)
            item.inode = item.file.stat().inode
        except OSError as error:
            code = 1
            words = Words("cannot open '{}' for reading", "can't open '{}'")
            await process.complain(unopened(process, name, error, words))
            continue
        if titles:
            await process.print(("\n" if index else "") + f"==> {'standard input' if name == '-' else name} <==")
        await beginning(process, item, wanted.startswith("+"), count, by_bytes)
    if arguments.has("f", "F"):
        pause = float(arguments.last("s") or 1)
        if not by_name:
            followed = [item for item in followed if item.file is not None]
            if not followed:
                raise Complaint("no files" if is_busybox(process) else "no files remaining", 1)
        await follow(process, followed, by_name, titles, pause)
    return code


def old_style(argv: list[str]) -> list[str]:
    """-5, +3, -5f"""
    result: list[str] = []
    for word in argv:
        if word[:1] in "-+" and word[1:2].isdigit() and not (result and result[-1] in ("-n", "-c", "-s")):
            digits = word[1:].rstrip("fF")
            result.append(f"-n{'+' if word[0] == '+' else ''}{digits}")
            if word.endswith(("f", "F")):
                result.append("-" + word[-1])
        else:
            result.append(word)
    return result


async def beginning(process: Process, item: Followed, from_start: bool, count: int, by_bytes: bool) -> None:
    """What there is at first: the last lines, or all from a line on."""
    file = item.file
    assert file is not None
    if not by_bytes and not from_start:
        await skip_towards_end(process, file, count)
    if from_start and item.name == "-":
        await stream_from(process, file, count, by_bytes)
        return
    data = await everything(process, file)
    if by_bytes:
        shown = data[max(0, count - 1) :] if from_start else data[max(0, len(data) - count) :]
    else:
        shown = data[
            await behind_lines(process, data, count - 1) if from_start else await before_last(process, data, count) :
        ]
    await process.stdout.write(shown)
    try:
        item.position = file.seek(0, 1)
    except OSError:
        item.position = -1  # a pipe


async def behind_lines(process: Process, data: bytes, count: int) -> int:
    """Where the line behind so many begins."""
    place = 0
    for number in range(count):
        place = data.find(b"\n", place) + 1
        if not place:
            return len(data)
        if number % 1024 == 1023:
            await process.breathe()
    return place


async def before_last(process: Process, data: bytes, count: int) -> int:
    """Where the last so many lines begin; the last may have no end."""
    place = len(data)
    for number in range(count):
        if place <= 0:
            return 0
        place = data.rfind(b"\n", 0, place - 1) + 1
        if number % 1024 == 1023:
            await process.breathe()
    return place


async def skip_towards_end(process: Process, file: OpenFile, count: int) -> None:
    """Of a big file only the part that can hold the last lines is read."""
    try:
        total = file.stat().size
        step = 4096
        while step < total:
            file.seek(total - step)
            data = await file.read(step)
            if data.count(b"\n") > count:
                file.seek(total - step)
                return
            step *= 8
            await process.breathe()
        file.seek(0)
    except OSError:
        pass  # a pipe is read to its end


async def stream_from(process: Process, file: OpenFile, count: int, by_bytes: bool) -> None:
    """`tail -n +3` of a pipe passes things on as they come."""
    skip = max(0, count - 1)
    while block := await file.read(BLOCK):
        await process.breathe()
        if skip and by_bytes:
            cut = min(skip, len(block))
            skip, block = skip - cut, block[cut:]
        while skip and block and not by_bytes:
            _, newline, block = block.partition(b"\n")
            skip -= bool(newline)
        await process.stdout.write(block)


async def follow(process: Process, followed: list[Followed], by_name: bool, titles: bool, pause: float) -> None:
    shown = followed[-1].name
    while True:
        for item in followed:
            if by_name and item.name != "-":
                await look_again(process, item)
            if item.file is None:
                continue
            size_now = item.file.stat().size
            if 0 <= size_now < item.position:
                await process.complain(f"{item.name}: file truncated")
                item.position = 0
                item.file.seek(0)
            if item.position >= 0 and size_now == item.position:
                continue
            while block := await item.file.read(BLOCK):
                if titles and shown != item.name:
                    await process.print(f"\n==> {item.name} <==")
                    shown = item.name
                await process.stdout.write(block)
                item.position += len(block)
            if item.position < 0:
                followed = [other for other in followed if other is not item]  # a pipe that ended
        if not followed:
            return
        await process.sleep(pause)


async def look_again(process: Process, item: Followed) -> None:
    """Is it still the file that has this name?"""
    try:
        stat = process.stat(item.name)
    except OSError as error:
        if item.file is not None:
            await process.complain(f"'{item.name}' has become inaccessible: {reason(error)}")
            item.file.release()
            item.file = None
        return
    if item.file is None or stat.inode != item.inode:
        words = "has been replaced" if item.file is not None else "has appeared"
        try:
            fresh = process.open(item.name)
        except OSError:
            return
        await process.complain(f"'{item.name}' {words};  following new file")
        if item.file is not None:
            item.file.release()
        item.file, item.inode, item.position = fresh, stat.inode, 0
