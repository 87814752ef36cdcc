"""Flags as pflag parses them: declared in tables, given anywhere, `-o=json`, `-ojson`, `-it`, `--`.

A command declares its flags as a tuple of `Flag`; `parse` gives a `Values` with every flag's value, which flags were
given, the arguments, and how many of these came before `--`. Mistakes raise FlagError in pflag's words.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from minikube_edu.lib.gotext import parse_int, quote

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))
_ZERO: dict[str, Any] = {"bool": False, "string": "", "int": 0, "int32": 0, "int64": 0, "uint64": 0, "duration": "0s"}


class FlagError(Exception):
    """What was typed is no flag of the command, or no value of the flag."""


class Flag(Struct, frozen=True):
    name: str
    kind: str = (
        "string"  # bool, string, int, int32, int64, uint64, duration, strings (a,b), array (one each), pairs, map
    )
    short: str = ""
    default: Any = None
    help: str = ""
    no_value: str = ""  # what the flag means when it is given without a value
    deprecated: str = ""
    hidden: bool = False

    def initial(self) -> Any:
        if self.kind in ("strings", "array", "pairs", "map"):
            return list(self.default or ())
        return _ZERO[self.kind] if self.default is None else self.default

    @property
    def needs_value(self) -> bool:
        return not self.no_value and self.kind != "bool"

    def shown_default(self) -> str:
        value = self.initial()
        if self.kind == "pairs":
            return ",".join(value)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, list):
            return f"[{','.join(value)}]"
        return f"'{value}'" if self.kind == "string" else str(value)


class Values:
    """Every flag of a command with its value; `values["output"]`."""

    def __init__(self, flags: Iterable[Flag]) -> None:
        self.flags: dict[str, Flag] = {flag.name: flag for flag in flags}
        self.short = {flag.short: flag for flag in self.flags.values() if flag.short}
        self.given: dict[str, list[str]] = {}  # as it was typed
        self.args: list[str] = []
        self.dash = -1  # how many arguments came before `--`; -1 without one
        self.warnings: list[str] = []
        self._values = {flag.name: flag.initial() for flag in self.flags.values()}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str, default: Any = None) -> Any:
        return self._values.get(name, default)

    def changed(self, name: str) -> bool:
        return name in self.given

    def without(self, names: set[str]) -> Values:
        """The same, but for flags of these names, which nobody gave."""
        found = Values(self.flags.values())
        found.args, found.dash = self.args, self.dash
        found.given = {name: text for name, text in self.given.items() if name not in names}
        found._values = {n: Flag(n).initial() if n in names else value for n, value in self._values.items()}
        return found

    def put(self, name: str, value: Any) -> None:
        """Another default, decided while the program runs."""
        self._values[name] = value

    def set(self, flag: Flag, text: str) -> None:
        try:
            value = _READERS[flag.kind](text)
        except ValueError as error:
            shown = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
            raise FlagError(f"invalid argument {quote(text)} for {quote(shown)} flag: {error}") from None
        if isinstance(value, list) and flag.name in self.given:
            self._values[flag.name] = [*self._values[flag.name], *value]
        else:
            self._values[flag.name] = value
        self.given.setdefault(flag.name, []).append(text)
        if flag.deprecated:
            self.warnings.append(f"Flag --{flag.name} has been deprecated, {flag.deprecated}")


class HelpWanted(Exception):
    """`--help` or `-h`."""


def parse(flags: Iterable[Flag], words: Sequence[str]) -> Values:
    values = Values(flags)
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if len(word) < 2 or word[0] != "-":
            values.args.append(word)
        elif word == "--":
            values.dash = len(values.args)
            values.args += rest
            break
        elif word.startswith("--"):
            _long(values, word[2:], rest)
        else:
            _short(values, word[1:], rest, word)
    return values


def _long(values: Values, word: str, rest: list[str]) -> None:
    if word[0] in "-=":
        raise FlagError(f"bad flag syntax: --{word}")
    name, equals, text = word.partition("=")
    flag = values.flags.get(name) or values.flags.get(name.replace("_", "-"))
    if flag is None:
        if name == "help":
            raise HelpWanted
        raise FlagError(f"unknown flag: --{name}")
    if equals:
        values.set(flag, text)
    elif not flag.needs_value:
        values.set(flag, flag.no_value or "true")
    elif rest:
        values.set(flag, rest.pop(0))
    else:
        raise FlagError(f"flag needs an argument: --{name}")


def _short(values: Values, cluster: str, rest: list[str], word: str) -> None:
    while cluster:
        letter, cluster = cluster[0], cluster[1:]
        flag = values.short.get(letter)
        if flag is None:
            if letter == "h":
                raise HelpWanted
            raise FlagError(f"unknown shorthand flag: {letter!r} in {word}")
        if cluster.startswith("=") and len(cluster) > 1:
            values.set(flag, cluster[1:])
            return
        if not flag.needs_value:
            values.set(flag, flag.no_value or "true")
        elif cluster:
            values.set(flag, cluster)
            return
        elif rest:
            values.set(flag, rest.pop(0))
        else:
            raise FlagError(f"flag needs an argument: {letter!r} in {word}")


def without_flags(flags: Mapping[str, Flag], short: Mapping[str, Flag], words: Sequence[str]) -> list[tuple[int, str]]:
    """The words that are no flags nor flags' values, with their places, as cobra guesses them before it knows the
    command: a flag that is not known is taken to have a value."""
    found, index = [], 0
    while index < len(words):
        word = words[index]
        if word == "--":
            break
        if word.startswith("--") and "=" not in word:
            flag = flags.get(word[2:])
            index += flag is None or flag.needs_value
        elif word.startswith("-") and "=" not in word and len(word) == 2:
            flag = short.get(word[1])
            index += flag is None or flag.needs_value
        elif word and not word.startswith("-"):
            found.append((index, word))
        index += 1
    return found


def boolean(text: str) -> bool:
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")


def _integer(bits: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            return parse_int(text, bits)
        except ValueError as error:
            raise ValueError(f"strconv.ParseInt: parsing {quote(text)}: {error}") from None

    return read


def _unsigned(text: str) -> int:
    if not re.fullmatch("[0-9]+", text):
        raise ValueError(f"strconv.ParseUint: parsing {quote(text)}: invalid syntax")
    if int(text) >= 2**64:
        raise ValueError(f"strconv.ParseUint: parsing {quote(text)}: value out of range")
    return int(text)


def _duration(text: str) -> str:
    from minikube_edu.lib import durations

    durations.parse(text)
    return text


def _comma_separated(text: str) -> list[str]:
    return next(csv.reader([text]), []) if text else []


def _pairs(text: str) -> list[str]:
    parts = text.split(",") if text else []
    if any("=" not in part for part in parts):
        raise ValueError("malformed pair, expect string=string")
    return [f"{key.strip()}={value.strip()}" for key, _, value in (part.partition("=") for part in parts)]


def _map(text: str) -> list[str]:
    parts = _comma_separated(text)
    for part in parts:
        if "=" not in part:
            raise ValueError(f"{part} must be formatted as key=value")
    return parts


_READERS: dict[str, Callable[[str], Any]] = {
    "bool": boolean,
    "string": str,
    "int": _integer(64),
    "int32": _integer(32),
    "int64": _integer(64),
    "uint64": _unsigned,
    "duration": _duration,
    "strings": _comma_separated,
    "pairs": _pairs,
    "map": _map,
    "array": lambda text: [text],
}
