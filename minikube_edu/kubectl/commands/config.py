"""`kubectl config`: read and change kubeconfig files. The subcommands that change things are in `config_change`."""

from __future__ import annotations

import base64
from typing import Any

from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.command import Call, Command, Entry
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.kubeconfig_files import Files, absolute
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

_HIDDEN = {
    "certificate-authority-data": "DATA+OMITTED",
    "client-certificate-data": "DATA+OMITTED",
    "client-key-data": "DATA+OMITTED",
    "token": "REDACTED",
    "password": "REDACTED",
}
_EMBEDDED = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
}


def files(call: Call) -> Files:
    return Files(call.flags["kubeconfig"])


def view(call: Call) -> None:
    flags = call.flags
    merged = files(call).merged()
    if flags["context"]:
        merged["current-context"] = flags["context"]
    if flags["minify"]:
        merged = _minified(merged)
    for section, inner in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
        shown = []
        for entry in merged[section] or ():
            value = absolute(entry[inner], entry["_path"])
            if flags["flatten"]:
                value = _flat(value)
            if not flags["raw"]:
                value = {key: _HIDDEN.get(key, text) if text else text for key, text in value.items()}
            shown.append({inner: value, "name": entry["name"]})
        merged[section] = shown or None
    if flags["template"] and not flags.changed("output"):
        flags.put("output", "go-template")
    order = ("kind", "apiVersion", "clusters", "users", "contexts", "current-context")
    printing.shower(call, "", typed=True)({key: merged[key] for key in order})


def _minified(merged: Object) -> Object:
    current = merged["current-context"]
    contexts = [entry for entry in merged["contexts"] or () if entry["name"] == current]
    if not current:
        raise CommandError("current-context must exist in order to minify")
    if not contexts:
        raise CommandError(f"cannot locate context {current}")
    context = contexts[0]["context"]
    keep = {"clusters": context.get("cluster"), "users": context.get("user")}
    kept = {key: [e for e in merged[key] or () if e["name"] == name] for key, name in keep.items()}
    return {**merged, "contexts": contexts, **kept}


def _flat(inner: Object) -> Object:
    found = dict(inner)
    for key, data in _EMBEDDED.items():
        path = found.pop(key, "")
        if path and not found.get(data):
            try:
                with open(path, "rb") as file:
                    found[data] = base64.b64encode(file.read()).decode()
            except OSError:
                raise CommandError(f"open {path}: no such file or directory") from None
    return found


def current_context(call: Call) -> None:
    name = files(call).merged()["current-context"]
    if not name:
        raise CommandError("current-context is not set")
    call.say(name)


def get_contexts(call: Call) -> None:
    from minikube_edu.api.output.tabwriter import TABLE, align

    flags = call.flags
    output = flags["output"]
    if output not in ("", "name"):
        raise CommandError(f"output must be one of '' or 'name': {output}")
    merged = files(call).merged()
    contexts = {entry["name"]: entry["context"] for entry in merged["contexts"] or ()}
    wanted = call.args or sorted(contexts)
    errors: list[Exception] = [CommandError(f"context {name} not found") for name in wanted if name not in contexts]
    rows = []
    if not flags["no-headers"] and output == "":
        rows.append("CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n")
    for name in wanted:
        if name not in contexts:
            continue
        if output == "name":
            rows.append(f"{name}\n")
            continue
        context = contexts[name]
        mark = "*" if name == merged["current-context"] else ""
        rows.append(
            f"{mark}\t{name}\t{context.get('cluster') or ''}\t{context.get('user') or ''}\t{context.get('namespace') or ''}\n"  # noqa: E501
        )
    call.out.write("".join(rows) if output == "name" else align("".join(rows), TABLE))
    raise_all(errors)


def get_clusters(call: Call) -> None:
    _names(call, "clusters")


def get_users(call: Call) -> None:
    _names(call, "users")


def _names(call: Call, section: str) -> None:
    call.say("NAME")
    for entry in files(call).merged()[section] or ():
        call.say(entry["name"])


def use_context(call: Call) -> None:
    if len(call.args) != 1:
        raise call.usage("unexpected arguments" if call.args else "you must specify a non-empty context name")
    name, found = call.args[0], files(call)
    if not found.holder("contexts", name):
        raise CommandError(f"no context exists with the name: {quote(name)}")
    found.set_current(name)
    found.save()
    call.say(f'Switched to context "{name}".')


def _change(name: str, short: str, *aliases: str) -> Entry:
    return Entry(name, short, "config_change", aliases=aliases)


def _read(name: str, short: str, *aliases: str) -> Entry:
    return Entry(name, short, "config", aliases=aliases)


LONG = """Modify kubeconfig files using subcommands like "kubectl config set current-context my-context".

 The loading order follows these rules:

  1.  If the --kubeconfig flag is set, then only that file is loaded. The flag may only be set once and no merging takes place.
  2.  If $KUBECONFIG environment variable is set, then it is used as a list of paths (normal path delimiting rules for your system). These paths are merged. When a value is modified, it is modified in the file that defines the stanza. When a value is created, it is created in the first file that exists. If no files in the chain exist, then it creates the last file in the list.
  3.  Otherwise, ${HOME}/.kube/config is used and no merging takes place."""  # noqa: E501  # the real text
COMMANDS = {
    "config": Command(
        "config",
        None,
        use="SUBCOMMAND",
        long=LONG,
        subcommands=(
            _read("current-context", "Display the current-context"),
            _change("delete-cluster", "Delete the specified cluster from the kubeconfig"),
            _change("delete-context", "Delete the specified context from the kubeconfig"),
            _change("delete-user", "Delete the specified user from the kubeconfig"),
            _read("get-clusters", "Display clusters defined in the kubeconfig"),
            _read("get-contexts", "Describe one or many contexts"),
            _read("get-users", "Display users defined in the kubeconfig"),
            _change("rename-context", "Rename a context from the kubeconfig file"),
            _change("set", "Set an individual value in a kubeconfig file"),
            _change("set-cluster", "Set a cluster entry in kubeconfig"),
            _change("set-context", "Set a context entry in kubeconfig"),
            _change("set-credentials", "Set a user entry in kubeconfig"),
            _change("unset", "Unset an individual value in a kubeconfig file"),
            _read("use-context", "Set the current-context in a kubeconfig file", "use"),
            _read("view", "Display merged kubeconfig settings or a specified kubeconfig file"),
        ),
    ),
    "view": Command(
        "view",
        view,
        use="[flags]",
        long="Display merged kubeconfig settings or a specified kubeconfig file.",
        flags=(
            *(flag for flag in groups.PRINT if flag.name != "output"),
            Flag("output", short="o", default="yaml", help=f"Output format. One of: {groups.FORMATS}."),
            Flag("flatten", "bool", help="Put certificates into the file itself, so that it can be carried elsewhere."),
            Flag("merge", "bool", default=True, help="Merge the full hierarchy of kubeconfig files"),
            Flag("minify", "bool", help="Leave out all that the current context does not use."),
            Flag("raw", "bool", help="Show certificates, keys and tokens, too."),
        ),
    ),
    "current-context": Command("current-context", current_context, use="[flags]", long="Display the current-context."),
    "get-contexts": Command(
        "get-contexts",
        get_contexts,
        use="[(-o|--output=)name)]",
        long="Display one or many contexts from the kubeconfig file.",
        flags=(
            Flag("no-headers", "bool", help="Tables without the line of headers."),
            Flag("output", short="o", help="Output format. One of: (name)."),
        ),
    ),
    "get-clusters": Command(
        "get-clusters", get_clusters, use="[flags]", long="Display clusters defined in the kubeconfig."
    ),
    "get-users": Command("get-users", get_users, use="[flags]", long="Display users defined in the kubeconfig."),
    "use-context": Command(
        "use-context",
        use_context,
        use="CONTEXT_NAME",
        long="Set the current-context in a kubeconfig file.",
        aliases=("use",),
    ),
}
