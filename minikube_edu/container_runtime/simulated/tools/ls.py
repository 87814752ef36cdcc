"""ls: what is in a directory."""

from __future__ import annotations

import re

from msgspec import Struct

from minikube_edu.container_runtime.simulated.contract import Process, Stat, reason
from minikube_edu.container_runtime.simulated.tools import modes
from minikube_edu.container_runtime.simulated.tools.accounts import Names
from minikube_edu.container_runtime.simulated.tools.arguments import Arguments, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.columns import terminal_width
from minikube_edu.container_runtime.simulated.tools.streams import encode
from minikube_edu.lib import clock

HALF_A_YEAR = 15778476  # seconds; older files show their year


class Entry(Struct):
    name: str
    path: str
    stat: Stat
    target: str = ""


@program("ls [-1AaCxdLHRFplinshrSXvctukZ] [-w WIDTH] [FILE]...", failure=2)
async def ls(process: Process) -> int:
    arguments = parse(
        process,
        "1AaCxdLHRFplinshrSXvctukw:gGoTUNQfbqBI:",
        {
            "all": "a",
            "almost-all": "A",
            "directory": "d",
            "human-readable": "h",
            "inode": "i",
            "reverse": "r",
            "recursive": "R",
            "size": "s",
            "color::": "color",
            "classify": "F",
            "full-time": "full",
            "no-group": "G",
            "numeric-uid-gid": "n",
            "sort:": "sort",
            "time-style:": "style",
            "group-directories-first": "first",
            "width:": "w",
            "ignore:": "I",
            "si": "h",
            "dereference": "L",
            "literal": "N",
            "time:": "time",
        },
    )
    lister = Lister(process, arguments, await Names(process).load())
    return await lister.run(arguments.operands or ["."])


class Lister:
    def __init__(self, process: Process, arguments: Arguments, names: Names) -> None:
        self.process, self.arguments, self.names = process, arguments, names
        self.has = arguments.has
        terminal = process.stdout.is_terminal()
        self.long = self.has("l", "n", "g", "o", "full")
        self.columns = (terminal and not self.has("1")) or arguments.last_of("C", "x", "1") in ("C", "x")
        when = arguments.last("color")
        self.colour = self.has("color") and (when in ("", "always", "yes") or (when == "auto" and terminal))
        self.width = arguments.number("w", terminal_width(process))
        self.code = 0
        self.lines: list[str] = []

    async def run(self, operands: list[str]) -> int:
        files: list[Entry] = []
        folders: list[Entry] = []
        for name in operands:
            try:
                follow = not self.long or self.has("L", "H") or name.endswith("/")
                stat = self.process.lstat(name)
                if modes.is_link(stat.mode) and follow and not self.has("d"):
                    try:
                        stat = self.process.stat(name)
                    except OSError:
                        pass  # a dangling link is listed itself
            except OSError as error:
                words = f"{name}: " if is_busybox(self.process) else f"cannot access '{name}': "
                await self.process.complain(words + reason(error))
                self.code = 1 if is_busybox(self.process) else 2
                continue
            entry = self.entry(name, name, stat)
            (folders if modes.is_directory(stat.mode) and not self.has("d") else files).append(entry)
        files, folders = self.sorted(files), self.sorted(folders)
        await self.show(files)
        titles = len(operands) > 1 or self.has("R")
        for number, folder in enumerate(folders):
            if titles:
                self.lines.append(("" if number == 0 and not files else "\n") + f"{folder.path}:\n")
            await self.folder(folder.path)
        await self.flush()
        return self.code

    def entry(self, name: str, path: str, stat: Stat) -> Entry:
        target = ""
        if modes.is_link(stat.mode):
            try:
                target = self.process.readlink(path)
            except OSError:
                pass
        return Entry(name, path, stat, target)

    async def folder(self, path: str) -> None:
        await self.process.breathe()
        try:
            names = self.process.listdir(path)
        except OSError as error:
            await self.flush()
            words = f"can't open '{path}': " if is_busybox(self.process) else f"cannot open directory '{path}': "
            await self.process.complain(words + reason(error))
            self.code = 1 if is_busybox(self.process) else 2
            return
        everything = self.has("a", "f")
        kept = [name for name in names if everything or self.has("A") or not name.startswith(".")]
        entries = []
        for name in [*([".", ".."] if everything else []), *kept]:
            place = f"{path.rstrip('/')}/{name}" if path != "/" else "/" + name
            try:
                stat = self.process.stat(place) if self.has("L") else self.process.lstat(place)
            except OSError:
                continue
            entries.append(self.entry(name, place, stat))
            await self.process.breathe()
        entries = self.sorted(entries)
        if self.long or self.has("s"):
            blocks = sum(-(-entry.stat.size // 4096) * 4 for entry in entries if not modes.is_link(entry.stat.mode))
            self.lines.append(f"total {human(blocks * 1024) if self.has('h') else blocks}\n")
        await self.show(entries)
        if self.has("R"):
            for entry in entries:
                if modes.is_directory(entry.stat.mode) and entry.name not in (".", ".."):
                    self.lines.append(f"\n{entry.path}:\n")
                    await self.folder(entry.path)

    async def flush(self) -> None:
        text, self.lines = "".join(self.lines), []
        if text:
            await self.process.stdout.write(encode(text))

    def sorted(self, entries: list[Entry]) -> list[Entry]:
        how = self.arguments.last("sort") or ""
        letter = self.arguments.last_of("t", "S", "X", "v", "U", "f") or {"time": "t", "size": "S", "none": "U"}.get(
            how, ""
        )
        if letter in ("U", "f"):
            return entries
        entries = sorted(entries, key=lambda entry: encode(entry.name))
        if letter == "t":
            field = "ctime" if self.has("c") else "atime" if self.has("u") else "mtime"
            entries.sort(key=lambda entry: -getattr(entry.stat, field))
        elif letter == "S":
            entries.sort(key=lambda entry: -entry.stat.size)
        elif letter == "X":
            entries.sort(key=lambda entry: entry.name.rpartition(".")[2] if "." in entry.name else "")
        elif letter == "v":
            entries.sort(
                key=lambda entry: [
                    (part.isdigit(), int(part) if part.isdigit() else 0, part)
                    for part in re.findall(r"\d+|\D+", entry.name)
                ]
            )
        if self.has("r"):
            entries.reverse()
        if self.has("first"):
            entries.sort(key=lambda entry: not modes.is_directory(entry.stat.mode))
        return entries

    def decorated(self, entry: Entry) -> str:
        name = entry.name
        mode = entry.stat.mode
        if self.has("Q"):
            name = f'"{name}"'
        elif self.process.stdout.is_terminal():
            if is_busybox(self.process):
                name = "".join(letter if letter.isprintable() else "?" for letter in name)
            elif re.search(r"[\s'\"$&;|<>()*?\\!`#~]", name) and not self.has("N"):
                name = f"'{name}'" if "'" not in name else f'"{name}"'
        if self.colour and (paint := self.paint(mode)):
            name = f"\x1b[{paint}m{name}\x1b[0m"
        return name + self.mark(entry)

    def mark(self, entry: Entry) -> str:
        mode = entry.stat.mode
        if modes.is_directory(mode):
            return "/" if self.has("F", "p") else ""
        if not self.has("F"):
            return ""
        if modes.is_link(mode):
            return "" if self.long else "@"
        letter = modes.shown(mode)[0]
        return {"p": "|", "s": "="}.get(letter, "*" if mode & 0o111 and letter == "-" else "")

    def paint(self, mode: int) -> str:
        letter = modes.shown(mode)[0]
        if letter == "d" and mode & 0o1002 == 0o1002:
            return "30;42"
        return {"d": "01;34", "l": "01;36", "p": "33", "s": "01;35", "b": "01;33", "c": "01;33"}.get(
            letter, "01;32" if mode & 0o111 else ""
        )

    async def show(self, entries: list[Entry]) -> None:
        if not entries:
            return
        if self.long:
            await self.show_long(entries)
            return
        words = []
        for entry in entries:
            head = f"{entry.stat.inode:7d} " if self.has("i") else ""
            if self.has("s"):
                head += f"{-(-entry.stat.size // 4096) * 4:4d} "
            words.append(head + self.decorated(entry))
            await self.process.breathe()
        if not self.columns:
            self.lines += [word + "\n" for word in words]
        else:
            self.lines += [line + "\n" for line in gridded(words, self.width, self.has("x"))]

    async def show_long(self, entries: list[Entry]) -> None:
        rows = []
        for entry in entries:
            stat = entry.stat
            device = modes.shown(stat.mode)[0] in "bc"
            size = f"{stat.rdev >> 8 & 0xFFF}, {stat.rdev & 0xFF:3d}" if device else str(stat.size)
            moment = stat.ctime if self.has("c") else stat.atime if self.has("u") else stat.mtime
            rows.append(
                [
                    f"{stat.inode} " if self.has("i") else "",
                    f"{-(-stat.size // 4096) * 4} " if self.has("s") else "",
                    modes.shown(stat.mode),
                    str(stat.links),
                    str(stat.uid) if self.has("n") else self.names.of_user(stat.uid),
                    str(stat.gid) if self.has("n") else self.names.of_group(stat.gid),
                    human(stat.size) if self.has("h") and not device else size,
                    self.when(moment),
                    self.decorated(entry) + (f" -> {entry.target}" if modes.is_link(stat.mode) else ""),
                ]
            )
            await self.process.breathe()
        widths = [max(len(row[column]) for row in rows) for column in range(7)]
        busybox = is_busybox(self.process)
        for inode, blocks, mode, links, user, group, size, when, name in rows:
            owners = [] if self.has("g") else [f"{user:<{max(widths[4], 8 if busybox else 0)}}"]
            if not self.has("G", "o"):
                owners.append(f"{group:<{max(widths[5], 8 if busybox else 0)}}")
            head = f"{inode:>{widths[0]}}{blocks:>{widths[1]}}{mode} "
            link_width = max(widths[3], 5) if busybox else widths[3]
            size_width = max(widths[6], 9) if busybox else widths[6]
            self.lines.append(
                f"{head}{links:>{link_width}} {' '.join(owners)}{' ' if owners else ''}"
                f"{size:>{size_width}} {when} {name}\n"
            )
            await self.process.breathe()

    def when(self, moment: float) -> str:
        from minikube_edu.container_runtime.simulated.tools.date import formatted

        zone = self.process.env.get("TZ", "")
        style = self.arguments.last("style") or ""
        if self.has("full") or style == "full-iso":
            return formatted("%Y-%m-%d %H:%M:%S.%N %z", moment, zone)
        if style == "long-iso":
            return formatted("%Y-%m-%d %H:%M", moment, zone)
        if style.startswith("+"):
            return formatted(style[1:], moment, zone)
        recent = -60 <= clock.now() - moment < HALF_A_YEAR
        return formatted("%b %e %H:%M" if recent else "%b %e  %Y", moment, zone)


def human(size: int) -> str:
    """1.5K, 12M: rounded up, as GNU and busybox do."""
    if size < 1024:
        return str(size)
    value, unit = float(size), ""
    for unit in "KMGTPE":  # noqa: B007 - the unit that fits is used below
        value /= 1024
        if value < 1024:
            break
    if value < 10:
        value = -(-value * 10 // 1) / 10
        return f"{value:.1f}{unit}" if value < 10 else f"{value:.0f}{unit}"
    return f"{-(-value // 1):.0f}{unit}"


VISIBLE = re.compile(r"\x1b\[[0-9;]*m")


def gridded(words: list[str], width: int, across: bool) -> list[str]:
    """As many columns as fit, each as wide as its widest word and two blanks."""
    sizes = [len(VISIBLE.sub("", word)) for word in words]
    rows = len(words)
    widths = [max(sizes)]
    for rows in range(1, len(words) + 1):
        count = -(-len(words) // rows)
        cells = [sizes[i::count] if across else sizes[i * rows : (i + 1) * rows] for i in range(count)]
        widths = [max(cell, default=0) for cell in cells]
        if sum(widths) + 2 * (len([w for w in widths if w]) - 1) < width:
            break
    count = len(widths)
    lines = []
    for row in range(rows):
        places = range(row * count, min((row + 1) * count, len(words))) if across else range(row, len(words), rows)
        line = ""
        for column, place in enumerate(places):
            padding = widths[column] - sizes[place] + 2
            line += words[place] + " " * padding
        lines.append(line.rstrip(" "))
    return lines
