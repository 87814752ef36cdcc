"""Variables' attributes: export, readonly, local, unset, and bash's declare and let."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.shell import arithmetic
from minikube_edu.container_runtime.simulated.shell.errors import Failure
from minikube_edu.container_runtime.simulated.shell.formats import dash_quoted, declared
from minikube_edu.container_runtime.simulated.shell.simple import assign_array
from minikube_edu.container_runtime.simulated.shell.variables import Computed, Variable

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Builtin, Shell

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[(.*?)\])?(\+?)=(.*)\Z", re.DOTALL)


async def _bad_name(shell: Shell, argv0: str, word: str) -> int:
    if shell.dialect.bash:
        await shell.complain(f"`{word}': not a valid identifier", argv0)
        return 1
    await shell.complain(f"{word.partition('=')[0]}: bad variable name", argv0)
    raise Failure("", 2)


async def _put(shell: Shell, argv: list[str], place: int) -> tuple[str, Variable] | None:
    """The argument at `place`, assigned if it is an assignment; None: it is no name (and that was told)."""
    word = argv[place]
    array = shell.array_arguments.get(place)
    if array is not None and array.name == word:
        await assign_array(shell, array)
        return word, shell.variables.table[word]
    found = _ASSIGNED.match(word)
    if found is None:
        if not _NAME.match(word):
            await _bad_name(shell, argv[0], word)
            return None
        name = shell.variables.resolve(word)
        return name, shell.variables.table.setdefault(name, Variable())
    name, index, append, value = found.groups()
    if index is not None:
        shell.set_element(name, index, value, bool(append))
        return name, shell.variables.table[name]
    return name, shell.variables.set(name, value, bool(append))


async def export(shell: Shell, argv: list[str]) -> int:
    """export and readonly"""
    attribute = "exported" if argv[0] == "export" else "readonly"
    words = argv[1:]
    value, first, functions = True, 1, False
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option = words.pop(0)
        first += 1
        if option == "--":
            break
        for letter in option[1:]:
            if letter == "n" and attribute == "exported" and not shell.dialect.dash:
                value = False
            elif letter == "f":
                functions = True
            elif letter == "a" and shell.dialect.bash:
                continue
            elif letter != "p":
                return await illegal_option(shell, argv[0], letter)
    if functions:
        return 0
    if not words:
        await _list_marked(shell, argv[0], attribute)
        return 0
    code = 0
    for place in range(first, len(argv)):
        try:
            done = await _put(shell, argv, place)
        except Failure as failure:
            if not shell.dialect.bash:
                raise
            await shell.complain(failure.text)
            done = None
        if done is None:
            code = 1
        else:
            setattr(done[1], attribute, value)
    return code


async def illegal_option(shell: Shell, name: str, letter: str, usage: str = "") -> int:
    if shell.dialect.bash:
        await shell.complain(f"-{letter}: invalid option", name)
        if usage:
            await shell.write_error(f"{name}: usage: {usage}\n")
        return 2
    if shell.dialect.busybox:
        await shell.complain(f"illegal option -{letter}", name)
    else:
        await shell.complain(f"Illegal option -{letter}", name)
    raise Failure("", 2)


async def _list_marked(shell: Shell, command: str, attribute: str) -> None:
    rows = []
    for name, variable in sorted(shell.variables.table.items()):
        if not getattr(variable, attribute) or isinstance(variable, Computed):
            continue
        if shell.dialect.bash:
            rows.append(_declaration(name, variable))
        else:
            value = variable.text()
            rows.append(f"{command} {name}" + ("" if value is None else f"={dash_quoted(value)}"))
    if rows:
        await shell.write("\n".join(rows) + "\n")


def _declaration(name: str, variable: Variable) -> str:
    """declare -p"""
    flags = variable.flags() or "-"
    value = variable.value
    if value is None:
        return f"declare -{flags} {name}"
    if isinstance(value, dict):
        items = " ".join(
            f"[{key}]={declared(text)}" for key, text in zip(variable.keys(), variable.elements(), strict=True)
        )
        return f"declare -{flags} {name}=({items}{' ' if variable.keyed and items else ''})"
    return f"declare -{flags} {name}={declared(value)}"


async def local(shell: Shell, argv: list[str]) -> int:
    if not shell.variables.frames:
        if shell.dialect.bash:
            await shell.complain("can only be used in a function", "local")
            return 1
        await shell.complain("not in a function", "local")
        raise Failure("", 2)
    if shell.dialect.bash:
        return await declare(shell, argv)
    for word in argv[1:]:
        name, equals, value = word.partition("=")
        if name == "-":
            continue
        if not _NAME.match(name):
            return await _bad_name(shell, "local", word)
        before = shell.variables.table.get(name)
        if before is not None and before.readonly:
            shell.variables.check(name, before)
        shell.variables.declare_local(name)
        if equals:
            shell.variables.set(name, value)
    return 0


async def declare(shell: Shell, argv: list[str]) -> int:
    """declare, typeset, and bash's local"""
    on, off, words, first = "", "", argv[1:], 1
    while (words and re.match(r"[-+][A-Za-z]", words[0])) or words[:1] == ["--"]:
        option = words.pop(0)
        first += 1
        if option == "--":
            break
        if option[0] == "-":
            on += option[1:]
        else:
            off += option[1:]
    for letter in on + off:
        if letter not in "aAfFgiIlnrtuxp":
            return await illegal_option(shell, argv[0], letter, f"{argv[0]} [-aAfFgiIlnrtux] [name[=value] ...]")
    if "f" in on or "F" in on:
        return await _functions(shell, words, names_only="F" in on)
    if "p" in on or not words:
        return await _print(shell, argv[0], words, on)
    code = 0
    here = argv[0] == "local" or (bool(shell.variables.frames) and "g" not in on)
    for place in range(first, len(argv)):
        name = re.split(r"[\[=+]", argv[place], maxsplit=1)[0]
        if not _NAME.match(name):
            await _bad_name(shell, argv[0], argv[place])
            code = 1
            continue
        try:
            await _declare_one(shell, argv, place, name, on, off, here)
        except Failure as failure:
            if failure.text:
                await shell.complain(failure.text, argv[0])
            code = 1
    return code


async def _declare_one(shell: Shell, argv: list[str], place: int, name: str, on: str, off: str, here: bool) -> None:
    existing = shell.variables.table.get(name)
    if existing is not None and existing.readonly and ("=" in argv[place] or place in shell.array_arguments):
        shell.variables.check(name, existing)
    if here:
        variable = shell.variables.declare_local(name)
    else:
        variable = shell.variables.table.setdefault(name, Variable())
    if "n" in on:
        variable.value = argv[place].partition("=")[2] or None
        variable.nameref = True
        return
    if "A" in on and not variable.keyed:
        variable.keyed = True
        variable.value = {} if variable.value is None else {"0": str(variable.value)}
    elif "a" in on and not isinstance(variable.value, dict):
        variable.value = {} if variable.value is None else {0: str(variable.value)}
    _mark(variable, on, True)
    _mark(variable, off, False)
    if "=" in argv[place] or place in shell.array_arguments:
        await _put(shell, argv, place)
        variable = shell.variables.table[shell.variables.resolve(name)]
    if "r" in on:
        variable.readonly = True


def _mark(variable: Variable, letters: str, value: bool) -> None:
    for letter, attribute in (("x", "exported"), ("i", "integer"), ("l", "lower"), ("u", "upper")):
        if letter in letters:
            setattr(variable, attribute, value)
            if value and letter in "lu":
                setattr(variable, "upper" if letter == "l" else "lower", False)
    if "n" in letters and not value:
        variable.nameref = False


async def _functions(shell: Shell, words: list[str], names_only: bool) -> int:
    code = 0
    for name in words or sorted(shell.functions):
        function = shell.functions.get(name)
        if function is None:
            code = 1
        elif names_only:
            await shell.write(f"{name}\n" if words else f"declare -f {name}\n")
        else:
            await shell.write(function_text(function.source, name) + "\n")
    return code


def function_text(source: str, name: str) -> str:
    """As it was written, with bash's heading."""
    body = re.sub(r"^(function\s+)?" + re.escape(name) + r"\s*(\(\s*\))?\s*", "", source)
    return f"{name} () \n{body}"


async def _print(shell: Shell, command: str, words: list[str], letters: str) -> int:
    table = shell.variables.table
    if words:
        code = 0
        for name in words:
            variable = table.get(name)
            if variable is None:
                await shell.complain(f"{name}: not found", command)
                code = 1
            else:
                await shell.write(_declaration(name, variable) + "\n")
        return code
    wanted = set(letters) & set("aAilnrux")
    names = shell.variables.frames[-1] if command == "local" and shell.variables.frames else table
    for name in sorted(names):
        variable = table.get(name)
        if variable is None or isinstance(variable, Computed) or not wanted <= set(variable.flags()):
            continue
        if letters or command != "declare":
            await shell.write(_declaration(name, variable) + "\n")
        elif variable.value is not None:
            await shell.write(_declaration(name, variable).partition(" ")[2].partition(" ")[2] + "\n")
    return 0


async def unset(shell: Shell, argv: list[str]) -> int:
    words = argv[1:]
    kind = ""
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option = words.pop(0)
        if option == "--":
            break
        for letter in option[1:]:
            if letter not in "fvn" or (letter == "n" and not shell.dialect.bash):
                return await illegal_option(shell, "unset", letter)
            kind = letter
    code = 0
    for word in words:
        found = re.fullmatch(r"([A-Za-z_]\w*)\[(.*)\]", word, re.DOTALL) if shell.dialect.bash else None
        if kind == "f":
            shell.functions.pop(word, None)
        elif found:
            _unset_element(shell, found[1], found[2])
        elif not _NAME.match(word):
            code = await _bad_name(shell, "unset", word)
        elif not kind and word not in shell.variables.table and shell.dialect.bash:
            shell.functions.pop(word, None)
        else:
            try:
                shell.variables.unset(word if kind == "n" else shell.variables.resolve(word))
            except Failure as failure:
                if failure.fatal:
                    await shell.complain(failure.text, "unset")
                    raise Failure("", 2) from None
                await shell.complain(failure.text, "unset")
                code = 1
    return code


def _unset_element(shell: Shell, name: str, index: str) -> None:
    variable = shell.variables.table.get(name)
    if variable is None:
        return
    shell.variables.check(name, variable)
    if index in ("@", "*") and not variable.keyed:
        shell.variables.unset(name)
    elif isinstance(variable.value, dict):
        if variable.keyed:
            variable.value.pop(index, None)  # type: ignore[call-overload]  # keys of an associative array
            return
        number = arithmetic.evaluate(shell, index)
        if number < 0:
            number += max(variable.value, default=-1) + 1  # type: ignore[operator]  # indices are ints
        variable.value.pop(number, None)  # type: ignore[call-overload]  # indices are ints


async def let(shell: Shell, argv: list[str]) -> int:
    if len(argv) < 2:
        await shell.complain("expression expected", "let")
        return 1 if shell.dialect.bash else 2
    value = 0
    try:
        for word in argv[1:]:
            value = arithmetic.evaluate(shell, word)
    except Failure as failure:
        await shell.complain(failure.text, "let")
        return 1 if shell.dialect.bash else 2
    return int(value == 0)


POSIX: dict[str, Builtin] = {"export": export, "readonly": export, "local": local, "unset": unset}
MORE: dict[str, Builtin] = {"let": let}
BASH: dict[str, Builtin] = {"declare": declare, "typeset": declare}
