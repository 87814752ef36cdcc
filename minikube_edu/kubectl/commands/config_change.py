"""The subcommands of `kubectl config` that change files."""

from __future__ import annotations

import base64
import os
from typing import Any

from msgspec.structs import replace

from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.commands.config import files
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag, boolean
from minikube_edu.kubectl.global_flags import GLOBAL
from minikube_edu.kubectl.kubeconfig_files import INNER
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]


def set_context(call: Call) -> None:
    flags, found = call.flags, files(call)
    if len(call.args) > 1:
        raise CommandError(f"unexpected args: [{' '.join(call.args)}]")
    if flags["current"] == bool(call.args):
        raise CommandError(
            "cannot specify both a context name and --current"
            if call.args
            else "you must specify a non-empty context name or --current"
        )
    name = found.merged()["current-context"] if flags["current"] else call.args[0]
    if not name:
        raise CommandError("no current context is set")
    existed = bool(found.holder("contexts", name))
    context = found.entry("contexts", name, make=True)
    assert context is not None
    for key in ("cluster", "user", "namespace"):
        if flags.changed(key):
            context[key] = flags[key]
    found.save()
    call.say(f'Context "{name}" {"modified" if existed else "created"}.')


def set_cluster(call: Call) -> None:
    flags, found = call.flags, files(call)
    name = _one(call)
    cluster = found.entry("clusters", name, make=True)
    assert cluster is not None
    for key in ("server", "tls-server-name", "proxy-url"):
        if flags.changed(key):
            cluster[key] = flags[key]
    if flags.changed("insecure-skip-tls-verify"):
        cluster["insecure-skip-tls-verify"] = flags["insecure-skip-tls-verify"]
        if flags["insecure-skip-tls-verify"]:
            cluster.pop("certificate-authority", None)
            cluster.pop("certificate-authority-data", None)
    if flags.changed("certificate-authority"):
        _file(cluster, "certificate-authority", flags["certificate-authority"], flags["embed-certs"])
        cluster.pop("insecure-skip-tls-verify", None)
    found.save()
    call.say(f'Cluster "{name}" set.')


def _file(entry: Object, key: str, path: str, embed: bool) -> None:
    if embed:
        try:
            with open(path, "rb") as file:
                entry[f"{key}-data"] = base64.b64encode(file.read()).decode()
        except OSError:
            raise CommandError(f"could not stat {key} file {path}: stat {path}: no such file or directory") from None
        entry.pop(key, None)
    else:
        entry[key] = os.path.abspath(path) if path else path
        entry.pop(f"{key}-data", None)


def set_credentials(call: Call) -> None:
    flags, found = call.flags, files(call)
    name = _one(call)
    methods = []
    if flags["token"]:
        methods.append("--token")
    if flags["username"] or flags["password"]:
        methods.append("--username/--password")
    if len(methods) > 1:
        raise CommandError(
            f"you cannot specify more than one authentication method at the same time: {', '.join(methods)}"
        )
    user = found.entry("users", name, make=True)
    assert user is not None
    for key in ("client-certificate", "client-key"):
        if flags.changed(key):
            _file(user, key, flags[key], flags["embed-certs"])
    if flags.changed("token"):
        user["token"] = flags["token"]
        for key in ("username", "password"):
            user.pop(key, None)
    for key in ("username", "password"):
        if flags.changed(key):
            user[key] = flags[key]
            user.pop("token", None)
    _exec(call, user)
    found.save()
    call.say(f'User "{name}" set.')


def _exec(call: Call, user: Object) -> None:
    flags = call.flags
    if not any(flags.changed(key) for key in ("exec-command", "exec-api-version", "exec-arg", "exec-env")):
        return
    plugin: Object = user.setdefault("exec", {})
    if flags.changed("exec-command"):
        plugin["command"] = flags["exec-command"]
    if flags.changed("exec-api-version"):
        plugin["apiVersion"] = flags["exec-api-version"]
    if flags["exec-arg"]:
        plugin["args"] = flags["exec-arg"]
    if flags["exec-env"]:
        pairs = dict(entry.partition("=")[::2] for entry in flags["exec-env"])
        plugin["env"] = [{"name": key, "value": value} for key, value in pairs.items()]
    if flags["exec-interactive-mode"]:
        plugin["interactiveMode"] = flags["exec-interactive-mode"]
    plugin.setdefault("provideClusterInfo", flags["exec-provide-cluster-info"])


def _with_help(call: Call, message: str) -> CommandError:
    """The help is printed, then what is wrong."""
    from minikube_edu.kubectl import help_text

    call.out.write(help_text.of(call.command, call.path))
    return CommandError(message)


def set_value(call: Call) -> None:
    if len(call.args) != 2:
        raise _with_help(call, f"Unexpected args: [{' '.join(call.args)}]")
    path, value = call.args
    if not value:
        raise CommandError("you cannot use set to unset a property")
    if not path:
        raise CommandError("you must specify a property")
    _put(call, path, value, raw=call.flags["set-raw-bytes"])
    call.say(f'Property "{path}" set.')


def unset_value(call: Call) -> None:
    if len(call.args) != 1:
        raise _with_help(call, f"Unexpected args: [{' '.join(call.args)}]")
    _put(call, call.args[0], None)
    call.say(f'Property "{call.args[0]}" unset.')


def _put(call: Call, path: str, value: str | None, *, raw: bool = False) -> None:
    """`current-context`, `users.x.token`; names with dots are found by trying the longest that exists."""
    found = files(call)
    section, _, rest = path.partition(".")
    if section == "current-context":
        found.set_current(value or "")
        found.save()
        return
    if section not in INNER:
        raise CommandError(f"unable to parse {path} after [] at api.Config")
    parts = rest.split(".")
    for cut in range(len(parts), 0, -1):
        name = ".".join(parts[:cut])
        if found.holder(section, name) or cut == 1:
            break
    keys = parts[cut:]
    if value is None and not keys:
        found.remove(section, name)
        found.save()
        return
    entry = found.entry(section, name, make=value is not None)
    if entry is None:
        raise CommandError(f"current map key `{name}` is invalid")
    while entry is not None and len(keys) > 1:
        entry = entry.setdefault(keys.pop(0), {})
    if entry is not None and keys:
        if value is None:
            entry.pop(keys[0], None)
        else:
            entry[keys[0]] = _typed(keys[0], value, raw=raw)
    found.save()


def _typed(key: str, value: str, *, raw: bool) -> object:
    """Bytes are given in base64, unless --set-raw-bytes; what is yes or no is a boolean."""
    if key in ("insecure-skip-tls-verify", "disable-compression", "provideClusterInfo"):
        try:
            return boolean(value)
        except ValueError as error:
            raise CommandError(str(error)) from None
    if not key.endswith("-data"):
        return value
    if raw:
        return base64.b64encode(value.encode()).decode()
    try:
        return base64.b64encode(base64.b64decode(value, validate=True)).decode()
    except ValueError:
        at = next((n for n, letter in enumerate(value) if not (letter.isalnum() or letter in "+/=")), len(value))
        raise CommandError(f"error decoding input value: illegal base64 data at input byte {at}") from None


def rename_context(call: Call) -> None:
    if len(call.args) != 2:
        raise call.usage("CONTEXT_NAME and NEW_NAME are both required")
    old, new = call.args
    found = files(call)
    where = found.holder("contexts", old)
    if not where:
        raise CommandError(f"cannot rename the context {quote(old)}, it's not in {found.default}")
    if found.holder("contexts", new):
        raise CommandError(
            f"cannot rename the context {quote(old)}, the context {quote(new)} already exists in {found.default}"
        )
    for entry in found.documents[where]["contexts"]:
        if entry.get("name") == old:
            entry["name"] = new
    if found.merged()["current-context"] == old:
        found.set_current(new)
    found.save()
    call.say(f'Context "{old}" renamed to "{new}".')


def _delete(call: Call, section: str, what: str) -> None:
    found = files(call)
    if len(call.args) != 1:
        raise call.usage("unexpected arguments" if call.args else f"you must specify the name of a {what}")
    name = call.args[0]
    where = found.remove(section, name)
    if not where:
        raise CommandError(f"cannot delete {what} {name}, not in {found.default}")
    active = section == "contexts" and found.merged()["current-context"] == name
    found.save()
    if active:
        call.warn(
            'warning: this removed your active context, use "kubectl config use-context" to select a different one'
        )
    call.say(f"deleted {what} {name} from {where}")


def delete_context(call: Call) -> None:
    _delete(call, "contexts", "context")


def delete_cluster(call: Call) -> None:
    _delete(call, "clusters", "cluster")


def delete_user(call: Call) -> None:
    _delete(call, "users", "user")


def _one(call: Call) -> str:
    if len(call.args) != 1:
        raise CommandError(
            f"unexpected args: [{' '.join(call.args)}]" if call.args else "you must specify a non-empty name"
        )
    return call.args[0]


def _own(*names: str) -> tuple[Flag, ...]:
    """Flags of every command that here say what to write, not which cluster is meant; without their letters."""
    return tuple(replace(flag, short="") for flag in GLOBAL if flag.name in names)


_EMBED = Flag("embed-certs", "bool", help="Put the files' contents into the kubeconfig.")
_ALL = (
    Command(
        "set-context",
        set_context,
        use="[NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] [--namespace=namespace]",
        long="Set a context entry in kubeconfig. A name that exists is changed.",
        flags=(Flag("current", "bool", help="Modify the current context"), *_own("cluster", "namespace", "user")),
    ),
    Command(
        "set-cluster",
        set_cluster,
        use="NAME [--server=server] [--certificate-authority=path/to/certificate/authority] "
        "[--insecure-skip-tls-verify=true] [--tls-server-name=example.com]",
        long="Set a cluster entry in kubeconfig.",
        flags=(
            _EMBED,
            Flag("proxy-url", help="Proxy of the cluster entry"),
            *_own("certificate-authority", "insecure-skip-tls-verify", "server", "tls-server-name"),
        ),
    ),
    Command(
        "set-credentials",
        set_credentials,
        use="NAME [--client-certificate=path/to/certfile] [--client-key=path/to/keyfile] [--token=bearer_token] "
        "[--username=basic_user] [--password=basic_password] [--auth-provider=provider_name] "
        "[--auth-provider-arg=key=value] [--exec-command=exec_command] [--exec-api-version=exec_api_version] "
        "[--exec-arg=arg] [--exec-env=key=value]",
        long="Set a user entry in kubeconfig.",
        flags=(
            _EMBED,
            Flag("auth-provider", help="Auth provider for the user entry in kubeconfig"),
            Flag("auth-provider-arg", "strings", help="'key=value' arguments for the auth provider"),
            Flag("exec-api-version", help="API version of the exec credential plugin"),
            Flag("exec-arg", "array", help="Arguments of the plugin"),
            Flag("exec-command", help="Command of the plugin"),
            Flag("exec-env", "array", help="'key=value' environment of the plugin"),
            Flag("exec-interactive-mode", help="Never, IfAvailable or Always"),
            Flag("exec-provide-cluster-info", "bool", help="Tell the plugin of the cluster"),
            *_own("client-certificate", "client-key", "password", "token", "username"),
        ),
    ),
    Command(
        "set",
        set_value,
        use="PROPERTY_NAME PROPERTY_VALUE",
        long="Set an individual value in a kubeconfig file.",
        flags=(Flag("set-raw-bytes", "bool", help="Bytes are given as they are, not in base64."),),
    ),
    Command("unset", unset_value, use="PROPERTY_NAME", long="Unset an individual value in a kubeconfig file."),
    Command(
        "rename-context",
        rename_context,
        use="CONTEXT_NAME NEW_NAME",
        long="Renames a context from the kubeconfig file.",
    ),
    Command("delete-context", delete_context, use="NAME", long="Delete the specified context from the kubeconfig."),
    Command("delete-cluster", delete_cluster, use="NAME", long="Delete the specified cluster from the kubeconfig."),
    Command("delete-user", delete_user, use="NAME", long="Delete the specified user from the kubeconfig."),
)
COMMANDS = {command.name: command for command in _ALL}
