"""Help as cobra lays it out: what the command is for, how it is typed, its commands, its flags and those inherited.

The long texts and the examples are data: facts/help.txt, in sections headed `== kubeadm token create`, examples behind
a line `-- Examples`. They are read when somebody asks for help.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

from minikube_edu.kubeadm.command import Command
from minikube_edu.kubeadm.command_table import GLOBAL
from minikube_edu.lib.pflag import Flag

PADDING = 11
_VALUES = {"bool": "", "strings": "strings", "array": "stringArray"}


def of(chain: Sequence[Command]) -> str:
    command = chain[-1]
    long, _ = _texts(chain)
    long = (long or command.long or command.short).rstrip()
    return f"{long}\n\n" + ("" if command.topic else usage(chain))


def usage(chain: Sequence[Command], asked: bool = True) -> str:
    """What follows the long text. `asked`: by --help, which is then a flag of the command."""
    command, path = chain[-1], " ".join(one.name for one in chain)
    _, examples = _texts(chain)
    below = sorted((one for one in command.subcommands if not one.hidden and not one.topic), key=lambda one: one.name)
    root = len(chain) == 1
    out = ["Usage:"]
    if command.bare != "help":
        out.append(f"  {path} {command.use}")
    if below:
        out.append(f"  {path} [command]")
    if command.aliases:
        out += ["", "Aliases:", f"  {', '.join((command.name, *command.aliases))}"]
    if examples:
        out += ["", "Examples:", examples]
    if below:
        width = max(PADDING, *(len(one.name) for one in command.subcommands))
        out += ["", "Available Commands:", *(f"  {one.name.ljust(width)} {one.short}" for one in below)]
    own = [*command.flags, *command.persistent, *(GLOBAL if root else ())]
    if asked:
        own.append(Flag("help", "bool", short="h", help=f"help for {command.name}"))
    out += ["", "Flags:", *flag_lines(own)]
    if not root:
        out += ["", "Global Flags:", *flag_lines([*(flag for one in chain[:-1] for flag in one.persistent), *GLOBAL])]
    topics = [one for one in command.subcommands if one.topic]
    if topics:
        width = max(PADDING, *(len(f"{path} {one.name}") for one in command.subcommands))
        out += ["", "Additional help topics:"]
        out += [f"  {f'{path} {one.name}'.ljust(width)} {one.short}" for one in topics]
    if below:
        out += ["", f'Use "{path} [command] --help" for more information about a command.']
    return "\n".join(out) + "\n"


def flag_lines(flags: Sequence[Flag]) -> list[str]:
    shown = sorted((flag for flag in flags if not flag.hidden and not flag.deprecated), key=lambda flag: flag.name)
    heads = [_head(flag) for flag in shown]
    column = max(map(len, heads), default=0) + 3
    return [
        head.ljust(column) + _meaning(flag).replace("\n", "\n" + " " * column)
        for head, flag in zip(heads, shown, strict=True)
    ]


def _head(flag: Flag) -> str:
    short = f"-{flag.short}, " if flag.short else "    "
    kind = _VALUES.get(flag.kind, flag.kind)
    if flag.name in ("v", "vmodule"):
        kind = {"v": "Level", "vmodule": "moduleSpec"}[flag.name]
    return f"  {short}--{flag.name}" + (f" {kind}" if kind else "") + (f"[={flag.no_value}]" if flag.no_value else "")


def _meaning(flag: Flag) -> str:
    value = flag.initial()
    if flag.default is None or value in (False, "", 0, "0s", []):
        return flag.help
    if isinstance(value, bool):
        return f"{flag.help} (default {str(value).lower()})"
    if isinstance(value, list):
        return f"{flag.help} (default [{','.join(value)}])"
    return f'{flag.help} (default "{value}")' if flag.kind == "string" else f"{flag.help} (default {value})"


def suggestions(command: Command, word: str) -> list[str]:
    """Names that were perhaps meant, as cobra guesses: two letters off, or beginning so."""
    names = [one.name for one in command.subcommands if not one.hidden]
    low = word.lower()
    return [name for name in names if _distance(low, name) <= 2 or name.startswith(low)]


def _distance(one: str, other: str) -> int:
    """Levenshtein's."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def _texts(chain: Sequence[Command]) -> tuple[str, str]:
    return _sections().get(" ".join(one.name for one in chain), ("", ""))


@lru_cache(maxsize=1)
def _sections() -> dict[str, tuple[str, str]]:
    """path -> (long text, examples)"""
    found: dict[str, tuple[str, str]] = {}
    text = (files("minikube_edu.kubeadm") / "facts" / "help.txt").read_text(encoding="utf-8")
    for section in text.split("\n== ")[1:]:
        path, _, body = section.partition("\n")
        long, _, examples = body.partition("\n-- Examples\n")
        found[path] = (long, examples.strip("\n"))
    return found
