"""journalctl, over the logs that the node's machine keeps: NODE/var/log/journal/NAME.log.

    -u UNIT -f -n N -r -e -x --no-pager --since --until -o cat|json|short|short-iso|… -b -p -q --grep

A line's time is the one that the seat has written (klog's or logging's); a line without one has its predecessor's.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct, field

from minikube_edu.lib.machine.calls import Calls, NoMachine
from minikube_edu.lib.machine.front_door import socket_of

RECORD = "\x1e"
FOLLOW_SECONDS = 0.1
WITH_VALUE = ("-u", "--unit", "-n", "--lines", "-S", "--since", "-U", "--until", "-o", "--output", "-p", "-g", "--grep")
KLOG = re.compile(r"[IWEF](\d\d)(\d\d) (\d\d):(\d\d):(\d\d)\.(\d+)\s+(\d+) ")
LOGGING = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)[,.]\d+ ")


class Options(Struct):
    units: list[str] = field(default_factory=list)
    follow: bool = False
    lines: int | None = None
    reverse: bool = False
    since: float = 0.0
    until: float = float("inf")
    output: str = "short"
    pattern: str = ""


class Entry(Struct):
    time: float
    source: str  # kubelet, systemd
    text: str


class UsageError(Exception):
    pass


def main(words: Sequence[str]) -> int:
    try:
        options = parse(list(words))
        with Calls.open(socket_of(dict(os.environ))) as machine:
            root = Path(machine.ask("status")["root"])
    except UsageError as error:
        print(error, file=sys.stderr)
        return 1
    except NoMachine:
        print("No journal files were found.", file=sys.stderr)
        return 1
    folder = root / "var/log/journal"
    names = [unit.removesuffix(".service") for unit in options.units]
    files = [folder / f"{name}.log" for name in names] if names else sorted(folder.glob("*.log"))
    found = sorted((entry for file in files for entry in entries(file)), key=lambda entry: entry.time)
    found = [entry for entry in found if chosen(entry, options)]
    if options.lines is not None:
        found = found[-options.lines :] if options.lines else []
    if not found and not options.follow:
        print("-- No entries --")
        return 0
    for entry in reversed(found) if options.reverse else found:
        print(shown(entry, options.output))
    if options.follow:
        follow(files, options)
    return 0


def parse(words: list[str]) -> Options:
    options = Options()
    while words:
        word, _, value = words.pop(0).partition("=")
        if re.fullmatch(r"-[a-zA-Z]{2,}|-n\d+", word):  # -xeu kubelet, -fu kubelet, -n20
            letters = word[1:]
            if letters[0] == "n" and letters[1:].isdigit():
                options.lines = int(letters[1:])
                continue
            words[:0] = [f"-{letter}" for letter in letters]
            continue
        if not value and word in WITH_VALUE:
            if words:
                value = words.pop(0)
            elif word in ("-n", "--lines"):
                value = "10"
            else:
                raise UsageError(f"journalctl: option requires an argument -- '{word.lstrip('-')}'")
        match word:
            case "-u" | "--unit":
                options.units.append(value)
            case "-n" | "--lines":
                if not value.lstrip("+").isdigit() and value != "all":
                    raise UsageError(f'Failed to parse lines "{value}"')
                options.lines = None if value == "all" else int(value)
            case "-f" | "--follow":
                options.follow = True
                options.lines = 10 if options.lines is None else options.lines
            case "-r" | "--reverse":
                options.reverse = True
            case "-S" | "--since":
                options.since = moment(value)
            case "-U" | "--until":
                options.until = moment(value)
            case "-o" | "--output":
                if value not in FORMS:
                    raise UsageError(f"Unknown output format '{value}'.")
                options.output = value
            case "-g" | "--grep":
                options.pattern = value
            case "-e" | "--pager-end":
                options.lines = 1000 if options.lines is None else options.lines
            case "-x" | "-b" | "-q" | "-l" | "-a" | "-k" | "--no-pager" | "--full" | "--boot" | "-p" | "--quiet":
                continue
            case "--no-hostname" | "--all" | "--no-full" | "--catalog":
                continue
            case _:
                raise UsageError(f"journalctl: unrecognized option '{word}'")
    return options


def moment(text: str) -> float:
    """today, yesterday, now, -5min, 10 minutes ago, 2026-01-02 03:04:05, 03:04"""
    now = time.time()
    midnight = time.mktime((*time.localtime(now)[:3], 0, 0, 0, 0, 0, -1))
    fixed = {"now": now, "today": midnight, "yesterday": midnight - 86400, "tomorrow": midnight + 86400}
    if text in fixed:
        return fixed[text]
    back = re.fullmatch(r"-?(\d+)\s*([a-z]+?)s?(\s+ago)?", text)
    sizes = {"": 1, "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
    sizes |= {"d": 86400, "day": 86400, "w": 604800, "week": 604800}
    if back and back[2] in sizes:
        return now - int(back[1]) * sizes[back[2]]
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"):
        try:
            return time.mktime(time.strptime(text, form))
        except ValueError:
            continue
    for form in ("%H:%M:%S", "%H:%M"):
        try:
            clock = time.strptime(text, form)
            return midnight + clock.tm_hour * 3600 + clock.tm_min * 60 + clock.tm_sec
        except ValueError:
            continue
    raise UsageError(f"Failed to parse timestamp: {text}")


def entries(file: Path, start: int = 0) -> Iterator[Entry]:
    try:
        with file.open("rb") as opened:
            opened.seek(start)
            text = opened.read().decode("utf-8", "replace")
        when = file.stat().st_mtime if start else 0.0
    except OSError:
        return
    for line in text.removesuffix("\n").split("\n") if text else ():
        if line.startswith(RECORD):
            stamp, _, line = line[1:].partition(" ")
            when = float(stamp)
            yield Entry(when, "systemd", line)
            continue
        when = stamp_of(line) or when
        yield Entry(when, file.stem, line)


def stamp_of(line: str) -> float | None:
    if found := KLOG.match(line):
        month, day, hour, minute, second = (int(part) for part in found.groups()[:5])
        year = time.localtime().tm_year
        return time.mktime((year, month, day, hour, minute, second, 0, 0, -1)) + float(f"0.{found[6]}")
    if found := LOGGING.match(line):
        return time.mktime((*(int(part) for part in found.groups()), 0, 0, -1))  # type: ignore[arg-type]
    return None


def chosen(entry: Entry, options: Options) -> bool:
    if options.pattern and not re.search(options.pattern, entry.text):
        return False
    return options.since <= entry.time <= options.until


def shown(entry: Entry, output: str = "short") -> str:
    if output == "cat":
        return entry.text
    if output.startswith("json"):
        return json.dumps(fields(entry), ensure_ascii=False, indent=8 if output == "json-pretty" else None)
    source, pid = entry.source, pid_of(entry)
    source += f"[{pid}]" if pid else ""
    return f"{FORMS[output](entry.time)} {socket.gethostname()} {source}: {entry.text}"


def pid_of(entry: Entry) -> str:
    found = KLOG.match(entry.text)
    return "1" if entry.source == "systemd" else found[7] if found else ""


def fields(entry: Entry) -> dict[str, str]:
    """What the journal has of an entry, as far as it is known here."""
    found = {
        "__REALTIME_TIMESTAMP": str(int(entry.time * 1e6)),
        "_HOSTNAME": socket.gethostname(),
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": entry.source,
        "_SYSTEMD_UNIT": "init.scope" if entry.source == "systemd" else f"{entry.source}.service",
        "MESSAGE": entry.text,
    }
    pid = pid_of(entry)
    return {**found, "_PID": pid} if pid else found


def _clock(form: str) -> Callable[[float], str]:
    """A time in this form; %f is its microseconds."""
    return lambda moment: time.strftime(form.replace("%f", f"{int(moment % 1 * 1e6):06d}"), time.localtime(moment))


FORMS: dict[str, Callable[[float], str]] = {
    "short": _clock("%b %d %H:%M:%S"),
    "short-precise": _clock("%b %d %H:%M:%S.%f"),
    "short-iso": _clock("%Y-%m-%dT%H:%M:%S%z"),
    "short-iso-precise": _clock("%Y-%m-%dT%H:%M:%S.%f%z"),
    "short-full": _clock("%a %Y-%m-%d %H:%M:%S %Z"),
    "short-unix": lambda moment: f"{moment:.6f}",
    "cat": str,
    "json": str,
    "json-pretty": str,
}


def tail(file: Path, count: int, name: str) -> list[str]:
    """The last lines, as `systemctl status` shows them."""
    return [shown(entry) for entry in list(entries(file))[-count:]]


def follow(files: list[Path], options: Options) -> None:
    """Until ^C."""
    sizes = {file: file.stat().st_size if file.exists() else 0 for file in files}
    try:
        while True:
            sys.stdout.flush()
            time.sleep(FOLLOW_SECONDS)
            for file in files:
                size = file.stat().st_size if file.exists() else 0
                if size > sizes[file]:
                    for entry in entries(file, sizes[file]):
                        if chosen(entry, options):
                            print(shown(entry, options.output))
                sizes[file] = size
    except KeyboardInterrupt:
        return
