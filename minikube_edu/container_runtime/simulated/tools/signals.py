"""kill, killall, pkill, pgrep, pidof: signals by number, by name, by pattern."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.tools import long_texts, regular_expressions
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program

NAMES = {
    "HUP": 1,
    "INT": 2,
    "QUIT": 3,
    "ILL": 4,
    "TRAP": 5,
    "ABRT": 6,
    "BUS": 7,
    "FPE": 8,
    "KILL": 9,
    "USR1": 10,
    "SEGV": 11,
    "USR2": 12,
    "PIPE": 13,
    "ALRM": 14,
    "TERM": 15,
    "STKFLT": 16,
    "CHLD": 17,
    "CONT": 18,
    "STOP": 19,
    "TSTP": 20,
    "TTIN": 21,
    "TTOU": 22,
    "URG": 23,
    "XCPU": 24,
    "XFSZ": 25,
    "VTALRM": 26,
    "PROF": 27,
    "WINCH": 28,
    "IO": 29,
    "PWR": 30,
    "SYS": 31,
}


def number_of(name: str) -> int | None:
    """9, KILL, SIGKILL; EXIT and 0 only ask."""
    if name.isdigit():
        return int(name) if int(name) <= 64 else None
    return {"EXIT": 0, "POLL": 29, "IOT": 6, "CLD": 17, **NAMES}.get(name.upper().removeprefix("SIG"))


def name_of(number: int) -> str:
    return next((name for name, value in NAMES.items() if value == number), str(number))


def wanted_signal(argv: list[str]) -> tuple[int, list[str]]:
    """`-9`, `-KILL`, `-s KILL`, `--signal KILL`: the signal, and the words without it."""
    words = list(argv)
    for index, word in enumerate(words):
        if word in ("-s", "-n", "--signal") and index + 1 < len(words):
            text = words[index + 1]
            del words[index : index + 2]
        elif word.startswith("--signal="):
            text = words.pop(index)[9:]
        elif (
            word.startswith("-")
            and len(word) > 1
            and number_of(word[1:]) is not None
            and (word[1:].isdigit() or (word[1:].isupper() and len(word) > 2))
        ):
            text = words.pop(index)[1:]
        else:
            if word == "--":
                break
            continue
        number = number_of(text)
        if number is None:
            raise Complaint(f"bad signal name '{text}'")
        return number, words
    return 15, words


@program("kill [-l] [-SIG] PID...")
async def kill(process: Process) -> int:
    argv = process.argv[1:]
    if argv[:1] in (["-l"], ["-L"]):
        for word in argv[1:]:
            await process.print(name_of(int(word) & 127) if word.isdigit() else str(number_of(word) or ""))
        if not argv[1:]:
            if is_busybox(process):
                for name, number in NAMES.items():
                    await process.print(f"{number:2d}) {name}")
            else:
                await process.print(" ".join(NAMES))
        return 0
    if (
        (
            argv
            and argv[0].startswith("-")
            and len(argv[0]) > 1
            and not argv[0][1:].isdigit()
            and argv[0] not in ("-s", "-n", "--")
        )
        and number_of(argv[0][1:]) is None
        and not argv[0].startswith("--signal")
    ):
        raise Complaint(
            f"bad signal name '{argv[0][1:]}'"
            if is_busybox(process)
            else f"{argv[0][1:]}: invalid signal specification"
        )
    signal, words = wanted_signal(argv[:1] + argv[1:2] if argv[:1] in (["-s"], ["-n"]) else argv[:1])
    words += argv[2:] if argv[:1] in (["-s"], ["-n"]) else argv[1:]
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        raise Complaint("you need to specify whom to kill", usage=False)
    code = 0
    for word in words:
        try:
            pid = int(word)
        except ValueError:
            await process.complain(
                f"invalid number '{word}'" if is_busybox(process) else f"failed to parse argument: '{word}'"
            )
            code = 1
            continue
        try:
            process.kill(pid, signal)
        except OSError as error:
            await process.complain(
                f"can't kill pid {pid}: {reason(error)}"
                if is_busybox(process)
                else f"sending signal to {pid} failed: {reason(error)}"
            )
            code = 1
    return code


def others(process: Process) -> list[Process]:
    return [other for pid, other in sorted(process.container.processes.items()) if pid != process.pid]


@program("killall [-lq] [-SIG] PROCESS_NAME...")
async def killall(process: Process) -> int:
    signal, words = wanted_signal(process.argv[1:])
    arguments = parse(process, "qlevwi", argv=words)
    code = 0
    if not arguments.operands:
        raise Complaint("you need to specify whom to kill")
    for name in arguments.operands:
        found = [other for other in others(process) if other.name == name]
        if not found:
            code = 1
            if not arguments.has("q"):
                await process.complain(
                    f"{name}: no process killed" if is_busybox(process) else f"{name}: no process found"
                )
        for other in found:
            process.kill(other.pid, signal)
    return code


def matching(process: Process, words: list[str]) -> tuple[list[Process], dict[str, str]]:
    """The processes that pgrep's options and pattern select."""
    arguments = parse(
        process,
        "flanovxsP:u:U:g:d:cit:",
        {
            "full": "f",
            "list-name": "l",
            "list-full": "a",
            "newest": "n",
            "oldest": "o",
            "inverse": "v",
            "exact": "x",
            "parent:": "P",
            "count": "c",
            "euid:": "u",
            "ignore-case": "i",
            "delimiter:": "d",
        },
        argv=words,
    )
    options = dict(arguments.options)
    if not arguments.operands and not {"P", "u", "U", "g"} & options.keys():
        raise Complaint("no matching criteria specified", 2, usage=True)
    text = arguments.operands[0] if arguments.operands else ""
    try:
        pattern = regular_expressions.compile(f"^({text})$" if "x" in options else text, ignore_case="i" in options)
    except regular_expressions.BadPattern as error:
        raise Complaint(str(error), 2) from None
    found = []
    for other in others(process):
        subject = " ".join(other.argv) if "f" in options else other.name
        hit = long_texts.at_once(pattern, subject).search(subject) is not None
        if "P" in options and str(other.parent_pid) not in options["P"].split(","):
            hit = False
        if "u" in options and str(other.user.uid) not in options["u"].replace("root", "0").split(","):
            hit = False
        if hit != ("v" in options):
            found.append(other)
    if "n" in options or "o" in options:
        found = found[-1:] if "n" in options else found[:1]
    return found, options


@program("pgrep [-flanovx] [-P PPID] PATTERN", failure=2)
async def pgrep(process: Process) -> int:
    found, options = matching(process, process.argv[1:])
    if "c" in options:
        await process.print(str(len(found)))
        return 0 if found else 1
    words = []
    for other in found:
        full = "a" in options or ("l" in options and "f" in options)
        words.append(
            f"{other.pid} {' '.join(other.argv) if full else other.name}" if full or "l" in options else str(other.pid)
        )
    if words:
        await process.print(options.get("d", "\n").join(words))
    return 0 if found else 1


@program("pkill [-SIG] [-fnovx] [-P PPID] PATTERN", failure=2)
async def pkill(process: Process) -> int:
    signal, words = wanted_signal(process.argv[1:])
    found, _ = matching(process, words)
    code = 0
    for other in found:
        try:
            process.kill(other.pid, signal)
        except OSError as error:
            await process.complain(f"killing pid {other.pid} failed: {reason(error)}")
            code = 1
    return code if found else 1


@program("pidof [-s] [-o PID] [NAME]...")
async def pidof(process: Process) -> int:
    arguments = parse(process, "so:x")
    omitted = arguments.all("o")
    found = [
        str(other.pid)
        for other in reversed(others(process))
        if (other.name in arguments.operands or (other.argv[:1] and other.argv[0] in arguments.operands))
        and str(other.pid) not in omitted
    ]
    if found:
        await process.print(" ".join(found[:1] if arguments.has("s") else found))
    return 0 if found else 1
