"""`kubeadm token`: bootstrap tokens, made, listed, deleted."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubeadm import api_access, files, printing
from minikube_edu.kubeadm.command import Call, CommandError
from minikube_edu.kubeadm.config import defaults, loading, validation
from minikube_edu.kubeadm.phases.bootstrap_token import put_token
from minikube_edu.kubeadm.phases.show_join_command import join_command
from minikube_edu.lib import clock, durations

if TYPE_CHECKING:
    from minikube_edu.kubeadm.api_access import Api

Object = dict[str, Any]

PATTERN = r'"\\A([a-z0-9]{6})\\.([a-z0-9]{16})\\z"'
IDENTIFIER = r'"\\A([a-z0-9]{6})\\z"'


async def generate(call: Call) -> None:
    call.say(defaults.new_token())


async def create(call: Call) -> None:
    tokens = _asked(call)
    problems = validation.tokens(tokens)
    if problems:
        raise CommandError(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")
    api = connect(call)
    try:
        for token in tokens:
            try:
                await put_token(api, token, fail_if_there=True)
            except ApiError as error:
                raise CommandError(f"error updating or creating token: {error}") from None
    finally:
        await api.close()
    for token in tokens:
        if call.flags["print-join-command"]:
            command = join_command(call.host, call.flags["kubeconfig"], token["token"], one_line=True)
            key = call.flags["certificate-key"]
            call.say(command + (f"--control-plane --certificate-key {key}" if key else ""))
        else:
            call.say(token["token"])


def _asked(call: Call) -> list[Object]:
    flags = call.flags
    if flags["config"]:
        documents = loading.load(call, flags["config"])
        listed = (documents.get("InitConfiguration") or {}).get("bootstrapTokens") or [{}]
        return [defaults.bootstrap_token(one) for one in listed]
    if call.args:
        validation.check_token(call.args[0])
    token: Object = {
        "token": call.args[0] if call.args else "",
        "ttl": durations.format(durations.parse(flags["ttl"])),
        "usages": list(flags["usages"]),
        "groups": list(flags["groups"]),
    }
    if flags["description"]:
        token["description"] = flags["description"]
    return [defaults.bootstrap_token(token)]


async def listing(call: Call) -> None:
    printing.check(call)
    api = connect(call, dry_run=False)
    try:
        found = await api.list("Secret", "kube-system")
    except ApiError as error:
        raise CommandError(f"failed to list bootstrap tokens: {error}") from None
    finally:
        await api.close()
    tokens = []
    for secret in found:
        if secret.get("type") != "bootstrap.kubernetes.io/token":
            continue
        try:
            tokens.append(of_secret(secret))
        except ValueError as error:
            call.err.write(f"{error}\n")
    if not printing.is_text(call):
        for token in tokens:
            printing.show(call, {"kind": "BootstrapToken", "apiVersion": printing.API, **token})
        return
    if not tokens:
        return
    head = ["TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS"]
    lines = [head, *map(_row, tokens)]
    # The last column is not padded.
    text = "".join("\t".join(line) + "\n" for line in lines)
    from minikube_edu.api.output.tabwriter import align

    call.out.write(align(text, printing.TABLE))


def of_secret(secret: Object) -> Object:
    """A token as it is printed."""
    data = {key: b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}
    name = secret["metadata"]["name"]
    text = f"{data.get('token-id', '')}.{data.get('token-secret', '')}"
    if not validation.TOKEN.fullmatch(text):
        raise ValueError(f"bootstrap Token Secret has no token-id data: {name}")
    found: Object = {"token": text}
    if data.get("description"):
        found["description"] = data["description"]
    if data.get("expiration"):
        found["expires"] = data["expiration"]
    prefix = "usage-bootstrap-"
    found["usages"] = sorted(key.removeprefix(prefix) for key in data if key.startswith(prefix) and data[key] == "true")
    if data.get("auth-extra-groups"):
        found["groups"] = data["auth-extra-groups"].split(",")
    return found


def _row(token: Object) -> list[str]:
    expires, ttl = "<never>", "<forever>"
    if token.get("expires"):
        expires = token["expires"]
        left = clock.parse_rfc3339(expires) - clock.now()
        ttl = short_duration(left) if left > 0 else "<invalid>"
    return [
        token["token"],
        ttl,
        expires,
        ",".join(token["usages"]) or "<none>",
        token.get("description") or "<none>",
        ",".join(token.get("groups") or ()) or "<none>",
    ]


def short_duration(seconds: float) -> str:
    """`23h`, `5m`, `9y`: one unit."""
    whole = int(seconds)
    if whole < 0:
        return "<invalid>"
    for unit, size, limit in (("s", 1, 60), ("m", 60, 3600), ("h", 3600, 86400), ("d", 86400, 86400 * 365)):
        if whole < limit:
            return f"{whole // size}{unit}"
    return f"{whole // (86400 * 365)}y"


async def delete(call: Call) -> None:
    if not call.args:
        raise CommandError(f"missing argument; 'token delete' is missing token of form {PATTERN} or {IDENTIFIER}")
    api = connect(call)
    try:
        for given in call.args:
            identifier = given.partition(".")[0] if validation.TOKEN.fullmatch(given) else given
            if not validation.TOKEN.fullmatch(given) and not _is_identifier(given):
                raise CommandError(f"given token didn't match pattern {PATTERN} or {IDENTIFIER}")
            try:
                await api.delete("Secret", f"bootstrap-token-{identifier}", "kube-system")
            except ApiError as error:
                raise CommandError(f'failed to delete bootstrap token "{identifier}": {error}') from None
            call.say(f'bootstrap token "{identifier}" deleted')
    finally:
        await api.close()


def _is_identifier(text: str) -> bool:
    return validation.TOKEN.fullmatch(f"{text}.0123456789abcdef") is not None


def connect(call: Call, *, dry_run: bool | None = None) -> Api:
    """As the kubeconfig of the command says."""
    path = kubeconfig_of(call)
    if call.flags["dry-run"] if dry_run is None else dry_run:
        return api_access.DryRun(call.out)
    if not files.exists(call.host, path):
        raise CommandError(f"failed to load admin kubeconfig: open {path}: no such file or directory")
    return api_access.Live(call.host.connect(path), 0)


def kubeconfig_of(call: Call) -> str:
    """The flag's, else KUBECONFIG where the default does not exist."""
    path: str = call.flags["kubeconfig"]
    if not call.flags.changed("kubeconfig") and not files.exists(call.host, path):
        listed = [one for one in call.environment.get("KUBECONFIG", "").split(":") if one]
        return listed[0] if listed else path
    return path
