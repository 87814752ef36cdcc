"""set, shopt, alias, unalias, getopts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.shell.errors import Failure
from minikube_edu.container_runtime.simulated.shell.formats import dash_quoted, listed, single_quoted
from minikube_edu.container_runtime.simulated.shell.options import LISTED, letter_of
from minikube_edu.container_runtime.simulated.shell.variables import Computed

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Builtin, Shell

_ON_IN_BASH = ("braceexpand", "hashall", "interactive-comments")


async def set_(shell: Shell, argv: list[str]) -> int:
    if len(argv) == 1:
        await _list_variables(shell)
        return 0
    words = argv[1:]
    while words:
        word = words[0]
        if word == "--":
            shell.args = words[1:]
            return 0
        if word in ("-", "+"):
            if word == "-":
                shell.options.xtrace = shell.options.verbose = False
            if len(words) > 1:
                shell.args = words[1:]
            return 0
        if word[0] not in "-+":
            break
        words.pop(0)
        code = await _letters(shell, word, words)
        if code is not None:
            return code
    else:
        return 0
    shell.args = words
    return 0


async def _letters(shell: Shell, word: str, words: list[str]) -> int | None:
    """-ex, +u, -o name; None: go on."""
    value = word[0] == "-"
    for letter in word[1:]:
        if letter == "o":
            if not words:
                await _list_options(shell, value)
                return 0
            name = words.pop(0)
            if name not in LISTED[shell.dialect.name]:
                return await _bad_option_name(shell, name, value)
            put(shell, name, value)
            continue
        name_of = letter_of(shell.dialect.name, letter)
        if name_of is None:
            if shell.dialect.bash:
                await shell.complain(f"{word[0]}{letter}: invalid option", "set")
                await shell.write_error("set: usage: set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]\n")
                return 2
            if shell.dialect.busybox:
                await shell.complain(f"illegal option {word[0]}{letter}", "set")
                raise Failure("", 2)
            await shell.complain(f"Illegal option {word[0]}{letter}", "set")
            raise Failure("", 2)
        put(shell, name_of, value)
    return None


def put(shell: Shell, name: str, value: bool) -> None:
    shell.options.put(name, value)
    if name == "allexport":
        shell.variables.export_all = value


async def _bad_option_name(shell: Shell, name: str, value: bool) -> int:
    if shell.dialect.bash:
        await shell.complain(f"{name}: invalid option name", "set")
        return 2
    sign = "-" if value else "+"
    if shell.dialect.busybox:
        await shell.complain(f"illegal option {sign}o {name}", "set")
    else:
        await shell.complain(f"Illegal option {sign}o {name}", "set")
    raise Failure("", 2)


async def _list_options(shell: Shell, readable: bool) -> None:
    rows = []
    for name in LISTED[shell.dialect.name]:
        on = shell.options.get(name) or (shell.dialect.bash and name in _ON_IN_BASH)
        if not readable:
            rows.append(f"set {'-' if on else '+'}o {name}")
        elif shell.dialect.bash:
            rows.append(f"{name:<15}\t{'on' if on else 'off'}")
        else:
            rows.append(f"{name:<16}{'on' if on else 'off'}")
    if readable and shell.dialect.dash:
        rows.insert(0, "Current option settings")
    await shell.write("\n".join(rows) + "\n")


async def _list_variables(shell: Shell) -> None:
    rows = []
    for name, variable in sorted(shell.variables.table.items()):
        if isinstance(variable, Computed) or variable.value is None:
            continue
        if variable.is_array():
            items = " ".join(
                f'[{key}]="{text}"' for key, text in zip(variable.keys(), variable.elements(), strict=True)
            )
            rows.append(f"{name}=({items})")
        else:
            value = variable.text() or ""
            rows.append(f"{name}={listed(value) if shell.dialect.bash else dash_quoted(value)}")
    await shell.write("\n".join(rows) + "\n" if rows else "")


SHOPT = [
    "autocd",
    "checkwinsize",
    "cmdhist",
    "dotglob",
    "expand_aliases",
    "extglob",
    "failglob",
    "globstar",
    "inherit_errexit",
    "interactive_comments",
    "lastpipe",
    "nocaseglob",
    "nocasematch",
    "nullglob",
    "progcomp",
    "promptvars",
    "sourcepath",
    "xpg_echo",
]
_SHOPT_ON = ("checkwinsize", "cmdhist", "interactive_comments", "progcomp", "promptvars", "sourcepath")


async def shopt(shell: Shell, argv: list[str]) -> int:
    letters = "".join(word[1:] for word in argv[1:] if word.startswith("-"))
    names = [word for word in argv[1:] if not word.startswith("-")]
    code = 0
    if "s" in letters or "u" in letters:
        for name in names:
            if name not in SHOPT:
                await shell.complain(f"{name}: invalid shell option name", "shopt")
                code = 1
            else:
                shell.shopt[name] = "s" in letters
        return code
    for name in names or SHOPT:
        if name not in SHOPT:
            await shell.complain(f"{name}: invalid shell option name", "shopt")
            code = 1
            continue
        on = shell.shopt.get(name, name in _SHOPT_ON)
        if not on and names:
            code = 1
        if "q" not in letters:
            await shell.write(f"{name:<15}\t{'on' if on else 'off'}\n")
    return code


async def alias(shell: Shell, argv: list[str]) -> int:
    code = 0
    names = [word for word in argv[1:] if word != "-p"]
    lead = "alias " if shell.dialect.bash else ""
    for word in names or sorted(shell.aliases):
        name, equals, value = word.partition("=")
        if equals and names:
            shell.aliases[name] = value
        elif name in shell.aliases:
            text = shell.aliases[name]
            await shell.write(f"{lead}{name}={single_quoted(text) if shell.dialect.bash else dash_quoted(text)}\n")
        else:
            if shell.dialect.bash:
                await shell.complain(f"{name}: not found", "alias")
            else:
                await shell.write_error(f"alias: {name} not found\n")
            code = 1
    return code


async def unalias(shell: Shell, argv: list[str]) -> int:
    if argv[1:2] == ["-a"]:
        shell.aliases.clear()
        return 0
    code = 0
    for name in argv[1:]:
        if shell.aliases.pop(name, None) is None:
            if shell.dialect.bash:
                await shell.complain(f"{name}: not found", "unalias")
            else:
                await shell.write_error(f"unalias: {name} not found\n")
            code = 1
    return code


async def getopts(shell: Shell, argv: list[str]) -> int:
    if len(argv) < 3:
        if shell.dialect.bash:
            await shell.write_error("getopts: usage: getopts optstring name [arg ...]\n")
            return 2
        await shell.complain("Usage: getopts optstring var [arg...]", "getopts")
        raise Failure("", 2)
    known, name = argv[1], argv[2]
    args = argv[3:] if len(argv) > 3 else shell.args
    try:
        place = int(shell.variables.get("OPTIND") or 1)
    except ValueError:
        place = 1
    letter_at = shell.getopts_place[1] if shell.getopts_place[0] == place else 0
    word = args[place - 1] if 1 <= place <= len(args) else None
    if not letter_at and (word is None or not word.startswith("-") or word in ("-", "--")):
        if word == "--":
            place += 1
        return _end_of_options(shell, name, place)
    assert word is not None
    letter_at = letter_at or 1
    letter = word[letter_at : letter_at + 1]
    letter_at += 1
    if letter_at >= len(word):
        place, letter_at = place + 1, 0
    await _take_option(shell, known, name, args, letter, word, place, letter_at)
    return 0


def _end_of_options(shell: Shell, name: str, place: int) -> int:
    shell.variables.set("OPTIND", str(place))
    shell.getopts_place = (place, 0)
    shell.variables.set(name, "?")
    if shell.dialect.bash:
        shell.variables.unset("OPTARG")
    return 1


async def _take_option(
    shell: Shell, known: str, name: str, args: list[str], letter: str, word: str, place: int, letter_at: int
) -> None:
    silent = known.startswith(":")
    found = known.find(letter, 1 if silent else 0) if letter != ":" else -1
    shown, argument = letter, None
    if found < 0:
        shown = "?"
        if silent:
            argument = letter
        else:
            await _tell_option(shell, f"Illegal option -{letter}", f"illegal option -- {letter}")
    elif known[found + 1 : found + 2] == ":":
        if letter_at:
            argument, place, letter_at = word[letter_at:], place + 1, 0
        elif place <= len(args):
            argument, place = args[place - 1], place + 1
        elif silent:
            shown, argument = ":", letter
        else:
            shown = "?"
            await _tell_option(shell, f"No arg for -{letter} option", f"option requires an argument -- {letter}")
    shell.variables.set("OPTIND", str(place))
    shell.getopts_place = (place, letter_at)
    shell.variables.set(name, shown)
    if argument is None:
        if shell.dialect.bash or shown == "?":
            shell.variables.unset("OPTARG")
        else:
            shell.variables.set("OPTARG", "")
    else:
        shell.variables.set("OPTARG", argument)


async def _tell_option(shell: Shell, posix: str, bash: str) -> None:
    if shell.dialect.bash:
        if shell.variables.get("OPTERR") != "0":
            await shell.write_error(f"{shell.title}: {bash}\n")
    else:
        await shell.write_error(f"{posix}\n")


POSIX: dict[str, Builtin] = {"set": set_, "alias": alias, "unalias": unalias, "getopts": getopts}
BASH: dict[str, Builtin] = {"shopt": shopt}
