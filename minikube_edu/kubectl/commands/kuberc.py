"""`kubectl kuberc view|set`: the file of a user's own defaults and aliases."""

from __future__ import annotations

import os
from typing import Any

from minikube_edu.api.wire import yaml_form
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import preferences, printing
from minikube_edu.kubectl.command import Call, Command, Entry
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag

Object = dict[str, Any]

VERSION = "kubectl.config.k8s.io/v1beta1"
RECOMMENDED: Object = {
    "apiVersion": VERSION,
    "kind": "Preference",
    "defaults": [
        {"command": "apply", "options": [{"name": "server-side", "default": "true"}]},
        {"command": "delete", "options": [{"name": "interactive", "default": "true"}]},
    ],
}


def view(call: Call) -> None:
    where = preferences.path(call.words)
    if not where:
        raise CommandError("kuberc is disabled")
    if not os.path.exists(where):
        call.say(f"kuberc file not found at {where}")
        call.out.write("Would you like to generate a default kuberc file with recommended options? (y/N): ")
        call.out.flush()
        if call.stdin.readline().strip().lower() in ("y", "yes"):
            _write(where, RECOMMENDED)
            call.say(f"Created {where}")
        return
    if not call.flags["output"] and not call.flags["template"]:
        call.flags.put("output", "yaml")
    printing.shower(call, "")(preferences.load(where))


def put(call: Call) -> None:
    flags = call.flags
    section = flags["section"]
    if section not in ("defaults", "aliases", "credentialplugin"):
        raise CommandError(f'--section must be "defaults", "aliases", or "credentialplugin", got: {section}')
    where = preferences.path(call.words)
    if not where:
        raise CommandError("kuberc is disabled")
    document = preferences.load(where) if os.path.exists(where) else {"apiVersion": VERSION, "kind": "Preference"}
    if section == "credentialplugin":
        _plugins(call, document)
    else:
        _entry(call, document, section)
    _write(where, document)
    call.say(f"Updated {where}")


def _entry(call: Call, document: Object, section: str) -> None:
    flags = call.flags
    if not flags["command"]:
        raise CommandError("--command is required")
    if section == "aliases" and not flags["name"]:
        raise CommandError("--name is required for aliases")
    options = []
    for text in flags["option"]:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CommandError(f"invalid option format {text!r}, expected key=value")
        options.append({"name": name, "default": value})
    entry: Object = {"command": flags["command"]}
    key = "command" if section == "defaults" else "name"
    if section == "aliases":
        entry["name"] = flags["name"]
        for field, flag in (("prependArgs", "prependarg"), ("appendArgs", "appendarg")):
            if flags[flag]:
                entry[field] = flags[flag]
    if options:
        entry["options"] = options
    entries = document.get(section) or []
    if any(one.get(key) == entry[key] for one in entries) and not flags["overwrite"]:
        raise CommandError(f"{section} for {entry[key]!r} already exist, use --overwrite to replace")
    document[section] = [*(one for one in entries if one.get(key) != entry[key]), entry]


def _plugins(call: Call, document: Object) -> None:
    policy = call.flags["policy"]
    if policy not in ("AllowAll", "DenyAll", "Allowlist"):
        raise CommandError("--policy must be one of AllowAll, DenyAll, Allowlist")
    document["credentialPluginPolicy"] = policy
    document.pop("credentialPluginAllowlist", None)
    if call.flags["allowlist-entry"]:
        document["credentialPluginAllowlist"] = [
            dict(part.partition("=")[::2] for part in text.split(",")) for text in call.flags["allowlist-entry"]
        ]


def _write(where: str, document: Object) -> None:
    os.makedirs(os.path.dirname(os.path.abspath(where)), exist_ok=True)
    with open(where, "wb") as file:
        file.write(yaml_form.encode(document))


COMMANDS = {
    "kuberc": Command(
        "kuberc",
        None,
        use="SUBCOMMAND",
        long="Manage user preferences (kuberc) file.\n\n The kuberc file allows you to customize your kubectl "
        "experience.",
        examples="""# View the current kuberc configuration
kubectl kuberc view

# Set a default value for a command flag
kubectl kuberc set --section defaults --command get --option output=wide

# Create an alias for a command
kubectl kuberc set --section aliases --name getn --command get --prependarg nodes --option output=wide""",
        subcommands=(
            Entry("set", "Set values in the kuberc configuration", "kuberc"),
            Entry("view", "Display the current kuberc configuration", "kuberc"),
        ),
    ),
    "view": Command("view", view, long="Display the contents of the kuberc file.", flags=groups.PRINT),
    "set": Command(
        "set",
        put,
        use="--section (defaults|aliases|credentialplugin) --command COMMAND",
        long="Set values in the kuberc configuration file.",
        required=("section",),
        flags=(
            Flag("allowlist-entry", "array", help="A plugin that may be run, as name=NAME."),
            Flag("appendarg", "array", help="An argument behind those of the alias."),
            Flag("command", help="The command that is meant."),
            Flag("name", help="The alias's name."),
            Flag("option", "array", help="A flag's default: name=value."),
            Flag("overwrite", "bool", help="Replace what is there."),
            Flag("policy", help="With credentialplugin: AllowAll, DenyAll or Allowlist."),
            Flag("prependarg", "array", help="An argument before those of the alias."),
            Flag("section", help="defaults, aliases or credentialplugin."),
        ),
    ),
}
