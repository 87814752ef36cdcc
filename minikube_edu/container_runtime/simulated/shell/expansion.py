"""Words become text or arguments: tilde, parameters, substitutions, arithmetic, then splitting and file names.

Most words of a script are plain: letters only, or one "$name". `plan` sorts them out once, so that a loop pays for them
a dictionary's look-up; the others go through `Fields`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.shell import arithmetic, pathnames, patterns
from minikube_edu.container_runtime.simulated.shell.errors import Failure
from minikube_edu.container_runtime.simulated.shell.fields import DEFAULT_IFS, Fields, as_pattern, plain
from minikube_edu.container_runtime.simulated.shell.parameters import (
    Several,
    chosen_operand,
    joined,
    parameter_value,
    simple_parameter,
)
from minikube_edu.container_runtime.simulated.shell.syntax import (
    Arithmetic,
    ExtendedGlob,
    Literal,
    Parameter,
    Part,
    ProcessSubstitution,
    Substitution,
    Tilde,
    Word,
)

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell

Reader = Callable[["Shell"], str]
_UNSPLIT = re.compile(r"[A-Za-z0-9_./:=+,@%-]+\Z")  # needs neither splitting (with the usual IFS) nor a look at files


def _reader(part: Part, shell: Shell) -> Reader | None:
    """How to get the text of a part without waiting; None: it is of the harder kind."""
    if isinstance(part, Literal):
        text = part.text
        return lambda shell: text
    if isinstance(part, Parameter):
        return simple_parameter(part)
    if isinstance(part, Arithmetic):
        return _arithmetic_reader(part.text, shell)
    return None


def _arithmetic_reader(word: Word, shell: Shell) -> Reader | None:
    if all(isinstance(part, Literal) for part in word.parts):
        closure = arithmetic.prepared(
            "".join(part.text for part in word.parts if isinstance(part, Literal)), shell.dialect
        )
        return None if closure is None else _checked(closure, word)
    readers = [_reader(part, shell) for part in word.parts]
    if any(reader is None for reader in readers):
        return None
    return lambda shell: str(arithmetic.evaluate(shell, "".join([reader(shell) for reader in readers if reader])))


def _checked(closure: arithmetic.Closure, word: Word) -> Reader:
    def read(shell: Shell) -> str:
        try:
            return str(closure(shell))
        except arithmetic.DivisionByZero:
            text = "".join(part.text for part in word.parts if isinstance(part, Literal))
            return str(arithmetic.evaluate(shell, text))

    return read


def _plan(word: Word, shell: Shell) -> None:
    """`static`: always these fields. `closures`: (one field for sure, readers), or None for the hard kind."""
    word.planned = True
    readers = [_reader(part, shell) for part in word.parts]
    if any(reader is None for reader in readers):
        return
    single = all(
        part.quoted if not isinstance(part, Literal) else part.quoted or not patterns.MAGIC.search(part.text)
        for part in word.parts
        if not isinstance(part, Tilde)
    )
    if not single and len(word.parts) == 1:
        text = word.literal()
        if text is not None and ("[" not in text or "]" not in text) and "*" not in text and "?" not in text:
            single = True
    if single and all(isinstance(part, Literal) for part in word.parts):
        word.static = ["".join(part.text for part in word.parts if isinstance(part, Literal))]
    word.closures = (single, readers)


MANY = 2000  # fields, or eight characters each: beyond that, others have a turn between


async def arguments(shell: Shell, words: list[Word]) -> list[str]:
    """The fields of all words."""
    found: list[str] = []
    for word in words:
        if not word.planned:
            _plan(word, shell)
        if word.static is not None:
            found += word.static
            continue
        if word.closures is not None:
            single, readers = word.closures
            if single:
                found.append(readers[0](shell) if len(readers) == 1 else "".join([read(shell) for read in readers]))
                continue
            if len(readers) == 1:
                text = readers[0](shell)
                if len(text) > 8 * MANY:
                    found += await _general(shell, word)
                    continue
                if _UNSPLIT.match(text) and shell.usual_ifs():
                    found.append(text)
                    continue
                fields = Fields(shell.variables.get("IFS"))
                part = word.parts[0]
                if isinstance(part, Literal):
                    fields.add(text, part.quoted)
                else:
                    fields.split(text)
                found += _names(shell, fields)
                continue
        found += await _general(shell, word)
    return found


async def _general(shell: Shell, word: Word) -> list[str]:
    fields = Fields(shell.variables.get("IFS"))
    for part in word.parts:
        await _add(shell, fields, part)
    if len(fields.done) <= MANY:
        return _names(shell, fields)
    fields.end()
    found: list[str] = []
    done = fields.done
    for at in range(0, len(done), MANY):  # others have their turns meanwhile
        fields.done = done[at : at + MANY]
        found += _names(shell, fields)
        await shell.process.breathe()
    return found


async def _split(shell: Shell, fields: Fields, text: str) -> None:
    if len(text) <= 8 * MANY:
        fields.split(text)
        return
    for at in range(0, len(text), 8 * MANY):
        fields.split(text[at : at + 8 * MANY])
        await shell.process.breathe()


def _names(shell: Shell, fields: Fields) -> list[str]:
    """Finished fields; those that are patterns become the names of files."""
    fields.end()
    found: list[str] = []
    noglob, extended = shell.options.noglob, shell.extended_globs
    for field in fields.done:
        if not noglob and any(
            not quoted and (patterns.MAGIC.search(text) or (extended and "(" in text)) for text, quoted in field
        ):
            pattern = _posix(shell, as_pattern(field))
            if patterns.is_magic(pattern, extended):
                names = pathnames.matching(shell.process, pattern, extended, shell.shopt.get("dotglob", False))
                if names:
                    found += names
                    continue
                if shell.shopt.get("nullglob"):
                    continue
                if shell.shopt.get("failglob"):
                    raise Failure(f"no match: {plain(field)}", fatal=False)
        found.append(plain(field))
    return found


async def _add(shell: Shell, fields: Fields, part: Part) -> None:
    if isinstance(part, Literal):
        fields.add(part.text, part.quoted)
    elif isinstance(part, Tilde):
        fields.add(home_of(shell, part.user), True)
    elif isinstance(part, Parameter):
        operand = await chosen_operand(shell, part)
        if operand is not None:
            if part.quoted and not operand.parts:
                fields.add("", True)
            for inner in operand.parts:
                if isinstance(inner, Literal) and not inner.quoted:
                    fields.split(inner.text)  # the text of ${x:-a b} is split like a value
                else:
                    await _add(shell, fields, inner)
            return
        value = await parameter_value(shell, part)
        if isinstance(value, Several):
            if part.quoted and value.star:
                fields.add(joined(shell, value), True)
            else:
                for at in range(0, len(value.texts), MANY):
                    fields.several(value.texts[at : at + MANY], part.quoted, more=at > 0)
                    await shell.process.breathe()
        elif part.quoted:
            fields.add(value, True)
        else:
            await _split(shell, fields, value)
    elif isinstance(part, ExtendedGlob):
        fields.add(await _extended_glob(shell, part), False)
    else:
        value = await _substituted(shell, part)
        if part.quoted:
            fields.add(value, True)
        else:
            await _split(shell, fields, value)


async def _substituted(shell: Shell, part: Substitution | Arithmetic | ProcessSubstitution) -> str:
    if isinstance(part, Substitution):
        return await shell.substitute(part.body)
    if isinstance(part, Arithmetic):
        return str(arithmetic.evaluate(shell, await text_of(shell, part.text)))
    return await shell.process_substitution(part.direction, part.body)


async def _extended_glob(shell: Shell, part: ExtendedGlob) -> str:
    choices = [await pattern_of(shell, each) for each in part.alternatives]
    return f"{part.kind}({'|'.join(choices)})"


async def text_of(shell: Shell, word: Word) -> str:
    """The word as one text: no splitting, no file names (assignments, case, redirections)."""
    if not word.planned:
        _plan(word, shell)
    if word.static is not None:
        return word.static[0]
    if word.closures is not None:
        readers = word.closures[1]
        return readers[0](shell) if len(readers) == 1 else "".join([read(shell) for read in readers])
    return "".join([text for text, _ in await pieces_of(shell, word)])


async def pattern_of(shell: Shell, word: Word) -> str:
    """The word as a pattern: what was quoted is escaped."""
    if len(word.parts) == 1:
        only = word.parts[0]
        if isinstance(only, Literal):
            return patterns.escape(only.text) if only.quoted else _posix(shell, only.text)
    return _posix(shell, as_pattern(await pieces_of(shell, word)))


def _posix(shell: Shell, pattern: str) -> str:
    """dash knows [!a] but not [^a]."""
    return pattern.replace("[^", "[\\^") if shell.dialect.dash else pattern


async def pieces_of(shell: Shell, word: Word) -> list[tuple[str, bool]]:
    pieces: list[tuple[str, bool]] = []
    for part in word.parts:
        if isinstance(part, Literal):
            pieces.append((part.text, part.quoted))
        elif isinstance(part, Tilde):
            pieces.append((home_of(shell, part.user), True))
        elif isinstance(part, Parameter):
            operand = await chosen_operand(shell, part)
            if operand is not None:
                pieces += [(text, quoted or part.quoted) for text, quoted in await pieces_of(shell, operand)]
                continue
            value = await parameter_value(shell, part)
            text = joined(shell, value) if isinstance(value, Several) else value
            pieces.append((text, part.quoted))
        elif isinstance(part, ExtendedGlob):
            pieces.append((await _extended_glob(shell, part), False))
        else:
            pieces.append((await _substituted(shell, part), part.quoted))
    return pieces


def home_of(shell: Shell, user: str) -> str:
    """What ~ and ~user stand for."""
    if not user:
        home = shell.variables.get("HOME")
        return home if home is not None else shell.home_directory(None) or "~"
    if user == "+" and shell.dialect.bash:
        return shell.variables.get("PWD") or "~+"
    if user == "-" and shell.dialect.bash:
        return shell.variables.get("OLDPWD") or "~-"
    return shell.home_directory(user) or "~" + user


def usual(ifs: str | None) -> bool:
    return ifs is None or ifs == DEFAULT_IFS
