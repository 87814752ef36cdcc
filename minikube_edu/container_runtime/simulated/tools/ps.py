"""ps: the processes of the container, in busybox's columns or procps's (aux, -ef, -o)."""

from __future__ import annotations

from collections.abc import Callable

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.accounts import Names
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, program
from minikube_edu.container_runtime.simulated.tools.columns import terminal_width
from minikube_edu.lib import clock

BASE_SIZE = 4096  # KiB of memory that a small program seems to hold


def command(other: Process) -> str:
    return " ".join(other.argv) or f"[{other.name}]"


def state(other: Process, me: Process) -> str:
    if other.status is not None:
        return "Z"
    return "R" if other is me or other.pid == me.pid else "S"


def clock_time(seconds: float) -> str:
    return f"{int(seconds) // 3600:02d}:{int(seconds) // 60 % 60:02d}:{int(seconds) % 60:02d}"


def elapsed(seconds: float) -> str:
    days, rest = divmod(int(seconds), 86400)
    text = f"{rest // 60 % 60:02d}:{rest % 60:02d}"
    if days or rest >= 3600:
        text = f"{rest // 3600:02d}:{text}"
    return f"{days}-{text}" if days else text


class Columns:
    """The value of each column for a process."""

    def __init__(self, process: Process, names: Names) -> None:
        self.process, self.names = process, names
        self.now = clock.now()
        world = process.container
        memory = world.memory_limit or world.host_memory

        def cpu(other: Process) -> float:
            return world.cpu_seconds(other.pid)

        def share(other: Process) -> float:
            return cpu(other) * 100 / max(1.0, self.now - other.started_at)

        def stamp(other: Process) -> str:
            from minikube_edu.container_runtime.simulated.tools.date import formatted

            layout = "%H:%M" if self.now - other.started_at < 86400 else "%b%d"
            return formatted(layout, other.started_at, process.env.get("TZ", ""))

        terminal = "pts/0" if process.stdout.is_terminal() or process.stdin.is_terminal() else "?"
        self.table: dict[str, tuple[str, Callable[[Process], str], bool]] = {
            "pid": ("PID", lambda other: str(other.pid), True),
            "ppid": ("PPID", lambda other: str(other.parent_pid), True),
            "pgid": ("PGID", lambda other: str(other.group), True),
            "user": ("USER", lambda other: names.of_user(other.user.uid), False),
            "uid": ("UID", lambda other: str(other.user.uid), True),
            "group": ("GROUP", lambda other: names.of_group(other.user.gid), False),
            "comm": ("COMMAND", lambda other: other.name, False),
            "args": ("COMMAND", command, False),
            "stat": ("STAT", lambda other: state(other, process) + ("s" if other.pid == 1 else ""), False),
            "s": ("S", lambda other: state(other, process), False),
            "tty": ("TT", lambda other: terminal, False),
            "time": ("TIME", lambda other: clock_time(cpu(other)), True),
            "etime": ("ELAPSED", lambda other: elapsed(self.now - other.started_at), True),
            "start": ("START", stamp, False),
            "pcpu": ("%CPU", lambda other: f"{share(other):.1f}", True),
            "pmem": ("%MEM", lambda other: f"{BASE_SIZE * 102400 / memory:.1f}", True),
            "vsz": ("VSZ", lambda other: str(BASE_SIZE), True),
            "rss": ("RSS", lambda other: str(BASE_SIZE * 7 // 10), True),
            "ni": ("NI", lambda other: "0", True),
            "nice": ("NI", lambda other: "0", True),
            "pri": ("PRI", lambda other: "19", True),
        }
        for alias, name in (
            ("cmd", "args"),
            ("command", "args"),
            ("ucmd", "comm"),
            ("%cpu", "pcpu"),
            ("%mem", "pmem"),
            ("tt", "tty"),
            ("state", "s"),
            ("euser", "user"),
            ("stime", "start"),
            ("lstart", "start"),
            ("vsize", "vsz"),
            ("rssize", "rss"),
            ("uname", "user"),
            ("ruser", "user"),
            ("cputime", "time"),
        ):
            self.table[alias] = self.table[name]


@program("ps [-o COL1,COL2=HEADER] [-T] | [aux] [-ef] [-p PID]", version="procps-ng 4.0.2")
async def ps(process: Process) -> int:
    busybox = is_busybox(process)
    letters, layouts, pids, headers = options(process)
    columns = Columns(process, await Names(process).load())
    chosen = [other for _, other in sorted(process.container.processes.items())]
    if pids:
        chosen = [other for other in chosen if str(other.pid) in pids]
    elif not busybox and not ({"e", "A", "x", "a"} & letters):
        # Only those on one's own terminal, as procps does
        terminal = process.stdin.is_terminal()
        chosen = [
            other for other in chosen if other.user.uid == process.user.uid and (not terminal or has_terminal(other))
        ]
    if layouts:
        rows = custom(columns, layouts, chosen)
    elif busybox:
        rows = []
        world = process.container
        await process.print("PID   USER     TIME  COMMAND")
        for other in chosen:
            seconds = int(world.cpu_seconds(other.pid))
            rows.append(
                [
                    str(other.pid),
                    columns.names.of_user(other.user.uid),
                    f"{seconds // 60}:{seconds % 60:02d}",
                    command(other),
                ]
            )
        for pid, user, used_text, words in rows:
            line = f"{pid:>5} {user[:8]:<8} {used_text:>5} {words}"
            await process.print(line[: terminal_width(process)] if process.stdout.is_terminal() else line)
        return 0
    elif "u" in letters:
        names = ["user", "pid", "%cpu", "%mem", "vsz", "rss", "tty", "stat", "start", "time", "args"]
        rows = custom(columns, [(name, {"tty": "TTY"}.get(name)) for name in names], chosen)
        for number, row in enumerate(rows):
            used = row[9] if number == 0 else f"{int(row[9][:2]) * 60 + int(row[9][3:5])}:{row[9][6:]}"
            await process.print(
                f"{row[0]:<8} {row[1]:>7} {row[2]:>4} {row[3]:>4} {row[4]:>6} {row[5]:>5} {row[6]:<8} "
                f"{row[7]:<4} {row[8]:>5} {used:>6} {row[10]}"
            )
        return 0
    elif "f" in letters:
        names = ["user", "pid", "ppid", "pcpu", "start", "tty", "time", "args"]
        titles = {"user": "UID", "pcpu": "C", "start": "STIME", "tty": "TTY", "args": "CMD"}
        rows = custom(columns, [(name, titles.get(name)) for name in names], chosen)
        for row in rows:
            used = row[3] if row[3] == "C" else row[3].partition(".")[0]
            await process.print(
                f"{row[0]:<8} {row[1]:>7} {row[2]:>7} {used:>2} {row[4]:>5} {row[5]:<8} {row[6]:>8} {row[7]}"
            )
        return 0
    else:
        stat = "x" in letters or ("a" in letters and not process.argv[1].startswith("-"))
        names = ["pid", "tty", "stat", "time", "args"] if stat else ["pid", "tty", "time", "comm"]
        rows = custom(columns, [(name, {"tty": "TTY", "comm": "CMD"}.get(name)) for name in names], chosen)
        for row in rows:
            head = f"{row[0]:>7} {row[1]:<8} "
            await process.print(head + (f"{row[2]:<4} {row[3]:>6} {row[4]}" if stat else f"{row[2]:>8} {row[3]}"))
        return 0
    kept = [columns.table[name][2] for name, _ in layouts]
    widths = [max(len(row[column]) for row in rows) for column in range(len(kept))]
    if busybox:
        widths = [
            max(width, {"pid": 5, "ppid": 5, "user": 8, "time": 5}.get(name, 0))
            for width, (name, _) in zip(widths, layouts, strict=True)
        ]
    else:
        widths = [
            max(width, {"pid": 7, "ppid": 7, "user": 8, "tty": 8, "stat": 4}.get(name, 0))
            for width, (name, _) in zip(widths, layouts, strict=True)
        ]
    for number, row in enumerate(rows):
        if number == 0 and not headers:
            continue
        cells = [
            f"{cell:>{width}}" if right and not busybox else f"{cell:<{width}}"
            for cell, width, right in zip(row, widths, kept, strict=True)
        ]
        await process.print(" ".join(cells).rstrip() if not kept[-1] or busybox else " ".join(cells))
    return 0


def has_terminal(other: Process) -> bool:
    file = other.files.get(0)
    return file is not None and file.is_terminal()


def options(process: Process) -> tuple[set[str], list[tuple[str, str | None]], set[str], bool]:
    """Letters, columns with titles of -o, pids, and whether there is a head line."""
    letters: set[str] = set()
    layouts: list[tuple[str, str | None]] = []
    pids: set[str] = set()
    headers = True
    words = process.argv[1:]
    known = Columns(process, Names(process)).table

    def add(text: str) -> None:
        for item in text.replace(" ", ",").split(","):
            name, equals, title = item.partition("=")
            if not name:
                continue
            if name not in known:
                raise Complaint(
                    f"bad -o argument '{name}', supported arguments: "
                    "user,group,comm,args,pid,ppid,pgid,etime,nice,rgroup,ruser,time,tty,vsz,stat,rss"
                    if is_busybox(process)
                    else f'error: unknown user-defined format specifier "{name}"'
                )
            layouts.append((name, title if equals else None))

    while words:
        word = words.pop(0)
        if word in ("-o", "o", "--format", "-O") and words:
            add(words.pop(0))
        elif word.startswith("-o") and len(word) > 2:
            add(word[2:])
        elif word.endswith("o") and len(word) > 1 and word.lstrip("-").isalpha() and words and word.startswith("-"):
            letters |= set(word[1:-1])
            add(words.pop(0))
        elif word in ("-p", "p", "--pid") and words:
            pids |= set(words.pop(0).split(","))
        elif word in ("--no-headers", "--no-heading"):
            headers = False
        elif word.startswith("--sort"):
            continue
        elif word.lstrip("-").isdigit():
            pids.add(word.lstrip("-"))
        else:
            letters |= set(word.lstrip("-"))
    if layouts and all(title == "" for _, title in layouts):
        headers = False
    return letters, layouts, pids, headers


def custom(columns: Columns, layouts: list[tuple[str, str | None]], chosen: list[Process]) -> list[list[str]]:
    rows = [[columns.table[name][0] if title is None else title for name, title in layouts]]
    rows += [[columns.table[name][1](other) for name, _ in layouts] for other in chosen]
    return rows
