"""What a command is to the parser, and what its function is given.

The tree of commands is `command_table.ROOT`. A command's function stands in `commands/MODULE.py`, imported when it is
called: `async def run(call: Call) -> None`. What goes wrong is raised as CommandError and said by `app`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TextIO

from msgspec import Struct, field

from minikube_edu.lib.pflag import Flag, Values

if TYPE_CHECKING:
    from minikube_edu.kubeadm.contract import Host

Run = Callable[["Call"], Awaitable[None]]


class CommandError(Exception):
    """`error: MESSAGE`, and how to see more; exit code 1 unless it says otherwise."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Command(Struct, frozen=True):
    name: str
    short: str = ""
    run: str = ""  # MODULE or MODULE.FUNCTION in commands/; empty: it only has subcommands
    use: str = "[flags]"  # what follows the name in the usage line
    flags: tuple[Flag, ...] = ()
    persistent: tuple[Flag, ...] = ()  # of this command and all below it
    subcommands: tuple[Command, ...] = ()
    arguments: bool = False  # takes words that are no flags
    required: tuple[str, ...] = ()  # flags
    aliases: tuple[str, ...] = ()
    hidden: bool = False
    topic: bool = False  # has nothing but a help text
    bare: str = "required"  # without a subcommand: "required" complains, "help" does not
    long: str = ""  # where facts/help.txt has none
    phase: str = ""  # of a workflow: path of the phase it runs

    def function(self) -> Run:
        module, _, name = self.run.partition(".")
        loaded = importlib.import_module(f"minikube_edu.kubeadm.commands.{module}")
        found: Run = getattr(loaded, name or "run")
        return found


class Call(Struct):
    """One command line."""

    command: Command
    path: str  # kubeadm token create
    flags: Values
    host: Host
    environment: Mapping[str, str] = field(default_factory=dict)
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    stdin: TextIO = field(default_factory=lambda: sys.stdin)

    @property
    def args(self) -> list[str]:
        return self.flags.args

    def say(self, text: str) -> None:
        self.out.write(text + "\n")
        self.out.flush()  # what is said is seen at once, and in order with stderr

    def warn(self, place: str, text: str) -> None:
        """A line of the log."""
        from minikube_edu.kubeadm import klog

        klog.warning(self.err, place, text)

    def info(self, level: int, place: str, text: str) -> None:
        """A line of the log for those who asked for that much (`-v`)."""
        if level <= int(self.flags.get("v") or 0):
            from minikube_edu.kubeadm import klog

            klog.info(self.err, place, text)
