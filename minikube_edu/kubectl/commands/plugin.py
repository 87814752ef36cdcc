"""`kubectl plugin list`."""

from __future__ import annotations

import os

from minikube_edu.kubectl.command import Call, Command, Entry
from minikube_edu.kubectl.command_table import COMMANDS as VERBS
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.plugins import visible
from minikube_edu.lib.gotext import quote


def run(call: Call) -> None:
    paths = visible()
    if not paths:
        raise CommandError("unable to find any kubectl plugins in your PATH")
    call.say("The following compatible plugins are available:\n")
    warnings = 0
    seen: dict[str, str] = {}
    for path in paths:
        name = os.path.basename(path)
        call.say(name if call.flags["name-only"] else path)
        complaints = []
        verb = name.removeprefix("kubectl-").split("-")[0]
        if any(verb == entry.name for entry in VERBS):
            complaints.append(f"warning: {name} overwrites existing command: {quote('kubectl ' + verb)}")
        if not os.access(path, os.X_OK):
            complaints.append(f"warning: {path} identified as a kubectl plugin, but it is not executable")
        if name in seen:
            complaints.append(f"warning: {path} is overshadowed by a similarly named plugin: {seen[name]}")
        seen.setdefault(name, path)
        for complaint in complaints:
            call.warn(f"  - {complaint}")
        warnings += len(complaints)
    if warnings:
        raise CommandError(
            "one plugin warning was found" if warnings == 1 else f"{warnings} plugin warnings were found"
        )


COMMANDS = {
    "plugin": Command(
        "plugin",
        None,
        use="[flags]",
        long="""Provides utilities for interacting with plugins.

 Plugins provide extended functionality that is not part of the major command-line distribution. Please refer to the documentation and examples for more information about how write your own plugins.

 The easiest way to discover and install plugins is via the kubernetes sub-project krew: [krew.sigs.k8s.io]. To install krew, visit https://krew.sigs.k8s.io/docs/user-guide/setup/install""",  # noqa: E501  # the real text
        examples="# List all available plugins\nkubectl plugin list\n\n# List only binary names of available "
        "plugins without paths\nkubectl plugin list --name-only",
        subcommands=(Entry("list", "List all visible plugin executables on a user's PATH", "plugin"),),
    ),
    "list": Command(
        "list",
        run,
        use="[flags]",
        long="List all available plugin files on a user's PATH.",
        flags=(Flag("name-only", "bool", help="Names alone, without paths."),),
    ),
}
