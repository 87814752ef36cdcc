"""The program: find the command, parse its flags, run it, say what went wrong.

    main(argv, host) -> exit code

As cobra does: the command is the longest chain of names among the words that are no flags. Errors end with the line
that says how to see more of them, and the exit code is 1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from minikube_edu.kubeadm import releases
from minikube_edu.kubeadm.command import Call, Command, CommandError
from minikube_edu.kubeadm.command_table import GLOBAL, ROOT
from minikube_edu.lib.gotext import quote
from minikube_edu.lib.pflag import Flag, FlagError, HelpWanted, parse, without_flags

if TYPE_CHECKING:
    from minikube_edu.kubeadm.contract import Host

MORE = "To see the stack trace of this error execute with --v=5 or higher"


def main(
    argv: Sequence[str],
    host: Host | None = None,
    *,
    out: TextIO | None = None,
    err: TextIO | None = None,
    stdin: TextIO | None = None,
    environment: Mapping[str, str] = os.environ,
) -> int:
    """Runs the command in an event loop of its own. `host`: without one, a plain process that can do little."""
    import asyncio

    return asyncio.run(run(argv, host, out=out, err=err, stdin=stdin, environment=environment))


async def run(
    argv: Sequence[str],
    host: Host | None = None,
    *,
    out: TextIO | None = None,
    err: TextIO | None = None,
    stdin: TextIO | None = None,
    environment: Mapping[str, str] = os.environ,
) -> int:
    """The same in the caller's loop."""
    out, err, stdin = out or sys.stdout, err or sys.stderr, stdin or sys.stdin
    try:
        await _run(list(argv), host, out, err, stdin, environment)
    except BrokenPipeError:
        raise
    except Exception as error:
        text, code = _explained(error)
        out.flush()
        err.write(text)
        return code
    out.flush()
    return 0


def _explained(error: Exception) -> tuple[str, int]:
    from minikube_edu.client.credentials import CredentialsError
    from minikube_edu.client.errors import ApiError
    from minikube_edu.client.kubeconfig import ConfigError
    from minikube_edu.kubeadm.contract import HostFailure

    known = (CommandError, ApiError, CredentialsError, ConfigError, HostFailure, OSError, ValueError)
    if not isinstance(error, known):
        raise error
    code = error.code if isinstance(error, CommandError) else 1
    return f"error: {error}\n{MORE}\n", code


async def _run(
    words: list[str], host: Host | None, out: TextIO, err: TextIO, stdin: TextIO, environment: Mapping[str, str]
) -> None:
    if words[:1] == ["help"]:
        _help(words[1:], out)
        return
    chain, rest = find(words)
    command, path = chain[-1], " ".join(one.name for one in chain)
    flags = flags_of(chain)
    try:
        values = parse(flags, rest)
    except HelpWanted:
        _show_help(chain, out)
        return
    except FlagError as error:
        raise CommandError(str(error)) from None
    if values.args and not command.arguments:
        raise CommandError(_unknown(command, path, values.args[0]))
    for warning in values.warnings:
        err.write(warning + "\n")
    if not command.run:
        _show_help(chain, out)
        if command.bare == "required":
            err.write("error: \n")
            raise CommandError("subcommand is required")
        return
    missing = [name for name in command.required if not values.changed(name)]
    if missing:
        raise CommandError(f"required flag(s) {', '.join(map(quote, missing))} not set")
    if host is None:
        from minikube_edu.kubeadm.host import PlainHost

        host = PlainHost()
    if values["rootfs"]:
        host.root = host.path(values["rootfs"])
    with releases.of(host):
        await command.function()(Call(command, path, values, host, environment, out, err, stdin))


def flags_of(chain: Sequence[Command]) -> tuple[Flag, ...]:
    """A command's own flags, then those that it inherits."""
    inherited = tuple(flag for one in chain[:-1] for flag in one.persistent)
    return (*chain[-1].flags, *chain[-1].persistent, *inherited, *GLOBAL)


def find(words: Sequence[str]) -> tuple[list[Command], list[str]]:
    """The chain of commands, and the words that are left for the last of them."""
    chain, rest = [ROOT], list(words)
    while True:
        flags = {flag.name: flag for flag in flags_of(chain)}
        short = {flag.short: flag for flag in flags.values() if flag.short}
        found = without_flags(flags, short, rest)[:1]
        following = next((one for one in chain[-1].subcommands if found and _is_called(one, found[0][1])), None)
        if following is None:
            return chain, rest
        chain.append(following)
        del rest[found[0][0]]


def _is_called(command: Command, word: str) -> bool:
    return word == command.name or word in command.aliases


def _unknown(command: Command, path: str, word: str) -> str:
    text = f"unknown command {quote(word)} for {quote(path)}"
    if command is not ROOT:
        return text
    from minikube_edu.kubeadm.help_text import suggestions

    close = suggestions(command, word)
    return text + "\n\nDid you mean this?\n" + "".join(f"\t{name}\n" for name in close) if close else text


def _show_help(chain: Sequence[Command], out: TextIO) -> None:
    from minikube_edu.kubeadm import help_text

    out.write(help_text.of(chain))
    out.flush()


def _help(words: Sequence[str], out: TextIO) -> None:
    from minikube_edu.kubeadm import help_text

    chain, rest = find([word for word in words if not word.startswith("-")])
    if rest:
        listed = " ".join(f"`{word}`" for word in rest)
        out.write(f"Unknown help topic [{listed}]\n{help_text.usage(chain[:1], asked=False)}")
        return
    _show_help(chain, out)
