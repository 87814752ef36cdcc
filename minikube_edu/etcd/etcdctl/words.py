"""Flags as pflag reads them, which is how every Kubernetes tool reads them.

Flags and arguments may be mixed; `--` ends the flags; a value follows as `--limit=3` or `--limit 3`, a flag that is a
switch takes one with `=` alone. argparse differs in all of this, and in its messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class UsageError(Exception):
    """The command line is wrong; the message is pflag's."""


class Flag(Struct, frozen=True):
    name: str
    kind: Literal["bool", "string", "int", "duration"]
    default: Any
    meaning: str
    short: str = ""


Flags = Mapping[str, Any]


def parse(words: Sequence[str], known: Sequence[Flag]) -> tuple[dict[str, Any], list[str]]:
    """The value of every known flag, and the other words."""
    by_name = {flag.name: flag for flag in known}
    values = {flag.name: flag.default for flag in known}
    rest: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            return values, rest + queue
        if word.startswith("--"):
            name, equals, text = word[2:].partition("=")
            if name not in by_name:
                raise UsageError(f"unknown flag: --{name}")
            _take(by_name[name], f"--{name}", text if equals else None, queue, values)
        elif word.startswith("-") and word != "-":
            _shorthands(word, known, queue, values)
        else:
            rest.append(word)
    return values, rest


def _shorthands(word: str, known: Sequence[Flag], queue: list[str], values: dict[str, Any]) -> None:
    """`-i`, `-w json`, `-wjson`, `-w=json`, `-iw json`."""
    by_short = {flag.short: flag for flag in known if flag.short}
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter not in by_short:
            raise UsageError(f"unknown shorthand flag: {letter!r} in {word}")
        flag = by_short[letter]
        shown = f"-{flag.short}, --{flag.name}"
        if letters.startswith("="):
            text: str | None = letters[1:]
        elif flag.kind == "bool" or not letters:
            _take(flag, shown, None, queue, values, f"{letter!r} in {word}")
            continue
        else:
            text = letters
        _take(flag, shown, text, queue, values)
        return


def _take(
    flag: Flag, shown: str, text: str | None, queue: list[str], values: dict[str, Any], short: str | None = None
) -> None:
    if text is None:
        if flag.kind == "bool":
            values[flag.name] = True
            return
        if not queue:
            raise UsageError(f"flag needs an argument: {short or shown}")
        text = queue.pop(0)
    try:
        values[flag.name] = _READERS[flag.kind](text)
    except ValueError as error:
        raise UsageError(f'invalid argument "{text}" for "{shown}" flag: {error}') from None


def switch(text: str) -> bool:
    if text not in TRUE | FALSE:
        raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
    return text in TRUE


def integer(text: str, base: int = 0, bits: int = 64) -> int:
    """A signed integer as Go's strconv.ParseInt reads it; base 0: by its prefix."""
    digits = text[1:] if text[:1] in "+-" else text
    try:
        if not digits or digits[0] in "+-" or digits.strip() != digits or (base and not digits.isalnum()):
            raise ValueError
        if base == 16 and digits[:2].lower() == "0x":
            raise ValueError
        number = int(text, 8 if base == 0 and len(digits) > 1 and digits[0] == "0" and digits.isdigit() else base)
    except ValueError:
        raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise ValueError(f'strconv.ParseInt: parsing "{text}": value out of range')
    return number


def duration(text: str) -> float:
    """Seconds of `1m30s`."""
    import re

    if text == "0":
        return 0.0
    found = re.fullmatch(r"([0-9.]+(?:ns|us|µs|ms|s|m|h))+", text)
    try:
        if found is None:
            raise ValueError
        return sum(float(n) * _UNITS[unit] for n, unit in re.findall(r"([0-9.]+)(ns|us|µs|ms|s|m|h)", text))
    except ValueError:
        raise ValueError(f'time: invalid duration "{text}"') from None


def read(kind: str, text: str) -> Any:
    """What the text is as a value of such a flag; ValueError in Go's words."""
    return _READERS[kind](text)


_READERS: dict[str, Any] = {"bool": switch, "string": str, "int": integer, "duration": duration}
