"""Parameters: $name, $1, "$@", and all that can be done to them between braces.

`chosen_operand` decides whether ${x:-word} and its like stand for their word; `parameter_value` gives the value
otherwise: one text, or `Several` for $@, $* and whole arrays.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from minikube_edu.container_runtime.simulated.kernel.baton import give_way, in_turns
from minikube_edu.container_runtime.simulated.shell import arithmetic, patterns
from minikube_edu.container_runtime.simulated.shell.errors import Failure
from minikube_edu.container_runtime.simulated.shell.formats import ansi_c, declared, single_quoted
from minikube_edu.container_runtime.simulated.shell.syntax import Parameter, Word

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell

AT_ONCE = 2000  # characters that are changed without a pause
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_REFERENCE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\[(.*)\]\Z", re.DOTALL)


class Several(Struct):
    texts: list[str]
    star: bool  # $*: in quotes they are joined
    keys: list[int] | None = None  # the indices of an array's elements, for ${a[@]:2:3}


def joined(shell: Shell, value: Several) -> str:
    if not value.star:
        return " ".join(value.texts)
    ifs = shell.variables.get("IFS")
    return (" " if ifs is None else ifs[:1]).join(value.texts)


def simple_parameter(part: Parameter) -> Callable[[Shell], str] | None:
    """A closure for $name, $1 and $?; None when there is more to it."""
    if part.operator or part.index or part.indirect or part.keys or part.name in ("@", "*"):
        return None
    name = part.name
    if name.isdigit():
        place = int(name)
        if place == 0:
            return lambda shell: shell.name

        def positional(shell: Shell) -> str:
            if place <= len(shell.args):
                return shell.args[place - 1]
            if shell.options.nounset:
                raise unset(shell, name if not shell.dialect.bash else f"${name}")
            return ""

        return positional
    if name == "?":
        return lambda shell: str(shell.status)
    if name == "#":
        return lambda shell: str(len(shell.args))
    if name in "$!-":

        def special(shell: Shell) -> str:
            value = shell.special(name)
            if value is None:
                if shell.options.nounset and name == "!":
                    raise unset(shell, "!")
                return ""
            return value

        return special

    def variable(shell: Shell) -> str:
        value = shell.variables.get(name)
        if value is None:
            if shell.options.nounset:
                raise unset(shell, name)
            return ""
        return value

    return variable


def unset(shell: Shell, name: str) -> Failure:
    if shell.dialect.bash:
        return Failure(f"{name}: unbound variable", 127 if shell.is_command_string and not shell.subshell else 1)
    return Failure(f"{name}: parameter not set")


async def _raw(shell: Shell, part: Parameter) -> str | Several | None:
    """The value before any operator; None: unset."""
    name = part.name
    if part.indirect:
        target = shell.variables.get(name) if not name.isdigit() else shell.positional(int(name))
        if target is None:
            raise Failure(f"{name}: invalid indirect expansion", 1)
        found = _REFERENCE.match(target)
        if found:
            if found[2] in ("@", "*"):
                return _array(shell, found[1], found[2] == "*")
            return shell.element(found[1], found[2])
        if target in ("@", "*"):
            return Several(list(shell.args), target == "*")
        return shell.value(target)
    if name in ("@", "*") and name:
        return Several(list(shell.args), name == "*")
    if part.index is not None:
        which = part.index.literal()
        if which in ("@", "*"):
            return _array(shell, name, which == "*")
        from minikube_edu.container_runtime.simulated.shell.expansion import text_of

        return shell.element(name, await text_of(shell, part.index))
    return shell.value(name)


def _array(shell: Shell, name: str, star: bool) -> Several:
    variable = shell.variables.table.get(shell.variables.resolve(name))
    if variable is None:
        return Several([], star)
    keys = sorted(variable.value) if isinstance(variable.value, dict) and not variable.keyed else None
    return Several(variable.elements(), star, keys)  # type: ignore[arg-type]  # keys of an indexed array


def _missing(value: str | Several | None, colon: bool) -> bool:
    if value is None:
        return True
    if isinstance(value, Several):
        return not value.texts or (colon and len(value.texts) == 1 and not value.texts[0])
    return colon and not value


async def chosen_operand(shell: Shell, part: Parameter) -> Word | None:
    """The word of - = ? + if it is to be used in the parameter's place."""
    operator = part.operator
    if not operator or operator[-1] not in "-=?+" or operator == "length":
        return None
    colon = operator[0] == ":"
    missing = _missing(await _raw(shell, part), colon)
    kind = operator[-1]
    if kind == "+":
        return Word([]) if missing else part.operand
    if not missing:
        return None
    if kind == "-":
        return part.operand
    from minikube_edu.container_runtime.simulated.shell.expansion import text_of

    assert part.operand is not None
    text = await text_of(shell, part.operand)
    if kind == "=":
        if not _NAME.match(part.name):
            raise Failure(
                f"${part.name}: cannot assign in this way" if shell.dialect.bash else f"{part.name}: bad variable name"
            )
        if part.index is not None:
            shell.set_element(part.name, await text_of(shell, part.index), text)
        else:
            shell.variables.set(part.name, text)
        return None
    if not text:
        if shell.dialect.bash:
            text = "parameter null or not set" if colon else "parameter not set"
        else:
            text = "parameter not set or null" if colon else "parameter not set"
    raise Failure(f"{part.name}: {text}", 127 if shell.dialect.bash and shell.is_command_string else None)


async def parameter_value(shell: Shell, part: Parameter) -> str | Several:
    operator = part.operator
    if operator == "bad":
        text = "Bad substitution" if shell.dialect.dash else "syntax error: bad substitution"
        raise Failure(f"{part.text}: bad substitution" if shell.dialect.bash else text)
    if operator == "prefix":
        assert part.second is not None
        names = sorted(name for name in shell.variables.table if name.startswith(part.name))
        return Several(names, part.second.literal() == "*")
    if part.keys:
        variable = shell.variables.table.get(part.name)
        star = part.index is not None and part.index.literal() == "*"
        return Several(variable.keys() if variable else [], star)
    if operator == "length" and not part.indirect and part.index is not None and part.index.literal() in ("@", "*"):
        variable = shell.variables.table.get(shell.variables.resolve(part.name))
        if variable is not None and isinstance(variable.value, dict):
            return str(len(variable.value))  # of a big array: nobody needs its elements for this
    value = await _raw(shell, part)
    if value is None:
        if (
            shell.options.nounset
            and operator not in ("-", "=", "?", "+")
            and operator[:1] != ":"
            and (part.name not in ("@", "*"))
        ):
            raise unset(shell, part.name if not part.name.isdigit() or not shell.dialect.bash else "$" + part.name)
        if operator == "@":
            return ""
        value = ""
    if operator == "length":
        return str(len(value.texts) if isinstance(value, Several) else len(value))
    if not operator or operator[-1] in "-=?+":
        return value
    if operator == ":":
        return await _slice(shell, part, value)
    change = await _change(shell, part)
    if isinstance(value, Several):
        texts = value.texts
        if sum(map(len, texts)) + len(texts) > AT_ONCE:
            return Several(await in_turns(lambda: [_given_way(change, text) for text in texts]), value.star)
        return Several([change(text) for text in texts], value.star)
    return change(value) if len(value) <= AT_ONCE else await in_turns(functools.partial(change, value))


def _given_way(change: Callable[[str], str], text: str) -> str:
    give_way()
    return change(text)


async def _change(shell: Shell, part: Parameter) -> Callable[[str], str]:
    """What the operator does to one text."""
    from minikube_edu.container_runtime.simulated.shell.expansion import pattern_of, text_of

    operator = part.operator
    assert part.operand is not None
    if operator == "@":
        letter = await text_of(shell, part.operand)
        return lambda text: _transformed(shell, part, text, letter)
    pattern = await pattern_of(shell, part.operand)
    extended = shell.extended_globs
    if operator[0] == "#":
        return lambda text: patterns.without_prefix(text, pattern, len(operator) == 2, extended)
    if operator[0] == "%":
        return lambda text: patterns.without_suffix(text, pattern, len(operator) == 2, extended)
    if operator[0] == "/":
        replacement = "" if part.second is None else await text_of(shell, part.second)
        return lambda text: patterns.replaced(text, pattern, replacement, operator[1:], extended)
    return lambda text: _with_case(text, operator, pattern, extended)


def _with_case(text: str, operator: str, pattern: str, extended: bool) -> str:
    """^ ^^ , ,,"""
    change = str.upper if operator[0] == "^" else str.lower
    expression = patterns.compiled(pattern, extended) if pattern else None

    def changed(character: str) -> str:
        return change(character) if expression is None or expression.match(character) else character

    if len(operator) == 2:
        if expression is None:
            return change(text)
        table = {ord(letter): changed(letter) for letter in set(text)}
        return text.translate(table)
    return changed(text[0]) + text[1:] if text else text


def _transformed(shell: Shell, part: Parameter, text: str, letter: str) -> str:
    """${x@Q} and the other letters of bash."""
    if letter == "Q":
        return single_quoted(text)
    if letter == "U":
        return text.upper()
    if letter == "u":
        return text[:1].upper() + text[1:]
    if letter == "L":
        return text.lower()
    if letter == "E":
        return ansi_c(text)
    if letter == "P":
        return shell.prompt_text(text)
    variable = shell.variables.table.get(part.name)
    flags = variable.flags() if variable else ""
    if letter == "a":
        return flags
    if letter == "A":
        if variable is None:
            return ""
        return f"declare -{flags} {part.name}={declared(text)}" if flags else f"{part.name}={single_quoted(text)}"
    return single_quoted(text)


async def _slice(shell: Shell, part: Parameter, value: str | Several) -> str | Several:
    """${x:offset:length}"""
    from minikube_edu.container_runtime.simulated.shell.expansion import text_of

    assert part.operand is not None
    offset = arithmetic.evaluate(shell, await text_of(shell, part.operand))
    length = None if part.second is None else arithmetic.evaluate(shell, await text_of(shell, part.second))
    if isinstance(value, Several):
        return _slice_list(shell, part, value, offset, length)
    size = len(value)
    if offset < 0:
        offset += size
        if offset < 0:
            return ""
    if length is None:
        return value[offset:]
    if length < 0:
        end = size + length
        if end < offset:
            if shell.dialect.bash:
                raise Failure(f"{length}: substring expression < 0", 1)
            return ""
        return value[offset:end]
    return value[offset : offset + length]


def _slice_list(shell: Shell, part: Parameter, value: Several, offset: int, length: int | None) -> Several:
    texts = value.texts
    if part.name in ("@", "*"):
        texts = [shell.name, *texts]
        if offset < 0:
            offset += len(texts)
        begin = offset
    elif value.keys is not None:
        if offset < 0:
            offset += (value.keys[-1] + 1) if value.keys else 0
        begin = sum(key < offset for key in value.keys)
    else:
        begin = offset + len(texts) if offset < 0 else offset
    if length is not None and length < 0:
        raise Failure(f"{length}: substring expression < 0", 1)
    if begin < 0 or offset < 0:
        return Several([], value.star)
    return Several(texts[begin:] if length is None else texts[begin : begin + length], value.star)
