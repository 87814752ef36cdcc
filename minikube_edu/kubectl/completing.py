"""Completion: what may stand next on a command line. Shells ask with `kubectl __complete WORDS… ''`.

Commands and flags come from the tables, kinds and names from the server. The last line tells the shell what to do
with the answers, as cobra's scripts understand it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TextIO

from minikube_edu.kubectl.app import find, run
from minikube_edu.kubectl.command import Command
from minikube_edu.kubectl.global_flags import GLOBAL

NO_FILES = 4
_WITH_FILES = (
    "-f",
    "--filename",
    "-k",
    "--kustomize",
    "--kubeconfig",
    "--from-file",
    "--from-env-file",
    "--patch-file",
)
_OF_PODS = ("logs", "exec", "attach", "port-forward", "cp", "debug")
_OF_NODES = ("cordon", "uncordon", "drain")
_OF_TYPES = (
    "get",
    "describe",
    "delete",
    "edit",
    "label",
    "annotate",
    "patch",
    "scale",
    "expose",
    "autoscale",
    "wait",
    "explain",
    "taint",
    "status",
    "history",
    "undo",
    "restart",
    "pause",
    "resume",
    "image",
    "env",
    "resources",
)
_ROLLOUT = ("deployments", "daemonsets", "statefulsets")


def complete(words: Sequence[str], out: TextIO, err: TextIO, *, descriptions: bool = True) -> None:
    *before, last = list(words) or [""]
    found, files = _candidates(before, last)
    for name, text in found:
        if name.startswith(last):
            out.write(f"{name}\t{text}\n" if text and descriptions else f"{name}\n")
    out.write(f":{0 if files else NO_FILES}\n")
    err.write(f"Completion ended with directive: ShellCompDirective{'Default' if files else 'NoFileComp'}\n")


def _candidates(before: list[str], last: str) -> tuple[list[tuple[str, str]], bool]:
    chain, rest = find(before)
    command = chain[-1]
    if before and before[-1] in _WITH_FILES:
        return [], True
    if before and before[-1] in ("-n", "--namespace"):
        return _names(before, "namespaces"), False
    if last.startswith("-"):
        flags = [flag for flag in (*command.flags, *GLOBAL) if not flag.hidden]
        return [(f"--{flag.name}", flag.help) for flag in sorted(flags, key=lambda one: one.name)], False
    if command.subcommands and not [word for word in rest if not word.startswith("-")]:
        listed = [(one.name, one.short) for one in command.subcommands]
        if command.is_root:
            return [one for one in sorted(listed) if one[0] not in ("alpha", "options")], False
        return sorted(listed), False
    return _arguments(command, before, [word for word in rest if not word.startswith("-")], last), False


def _arguments(command: Command, before: list[str], args: list[str], last: str) -> list[tuple[str, str]]:
    name = command.name
    if name in _OF_PODS:
        return _names(before, "pods") if not args else []
    if name in _OF_NODES:
        return _names(before, "nodes")
    if name == "use-context":
        return [(one, "") for one in _output(["config", "get-contexts", "-o", "name"])]
    if name not in _OF_TYPES:
        return []
    if not args and "/" in last:
        kind = last.partition("/")[0]
        return [(f"{kind}/{one}", "") for one, _ in _names(before, kind)]
    if not args:
        kinds = [
            line.partition(".")[0] for line in _output([*_where(before), "api-resources", "-o", "name", "--verbs=get"])
        ]
        return [(kind, "") for kind in sorted(set(kinds))]
    return _names(before, args[0])


def _names(before: list[str], kind: str) -> list[tuple[str, str]]:
    lines = _output([*_where(before), "get", kind, "-o", "name", "--request-timeout=5s"])
    return [(line.rpartition("/")[2], "") for line in lines]


def _where(before: list[str]) -> list[str]:
    """The flags that say which cluster and namespace are meant."""
    found = []
    for index, word in enumerate(before):
        name, equals, _ = word.partition("=")
        if name in ("-n", "--namespace", "--context", "--kubeconfig", "--cluster", "--user", "-s", "--server"):
            found += [word] if equals or index + 1 == len(before) else [word, before[index + 1]]
    return found


def _output(words: list[str]) -> list[str]:
    out = io.StringIO()
    code = run(words, out, io.StringIO(), io.StringIO())
    return out.getvalue().split() if code == 0 else []
