"""Help texts: what a command is for, examples, its flags, how it is typed. The layout is kubectl's."""

from __future__ import annotations

from collections.abc import Iterable

from minikube_edu.kubectl.command import Command
from minikube_edu.kubectl.command_table import GROUPS
from minikube_edu.kubectl.flags import Flag

OPTIONS_LINE = 'Use "kubectl options" for a list of global command-line options (applies to all commands).\n'
ROOT_LONG = (
    "kubectl controls the Kubernetes cluster manager.\n\n"
    " Find more information at: https://kubernetes.io/docs/reference/kubectl/"
)


def of(command: Command, path: str) -> str:
    if command.is_root:
        return _root(command)
    parts = [command.long.strip("\n") or f"{path}."]
    if command.aliases:
        parts.append("Aliases:\n" + ", ".join((command.name, *command.aliases)))
    if command.examples:
        lines = command.examples.strip("\n").split("\n")
        parts.append("Examples:\n" + "\n".join("  " + line for line in lines))
    if command.subcommands:
        width = _width(command)
        lines = [f"  {one.name.ljust(width)}{one.short}" for one in sorted(command.subcommands, key=lambda e: e.name)]
        parts.append("Available Commands:\n" + "\n".join(lines))
    options = [flag for flag in command.flags if not flag.hidden and not flag.deprecated]
    if options:
        parts.append("Options:\n" + flag_lines(options).rstrip("\n"))
    usage = f"  {path} {command.use}".rstrip()
    parts.append(f"Usage:\n{usage}" + " [options]" * ("[options]" not in usage))
    tail = ""
    if command.subcommands:
        tail = f'Use "{path} <command> --help" for more information about a given command.\n'
    return "\n\n".join(parts) + "\n\n" + tail + OPTIONS_LINE


def flag_lines(flags: Iterable[Flag]) -> str:
    found = []
    for flag in sorted(flags, key=lambda one: one.name):
        short = f"-{flag.short}, " if flag.short else ""
        found.append(f"    {short}--{flag.name}={flag.shown_default()}:\n\t{flag.help}\n\n")
    return "".join(found)


def _width(command: Command) -> int:
    """cobra pads to the longest name, and to eleven at least."""
    return max(11, max(len(one.name) for one in command.subcommands)) + 3


def _root(command: Command) -> str:
    width = max(len(one.name) for one in command.subcommands if one.group) + 3
    parts = [ROOT_LONG]
    for group in GROUPS:
        lines = [f"  {one.name.ljust(width)}{one.short}" for one in command.subcommands if one.group == group]
        parts.append("\n".join([group, *lines]))
    parts.append("Usage:\n  kubectl [flags] [options]")
    return (
        "\n\n".join(parts)
        + '\n\nUse "kubectl <command> --help" for more information about a given command.\n'
        + OPTIONS_LINE
    )
