"""The command line: find the command, parse its flags, run it, say what went wrong.

    main()                    as the program; ends the process
    run(words) -> exit code   as a function, for tests and for minikube-edu's own command

As cobra does: the command is the longest chain of names among the words that are no flags; a word that is no command is
looked for among plugins (`kubectl-NAME` on the PATH), then answered with what was probably meant.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO

from minikube_edu.kubectl import command_table
from minikube_edu.kubectl.command import Call, Command, Entry
from minikube_edu.kubectl.failures import CommandError, Exit, PlainError, explain
from minikube_edu.kubectl.flags import Flag, FlagError, HelpWanted, parse, without_flags
from minikube_edu.kubectl.global_flags import GLOBAL
from minikube_edu.lib.gotext import quote

ROOT = Command("kubectl", subcommands=command_table.COMMANDS, use="[flags]", is_root=True)


def main() -> None:
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # `kubectl get … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 141
    except KeyboardInterrupt:
        code = 130
    # Nothing is left to be done, and tearing the interpreter down takes longer than many an answer.
    sys.stderr.flush()
    os._exit(code)


def run(words: Sequence[str], out: TextIO | None = None, err: TextIO | None = None, stdin: TextIO | None = None) -> int:
    out, err, stdin = out or sys.stdout, err or sys.stderr, stdin or sys.stdin
    try:
        _run(list(words), out, err, stdin)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:
        text, code = _explained(error)
        if isinstance(error, ValueError):
            from minikube_edu.api.output import PartialOutput

            out.write(error.text if isinstance(error, PartialOutput) else "")
        out.flush()
        if text:
            err.write(text if text.endswith("\n") else text + "\n")
        return code
    return 0


def _explained(error: Exception) -> tuple[str, int]:
    from minikube_edu.client.credentials import CredentialsError
    from minikube_edu.client.errors import ApiError
    from minikube_edu.kubectl.failures import Many, Unreachable

    known = (CommandError, Exit, Many, Unreachable, ApiError, CredentialsError, OSError, ValueError)
    if not isinstance(error, known) and "MINIKUBE_EDU_TRACEBACK" in os.environ:
        raise error
    return explain(error)


def _run(words: list[str], out: TextIO, err: TextIO, stdin: TextIO) -> None:
    from minikube_edu.kubectl import preferences

    preferred = preferences.Preferences.of(words, err)
    if preferred is not None:
        words = preferred.expanded(words)
    if words[:1] in (["__complete"], ["__completeNoDesc"]):
        from minikube_edu.kubectl.completing import complete

        complete(words[1:], out, err, descriptions=words[0] == "__complete")
        return
    if words[:1] == ["help"]:
        _help(words[1:], out, err)
        return
    chain, rest = find(words)
    command, path = chain[-1], " ".join(one.name for one in chain)
    if command.is_root and (named_words := without_flags(_names(), _letters(), rest)):
        _unknown(words, named_words[0][1])
    try:
        values = parse((*GLOBAL, *command.flags), rest)
    except HelpWanted:
        from minikube_edu.kubectl import help_text

        out.write(help_text.of(command, path))
        return
    except FlagError as error:
        raise CommandError(f"{error}\nSee '{path} --help' for usage.") from None
    if command.is_root and values.args:
        _unknown(words, values.args[0])
    for warning in values.warnings:
        err.write(warning + "\n")
    if preferred is not None:
        preferred.apply_defaults(chain, values)
    call = Call(command, path, values, words, out, err, stdin)
    if command.run is None:
        _bare(call)
        return
    missing = [name for name in command.required if not values.changed(name)]
    if missing:
        listed = ", ".join(quote(name) for name in missing)
        raise CommandError(f"required flag(s) {listed} not set")
    coroutine = command.run(call)
    if coroutine is not None:
        import asyncio

        async def whole() -> None:
            try:
                await coroutine
            finally:
                if "factory" in call.__dict__:
                    await call.factory.close()

        asyncio.run(whole())
    if "factory" in call.__dict__:
        call.factory.finish()


def _names() -> dict[str, Flag]:
    return {flag.name: flag for flag in GLOBAL}


def _letters() -> dict[str, Flag]:
    return {flag.short: flag for flag in GLOBAL if flag.short}


def find(words: Sequence[str]) -> tuple[list[Command], list[str]]:
    """The chain of commands, and the words that are left for the last of them."""
    chain, rest = [ROOT], list(words)
    while True:
        command = chain[-1]
        flags = {flag.name: flag for flag in (*GLOBAL, *command.flags)}
        short = {flag.short: flag for flag in flags.values() if flag.short}
        for index, word in without_flags(flags, short, rest)[:1]:
            entry = named(command.subcommands, word)
            if entry is not None:
                chain.append(entry.load())
                del rest[index]
                break
        else:
            return chain, rest
        if len(chain) > 8:
            return chain, rest


def named(entries: Sequence[Entry], word: str) -> Entry | None:
    return next((entry for entry in entries if word == entry.name or word in entry.aliases), None)


def _bare(call: Call) -> None:
    """A command that only has subcommands, without one of them."""
    from minikube_edu.kubectl import help_text

    command = call.command
    if call.args:
        shown = " ".join(call.args)
        raise call.usage(f"unknown command {quote(shown)}")
    text = help_text.of(command, call.path)
    if command.is_root:
        call.out.write(text)
        return
    where, code = command.bare.split()
    (call.err if where == "stderr" else call.out).write(text)
    raise Exit(int(code))


def _unknown(words: Sequence[str], word: str) -> None:
    from minikube_edu.kubectl import plugins

    plugins.run_if_any(words)
    if words[0].startswith("-"):
        raise PlainError(f"Error: flags cannot be placed before plugin name: {words[0]}")
    text = f"unknown command {quote(word)} for {quote('kubectl')}"
    close = suggestions(word)
    if close:
        text += "\n\nDid you mean this?\n" + "".join(f"\t{name}\n" for name in close)
    raise CommandError(text)


def suggestions(word: str) -> list[str]:
    from minikube_edu.kubectl.spelling import distance

    found = []
    for entry in command_table.COMMANDS:
        if entry.name in ("alpha", "options"):
            continue
        if distance(word.lower(), entry.name.lower()) <= 2 or entry.name.lower().startswith(word.lower()):
            found.append(entry.name)
    return found


def _help(words: Sequence[str], out: TextIO, err: TextIO) -> None:
    from minikube_edu.kubectl import help_text

    chain, rest = find([word for word in words if not word.startswith("-")])
    if rest and len(chain) == 1:
        err.write(f"Unknown help topic {str([*rest]).replace(chr(39), chr(96)).replace(', ', ' ')}\n\n\n")
        err.write(help_text.of(ROOT, "kubectl").partition("\n\n Find more")[2].partition("\n\n")[2])
        return
    out.write(help_text.of(chain[-1], " ".join(one.name for one in chain)))
