"""What a verb is to the parser: its names, its flags, the function that does it; and what that function is given.

A command's module has one `COMMAND`. Tables of commands hold `Entry`s, which name the module: it is imported when the
command is typed, and not before.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

from msgspec import Struct, field
from msgspec.structs import replace

from minikube_edu.kubectl.failures import UsageError
from minikube_edu.kubectl.flags import Flag, Values

if TYPE_CHECKING:
    from minikube_edu.kubectl.factory import Factory

Run = Callable[["Call"], Awaitable[None] | None]


class Entry(Struct, frozen=True):
    """A line of a help text, and where the rest is."""

    name: str
    short: str
    module: str
    group: str = ""
    aliases: tuple[str, ...] = ()

    def load(self) -> Command:
        module = importlib.import_module(f"minikube_edu.kubectl.commands.{self.module}")
        found = getattr(module, "COMMAND", None)
        command: Command = found if found is not None and found.name == self.name else module.COMMANDS[self.name]
        if command.gate and os.environ.get(command.gate, "").lower() == "true":
            return replace(command, flags=(*command.flags, *command.gated))
        return command


class Command(Struct, frozen=True):
    name: str
    run: Run | None = None
    use: str = ""  # what follows the name in the usage line
    long: str = ""
    examples: str = ""
    flags: tuple[Flag, ...] = ()
    required: tuple[str, ...] = ()  # flags that must be given
    subcommands: tuple[Entry, ...] = ()
    aliases: tuple[str, ...] = ()
    bare: str = "stderr 1"  # where help goes, and the exit code, when a subcommand is missing
    discovery_tries: int = 5  # how often discovery is seen to fail before the command gives up
    is_root: bool = False
    gate: str = ""  # an environment variable: when it is `true` there are the flags of `gated`, too
    gated: tuple[Flag, ...] = ()


class Call(Struct, dict=True):
    """One command line."""

    command: Command
    path: str  # kubectl create deployment
    flags: Values
    words: list[str]  # all that was typed
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    stdin: TextIO = field(default_factory=lambda: sys.stdin)

    @property
    def args(self) -> list[str]:
        return self.flags.args

    @property
    def before_dash(self) -> list[str]:
        return self.args if self.flags.dash < 0 else self.args[: self.flags.dash]

    @property
    def after_dash(self) -> list[str]:
        return [] if self.flags.dash < 0 else self.args[self.flags.dash :]

    @cached_property
    def factory(self) -> Factory:
        from minikube_edu.kubectl.factory import Factory

        own = {flag.name for flag in self.command.flags}  # `--user` of `create rolebinding` is not the kubeconfig's
        return Factory(self.flags.without(own), self.err, self.command.discovery_tries)

    def say(self, text: str) -> None:
        self.out.write(text + "\n")

    def warn(self, text: str) -> None:
        self.err.write(text + "\n")

    def usage(self, message: str) -> UsageError:
        return UsageError(f"{message}\nSee '{self.path} -h' for help and examples")

    def environment(self, name: str, default: str = "") -> str:
        return os.environ.get(name, default)

    def exactly_one_name(self) -> str:
        names = self.before_dash
        if len(names) != 1:
            raise self.usage(f"exactly one NAME is required, got {len(names)}")
        return names[0]


Object = dict[str, Any]
