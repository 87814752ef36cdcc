"""Command lines: getopt with the texts that users know, and the frame around every command.

`@program("cat [-n] [FILE]...")` makes a command of a coroutine: it answers --help, turns a `Complaint` and a failed
system call into `name: words` on stderr and an exit code. `parse` reads options.

Two families word their errors differently, and `is_busybox` tells them apart by the image's files (/etc/alpine-release,
/etc/debian_version, /etc/redhat-release) and then by its shell. busybox, alpine and what is built on them
say `unrecognized option: x` and `can't open 'f': No such file or directory`; all others say GNU's
`invalid option -- 'x'` and `f: No such file or directory`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps

from msgspec import Struct, field

from minikube_edu.container_runtime.simulated.contract import Process, Program, reason

BUSYBOX = "BusyBox v1.36.1 (2024-06-10 07:11:47 UTC) multi-call binary."


class Complaint(Exception):
    """Ends a command with words on stderr and an exit code (None: the command's usual one)."""

    def __init__(self, text: str, code: int | None = None, usage: bool = False) -> None:
        super().__init__(text)
        self.text, self.code, self.usage = text, code, usage


def is_busybox(process: Process) -> bool:
    """Whether this container's tools are busybox's."""
    notes = process.container.notes
    known = notes.get("tools.busybox")
    if not isinstance(known, bool):
        if _exists(process, "/etc/alpine-release"):
            known = True  # also where bash was added
        elif any(
            _exists(process, path) for path in ("/etc/debian_version", "/etc/redhat-release", "/etc/centos-release")
        ):
            known = False
        else:
            known = not process.container.shell_is_bash
        notes["tools.busybox"] = known
    return known


def _exists(process: Process, path: str) -> bool:
    try:
        process.stat(path)
    except OSError:
        return False
    return True


def program(
    usage: str, failure: int = 1, version: str = "GNU coreutils) 9.1"
) -> Callable[[Callable[[Process], Awaitable[int]]], Program]:
    """`failure` is the exit code of a wrong command line."""

    def decorate(function: Callable[[Process], Awaitable[int]]) -> Program:
        @wraps(function)
        async def main(process: Process) -> int:
            try:
                if process.argv[1:] == ["--help"]:
                    head = f"{BUSYBOX}\n\n" if is_busybox(process) else ""
                    await process.print(f"{head}Usage: {usage}")
                    return 0
                if process.argv[1:] == ["--version"] and not is_busybox(process):
                    await process.print(f"{process.name} ({version}")
                    return 0
                return await function(process)
            except Complaint as complaint:
                if complaint.text:
                    await process.complain(complaint.text)
                if complaint.usage:
                    if is_busybox(process):
                        await process.stderr.write(f"{BUSYBOX}\n\nUsage: {usage}\n".encode())
                    else:
                        hint = f"Try '{process.name} --help' for more information.\n"
                        await process.stderr.write(hint.encode())
                return failure if complaint.code is None else complaint.code
            except RecursionError:
                await process.complain("nested too deeply")
                return failure
            except (BrokenPipeError, InterruptedError):
                raise  # SIGPIPE, and a signal with a handler, are the kernel's
            except OSError as error:
                where = f"{error.filename}: " if error.filename else ""
                await process.complain(f"{where}{reason(error)}")
                return failure

        return main

    return decorate


class Arguments(Struct):
    options: list[tuple[str, str]] = field(default_factory=list)  # in their order; long ones under their short name
    operands: list[str] = field(default_factory=list)

    def has(self, *names: str) -> bool:
        return any(name in names for name, _ in self.options)

    def last(self, *names: str) -> str | None:
        """The value of the last of these options."""
        return next((value for name, value in reversed(self.options) if name in names), None)

    def last_of(self, *names: str) -> str | None:
        """Which of these options came last: `cp -i -f`."""
        return next((name for name, _ in reversed(self.options) if name in names), None)

    def all(self, *names: str) -> list[str]:
        return [value for name, value in self.options if name in names]

    def number(self, name: str, default: int) -> int:
        value = self.last(name)
        if value is None:
            return default
        try:
            return int(value)
        except ValueError:
            raise Complaint(f"invalid number '{value}'") from None


def parse(
    process: Process,
    short: str,
    long: Mapping[str, str] | None = None,
    permute: bool = True,
    argv: list[str] | None = None,
) -> Arguments:
    """`short` as for getopt(3): `n:` takes an argument, `i::` may have one. `long` maps `lines:` to `n`.

    Without `permute` the first operand ends the options, as for `env`, `xargs`, `timeout`.
    """
    result = Arguments()
    wanted = {letter: short[i + 1 : i + 3] for i, letter in enumerate(short) if letter != ":"}
    names = {name.rstrip(":"): (target, name.count(":")) for name, target in (long or {}).items()}
    waiting = list(process.argv[1:] if argv is None else argv)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            result.operands += waiting
            break
        if word.startswith("--"):
            _long_option(process, word, names, waiting, result)
        elif word.startswith("-") and word != "-":
            _short_options(process, word, wanted, waiting, result)
        else:
            result.operands.append(word)
            if not permute:
                result.operands += waiting
                break
    return result


def _long_option(
    process: Process, word: str, names: dict[str, tuple[str, int]], waiting: list[str], result: Arguments
) -> None:
    name, equals, value = word[2:].partition("=")
    found = [name] if name in names else [known for known in names if known.startswith(name)]
    if len(found) != 1:
        raise Complaint(
            f"unrecognized option: {name}" if is_busybox(process) else f"unrecognized option '{word}'", usage=True
        )
    target, colons = names[found[0]]
    if colons == 1 and not equals:
        if not waiting:
            raise Complaint(
                f"option requires an argument: {name}"
                if is_busybox(process)
                else f"option '--{found[0]}' requires an argument",
                usage=True,
            )
        value = waiting.pop(0)
    if equals and not colons:
        raise Complaint(f"option '--{found[0]}' doesn't allow an argument", usage=True)
    result.options.append((target, value))


def _short_options(process: Process, word: str, wanted: dict[str, str], waiting: list[str], result: Arguments) -> None:
    for index, letter in enumerate(word[1:], 1):
        if letter not in wanted:
            raise Complaint(
                f"unrecognized option: {letter}" if is_busybox(process) else f"invalid option -- '{letter}'",
                usage=True,
            )
        after = wanted[letter]
        rest = word[index + 1 :]
        if not after.startswith(":"):
            result.options.append((letter, ""))
            continue
        if not rest and not after.startswith("::"):
            if not waiting:
                raise Complaint(
                    f"option requires an argument: {letter}"
                    if is_busybox(process)
                    else f"option requires an argument -- '{letter}'",
                    usage=True,
                )
            rest = waiting.pop(0)
        result.options.append((letter, rest))
        return


def number_words(argv: list[str], letter: str) -> list[str]:
    """`head -5` and `tail +3` in their modern spelling: `-n 5`."""
    result = []
    for index, word in enumerate(argv):
        old = word[:1] == "-" and word[1:].isdigit() and argv[index - 1 : index] not in (["-n"], ["-c"])
        result.append(f"-{letter}{word[1:]}" if old and "--" not in argv[:index] else word)
    return result


MULTIPLES = {
    "": 1, "c": 1, "w": 2, "b": 512, "k": 1024, "K": 1024, "kB": 1000, "KB": 1000, "M": 1 << 20, "m": 1 << 20,
    "MB": 10**6, "G": 1 << 30, "g": 1 << 30, "GB": 10**9, "T": 1 << 40, "TB": 10**12, "P": 1 << 50, "E": 1 << 60,
    "KiB": 1024, "MiB": 1 << 20, "GiB": 1 << 30, "Ki": 1024, "Mi": 1 << 20, "Gi": 1 << 30,
}  # fmt: skip


def size(text: str, what: str = "invalid number") -> int:
    """`10`, `4k`, `1M`, `2GB`."""
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    unit = text[len(digits) :]
    if not digits.lstrip("+-").isdigit() or unit not in MULTIPLES:
        raise Complaint(f"{what}: '{text}'" if what != "invalid number" else f"invalid number '{text}'")
    return int(digits) * MULTIPLES[unit]
